"""The traffic of an emulated Slack as lines to read: what was sent, answered, called. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import attrs

if TYPE_CHECKING:
    from slackd.emulator import ApiCall, Ledger, LedgerEntry

_OWN_CALLS: Final = frozenset({"apps.connections.open", "auth.test"})
"""Calls that slackd makes by itself."""
WIDEST: Final = 160
"""Characters of one line's JSON."""


@attrs.frozen
class TrafficLine:
    """One line.

    Attributes:
        kind: "slack" (it sent something), "answer", "call", "late" or "failed": for the colour.
        text: What happened.
    """

    kind: str
    text: str


class TrafficView:
    """What is new in a ledger since the last look."""

    def __init__(self) -> None:
        self._sends: dict[int, int] = {}
        self._acks: dict[int, int] = {}
        self._posts: dict[int, int] = {}
        self._failed: set[int] = set()
        self._calls = 0

    def look(self, ledger: Ledger) -> list[TrafficLine]:
        """Return the lines of what came since the last call."""
        lines = [line for entry in ledger.entries.values() for line in self._of(entry)]
        calls, self._calls = ledger.calls[self._calls :], len(ledger.calls)
        return lines + [_of_call(call) for call in calls if call.method not in _OWN_CALLS]

    def _of(self, entry: LedgerEntry) -> Iterator[TrafficLine]:
        key = id(entry)
        for send in entry.sends[self._sends.get(key, 0) :]:
            again = f" (again, attempt {send.attempt})" if send.repeat else ""
            yield TrafficLine("slack", f"▶ {entry.type} {entry.name}{again}")
        self._sends[key] = len(entry.sends)
        for ack in entry.acks[self._acks.get(key, 0) :]:
            kind, after = "late" if ack.late else "answer", ack.after * 1000
            yield TrafficLine(kind, f"◀ {entry.name} acknowledged in {after:.0f} ms{tail(ack.payload)}")
        self._acks[key] = len(entry.acks)
        for post in entry.posts[self._posts.get(key, 0) :]:
            yield TrafficLine("answer", f"◀ {entry.name} through its response_url{tail(post.body)}")
        self._posts[key] = len(entry.posts)
        if entry.failure is not None and key not in self._failed:
            self._failed.add(key)
            yield TrafficLine("failed", f"✗ {entry.name}: the person sees {entry.failure}")


def _of_call(call: ApiCall) -> TrafficLine:
    if call.ok:
        return TrafficLine("call", f"◀ {call.method}{tail(call.args)}")
    return TrafficLine("failed", f"✗ {call.method}{tail(call.args)}: {call.error}")


def tail(value: Any) -> str:
    """Return a value as the end of a line, cut where it is long; nothing for an empty one."""
    if not value:
        return ""
    text = json.dumps(value, ensure_ascii=False)
    return f": {text[:WIDEST]}…" if len(text) > WIDEST else f": {text}"
