"""What SQLite's tables hold, where only they can tell."""

import sqlite3
from pathlib import Path
from typing import Any

from slackd.broker.journal.writes import CloseDelivery, Done, Ghost
from slackd.errors import JournalError
from tests.support.journal.engines import OpenJournal
from tests.support.journal.writing import DAY, HOUR, NOW, attempt, event, opened, to, write


def _count(folder: Path, table: str) -> int:
    with sqlite3.connect(folder / "journal.db") as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


async def test_keys_and_unconfirmed_connections_leave_no_row(
    tmp_path: Path, sqlite_journal_in: OpenJournal
) -> None:
    async with sqlite_journal_in(tmp_path) as (journal, _):
        await write(journal, *(event(f"k{n}") for n in range(5_000)), Ghost("main", "c", NOW + 5))
        await write(journal, event("new", at=NOW + 26 * HOUR))
        await journal.run_retention(NOW + 26 * HOUR)
        await journal.run_retention(NOW + DAY)
    assert (_count(tmp_path, "dedupe"), _count(tmp_path, "ghost")) == (1, 0)


async def test_closing_makes_no_checkpoint(tmp_path: Path, sqlite_journal_in: OpenJournal) -> None:
    async with sqlite_journal_in(tmp_path) as (journal, _):
        await write(journal, *(event(f"k{n}") for n in range(50)))
    assert (tmp_path / "journal.db-wal").stat().st_size > 0


async def test_a_value_that_a_column_cannot_hold_refuses_its_submission(
    tmp_path: Path, sqlite_journal_in: OpenJournal
) -> None:
    async with sqlite_journal_in(tmp_path) as (journal, _):
        (delivery,) = await opened(journal, event("Ev1", deliveries=[to()]))
        refused: Any = await attempt(journal, CloseDelivery(delivery, 1), event("Ev2", at=float("nan")))
        assert isinstance(refused, JournalError)
        assert await write(journal, CloseDelivery(delivery, 1)) == [Done(1)]
