"""Which files a release opens, and which it refuses, in words."""

import os
import sqlite3
from pathlib import Path

import pytest

from slackd.broker.journal.sqlite import schema
from slackd.errors import JournalDamaged, JournalError
from tests.support.journal.engines import OpenJournal
from tests.support.journal.writing import event, to, write

NEXT = schema.Migration(
    version=schema.VERSION + 1,
    min_reader=1,
    statements=(
        "ALTER TABLE envelope ADD COLUMN team TEXT NOT NULL DEFAULT ''",
        "CREATE TABLE novelty (id INTEGER PRIMARY KEY)",
    ),
)


def _migrate(folder: Path, step: schema.Migration) -> None:
    connection = sqlite3.connect(folder / "journal.db", isolation_level=None)
    schema.prepare(connection, "journal.db", (*schema.MIGRATIONS, step))
    connection.close()


async def test_the_release_before_works_on_what_a_newer_one_migrated(
    tmp_path: Path, sqlite_journal_in: OpenJournal
) -> None:
    async with sqlite_journal_in(tmp_path) as (journal, _):
        await write(journal, event("a", deliveries=[to()]))
    _migrate(tmp_path, NEXT)
    async with sqlite_journal_in(tmp_path) as (journal, opening):
        assert opening.last_delivery == 1
        await write(journal, event("b", deliveries=[to()]))
        assert len(await journal.recorded(0, 9)) == 2
    with sqlite3.connect(tmp_path / "journal.db") as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (NEXT.version,)


async def test_a_schema_that_asks_for_a_newer_reader_is_refused_by_name(
    tmp_path: Path, sqlite_journal_in: OpenJournal
) -> None:
    async with sqlite_journal_in(tmp_path):
        pass
    _migrate(tmp_path, schema.Migration(NEXT.version, NEXT.version, ()))
    with pytest.raises(JournalError, match="written by slackd") as refusal:
        async with sqlite_journal_in(tmp_path):
            pass
    assert not isinstance(refusal.value, JournalDamaged)


@pytest.mark.parametrize("content", [b"not a database at all" * 100, os.urandom(9_000)])
async def test_what_is_no_database_is_damaged(
    tmp_path: Path, sqlite_journal_in: OpenJournal, content: bytes
) -> None:
    (tmp_path / "journal.db").write_bytes(content)
    with pytest.raises(JournalDamaged, match=r"journal\.db.*slackctl journal rescue"):
        async with sqlite_journal_in(tmp_path):
            pass
    assert (tmp_path / "journal.db").read_bytes() == content


async def test_a_truncated_journal_is_damaged(tmp_path: Path, sqlite_journal_in: OpenJournal) -> None:
    async with sqlite_journal_in(tmp_path) as (journal, _):
        await write(journal, *(event(f"k{n}", text="x" * 2_000) for n in range(100)))
    with sqlite3.connect(tmp_path / "journal.db") as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    os.truncate(tmp_path / "journal.db", 40_000)
    with pytest.raises(JournalDamaged):
        async with sqlite_journal_in(tmp_path):
            pass


async def test_another_programs_database_is_left_alone(tmp_path: Path, sqlite_journal_in: OpenJournal) -> None:
    with sqlite3.connect(tmp_path / "journal.db") as connection:
        connection.execute("CREATE TABLE theirs (id INTEGER)")
    connection.close()
    before = (tmp_path / "journal.db").read_bytes()
    with pytest.raises(JournalDamaged, match="not a journal of slackd"):
        async with sqlite_journal_in(tmp_path):
            pass
    assert (tmp_path / "journal.db").read_bytes() == before


async def test_nobody_else_reads_it(tmp_path: Path, sqlite_journal_in: OpenJournal) -> None:
    async with sqlite_journal_in(tmp_path / "new") as (journal, _):
        await write(journal, event("a"))
        modes = {path.name: path.stat().st_mode & 0o077 for path in (tmp_path / "new").iterdir()}
    assert set(modes.values()) == {0}


async def test_what_a_killed_backup_left_is_removed(tmp_path: Path, sqlite_journal_in: OpenJournal) -> None:
    (tmp_path / "journal.backup-abc").write_bytes(b"half")
    async with sqlite_journal_in(tmp_path):
        assert not (tmp_path / "journal.backup-abc").exists()


async def test_a_lock_file_that_others_could_lock_is_closed_to_them(
    tmp_path: Path, sqlite_journal_in: OpenJournal
) -> None:
    (tmp_path / "journal.lock").touch()
    (tmp_path / "journal.lock").chmod(0o644)
    async with sqlite_journal_in(tmp_path):
        assert (tmp_path / "journal.lock").stat().st_mode & 0o077 == 0
