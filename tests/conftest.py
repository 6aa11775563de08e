"""What holds for every test."""

import contextlib
import gc
import signal

# Not where a few tests run with a library of another release.
with contextlib.suppress(ImportError):
    from hypothesis import settings

    # How long an example takes says what else the machine does; pytest-timeout bounds the whole test.
    settings.register_profile("slackd", deadline=None)
    settings.load_profile("slackd")

# Who starts the tests in the background, or with nohup, has these ignored, and children inherit that.
for number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)


def pytest_collection_finish() -> None:
    """What was collected stays: the garbage collector needn't look through it at each turn."""
    gc.collect()
    gc.freeze()
