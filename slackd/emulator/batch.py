"""Many envelopes at a rate, for load: serialised once, sent by the scheduler, no task for any of them.

Times are seconds on the emulator's clock; `wall` is UNIX seconds.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import attrs

from slackd.emulator.context import EmulatorContext
from slackd.emulator.core import AppSide
from slackd.emulator.errors import EmulatorError
from slackd.emulator.ledger import LedgerEntry
from slackd.emulator.payloads import Payloads

_TICK = 0.002
_AT_ONCE = 100  # envelopes; then what was written goes out, and what came in is read
_MARKS = ("event", "ts", "channel", "words")
_EVENT, _TS, _CHANNEL, _WORDS = (f"<<{mark}>>" for mark in _MARKS)


def _whole(least: int) -> Callable[[Any, attrs.Attribute[Any], Any], None]:
    def check(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
        if type(value) is not int or value < least:
            raise EmulatorError(f"{field.name}= must be a whole number from {least} on, not {value!r}")

    return check


def _rate(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
    if type(value) not in (int, float) or not 0 < value < math.inf:
        raise EmulatorError(f"{field.name}= must be a number above 0 (envelopes a second), not {value!r}")


def _text(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
    if not isinstance(value, str):
        raise EmulatorError(f"{field.name}= must be a text, not {value!r}")


_optional = attrs.validators.optional


@attrs.define(kw_only=True)
class Batch:
    """`count` messages, `rate` a second (None: as fast as acknowledged), over `channels` channels.

    Raises `EmulatorError` where one of them makes no sense.

    The text of each is `LABEL NUMBER CHANNEL_NUMBER`, both from 0: its number in the batch and in its channel.

    Attributes:
        window: at most so many sends are unacknowledged and within their deadline at a time; None is no limit.
        size: bytes to which a payload is filled up.
        command: slash commands of this name in place of messages (`size` doesn't count then).
    """

    label: str = attrs.field(validator=_text)
    count: int = attrs.field(validator=_whole(0))
    rate: float | None = attrs.field(default=None, validator=_optional(_rate))
    channels: int = attrs.field(default=1, validator=_whole(1))
    size: int = attrs.field(default=0, validator=_whole(0))
    window: int | None = attrs.field(default=None, validator=_optional(_whole(1)))
    event_type: str = attrs.field(default="message", validator=_text)
    command: str | None = attrs.field(default=None, validator=_optional(_text))
    sent: int = attrs.field(default=0, init=False)
    first_at: float | None = attrs.field(default=None, init=False)
    last_at: float | None = attrs.field(default=None, init=False)
    entries: list[LedgerEntry] = attrs.field(factory=list, init=False, repr=False)
    _acknowledged_up_to: int = attrs.field(default=0, init=False, repr=False)

    def channel(self, number: int) -> str:
        """The channel of envelope `number`: one after the other."""
        return f"C0BATCH{number % self.channels:04}"

    def words(self, number: int) -> str:
        """The text of envelope `number`."""
        return f"{self.label} {number} {number // self.channels}"

    @property
    def complete(self) -> bool:
        """Whether all were sent."""
        return self.sent >= self.count

    @property
    def acknowledged(self) -> int:
        """How many were acknowledged in time."""
        entries, done = self.entries, self._acknowledged_up_to
        while done < len(entries) and entries[done].acknowledged:
            done += 1
        self._acknowledged_up_to = done
        return done + sum(entry.acknowledged for entry in itertools.islice(entries, done, None))


class BatchSender:
    """Sends one batch: `send` gives out one envelope, with its number in the batch."""

    def __init__(
        self, context: EmulatorContext, side: AppSide, batch: Batch, send: Callable[[int, float], LedgerEntry]
    ) -> None:
        self._context = context
        self._side = side
        self._batch = batch
        self._send = send
        if batch.rate is None and batch.window is None:
            batch.window = 1000

    def tick(self, now: float) -> None:
        """Send what is due, and come again."""
        batch = self._batch
        if batch.first_at is None:
            batch.first_at = now
        due = batch.count
        if batch.rate is not None:
            due = min(batch.count, int((now - batch.first_at) * batch.rate) + 1)
        if batch.window is not None:
            due = min(due, batch.sent + batch.window - self._side.deliveries.waiting)
        part = min(due, batch.sent + _AT_ONCE)
        while batch.sent < part:
            batch.entries.append(self._send(batch.sent, now))
            batch.sent += 1
        if batch.complete:
            batch.last_at = now
        else:
            self._context.scheduler.at(math.nextafter(now, math.inf) if part < due else now + _TICK, self.tick)


class EventPress:
    """Makes the events of a batch from one template, so that none is serialised by itself."""

    def __init__(self, context: EmulatorContext, side: AppSide, payloads: Payloads, batch: Batch) -> None:
        self._context = context
        self._side = side
        self._batch = batch
        self._template = _template(payloads, batch)

    def send(self, number: int, now: float) -> LedgerEntry:
        """Give out event `number` of the batch.

        Returns:
            What the ledger says of it.
        """
        ids, app = self._context.ids, self._side.app.app_id
        event_id = ids.event_id()
        payload = self._template % {
            "event": event_id,
            "ts": ids.ts(self._context.wall(now)),
            "channel": self._batch.channel(number),
            "words": self._batch.words(number),
        }
        entry = LedgerEntry(event_id, app, "events_api", self._batch.event_type, now, payload, True, False)
        self._side.deliveries.begin(entry, now)
        return entry


def _template(payloads: Payloads, batch: Batch) -> str:
    marks: dict[str, Any] = {"ts": _TS, "event_ts": _TS, "client_msg_id": _EVENT}
    marked = payloads.message(_WORDS, 0.0, channel=_CHANNEL, event_type=batch.event_type, **marks)
    event = {**marked.payload["event"], **marks}
    text = payloads.event(event, 0.0, event_id=_EVENT).text
    missing = batch.size - len(text)
    if missing > 0:
        event["padding"] = "x" * max(missing - len(',"padding":""'), 1)
        text = payloads.event(event, 0.0, event_id=_EVENT).text
    text = text.replace("%", "%%")
    for mark in _MARKS:
        text = text.replace(f"<<{mark}>>", f"%({mark})s")
    return text
