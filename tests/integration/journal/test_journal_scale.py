"""Costs that must not grow with the backlog: opening, recording, reading the next keys, the status."""

import sqlite3
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from slackd.broker.journal import Journal
from slackd.broker.journal.engines import open_journal
from slackd.broker.journal.writes import CloseDelivery, Lane
from slackd.config.values import JournalConfig
from tests.support.journal.child import record
from tests.support.journal.writing import opened, write

BACKLOG = 300_000
BOUND = 4.0
"""How many times slower the big one may be: far above what is measured, far below what a scan would cost."""
FLOOR = 0.02
"""Seconds under which nothing is compared: a loaded machine needs that for nothing at all."""


async def _with_backlog(folder: Path) -> None:
    journal, _ = await open_journal(JournalConfig(folder))
    await write(journal, record(-1, "first"))
    await journal.close()
    connection = sqlite3.connect(folder / "journal.db")
    rows = f"WITH RECURSIVE n (i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i <= {BACKLOG}) "
    connection.execute(
        f"{rows} INSERT INTO envelope "
        "SELECT i, 'main', 'e' || i, 'events_api', unixepoch(), 0, NULL, '', 2, i, i, '{}' FROM n"
    )
    connection.execute(
        f"{rows} INSERT INTO open_delivery (id, envelope, plugin, lane, key, bytes) "
        "SELECT i, i, 1, 0, 'C' || (i % 1000), 2 FROM n"
    )
    connection.execute(f"UPDATE plugin SET deliveries = {BACKLOG + 1}")
    connection.commit()
    connection.close()


async def _times(folder: Path) -> dict[str, float]:
    """The best of a few: what the work costs, not what else the machine did."""
    best: dict[str, float] = {}

    def note(name: str, started: float) -> None:
        best[name] = min(best.get(name, 1e9), time.perf_counter() - started)

    for run in range(5):
        started = time.perf_counter()
        journal, _ = await open_journal(JournalConfig(folder))
        note("open", started)
        for number in range(10):
            started = time.perf_counter()
            (delivery,) = await opened(journal, record(number, f"run {run}"))
            await write(journal, CloseDelivery(delivery, 1))
            note("record and close", started)
        await _read(journal, note)
        started = time.perf_counter()
        await journal.close()
        note("close", started)
    return best


async def _read(journal: Journal, note: Callable[[str, float], None]) -> None:
    reads: dict[str, Callable[[], Awaitable[object]]] = {
        "keys": lambda: journal.keys_after("bot", Lane.EVENTS, "C5", 20),
        "count": lambda: journal.open_count("bot", Lane.EVENTS, 1 << 40, 100),
        "page": lambda: journal.open_of_key("bot", Lane.EVENTS, "C7", 0, 20),
        "backlogs": journal.backlogs,
        "run_retention": lambda: journal.run_retention(time.time()),
    }
    for name, read in reads.items():
        started = time.perf_counter()
        await read()
        note(name, started)


@pytest.mark.timeout(240)
async def test_nothing_costs_more_with_many_open_deliveries(tmp_path: Path) -> None:
    await _with_backlog(tmp_path / "big")
    small, big = await _times(tmp_path / "small"), await _times(tmp_path / "big")
    slower = {name: (small[name], big[name]) for name in small if big[name] > max(small[name], FLOOR) * BOUND}
    print({name: f"{small[name] * 1e3:.2f} ms / {big[name] * 1e3:.2f} ms" for name in small})
    assert slower == {}
