"""The file is removed, replaced or damaged under a running broker, and whatever a start finds in it."""

import asyncio
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from slackd.broker.journal import Journal
from slackd.broker.journal.engines import OpenOptions, open_journal
from slackd.broker.journal.sqlite import guard, maintenance, writer
from slackd.broker.journal.sqlite.apply import Applier
from slackd.broker.journal.sqlite.connection import OwnedConnection
from slackd.broker.journal.sqlite.journal import SqliteJournal
from slackd.broker.journal.writes import (
    AnswerPassed,
    CleanShutdown,
    CloseDelivery,
    DeadLetterDelivery,
    DeadReason,
    Discard,
    GapRecord,
    Ghost,
    InFlight,
    Lane,
    ListSession,
    RetryDelivery,
    Revive,
    SeenReady,
    Write,
)
from slackd.config.values import JournalConfig
from slackd.errors import JournalDamaged, JournalError
from tests.support.journal.child import record
from tests.support.journal.writing import attempt, command, event, opened, to, unreadable, write

DATABASE, LOG = "journal.db", "journal.db-wal"


def _remove(folder: Path) -> None:
    (folder / DATABASE).unlink()


def _remove_log(folder: Path) -> None:
    (folder / LOG).unlink()


def _replace(folder: Path) -> None:
    shutil.copy(folder / DATABASE, folder / "other")
    os.replace(folder / "other", folder / DATABASE)


def _move_folder(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))
    folder.mkdir()


def _cut(folder: Path) -> None:
    os.truncate(folder / DATABASE, 8_192)


def _cut_log(folder: Path) -> None:
    os.truncate(folder / LOG, 0)


def _overwrite(folder: Path) -> None:
    with (folder / DATABASE).open("r+b") as file:
        file.write(b"\0" * 4_096)


async def _checkpointed(folder: Path) -> SqliteJournal:
    """A journal with something in it that has reached the file."""
    journal, _ = await open_journal(JournalConfig(folder))
    assert isinstance(journal, SqliteJournal)
    await write(journal, *(record(number, "before") for number in range(100)))
    done = asyncio.Event()
    loop = asyncio.get_running_loop()

    def checkpoint() -> None:
        journal._writer._owned.usable().execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        journal._writer._guard.look()
        loop.call_soon_threadsafe(done.set)

    journal._writer.put(writer.WriterTask(checkpoint))
    await done.wait()
    return journal


@pytest.mark.parametrize("harm", [_remove, _remove_log, _replace, _move_folder, _cut, _cut_log, _overwrite])
async def test_nothing_is_acknowledged_that_is_gone_tomorrow(
    tmp_path: Path, harm: Callable[[Path], None], caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "j"
    journal = await _checkpointed(folder)
    harm(folder)
    for number in range(3):
        assert isinstance(await attempt(journal, record(number, "after")), JournalDamaged)
    health = journal.health()
    assert str(folder) in health.failing
    assert health.hint
    (line,) = [one for one in caplog.records if one.levelname == "CRITICAL"]
    assert str(folder) in line.getMessage()
    await journal.close()


async def test_an_idle_writer_looks_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance, "ANSWER_EVERY", 0.02)
    monkeypatch.setattr(guard, "LOOK_EVERY", 0.0)
    monkeypatch.setattr(guard, "INSPECT_EVERY", 3_600.0)
    journal = await _checkpointed(tmp_path)
    monkeypatch.setattr(maintenance.Maintenance, "_checkpoint_if_due", lambda *_, **__: None)
    _remove(tmp_path)
    async with asyncio.timeout(20):
        while not journal.health().failing:
            await asyncio.sleep(0.01)
    await journal.close()


def _break_the_schema(folder: Path) -> None:
    """The writer knows it by heart."""
    with (folder / DATABASE).open("r+b") as file:
        file.seek(100)
        file.write(b"\xde" * 4_000)


def _break_the_format(folder: Path) -> None:
    with (folder / DATABASE).open("r+b") as file:
        file.seek(44)
        file.write(b"\0\0\0\x63")


