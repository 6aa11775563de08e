"""What the writer does when nobody asks it to: retention, checkpoints, signs of life."""

import asyncio
import errno
import os
import sqlite3
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import attrs
import pytest

from slackd.broker.journal.engines import OpenOptions, open_journal
from slackd.broker.journal.limits import DeadLettered, PluginLimits
from slackd.broker.journal.sqlite import maintenance, open_file, schema, writer
from slackd.broker.journal.sqlite.journal import SqliteJournal
from slackd.broker.journal.sqlite.reader import SqliteReader
from slackd.broker.journal.writes import (
    AnswerState,
    CloseDelivery,
    DeadLetterDelivery,
    DeadReason,
    Done,
    Duplicate,
    Lane,
    OpenDelivery,
    Recorded,
)
from slackd.config.values import JournalConfig
from tests.support.journal.child import record
from tests.support.journal.writing import DAY, Time, attempt, opened


async def test_retention_runs_beside_the_commits_and_says_what_it_dead_lettered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "RETENTION_EVERY", 0.0)
    monkeypatch.setattr(maintenance, "ANSWER_EVERY", 0.01)
    dead_lettered: list[int] = []
    enough = asyncio.Event()

    def note(some: Sequence[DeadLettered]) -> None:
        dead_lettered.extend(one.delivery for one in some)
        if len(dead_lettered) >= 1_000:
            enough.set()

    journal, _ = await open_journal(
        JournalConfig(tmp_path), OpenOptions(plugins={"bot": PluginLimits(max_bytes=0)}, on_dead_lettered=note)
    )
    recorded: list[int] = []
    for first in range(0, 1_000, 100):
        recorded += await opened(journal, *(record(number, "r") for number in range(first, first + 100)))
    async with asyncio.timeout(60):
        await enough.wait()
    assert dead_lettered == recorded
    assert (await journal.backlogs())["bot"].dead == 1_000
    await journal.close()


async def test_an_idle_writer_makes_a_checkpoint_and_shows_that_it_is_alive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "CHECKPOINT_IDLE", 0.02)
    monkeypatch.setattr(maintenance, "ANSWER_EVERY", 0.02)
    journal, _ = await open_journal(JournalConfig(tmp_path))
    await attempt(journal, *(record(number, "r") for number in range(300)))
    database = tmp_path / "journal.db"
    answered = journal.health().answered_at
    async with asyncio.timeout(60):
        while database.stat().st_size < 300 * 1_500 or journal.health().answered_at <= answered:
            await asyncio.sleep(0.01)
    assert time.monotonic() - journal.health().answered_at < 60
    await journal.close()


async def test_the_log_does_not_grow_under_load_with_readers(tmp_path: Path) -> None:
    journal, _ = await open_journal(JournalConfig(tmp_path))
    writing = True

    async def read() -> None:
        while writing:
            await journal.recorded(0, 200)

    async with asyncio.TaskGroup() as readers:
        for _ in range(3):
            readers.create_task(read())
        for first in range(0, 30_000, 500):
            await attempt(journal, *(record(number, "r") for number in range(first, first + 500)))
        writing = False
    written, log = (tmp_path / "journal.db").stat().st_size, (tmp_path / "journal.db-wal").stat().st_size
    assert log < written / 2, (written, log)
    await journal.close()


async def test_a_checkpoint_under_load_is_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance, "CHECKPOINT_IDLE", 600.0)
    journal, _ = await open_journal(JournalConfig(tmp_path))
    assert isinstance(journal, SqliteJournal)
    in_log: list[int] = []

    def look() -> None:
        connection = journal._writer._owned.usable()
        _, pages, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        in_log.append(pages)

    for number in range(95):
        await attempt(journal, record(number, "r"))
    journal._writer.put(writer.WriterTask(look))
    await attempt(journal, record(95, "r"))
    assert in_log[0] < 300, in_log
    await journal.close()


async def test_a_connection_that_was_given_up_is_replaced(tmp_path: Path) -> None:
    journal, _ = await open_journal(JournalConfig(tmp_path))
    assert isinstance(journal, SqliteJournal)
    (delivery,) = await opened(journal, record(0, "r"))
    journal._writer.put(writer.WriterTask(journal._writer._owned.drop))
    outcomes = await attempt(journal, record(0, "r"), record(1, "r"))
    second = OpenDelivery(delivery + 1, 2, "bot", Lane.EVENTS, "C1")
    assert outcomes == [Duplicate(1, AnswerState.NONE, None), Recorded(2, (second,))]
    await journal.close()


def test_every_commit_is_synchronised_and_no_reader_ever_makes_a_checkpoint(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "journal.db")
    schema.use_write_ahead_log(connection, "journal.db")
    pragmas = {
        name: connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "wal_autocheckpoint", "page_size")
    }
    connection.close()
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "wal_autocheckpoint": 0, "page_size": 8_192}
    reader = SqliteReader(tmp_path / "journal.db", lambda damage: None).open_connection()
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("PRAGMA user_version = 9")
    reader.close()


