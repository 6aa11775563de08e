"""A process lives until it is told to stop: once politely, and a second time at once.

A terminal that goes away (SIGHUP) tells it, too, unless it was started so as not to care (nohup).
"""

import asyncio
import gc
import os
import signal
import traceback
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Final

from slackd.accelerators import LoopFactory

_LOOPS: Final = frozenset({"asyncio", "uvloop"})
_STOPPING: Final = (signal.SIGTERM, signal.SIGINT)


@contextmanager
def stop_on_signals() -> Iterator[asyncio.Event]:
    """An event that the first SIGTERM, SIGINT or SIGHUP sets; the second one ends the process as by default.

    Needs a running loop in the main thread.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()

    def asked(number: signal.Signals) -> None:
        if stop.is_set():
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        stop.set()

    heard = list(_STOPPING)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        heard.append(signal.SIGHUP)
    for number in heard:
        loop.add_signal_handler(number, asked, number)
    try:
        yield stop
    finally:
        for number in heard:
            loop.remove_signal_handler(number)


def settle_memory() -> None:
    """Call it once at READY: what was made so far lives as long as the process, so the garbage collector need
    not look at it again; and it looks less often at what comes and goes, which hardly ever has circles."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


def run_until_stopped(
    main: Callable[[asyncio.Event], Coroutine[Any, Any, None]], loop_factory: LoopFactory | None = None
) -> None:
    """Run `main` in a new event loop; it ends by itself soon after the event that it is given is set.

    A callback of slackd's own that raises leaves nobody who knows what was not done. So the process ends with
    that error, and begins anew from what the journal says.
    """

    async def guarded() -> None:
        task, broken = asyncio.current_task(), []
        assert task is not None

        def note(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
            loop.default_exception_handler(context)
            error = context.get("exception")
            if "handle" in context and error is not None and _began_in_slackd(error):
                broken.append(error)
                task.cancel()

        asyncio.get_running_loop().set_exception_handler(note)
        try:
            with stop_on_signals() as stop:
                await main(stop)
        except asyncio.CancelledError:
            if not broken:
                raise
        if broken:
            raise broken[0]

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(guarded())


def _began_in_slackd(error: BaseException) -> bool:
    """The function that the loop called is one of ours, not a library's."""
    modules = (str(frame.f_globals.get("__name__")) for frame, _ in traceback.walk_tb(error.__traceback__))
    return next((name for name in modules if name.split(".")[0] not in _LOOPS), "").startswith("slackd.")
