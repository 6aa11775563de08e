"""Many envelopes at a rate, for load: serialised once, sent from the agenda, no task for any of them."""

from __future__ import annotations

from typing import Any

import attrs

from slackd.emulator.core import AppSide
from slackd.emulator.happenings import Happenings
from slackd.emulator.ledger import Entry
from slackd.emulator.world import World

_TICK = 0.002
_EVENT, _TS, _CHANNEL, _WORDS = "%(event)s", "%(ts)s", "%(channel)s", "%(words)s"


@attrs.define(kw_only=True)
class Batch:
    """`count` messages, `rate` a second (None: as fast as they are acknowledged), over `channels` channels.

    The text of each is `LABEL NUMBER CHANNEL_NUMBER`, numbers from 0: the event's in the batch and in its channel.

    Attributes:
        window: at most so many sends are unacknowledged and within their deadline at a time; None is no limit.
        size: bytes to which a payload is filled up.
    """

    label: str
    count: int
    rate: float | None = None
    channels: int = 1
    size: int = 0
    window: int | None = None
    event_type: str = "message"
    sent: int = 0
    first_at: float | None = None
    last_at: float | None = None
    entries: list[Entry] = attrs.field(factory=list, repr=False)

    @property
    def complete(self) -> bool:
        """Whether all were sent."""
        return self.sent >= self.count

    @property
    def acknowledged(self) -> int:
        """How many were acknowledged in time."""
        return sum(entry.acknowledged for entry in self.entries)


class BatchSender:
    """Sends one batch to one app."""

    def __init__(self, world: World, side: AppSide, happenings: Happenings, batch: Batch) -> None:
        self._world = world
        self._side = side
        self._batch = batch
        self._template = _template(happenings, batch)
        self._in_channel = [0] * batch.channels
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
        while batch.sent < due:
            self._send(now)
        if batch.complete:
            batch.last_at = now
        else:
            self._world.agenda.at(now + _TICK, self.tick)

    def _send(self, now: float) -> None:
        batch, ids = self._batch, self._world.ids
        channel = batch.sent % batch.channels
        event_id = ids.event_id()
        payload = self._template % {
            "event": event_id,
            "ts": ids.ts(self._world.wall(now)),
            "channel": channel_name(channel),
            "words": f"{batch.label} {batch.sent} {self._in_channel[channel]}",
        }
        entry = Entry(
            event_id, self._side.app.app_id, "events_api", batch.event_type, now, payload, True, False
        )
        batch.sent += 1
        self._in_channel[channel] += 1
        batch.entries.append(entry)
        self._side.deliveries.begin(entry, now)


def channel_name(number: int) -> str:
    """The id of a batch's channel."""
    return f"C0BATCH{number:04}"


def _template(happenings: Happenings, batch: Batch) -> str:
    marks: dict[str, Any] = {"ts": _TS, "event_ts": _TS, "client_msg_id": _EVENT}
    marked = happenings.message(_WORDS, 0.0, channel=_CHANNEL, event_type=batch.event_type, **marks)
    event = {**marked.payload["event"], **marks}
    text = happenings.event(event, 0.0, event_id=_EVENT).text
    missing = batch.size - len(text)
    if missing > 0:
        event["padding"] = "x" * max(missing - len(',"padding":""'), 1)
        text = happenings.event(event, 0.0, event_id=_EVENT).text
    return text
