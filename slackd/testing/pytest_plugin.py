"""pytest's fixtures for the test kit. pytest finds this module by itself.

It imports nothing but pytest until a test asks for a fixture: where the emulator is not installed, tests that
do not ask for Slack never notice.
"""

import contextlib
import gc
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from slackd.local.stack import Transport
    from slackd.testing.loop_thread import LoopThread
    from slackd.testing.tester import SlackTester


@contextlib.contextmanager
def _imports() -> Iterator[None]:
    """Nothing that an import makes is garbage: it is not looked for."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


@pytest.fixture(scope="session")
def slackd_loop() -> "Iterator[LoopThread]":
    """The event loop, in a thread of its own, that Slack and slackd share in all tests."""
    try:
        with _imports():
            import slackd.testing.tester
    except ImportError as error:
        pytest.fail(f"the fixture `slack` needs slackd and its emulator (apt install slackd-emulator): {error}")
    loop = slackd.testing.tester.LoopThread()
    yield loop
    loop.close()


@pytest.fixture
def slack_settings() -> dict[str, Any]:
    """How the emulated Slack behaves: members of `slackd.emulator.EmulatorSettings`; override it."""
    return {}


@pytest.fixture
def slack_transport() -> str:
    """How slackd gets what Slack sends: "socketmode" or "http"; override it, or parametrize it with both."""
    return "socketmode"


@pytest.fixture
def slack_apps() -> list[str]:
    """Names of the Slack apps; override it for plugins of several apps. One app has the name that its plugins'
    files know it by."""
    return []


@pytest.fixture
def slack(
    slackd_loop: "LoopThread",
    slack_settings: dict[str, Any],
    slack_transport: "Transport",
    slack_apps: list[str],
) -> "Iterator[SlackTester]":
    """An emulated Slack in which the test plays the people; slackd comes with the first plugin."""
    from slackd.emulator import EmulatedApp, EmulatorSettings
    from slackd.testing.tester import running_slack

    try:
        settings = EmulatorSettings(**slack_settings)
    except (TypeError, ValueError) as error:
        pytest.fail(f"the fixture slack_settings gives no members of slackd.emulator.EmulatorSettings: {error}")
    if slack_transport not in ("socketmode", "http"):
        pytest.fail(f'the fixture slack_transport gives {slack_transport!r}: expected "socketmode" or "http"')
    apps = [EmulatedApp.numbered(number, name=name) for number, name in enumerate(slack_apps, 1)]
    with running_slack(slackd_loop, apps=apps, settings=settings, transport=slack_transport) as tester:
        yield tester


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Show what the programs under test printed beside a failure."""
    outcome: Any = yield
    report = outcome.get_result()
    tester = getattr(item, "funcargs", {}).get("slack")
    output = getattr(tester, "output", None)
    if report.failed and output and isinstance(output, list):
        report.sections.append(("What the programs printed", "\n".join(output)))
