"""A damaged journal gives back what can be read of it; a backup is put in its place by a command."""

import asyncio
import contextlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from slackd.broker.journal.engines import engine_of, open_journal
from slackd.broker.journal.offline import JournalCheck, OfflineTools
from slackd.broker.journal.sqlite import maintenance, offline
from slackd.broker.journal.sqlite.journal import SqliteJournal
from slackd.broker.journal.writes import (
    CloseDelivery,
    DeadLetterDelivery,
    DeadReason,
    Duplicate,
    GapRecord,
    Ghost,
    ListSession,
    Replay,
)
from slackd.config.values import JournalConfig
from slackd.errors import JournalBusy, JournalDamaged, JournalError, JournalUnwritable
from tests.support.journal.child import record
from tests.support.journal.writing import NOW, event, opened, to, write

EVENTS = 200
DATABASE = "journal.db"


def tools(folder: Path) -> tuple[OfflineTools, JournalConfig]:
    config = JournalConfig(folder)
    engine = engine_of(config)
    assert isinstance(engine, OfflineTools)
    return engine, config


def look(folder: Path) -> JournalCheck:
    engine, config = tools(folder)
    return engine.check(config)


async def filled(folder: Path, *, checkpoint: bool = True) -> list[int]:
    """A journal with some of everything; the ids of its deliveries."""
    journal, _ = await open_journal(JournalConfig(folder))
    deliveries = await opened(journal, *(record(number, "r") for number in range(EVENTS)))
    await write(journal, CloseDelivery(deliveries[0], 1), Replay(1, to("late", "K")))
    await write(journal, DeadLetterDelivery(deliveries[1], 1, DeadReason.ATTEMPTS, "no"))
    await write(journal, ListSession("bot", "s"), GapRecord("main", NOW, NOW + 1, "drop"))
    await write(journal, Ghost("main", "c", NOW * 2))
    await journal.close()
    if checkpoint:
        with contextlib.closing(sqlite3.connect(folder / DATABASE)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return deliveries


async def found_open(folder: Path, deliveries: Sequence[int]) -> list[int]:
    """Which of them are open, in a journal that still works."""
    journal, _ = await open_journal(JournalConfig(folder))
    open_now = [one.id for one in await journal.open_by_id(deliveries)]
    texts = await journal.envelopes([one.envelope for one in await journal.open_by_id(deliveries)])
    assert all("xxx" in one.text for one in texts.values())
    (duplicate,) = await write(journal, record(1, "r"))
    assert isinstance(duplicate, Duplicate)
    (new,) = await opened(journal, event("after the rescue", at=NOW, deliveries=[to()]))
    assert new > max(deliveries)
    await write(journal, *(CloseDelivery(one, 1) for one in open_now), CloseDelivery(new, 1))
    await journal.run_retention(NOW * 2)
    assert {name for name, one in (await journal.backlogs()).items() if one.deliveries} <= {"late"}
    await journal.close()
    return open_now


async def test_a_good_journal_is_said_to_be_good_and_left_alone(tmp_path: Path) -> None:
    await filled(tmp_path)
    before = (tmp_path / DATABASE).read_bytes()
    found = await asyncio.to_thread(look, tmp_path)
    assert found == JournalCheck({"envelopes": EVENTS, "open deliveries": EVENTS - 1, "dead letters": 1}, ())
    assert (tmp_path / DATABASE).read_bytes() == before


async def test_a_rescue_of_a_good_journal_keeps_everything(tmp_path: Path) -> None:
    deliveries = await filled(tmp_path, checkpoint=False)
    engine, config = tools(tmp_path)
    done = await asyncio.to_thread(engine.rescue, config)
    assert (done.lost, done.unreadable) == ({}, 0)
    kept = {name: count for name, count in done.kept.items() if count}
    assert kept == {
        "plugins": 2,
        "envelopes": EVENTS,
        "open deliveries": EVENTS - 1,
        "dead letters": 1,
        "dedupe keys": EVENTS,
        "sessions": 1,
        "gaps": 1,
        "unconfirmed connections": 1,
    }
    assert done.damaged.exists()
    assert (await asyncio.to_thread(look, tmp_path)).problems == ()
    assert await found_open(tmp_path, deliveries) == deliveries[2:]
    assert (tmp_path / DATABASE).stat().st_mode & 0o077 == 0


def _break_a_page(folder: Path) -> None:
    """One in the middle, of envelopes' texts."""
    with (folder / DATABASE).open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(size // 2 // 8_192 * 8_192)
        file.write(b"\xde" * 8_192)


def _break_the_first_page(folder: Path) -> None:
    with (folder / DATABASE).open("r+b") as file:
        file.write(b"\0" * 8_192)


def _cut_the_end(folder: Path) -> None:
    os.truncate(folder / DATABASE, (folder / DATABASE).stat().st_size * 9 // 10)


def _break_roots(folder: Path) -> None:
    """The rows that hang on them are whole, and plugins' names stand in an index besides."""
    with contextlib.closing(sqlite3.connect(folder / DATABASE)) as connection:
        query = "SELECT rootpage FROM sqlite_master WHERE name IN ('envelope', 'plugin')"
        roots = connection.execute(query).fetchall()
    with (folder / DATABASE).open("r+b") as file:
        for (page,) in roots:
            file.seek((page - 1) * 8_192)
            file.write(b"\xde" * 8_192)


def _break_roots_and_the_first_page(folder: Path) -> None:
    _break_roots(folder)
    _break_the_first_page(folder)


def _write_nonsense(folder: Path) -> None:
    with contextlib.closing(sqlite3.connect(folder / DATABASE, isolation_level=None)) as connection:
        connection.execute("UPDATE open_delivery SET attempt = 'x' WHERE id % 50 = 0")
        connection.execute("UPDATE envelope SET received_at = 'now' WHERE id % 50 = 1")
        connection.execute("UPDATE plugin SET deliveries = 'many'")
        connection.execute("UPDATE gap SET reason = x'ff'")
        connection.execute("DELETE FROM period")


@pytest.mark.parametrize(
    ("harm", "share"),
    [
        (_break_a_page, 0.9),
        (_break_the_first_page, 1.0),
        (_break_roots, 0.9),
        (_break_roots_and_the_first_page, 0.9),
        (_cut_the_end, 0.5),
        (_write_nonsense, 0.9),
    ],
)
async def test_what_can_be_read_is_kept(tmp_path: Path, harm: Callable[[Path], None], share: float) -> None:
    deliveries = await filled(tmp_path)
    harm(tmp_path)
    if harm not in (_break_the_first_page, _break_roots_and_the_first_page):
        assert (await asyncio.to_thread(look, tmp_path)).problems
    engine, config = tools(tmp_path)
    done = await asyncio.to_thread(engine.rescue, config)
    assert done.kept["open deliveries"] >= share * (EVENTS - 2)
    assert (await asyncio.to_thread(look, tmp_path)).problems == ()
    found = await found_open(tmp_path, deliveries)
    assert len(found) >= share * (EVENTS - 2)
    assert not (tmp_path / "journal.rescue").exists()


@pytest.mark.parametrize(
    "harm", [lambda database: database.unlink(), lambda database: os.truncate(database, 0)]
)
async def test_what_the_log_alone_has_is_kept(
    tmp_path: Path, harm: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing was in the database yet when it went."""
    monkeypatch.setattr(maintenance.Maintenance, "_checkpoint_if_due", lambda *_, **__: None)
    deliveries = await filled(tmp_path, checkpoint=False)
    harm(tmp_path / DATABASE)
    engine, config = tools(tmp_path)
    done = await asyncio.to_thread(engine.rescue, config)
    assert done.kept["envelopes"] == EVENTS
    assert await found_open(tmp_path, deliveries) == deliveries[2:]


async def test_what_is_no_journal_cannot_be_rescued_and_stays(tmp_path: Path) -> None:
    (tmp_path / DATABASE).write_bytes(b"no journal at all" * 1_000)
    engine, config = tools(tmp_path)
    with pytest.raises(JournalDamaged):
        await asyncio.to_thread(engine.rescue, config)
    assert (tmp_path / DATABASE).read_bytes() == b"no journal at all" * 1_000


async def _backup(folder: Path, target: Path) -> None:
    journal, _ = await open_journal(JournalConfig(folder))
    assert isinstance(journal, SqliteJournal)
    copy = b"".join([chunk async for chunk in journal.backup()])
    await journal.close()
    await asyncio.to_thread(target.write_bytes, copy)


async def test_a_backup_is_put_back_and_the_journal_before_it_is_kept(tmp_path: Path) -> None:
    folder, backup = tmp_path / "j", tmp_path / "backup"
    deliveries = await filled(folder)
    await _backup(folder, backup)
    journal, _ = await open_journal(JournalConfig(folder))
    lost = await opened(journal, event("later", deliveries=[to()]))
    named = journal.id
    await journal.close()
    engine, config = tools(folder)
    done = await asyncio.to_thread(engine.restore, config, backup)
    assert done.holds["open deliveries"] == EVENTS - 1
    assert done.before is not None
    with contextlib.closing(sqlite3.connect(done.before)) as before:
        assert before.execute("SELECT count(*) FROM envelope").fetchone() == (EVENTS + 1,)
    journal, _ = await open_journal(JournalConfig(folder))
    assert journal.id != named
    assert await journal.open_by_id(lost) == []
    (new,) = await opened(journal, event("new", deliveries=[to()]))
    assert new > lost[0]
    await journal.close()
    assert await found_open(folder, deliveries) == deliveries[2:]


@pytest.mark.parametrize("kind", ["text", "empty", "another program's", "damaged", "not there"])
async def test_what_is_no_backup_is_refused_and_changes_nothing(tmp_path: Path, kind: str) -> None:
    folder, source = tmp_path / "j", tmp_path / "source"
    await filled(folder)
    if kind == "text":
        source.write_text("a text\n" * 5_000)
    elif kind == "empty":
        source.touch()
    elif kind == "another program's":
        with contextlib.closing(sqlite3.connect(source)) as connection:
            connection.execute("CREATE TABLE theirs (id INTEGER)")
    elif kind == "damaged":
        await _backup(folder, source)
        with source.open("r+b") as file:
            file.seek(8_192)
            file.write(b"\xde" * 80_000)
    engine, config = tools(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(JournalError):
        await asyncio.to_thread(engine.restore, config, source)
    assert {path.name for path in folder.iterdir()} == before.keys()
    assert (folder / DATABASE).read_bytes() == before[DATABASE]


async def test_nothing_is_done_beside_a_broker(tmp_path: Path) -> None:
    await filled(tmp_path / "j")
    journal, _ = await open_journal(JournalConfig(tmp_path / "j"))
    engine, config = tools(tmp_path / "j")
    for what in (
        lambda: engine.check(config),
        lambda: engine.rescue(config),
        lambda: engine.restore(config, Path(__file__)),
    ):
        with pytest.raises(JournalBusy, match="stop slackd"):
            await asyncio.to_thread(what)
    await journal.close()


async def test_the_need_of_space_is_said_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, backup = tmp_path / "j", tmp_path / "backup"
    await filled(folder)
    await _backup(folder, backup)
    monkeypatch.setattr(offline, "HEADROOM", 1 << 60)
    engine, config = tools(folder)
    for what in (lambda: engine.rescue(config), lambda: engine.restore(config, backup)):
        with pytest.raises(JournalUnwritable, match="MiB of free space"):
            await asyncio.to_thread(what)
    with pytest.raises(JournalUnwritable, match="a backup's copy needs"):
        await _backup(folder, tmp_path / "another")


async def test_a_key_whose_envelope_is_lost_means_no_other(tmp_path: Path) -> None:
    await filled(tmp_path)
    with contextlib.closing(sqlite3.connect(tmp_path / DATABASE, isolation_level=None)) as connection:
        connection.execute("DELETE FROM envelope WHERE id > 100")
    engine, config = tools(tmp_path)
    await asyncio.to_thread(engine.rescue, config)
    journal, _ = await open_journal(JournalConfig(tmp_path))
    await write(journal, *(event(f"new {number}", at=NOW, response='"new"') for number in range(100)))
    (duplicate,) = await write(journal, record(150, "r"))
    assert (type(duplicate), duplicate.response) == (Duplicate, None)
    await journal.close()


@pytest.fixture
def anybodys_folder() -> Iterator[Path]:
    """A folder that every user can enter."""
    folder = Path(tempfile.mkdtemp(dir="/tmp", prefix="slackd-j-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
async def test_root_leaves_no_file_that_slackd_could_not_open(anybodys_folder: Path) -> None:
    folder, backup = anybodys_folder / "j", anybodys_folder / "backup"
    await filled(folder)
    await _backup(folder, backup)
    for path in [folder, *folder.iterdir()]:
        os.chown(path, 4242, 4242)
    engine, config = tools(folder)
    engine.check(config)
    engine.rescue(config)
    engine.restore(config, backup)
    assert {path.stat().st_uid for path in folder.iterdir()} == {4242}
    assert os.geteuid() == 0
