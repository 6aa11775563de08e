"""A backup is taken beside the commits, and opens as a journal."""

import sqlite3
from pathlib import Path

import pytest

from slackd.broker.journal import Journal, Opening
from slackd.broker.journal.engines import open_journal
from slackd.broker.journal.sqlite.journal import SqliteJournal
from slackd.config.values import JournalConfig
from slackd.errors import JournalError
from tests.support.journal.child import record
from tests.support.journal.writing import opened


async def _record(journal: Journal, first: int, count: int) -> list[int]:
    """Record so many; the ids of their deliveries."""
    return await opened(journal, *(record(number, "b") for number in range(first, first + count)))


def _leftovers(folder: Path) -> list[Path]:
    return list(folder.glob("*backup*"))


async def _open(folder: Path) -> tuple[SqliteJournal, Opening]:
    journal, opening = await open_journal(JournalConfig(folder))
    assert isinstance(journal, SqliteJournal)
    return journal, opening


async def test_a_backup_under_load_is_consistent_and_opens_as_a_journal(tmp_path: Path) -> None:
    journal, _ = await _open(tmp_path / "live")
    last = (await _record(journal, 0, 3_000))[-1]
    (tmp_path / "copy").mkdir()
    written = 3_000
    with (tmp_path / "copy" / "journal.db").open("wb") as file:
        async for chunk in journal.backup():
            file.write(chunk)
            await _record(journal, written, 10)
            written += 10
    assert written > 3_010, "the copy came in one piece"
    assert _leftovers(tmp_path / "live") == []
    await _record(journal, written, 1)
    await journal.close()

    with sqlite3.connect(tmp_path / "copy" / "journal.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    copy, opening = await _open(tmp_path / "copy")
    assert opening.last_delivery == last
    assert (await copy.backlogs())["bot"].deliveries == 3_000
    await _record(copy, 3_000, 1)
    await copy.close()


async def test_a_backup_nobody_reads_on_leaves_nothing_behind(tmp_path: Path) -> None:
    journal, _ = await _open(tmp_path)
    await _record(journal, 0, 500)
    backup = journal.backup()
    assert await anext(backup)
    await backup.aclose()
    assert _leftovers(tmp_path) == []
    await journal.close()


async def test_a_backup_ends_with_the_journal(tmp_path: Path) -> None:
    journal, _ = await _open(tmp_path)
    await _record(journal, 0, 500)
    backup = journal.backup()
    assert await anext(backup)
    await journal.close()
    with pytest.raises(JournalError, match="closes"):
        await anext(backup)
    assert _leftovers(tmp_path) == []