def _break_a_root(folder: Path) -> None:
    """Of the tree of `open_by_expiry`, `dead_letter` and so on, which nobody reads for a while."""
    with (folder / DATABASE).open("r+b") as file:
        file.seek(10 * 8_192)
        file.write(b"\xde" * 4 * 8_192)


@pytest.mark.parametrize("harm", [_break_the_schema, _break_the_format, _break_a_root])
async def test_a_file_that_nobody_could_open_any_more_is_not_written_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: Callable[[Path], None]
) -> None:
    monkeypatch.setattr(maintenance, "ANSWER_EVERY", 0.02)
    # A checkpoint may find it, too.
    monkeypatch.setattr(maintenance.Maintenance, "_checkpoint_if_due", lambda *_, **__: None)
    monkeypatch.setattr(guard, "INSPECT_EVERY", 0.0)
    journal, _ = await open_journal(JournalConfig(tmp_path), OpenOptions(retention_by_itself=False))
    await write(journal, *(record(number, "before") for number in range(100)))
    _spoil(tmp_path, "PRAGMA wal_checkpoint(PASSIVE)")
    assert not journal.health().failing
    harm(tmp_path)
    async with asyncio.timeout(20):
        while not journal.health().failing:
            await asyncio.sleep(0.01)
    assert "cut" not in journal.health().failing
    assert isinstance(await attempt(journal, record(0, "after")), JournalDamaged)
    await journal.close()


