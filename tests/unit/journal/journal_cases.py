"""What the journal's specifications share: short names for writes, and a journal whose time stands still."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from slackd.broker.journal import Journal, Opening
from slackd.broker.journal.limits import DeadLettered, PluginLimits
from slackd.broker.journal.memory import MemoryJournal
from slackd.broker.journal.sqlite import SqliteJournal, open_journal
from slackd.broker.journal.writes import AnswerState, Lane, NewDelivery, Outcome, Record, Recorded, Write
from slackd.config.values import JournalConfig
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


def as_journal(journal: SqliteJournal | MemoryJournal) -> Journal:
    """Both engines are what the interface asks for: the type checker says so."""
    return journal


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


async def attempt(journal: SqliteJournal | MemoryJournal, *writes: Write) -> Sequence[Outcome] | JournalError:
    """Submit together; what `on_commit` is told."""
    told: asyncio.Future[Sequence[Outcome] | JournalError] = asyncio.get_running_loop().create_future()
    journal.submit(writes, told.set_result)
    async with asyncio.timeout(60):
        return await told


async def write(journal: SqliteJournal | MemoryJournal, *writes: Write) -> list[Any]:
    """Submit together; the outcomes."""
    told = await attempt(journal, *writes)
    if isinstance(told, JournalError):
        raise told
    return list(told)


async def opened(journal: SqliteJournal | MemoryJournal, record: Record) -> list[int]:
    """Record it; the ids of its deliveries."""
    (recorded,) = await write(journal, record)
    assert isinstance(recorded, Recorded)
    return [delivery.id for delivery in recorded.deliveries]


@contextlib.asynccontextmanager
async def journal_in(
    folder: Path,
    time: Time | None = None,
    plugins: Mapping[str, PluginLimits] | None = None,
    dead_lettered: list[DeadLettered] | None = None,
    **config: Any,
) -> AsyncIterator[tuple[SqliteJournal, Opening]]:
    journal, opening = await open_journal(
        JournalConfig(folder, **config),
        clock=time or Time(),
        plugins=plugins,
        on_dead_lettered=dead_lettered.extend if dead_lettered is not None else None,
        retention_by_itself=False,
    )
    try:
        yield journal, opening
    finally:
        await journal.close()