async def test_what_is_kept_to_be_fast_is_let_go_of_and_writing_goes_on(tmp_path: Path) -> None:
    journal, _ = await open_journal(JournalConfig(tmp_path), OpenOptions())
    assert isinstance(journal, SqliteJournal)
    (delivery,) = await opened(journal, record(1, "r"))
    before = journal._writer._owned._connection
    journal.release_memory()
    assert await attempt(journal, CloseDelivery(delivery, 1)) == [Done(1)]
    assert journal._writer._owned._connection is not before
    (later,) = await opened(journal, record(2, "r"))
    assert later > delivery
    await journal.close()
    journal.release_memory()  # too late: nothing happens


async def test_a_commit_of_closes_alone_does_not_wait_for_the_disk_and_every_other_does(tmp_path: Path) -> None:
    journal, _ = await open_journal(JournalConfig(tmp_path))
    assert isinstance(journal, SqliteJournal)

    def level() -> int:
        connection = journal._writer._owned.usable()
        return int(connection.execute("PRAGMA synchronous").fetchone()[0])

    (delivery,) = await opened(journal, record(0, "r"))
    full = level()
    await attempt(journal, CloseDelivery(delivery, 1))
    closing = level()
    await attempt(journal, record(1, "r"))
    assert (full, closing, level()) == (2, 1, 2)
    await journal.close()


async def test_an_answer_is_reported_as_soon_as_it_survives_a_kill_and_the_disk_gets_it_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, _ = await open_journal(JournalConfig(tmp_path))
    delivery, other = await opened(journal, record(0, "r"), record(1, "r"))
    may_sync, synced = threading.Event(), threading.Event()

    def sync_log(file: open_file.OpenFile) -> None:
        assert may_sync.wait(10.0)
        synced.set()

    monkeypatch.setattr(open_file.OpenFile, "sync_log", sync_log)
    outcomes = await attempt(journal, CloseDelivery(delivery, 1, '{"text":"done"}', AnswerState.GIVEN))
    assert isinstance(outcomes, list)
    assert not synced.is_set(), "whoever gave the command has the answer"
    may_sync.set()
    assert await asyncio.to_thread(synced.wait, 10.0)
    synced.clear()
    await attempt(journal, CloseDelivery(other, 1))
    assert not synced.is_set(), "nobody has been told anything"
    await journal.close()


async def test_a_disk_that_does_not_take_an_answer_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, _ = await open_journal(JournalConfig(tmp_path))
    (delivery,) = await opened(journal, record(0, "r"))

    def refuse(descriptor: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fdatasync", refuse)
    await attempt(journal, CloseDelivery(delivery, 1, '{"text":"done"}', AnswerState.GIVEN))
    async with asyncio.timeout(10):
        while "Input/output error" not in journal.health().failing:
            await asyncio.sleep(0.01)
    await journal.close()


async def test_a_clock_that_jumps_twice_costs_neither_the_backlog_nor_the_dead_letters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(maintenance, "RETENTION_EVERY", 0.0)
    monkeypatch.setattr(maintenance, "ANSWER_EVERY", 0.01)
    clock, uptime = Time(time.time()), Time(5.0)
    options = OpenOptions(clock=clock, uptime=uptime)
    journal, _ = await open_journal(JournalConfig(tmp_path), options)
    waiting, dying = await opened(journal, record(0, "r"), record(1, "r"))
    await attempt(journal, DeadLetterDelivery(dying, 1, DeadReason.ATTEMPTS, ""))
    for jump in (1, 2):
        clock.now += 40 * DAY
        async with asyncio.timeout(60):
            while sum("nobody saw pass" in one.getMessage() for one in caplog.records) < jump:
                await asyncio.sleep(0.01)
        await attempt(journal, record(jump + 1, "r"))
        await asyncio.sleep(0.1)
    assert [one.id for one in await journal.open_by_id([waiting])] == [waiting]
    assert [one.delivery for one in await journal.dead_letters(0, 9)] == [dying]
    again = attrs.evolve(record(0, "r"), received_at=clock.now)
    assert await attempt(journal, again) == [Duplicate(1, AnswerState.NONE, None)], "keys are kept"
    await journal.close()
    journal, _ = await open_journal(JournalConfig(tmp_path), options)
    assert await attempt(journal, again) == [Duplicate(1, AnswerState.NONE, None)], "after a restart, too"
    await asyncio.sleep(0.1)
    assert [one.id for one in await journal.open_by_id([waiting])] == [waiting]
    await journal.close()


async def test_a_clock_that_was_set_a_moment_ago_makes_no_event_new(tmp_path: Path) -> None:
    clock, uptime = Time(time.time()), Time(5.0)
    journal, _ = await open_journal(JournalConfig(tmp_path), OpenOptions(clock=clock, uptime=uptime))
    await attempt(journal, record(0, "r"))
    clock.now += 40 * DAY
    again = attrs.evolve(record(0, "r"), received_at=clock.now)
    assert await attempt(journal, again) == [Duplicate(1, AnswerState.NONE, None)]
    await journal.close()