@pytest.mark.parametrize(
    "harm", [lambda database: database.unlink(), lambda database: os.truncate(database, 0)]
)
async def test_the_log_of_a_journal_that_is_gone_is_not_thrown_away(
    tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    journal, _ = await open_journal(JournalConfig(tmp_path))
    await write(journal, *(record(number, "before") for number in range(100)))
    await journal.close()
    held = (tmp_path / LOG).stat().st_size
    harm(tmp_path / DATABASE)
    with pytest.raises(JournalDamaged, match="rescue"):
        await open_journal(JournalConfig(tmp_path))
    assert (tmp_path / LOG).stat().st_size == held


async def test_what_was_journaled_can_still_be_copied_from_where_the_hint_says(tmp_path: Path) -> None:
    journal = await _checkpointed(tmp_path / "j")
    await write(journal, record(0, "in the log alone"))
    _remove(tmp_path / "j")
    await attempt(journal, record(1, "after"))
    kept = next(word.rstrip(":") for word in journal.health().hint.split() if word.startswith("/proc/"))
    (tmp_path / "copy").mkdir()
    shutil.copy(kept, tmp_path / "copy" / DATABASE)
    await journal.close()
    copy, _ = await open_journal(JournalConfig(tmp_path / "copy"))
    assert len(await copy.recorded(0, 1_000)) == 101
    await copy.close()


async def test_a_folder_whose_journal_is_gone_is_said_at_the_next_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for expected in (0, 1, 1):
        caplog.clear()
        journal, _ = await open_journal(JournalConfig(tmp_path))
        await journal.close()
        assert sum("a new one is begun" in one.getMessage() for one in caplog.records) == expected
        for name in (DATABASE, LOG, f"{DATABASE}-shm"):
            (tmp_path / name).unlink(missing_ok=True)
        if expected:
            (tmp_path / DATABASE).touch()


def _spoil(folder: Path, statement: str) -> None:
    connection = sqlite3.connect(folder / DATABASE, isolation_level=None)
    connection.execute("PRAGMA ignore_check_constraints = 1")
    connection.execute(statement)
    connection.close()


@pytest.mark.parametrize(
    ("statement", "read"),
    [
        ("UPDATE open_delivery SET attempt = 'x'", lambda journal: journal.open_by_id(range(1 << 53))),
        ("UPDATE open_delivery SET lane = 7", lambda journal: journal.open_of_key("bot", 7, "C1", 0, 1)),
        ("UPDATE envelope SET answer = 9", lambda journal: journal.recorded(0, 5)),
        ("UPDATE envelope SET text = CAST(x'ff' AS TEXT)", lambda journal: journal.recorded(0, 5)),
        ("UPDATE plugin SET deliveries = 'many'", lambda journal: journal.backlogs()),
    ],
)
async def test_damage_that_a_reader_finds_stops_the_writer(
    tmp_path: Path, statement: str, read: Callable[[Any], Any]
) -> None:
    journal, _ = await open_journal(JournalConfig(tmp_path))
    (delivery,) = await opened(journal, event("a", deliveries=[to()]))
    _spoil(tmp_path, statement)
    reads = journal.open_by_id([delivery]) if "attempt" in statement else read(journal)
    with pytest.raises(JournalDamaged, match="slackctl journal rescue"):
        await reads
    assert isinstance(await attempt(journal, event("b")), JournalDamaged)
    assert "damaged" in journal.health().failing
    await journal.close()


async def test_what_no_journal_could_hold_is_no_damage(tmp_path: Path) -> None:
    journal, _ = await open_journal(JournalConfig(tmp_path))
    with pytest.raises(JournalError) as refusal:
        await journal.dead_letter(1 << 70)
    assert not isinstance(refusal.value, JournalDamaged)
    assert not isinstance(await attempt(journal, event("b")), JournalError)
    await journal.close()


async def test_a_fault_that_nobody_foresaw_ends_the_writer_with_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("unforeseen")

    journal, _ = await open_journal(JournalConfig(tmp_path))
    monkeypatch.setattr(Applier, "apply", fail)
    journal.submit([event("a")], lambda _: None)
    async with asyncio.timeout(60):
        lost = await journal.lost()
    assert "unforeseen" in str(lost)
    assert isinstance(await attempt(journal, event("b")), JournalError)
    await journal.close()


async def test_a_fault_that_nobody_foresaw_ends_a_start_with_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("unforeseen")

    monkeypatch.setattr(OwnedConnection, "open_for_the_first_time", fail)
    async with asyncio.timeout(20):
        with pytest.raises(JournalError, match="unforeseen"):
            await open_journal(JournalConfig(tmp_path))


# Whatever a start finds

WRITES: tuple[Write, ...] = (
    event("a", deliveries=[to(), to("other", "")]),
    command("c", to(lane=Lane.PROMPT, expires_at=1e9, respond_by=1e9)),
    unreadable("u"),
    ListSession("bot", "s"),
    GapRecord("main", 1.0, None, "drop"),
    Ghost("main", "c", 4e9),
    SeenReady("main", 5.0),
)


async def _template(folder: Path) -> list[int]:
    options = OpenOptions(retention_by_itself=False, delivery_base=lambda _, last: last)
    journal, _ = await open_journal(JournalConfig(folder), options)
    deliveries = await opened(journal, *(record(number, "t") for number in range(40)))
    await write(journal, *WRITES)
    await write(journal, DeadLetterDelivery(deliveries[0], 1, DeadReason.ATTEMPTS, "no"))
    await write(journal, CloseDelivery(deliveries[1], 1, '"r"', late=True))
    await write(journal, CleanShutdown((InFlight(deliveries[2], "bot", "s"),)))
    await journal.close()
    connection = sqlite3.connect(folder / DATABASE)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return deliveries


COLUMNS = {
    "meta": ("name", "value"),
    "tally": ("name", "value"),
    "plugin": ("number", "name", "deliveries", "bytes", "dead"),
    "envelope": ("id", "app", "type", "received_at", "answer", "response", "bytes", "first_delivery", "text"),
    "dedupe": ("key", "envelope", "at"),
    "open_delivery": ("id", "envelope", "plugin", "lane", "key", "attempt", "not_before", "expires_at"),
    "dead_letter": ("delivery", "envelope", "plugin", "lane", "reason", "attempts", "died_at"),
    "late_answer": ("delivery", "envelope", "plugin", "response_url"),
    "session": ("plugin", "session"),
    "handed": ("delivery", "plugin", "session"),
    "gap": ("app", "start", '"end"', "reason"),
    "ghost": ("app", "connection", "until"),
    "seen_ready": ("app", "at"),
    "period": ("number", "first_envelope", "last_envelope"),
}
odd = st.sampled_from(
    ["'many'", "x'ff00'", "-1", "9223372036854775807", "1e300", "CAST(x'ff' AS TEXT)", "''", "9e999"]
)
rows = st.sampled_from([f"UPDATE OR IGNORE {t} SET {c} = {{}}" for t, cs in COLUMNS.items() for c in cs])
spoiled = st.builds(lambda statement, value: statement.format(value), rows, odd)
dropped = st.sampled_from([f"DROP TABLE {table}" for table in COLUMNS] + ["PRAGMA user_version = -3"])
statements = st.lists(spoiled | spoiled | spoiled | dropped, min_size=1, max_size=3)
flips = st.lists(st.tuples(st.integers(0, 1 << 20), st.binary(min_size=1, max_size=64)), min_size=1, max_size=4)
harms = statements | flips | st.integers(0, 1 << 18)


def _harm(folder: Path, harm: Any) -> None:
    database = folder / DATABASE
    if isinstance(harm, int):
        os.truncate(database, min(harm, database.stat().st_size))
        return
    for each in harm:
        if isinstance(each, str):
            try:
                _spoil(folder, each)
            except sqlite3.Error:
                continue
        else:
            place, data = each
            with database.open("r+b") as file:
                file.seek(place % database.stat().st_size)
                file.write(data)


async def _use(journal: Journal, deliveries: list[int]) -> None:
    """All that a broker does with it: each ends with outcomes, or a `JournalError`."""
    tries: list[list[Write]] = [
        [record(1, "t"), record(1, "new")],
        [command("c")],
        [CloseDelivery(deliveries[2], 1), CloseDelivery(deliveries[3], 2)],
        [CloseDelivery(deliveries[4], 1, '"r"', late=True)],
        [RetryDelivery(deliveries[7], 1, 0.0, "")],
        [DeadLetterDelivery(deliveries[8], None, DeadReason.ATTEMPTS, "")],
        [AnswerPassed(42)],
        [Revive(deliveries[0])],
        [Discard(deliveries[0])],
        [CleanShutdown(())],
    ]
    for writes in tries:
        await attempt(journal, *writes)
    reads: list[Callable[[], Any]] = [
        lambda: journal.keys_after("bot", Lane.EVENTS, None, 9),
        lambda: journal.open_of_key("bot", Lane.EVENTS, "C1", 0, 9),
        lambda: journal.open_count("bot", Lane.EVENTS, 1 << 40, 9),
        lambda: journal.open_by_id(deliveries),
        lambda: journal.recorded(0, 99),
        lambda: journal.recorded(0, 99, 1.0, 2e9),
        lambda: journal.dead_letters(0, 99),
        lambda: journal.dead_letter(deliveries[0]),
        lambda: journal.gaps(0, 9),
        journal.backlogs,
        lambda: journal.run_retention(2e9),
        lambda: journal.run_retention(9e9),
    ]
    for read in reads:
        try:
            await read()
        except JournalError:
            continue


async def _start_and_use(folder: Path, deliveries: list[int]) -> None:
    options = OpenOptions(retention_by_itself=False, owner_wait=0.0)
    async with asyncio.timeout(60):
        words = ""
        try:
            journal, _ = await open_journal(JournalConfig(folder), options)
        except JournalError as refusal:
            words = str(refusal)
        if words:
            assert "writer failed" not in words, "they are about the file"
            return
        lost = asyncio.ensure_future(journal.lost())
        await _use(journal, deliveries)
        assert not lost.done(), lost.result()
        lost.cancel()
        await journal.close()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[int]]:
    folder = tmp_path_factory.mktemp("template")
    return folder, asyncio.run(_template(folder))


@pytest.mark.timeout(300)
@given(harm=harms)
@example(harm=["UPDATE OR IGNORE tally SET value = 'many'"])
@example(harm=["UPDATE OR IGNORE handed SET delivery = 'many'"])
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
def test_whatever_the_file_holds_a_start_ends_with_words_or_works(
    template: tuple[Path, list[int]], tmp_path_factory: pytest.TempPathFactory, harm: Any
) -> None:
    source, deliveries = template
    folder = tmp_path_factory.mktemp("harmed")
    shutil.copy(source / DATABASE, folder / DATABASE)
    _harm(folder, harm)
    asyncio.run(_start_and_use(folder, deliveries))
    shutil.rmtree(folder)
