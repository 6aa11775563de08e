"""Many envelopes at a rate, for load: serialised once, sent by the scheduler, no task for any of them.

Times are seconds on the emulator's clock; `wall` is UNIX seconds.
"""

from __future__ import annotations

import itertools
import json
import math
import operator
import re
from collections.abc import Callable
from typing import Any

import attrs

from slackd.emulator.context import EmulatorContext
from slackd.emulator.core import AppSide
from slackd.emulator.errors import EmulatorError
from slackd.emulator.ledger import LedgerEntry
from slackd.emulator.payloads import Payloads

_TICK = 0.002
_LARGE_WINDOW, _REFILL = 4000, 0.008  # a window with so much in it needs to be filled up less often
_AT_ONCE = 100  # envelopes; then what was written goes out, and what came in is read
_EVENT, _TS, _CHANNEL, _WORDS = _MARKS = ("<<event>>", "<<ts>>", "<<channel>>", "<<words>>")


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
    first_at: float | None = attrs.field(default=None, init=False)
    last_at: float | None = attrs.field(default=None, init=False)
    entries: list[LedgerEntry] = attrs.field(factory=list, init=False, repr=False)
    _acknowledged_up_to: int = attrs.field(default=0, init=False, repr=False)

    def channel(self, number: int) -> str:
        """The channel of envelope `number`: one after the other."""
        return f"C0BATCH{number % self.channels:04}"

    def words(self, number: int) -> str:
        """The text of envelope `number`."""
        return f"{self.label} {self.places(number)}"

    def places(self, number: int) -> str:
        """The place of envelope `number` in the batch, and in its channel."""
        return f"{number} {number // self.channels}"

    @property
    def sent(self) -> int:
        """How many were sent."""
        return len(self.entries)

    @property
    def complete(self) -> bool:
        """Whether all were sent."""
        return self.sent >= self.count

    @property
    def acknowledged(self) -> int:
        """How many were acknowledged in time."""
        entries, done = self.entries, self._acknowledged_up_to
        while done < len(entries) and entries[done].acknowledged_at is not None:
            done += 1
        self._acknowledged_up_to = done
        return done + sum(entry.acknowledged for entry in itertools.islice(entries, done, None))


class BatchSender:
    """Sends one batch: `send` delivers one envelope, with its number in the batch."""

    def __init__(
        self, context: EmulatorContext, side: AppSide, batch: Batch, send: Callable[[int, float], LedgerEntry]
    ) -> None:
        self._context = context
        self._side = side
        self._batch = batch
        self._send = send
        if batch.rate is None and batch.window is None:
            batch.window = 1000
        large = batch.rate is None and batch.window is not None and batch.window >= _LARGE_WINDOW
        self._pause = _REFILL if large else _TICK

    def tick(self, now: float) -> None:
        """Send what is due, and come again."""
        batch = self._batch
        if batch.first_at is None:
            batch.first_at = now
        due, sent = batch.count, batch.sent
        if batch.rate is not None:
            due = min(batch.count, int((now - batch.first_at) * batch.rate) + 1)
        if batch.window is not None:
            due = min(due, sent + batch.window - self._side.deliveries.waiting)
        part = min(due, sent + _AT_ONCE)
        for number in range(sent, part):
            batch.entries.append(self._send(number, now))
        if batch.complete:
            batch.last_at = now
        else:
            self._context.scheduler.at(
                math.nextafter(now, math.inf) if part < due else now + self._pause, self.tick
            )


class EventPress:
    """Makes the events of a batch from one text, cut where they differ: none is serialised by itself."""

    def __init__(self, context: EmulatorContext, side: AppSide, payloads: Payloads, batch: Batch) -> None:
        self._context = context
        self._side = side
        self._batch = batch
        self._pieces = re.split(f"({'|'.join(_MARKS)})", _marked_text(payloads, batch))
        self._differing = operator.itemgetter(*self._pieces[1::2])
        self._label = json.dumps(batch.label)[1:-1]

    def send(self, number: int, now: float) -> LedgerEntry:
        """Deliver event `number` of the batch.

        Returns:
            What the ledger says of it.
        """
        ids, batch = self._context.ids, self._batch
        event_id = ids.event_id()
        differing = {
            _EVENT: event_id,
            _TS: ids.ts(self._context.wall(now)),
            _CHANNEL: batch.channel(number),
            _WORDS: f"{self._label} {batch.places(number)}",
        }
        self._pieces[1::2] = self._differing(differing)
        payload, app = "".join(self._pieces), self._side.app.app_id
        entry = LedgerEntry(event_id, app, "events_api", batch.event_type, now, payload, True, False)
        self._side.deliveries.begin(entry, now)
        return entry


def _marked_text(payloads: Payloads, batch: Batch) -> str:
    marks: dict[str, Any] = {"ts": _TS, "event_ts": _TS, "client_msg_id": _EVENT}
    marked = payloads.message(_WORDS, 0.0, channel=_CHANNEL, event_type=batch.event_type, **marks)
    event = {**marked.payload["event"], **marks}
    text = payloads.event(event, 0.0, event_id=_EVENT).text
    missing = batch.size - len(text)
    if missing > 0:
        event["padding"] = "x" * max(missing - len(',"padding":""'), 1)
        text = payloads.event(event, 0.0, event_id=_EVENT).text
    return text
