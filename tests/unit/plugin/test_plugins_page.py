"""docs/plugins.md: what it shows is what the SDK takes, and its numbers are the code's."""

import re
from pathlib import Path

import pytest

from slackd.config.values import Delivery
from slackd.plugin import Envelope, Plugin

PAGE = (Path(__file__).parents[3] / "docs" / "plugins.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
PROGRAMS = [each for each in SHOWN if "Plugin(" in each]


@pytest.mark.parametrize("program", PROGRAMS, ids=["handlers", "late"])
def test_its_programs_are_plugins(program: str) -> None:
    defined: dict[str, object] = {"__name__": "shown"}
    exec(program, defined)
    plugin = defined["plugin"]
    assert isinstance(plugin, Plugin)
    assert [route.kind for route in plugin.routes]


def test_a_handler_stays_the_function_that_was_written() -> None:
    plugin = Plugin("deploybot")

    async def handler(envelope: Envelope) -> None: ...

    assert plugin.command("/deploy")(handler) is handler


def test_its_numbers_are_the_defaults() -> None:
    default = Delivery()
    assert f"`ack_timeout` ({default.ack_timeout:.0f} s)" in PAGE
    assert f"up to `window` ({default.window})" in PAGE
    assert f"({Plugin('a').stop_timeout:.0f} s, `stop_timeout`)" in PAGE
