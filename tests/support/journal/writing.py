"""Short names for writes to a journal, and a clock that is set by hand."""

import asyncio
from collections.abc import Sequence
from typing import Any

from slackd.broker.journal import Journal
from slackd.broker.journal.writes import AnswerState, Lane, NewDelivery, Outcome, Record, Recorded, Write
from slackd.envelope import ParsedEnvelope, Unreadable
from slackd.errors import JournalError
from slackd.slack.envelopes import COMMANDS, EVENTS
from slackd.slack.facets import Facets

NOW = 1_800_000_000.0
HOUR = 3_600.0
DAY = 86_400.0


class Time:
    """A clock that is set by hand."""

    def __init__(self, now: float = NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def to(plugin: str = "bot", key: str = "C1", lane: Lane = Lane.EVENTS, **more: Any) -> NewDelivery:
    return NewDelivery(plugin, lane, key, **more)


def event(
    *keys: str, at: float = NOW, deliveries: Sequence[NewDelivery] = (), text: str = '{"a":1}', **more: Any
) -> Record:
    envelope = ParsedEnvelope("main", f"id-{keys[0] if keys else ''}", EVENTS, text, keys, Facets())
    return Record(envelope, at, deliveries=tuple(deliveries), **more)


def command(key: str, *deliveries: NewDelivery, at: float = NOW, url: str = "https://r/1") -> Record:
    envelope = ParsedEnvelope("main", key, COMMANDS, '{"c":1}', (key,), Facets(), True, url)
    return Record(envelope, at, AnswerState.OWED, deliveries=deliveries)


def unreadable(key: str, at: float = NOW) -> Record:
    return Record(Unreadable("main", None, "{broken", (key,), "line 1: no JSON"), at)


async def attempt(journal: Journal, *writes: Write) -> Sequence[Outcome] | JournalError:
    """Submit together; what `on_commit` is told."""
    told: asyncio.Future[Sequence[Outcome] | JournalError] = asyncio.get_running_loop().create_future()
    journal.submit(writes, told.set_result)
    async with asyncio.timeout(60):
        return await told


async def write(journal: Journal, *writes: Write) -> list[Any]:
    """Submit together; the outcomes."""
    told = await attempt(journal, *writes)
    if isinstance(told, JournalError):
        raise told
    return list(told)


async def opened(journal: Journal, *records: Record) -> list[int]:
    """Record them; the ids of their deliveries."""
    recorded = await write(journal, *records)
    return [delivery.id for one in recorded if isinstance(one, Recorded) for delivery in one.deliveries]
