"""What one plugin connection says, sans-IO: bytes in, values out.

    OPENING ──initialize──▶ WAITING ──opened()──▶ OPEN
        └── anything else, or a line that can't be read, in any state: an error, and the end ──▶ CLOSED

P7, the invariant kept here: no bytes that a plugin sends make `receive` raise. What is malformed becomes a
value that says which error to answer with, and whether that ends the connection; then nothing after it is read.

While WAITING (the journal lists the session) nothing is read: the caller pauses the socket, and the bytes that
came in the same chunk are kept, unread, until `opened`.
"""

import re
from collections.abc import Callable
from enum import Enum
from typing import Any

from slackd import jsonrpc
from slackd.broker.plugins.events import (
    Answered,
    Event,
    Initialize,
    Misanswered,
    Violation,
)
from slackd.broker.plugins.params import (
    MAX_NAME,
    BadParams,
    attempt_named,
    meant_in,
    misspelling_in,
    read_initialize,
    read_message,
    response_text,
)
from slackd.jsonrpc import LineReader

_HANDLED = re.compile(rb'\{"jsonrpc":"2\.0","id":"([0-9]{1,18})\.([0-9]{1,18})","result":\{\}\}\n').match
"""The answer to nearly every envelope, as `jsonrpc.encode_result` spells it."""


IsHeld = Callable[[int, int], bool]
"""Whether an answer to this attempt (delivery, attempt) counts."""


def _nothing_is_held(_delivery: int, _attempt: int) -> bool:
    return False


class _State(Enum):
    OPENING = "opening"
    WAITING = "waiting"
    OPEN = "open"
    CLOSED = "closed"


class SessionProtocol:
    """The daemon's ear at one plugin connection.

    Until it is open, no answer counts.
    """

    def __init__(self) -> None:
        self._is_held: IsHeld = _nothing_is_held
        self._reader = LineReader(jsonrpc.MAX_LINE_FROM_PLUGIN)
        self._state = _State.OPENING
        self._early = b""

    @property
    def unfinished(self) -> int:
        """Bytes that are kept of a line whose end has not come yet."""
        return self._reader.unfinished

    def receive(self, data: bytes) -> list[Event]:
        """What the bytes complete. Never raises on what a plugin sent."""
        if self._state is not _State.OPEN:
            return self._open(data)
        if not self._reader.between_lines:
            return self._events(self._reader.receive(data))
        events: list[Event] = []
        end = 0
        while (handled := _HANDLED(data, end)) is not None:
            events.append(Answered(int(handled[1]), int(handled[2]), None))
            end = handled.end()
        if end < len(data):
            events += self._events(self._reader.receive(data[end:]))
        return events

    def opened(self, is_held: IsHeld) -> list[Event]:
        """The session is open; what was said before that in the same breath counts from now on. The response of
        an answer that doesn't count is not even looked at."""
        self._state, self._is_held = _State.OPEN, is_held
        early, self._early = self._early, b""
        return self.receive(early)

    def _open(self, data: bytes) -> list[Event]:
        """Reads lines up to the first that says something; those after `initialize` wait for `opened`."""
        events: list[Event] = []
        while data and self._state is _State.OPENING:
            line, end, data = data.partition(b"\n")
            for message in self._reader.receive(line + end):
                self._add(events, self._first(message))
        if self._state is _State.WAITING:
            self._early += data
        return events

    def _events(self, messages: list[jsonrpc.Message]) -> list[Event]:
        events: list[Event] = []
        for message in messages:
            if self._state is _State.CLOSED:
                break
            self._add(events, self._said(message))
            self._add(events, misspelling_in(message))
        return events

    def _add(self, events: list[Event], event: Event | None) -> None:
        if event is None:
            return
        events.append(event)
        if isinstance(event, Violation):
            self._state = _State.CLOSED
        elif isinstance(event, Initialize):
            self._state = _State.WAITING

    def _said(self, message: jsonrpc.Message) -> Event | None:
        if isinstance(message, jsonrpc.Result):
            return self._answered(message.id, message.result)
        return read_message(message)

    def _answered(self, id_: int | str, result: Any) -> Event | None:
        named = attempt_named(id_)
        if named is None:
            return None
        response: Any = result.get("response") if isinstance(result, dict) else None
        if not self._is_held(*named):
            return Answered(*named, None)
        if response is None:
            meant = meant_in(result)
            return Misanswered(*named, meant) if meant else Answered(*named, None)
        try:
            return Answered(*named, response_text(response))
        except BadParams as bad:
            return Misanswered(*named, str(bad))

    def _first(self, message: jsonrpc.Message) -> Event:
        match message:
            case jsonrpc.Malformed(code, text):
                return Violation(None, code, text)
            case jsonrpc.Request(id_, "initialize", params):
                try:
                    return read_initialize(id_, params)
                except BadParams as bad:
                    return Violation(id_, jsonrpc.INVALID_PARAMS, f"initialize: {bad}")
            case jsonrpc.Request(id_, method, _):
                text = f"{method[:MAX_NAME]} came before initialize, which must be the first request"
                return Violation(id_, jsonrpc.NOT_INITIALIZED, text)
        return Violation(None, jsonrpc.NOT_INITIALIZED, "the first line must be the request initialize")
