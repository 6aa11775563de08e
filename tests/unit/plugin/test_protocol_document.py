"""docs/protocol.md shows what really is spoken: its examples are messages, and the SDK understands them."""

import re
from pathlib import Path

import pytest

from slackd import jsonrpc
from slackd.plugin.actions import CallFinished, Notified, Start
from slackd.plugin.envelope import Ready
from slackd.plugin.session import Session

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "docs" / "protocol.md").read_text(encoding="utf-8")
LINES = re.findall(r"^(?:[→←] )?(\{.*\})$", DOCUMENT, re.MULTILINE)


def message(line: str) -> jsonrpc.Message:
    [only] = jsonrpc.LineReader(jsonrpc.MAX_LINE_FROM_PLUGIN).receive(line.encode() + b"\n")
    return only


@pytest.mark.parametrize("line", LINES)
def test_every_example_is_a_message(line: str) -> None:
    assert not isinstance(message(line), jsonrpc.Malformed)


def test_every_method_of_the_table_has_a_section_and_an_example() -> None:
    methods = set(re.findall(r"^\| \[`([\w.]+)`\]", DOCUMENT, re.MULTILINE))
    sections = set(re.findall(r"^### ([\w.]+)$", DOCUMENT, re.MULTILINE))
    shown = {
        found.method
        for found in map(message, LINES)
        if isinstance(found, jsonrpc.Request | jsonrpc.Notification)
    }
    assert methods == sections == shown


def test_the_sdk_understands_every_example_that_slackd_sends() -> None:
    session = Session("deploybot", "s", client={})
    session.connected()
    call, _ = session.call("slack.call", {})
    actions = [action for line in LINES for action in session.receive(line.encode() + b"\n")]
    kinds = {type(action) for action in actions}
    assert {Ready, Start, Notified, CallFinished} <= kinds
    assert call == 1
    started = {action.envelope.delivery for action in actions if isinstance(action, Start)}
    assert started == {"4711", "4712"}


def test_the_limits_are_the_ones_that_are_kept() -> None:
    assert f"{jsonrpc.MAX_LINE_FROM_PLUGIN:,} bytes" in DOCUMENT
    assert f"{jsonrpc.MAX_LINE_TO_PLUGIN >> 20} MiB to one" in DOCUMENT
