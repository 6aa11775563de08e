"""Ids never come back, though the journal's tail does not either."""

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from slackd.broker.journal.engines import open_journal
from slackd.broker.journal.sqlite.journal import SqliteJournal
from slackd.broker.journal.writes import CloseDelivery
from slackd.config.values import JournalConfig
from tests.support.journal.child import record
from tests.support.journal.writing import opened, write

EVENTS = 30
FILES = ("journal.db", "journal.db-wal", "journal.db-shm")


async def _live(folder: Path, run: str) -> tuple[str, list[int]]:
    """Open the journal, record, close it; its id, and the ids of the deliveries."""
    journal, _ = await open_journal(JournalConfig(folder))
    deliveries = await opened(journal, *(record(number, run) for number in range(EVENTS)))
    journal_id = journal.id
    await journal.close()
    return journal_id, deliveries


def _put_the_backup_back(folder: Path, backup: Path) -> None:
    for name in FILES:
        (folder / name).unlink(missing_ok=True)
    shutil.copy(backup, folder / "journal.db")


def _overwrite_with_the_backup(folder: Path, backup: Path) -> None:
    for name in FILES[1:]:
        (folder / name).unlink(missing_ok=True)
    (folder / "journal.db").write_bytes(backup.read_bytes())


def _begin_anew(folder: Path, _: Path) -> None:
    shutil.rmtree(folder)


@pytest.mark.parametrize("lose_the_tail", [_put_the_backup_back, _overwrite_with_the_backup, _begin_anew])
async def test_what_was_given_out_is_never_given_out_again(
    tmp_path: Path, lose_the_tail: Callable[[Path, Path], None]
) -> None:
    folder, backup = tmp_path / "j", tmp_path / "backup"
    journal, _ = await open_journal(JournalConfig(folder))
    assert isinstance(journal, SqliteJournal)
    await opened(journal, record(0, "first"))
    backup.write_bytes(b"".join([chunk async for chunk in journal.backup()]))
    before, lost = journal.id, await opened(journal, *(record(number, "lost") for number in range(EVENTS)))
    await journal.close()
    for run in range(3):
        lose_the_tail(folder, backup)
        after, found = await _live(folder, f"run {run}")
        assert after != before
        assert len(found) == EVENTS
        assert min(found) > max(lost), "an id came back"
        before, lost = after, found


async def test_a_copy_of_the_folder_is_another_journal(tmp_path: Path) -> None:
    """Nobody backs up a stopped journal in another way; the copy knows no more than the file."""
    first, deliveries = await _live(tmp_path / "j", "a")
    shutil.copytree(tmp_path / "j", tmp_path / "copy")
    again, later = await _live(tmp_path / "j", "b")
    assert again == first
    copied, copies = await _live(tmp_path / "copy", "b")
    assert copied != first
    assert min(copies) > max(deliveries + later)


async def test_a_restart_keeps_the_journals_id_and_what_is_open(tmp_path: Path) -> None:
    first, deliveries = await _live(tmp_path, "a")
    journal, opening = await open_journal(JournalConfig(tmp_path))
    assert (journal.id, opening.last_delivery) == (first, deliveries[-1])
    assert [one.id for one in await journal.open_by_id(deliveries)] == deliveries
    await write(journal, *(CloseDelivery(one, 1) for one in deliveries))
    assert await journal.backlogs() == {}
    await journal.close()


async def test_a_journal_of_0_1_0_goes_on_working(tmp_path: Path) -> None:
    """It has no id, and counted from 1."""
    await _live(tmp_path, "old")
    with sqlite3.connect(tmp_path / "journal.db") as connection:
        connection.execute("DELETE FROM meta WHERE name LIKE 'journal_%'")
        connection.execute("UPDATE open_delivery SET id = envelope")
        connection.execute("UPDATE envelope SET first_delivery = id, last_delivery = id")
        connection.execute("DELETE FROM tally WHERE name = 'last_delivery'")
    connection.close()
    journal, opening = await open_journal(JournalConfig(tmp_path))
    assert opening.last_delivery == EVENTS
    assert await write(journal, CloseDelivery(1, 1)) != []
    (new,) = await opened(journal, record(0, "new"))
    assert new > EVENTS
    named = journal.id
    await journal.close()
    journal, opening = await open_journal(JournalConfig(tmp_path))
    assert (journal.id, opening.last_delivery) == (named, new)
    await journal.close()
