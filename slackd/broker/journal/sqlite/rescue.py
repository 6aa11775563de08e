"""Makes a new journal of what can be read of a damaged one.

It works on a copy, so that the old files stay as they are. What is kept is what makes sense: rows of the right
types, deliveries whose envelope is there. Rows that no tree leads to any more are read from their pages
(`page_rows`). What can be counted is counted anew. The dedupe keys that could be read go along; the
clean-shutdown record doesn't (the broker starts as after a crash), nor does the journal's id (it is another
journal, and programs forget what they answered for the old one).
"""

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

import attrs

from slackd.broker.journal.offline import JournalRescue
from slackd.broker.journal.sqlite import schema
from slackd.broker.journal.sqlite.check import read_only, refuse_what_is_no_journal
from slackd.broker.journal.sqlite.offline import need_room, put_in_place, set_aside, size_of
from slackd.broker.journal.sqlite.page_rows import rows_of_pages
from slackd.broker.journal.sqlite.salvage import Row, Salvage
from slackd.broker.journal.sqlite.tables import TABLES, TableSpec
from slackd.errors import JournalDamaged, JournalError
from slackd.slotted import define

_WORK: Final = "journal.rescue"
_STAYS: Final = "it stays as it is; slackctl restore puts a backup in its place"
_ROWS_AT_A_TIME: Final = 500

_ORPHANS: Final = "envelope NOT IN (SELECT id FROM envelope) OR plugin NOT IN (SELECT number FROM plugin)"
_REPAIRS: Final = (
    "DELETE FROM dead_letter WHERE delivery IN (SELECT id FROM open_delivery)",
    f"DELETE FROM open_delivery WHERE {_ORPHANS}",
    f"DELETE FROM dead_letter WHERE {_ORPHANS}",
    # Ids of envelopes that are lost are given out again: what names one of those must not mean the new one.
    "UPDATE dedupe SET envelope = 0 WHERE envelope NOT IN (SELECT id FROM envelope)",
    "UPDATE late_answer SET envelope = 0 WHERE envelope NOT IN (SELECT id FROM envelope)",
    "UPDATE envelope SET bytes = length(CAST(text AS BLOB))",
    "UPDATE open_delivery SET bytes = (SELECT bytes FROM envelope e WHERE e.id = open_delivery.envelope), "
    "again = (SELECT open_delivery.id NOT BETWEEN first_delivery AND last_delivery FROM envelope e "
    "WHERE e.id = open_delivery.envelope)",
    "UPDATE dead_letter SET again = (SELECT dead_letter.delivery NOT BETWEEN first_delivery AND last_delivery "
    "FROM envelope e WHERE e.id = dead_letter.envelope)",
    "INSERT INTO again SELECT envelope, id FROM open_delivery WHERE again",
    "INSERT INTO again SELECT envelope, delivery FROM dead_letter WHERE again",
    "UPDATE plugin SET deliveries = (SELECT count(*) FROM open_delivery d WHERE d.plugin = number), "
    "bytes = (SELECT ifnull(sum(d.bytes), 0) FROM open_delivery d WHERE d.plugin = number), "
    "dead = (SELECT count(*) FROM dead_letter d WHERE d.plugin = number)",
    "INSERT INTO tally VALUES ('envelope_bytes', (SELECT ifnull(sum(bytes), 0) FROM envelope)), "
    "('last_delivery', max((SELECT ifnull(max(last_delivery), 0) FROM envelope), "
    "(SELECT ifnull(max(id), 0) FROM open_delivery), (SELECT ifnull(max(delivery), 0) FROM dead_letter)))",
)


@define
class _Counts:
    read: dict[str, int] = attrs.field(factory=dict)
    kept: dict[str, int] = attrs.field(factory=dict)


def rescue(path: Path) -> JournalRescue:
    """Put a new journal in the place of the damaged one at `path`, which keeps its content under another name.

    Returns:
        What was kept, and what was lost.

    Raises:
        JournalUnwritable: There is no room: it takes two copies beside the old files.
        JournalDamaged: Nothing in it looks like a journal.
        JournalNewer: A later release wrote it, and what this one doesn't know of it would be lost.
        JournalError: There is no file.
    """
    if not path.exists() and not Path(f"{path}-wal").exists():
        raise JournalError(f"{path}: there is no journal", hint="slackctl restore puts a backup there")
    need_room(path.parent, 2 * size_of(path), "a rescue")
    work = path.parent / _WORK
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(mode=0o700)
    try:
        copy, made = work / "old.db", work / "new.db"
        _copy(path, copy)
        counts, unreadable = _Counts(), 0
        with (
            contextlib.closing(_open_damaged(copy, work, path)) as source,
            contextlib.closing(_new(made)) as target,
        ):
            _refuse_newer(source, path)
            salvage = Salvage(source)
            target.execute("BEGIN")
            hidden = [spec for spec in TABLES if _fill(target, spec, salvage, counts)]
            _fill_from_pages(target, [spec for spec in hidden if spec.by_values], copy, counts)
            for statement in _REPAIRS:
                target.execute(statement)
            _fill_periods(target)
            for spec in TABLES:
                counts.kept[spec.called] = _count(target, spec)
            target.execute("COMMIT")
            unreadable = salvage.unreadable
        damaged = set_aside(path, "damaged")
        assert damaged is not None
        put_in_place(made, path)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    lost = {name: read - counts.kept[name] for name, read in counts.read.items() if read > counts.kept[name]}
    return JournalRescue(counts.kept, lost, unreadable, damaged)


def _copy(path: Path, copy: Path) -> None:
    copy.touch(mode=0o600)
    for suffix in ("", "-wal"):
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(f"{path}{suffix}", f"{copy}{suffix}")


def _refuse_newer(source: sqlite3.Connection, path: Path) -> None:
    # Where the damage hides who wrote it, nobody can say.
    with contextlib.suppress(sqlite3.Error, ValueError, TypeError):
        schema.refuse_newer(source, str(path))


def _open_damaged(copy: Path, work: Path, path: Path) -> sqlite3.Connection:
    """The copy, opened; with the first page of a fresh journal in the place of its own if that is broken, or
    the file is empty. The first page names the tables, and a release makes them in the same places of every
    file. What the log has of them goes before; a log that is no good is left out at last.

    Raises:
        JournalDamaged: None of that helps.
    """
    for repair in (_leave_it, _replace_first_page, _remove_log):
        repair(copy, work)
        connection = _if_it_opens(copy)
        if connection is not None:
            return connection
    raise JournalDamaged(f"{path}: nothing in the file looks like a journal of slackd", hint=_STAYS)


def _if_it_opens(copy: Path) -> sqlite3.Connection | None:
    if copy.stat().st_size == 0:
        return None  # SQLite would throw its log away
    with contextlib.suppress(sqlite3.Error), contextlib.closing(sqlite3.connect(copy)) as writable:
        writable.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    connection = read_only(copy)
    try:
        refuse_what_is_no_journal(connection, copy)
        connection.execute("SELECT 1 FROM envelope LIMIT 0").fetchone()
    except (sqlite3.Error, JournalDamaged):
        connection.close()
        return None
    return connection


def _leave_it(copy: Path, work: Path) -> None:
    """It may open as it is."""


def _replace_first_page(copy: Path, work: Path) -> None:
    fresh = work / "fresh.db"
    _new(fresh).close()
    page = bytearray(fresh.read_bytes()[: schema.PAGE_SIZE])
    with copy.open("r+b") as file:
        pages = max(1, file.seek(0, os.SEEK_END) // schema.PAGE_SIZE)
        # sqlite.org/fileformat2.html, section 1.3: there is a log, the size in pages, no list of free pages.
        page[18:20] = b"\2\2"
        page[28:32] = pages.to_bytes(4, "big")
        page[32:40] = bytes(8)
        file.seek(0)
        file.write(page)


def _remove_log(copy: Path, work: Path) -> None:
    Path(f"{copy}-wal").unlink(missing_ok=True)


def _new(path: Path) -> sqlite3.Connection:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(f"PRAGMA page_size = {schema.PAGE_SIZE}")
    connection.execute("PRAGMA journal_mode = OFF")
    connection.execute("PRAGMA synchronous = OFF")
    schema.prepare(connection, str(path))
    return connection


def _fill(target: sqlite3.Connection, spec: TableSpec, salvage: Salvage, counts: _Counts) -> bool:
    """Fill a table with the rows that its tree leads to; returns whether some could not be read."""
    unreadable = salvage.unreadable
    counts.read[spec.called] = _insert(target, spec, salvage.rows(spec))
    return salvage.unreadable > unreadable


def _fill_from_pages(
    target: sqlite3.Connection, hidden: Sequence[TableSpec], copy: Path, counts: _Counts
) -> None:
    """Fill tables with the rows that their trees didn't lead to."""
    if not hidden:
        return
    widths = [len(target.execute(f"PRAGMA table_info({spec.name})").fetchall()) for spec in hidden]
    for rows in _batches(rows_of_pages(copy)):
        for spec, width in zip(hidden, widths, strict=True):
            fitting = [row[: len(spec.columns)] for row in rows if len(row) == width]
            found = [row for row in fitting if spec.is_good(row)]
            before = target.total_changes
            _insert(target, spec, found)
            counts.read[spec.called] += target.total_changes - before


def _insert(target: sqlite3.Connection, spec: TableSpec, rows: Iterable[Row]) -> int:
    """Insert those rows that make sense and aren't there; returns how many rows there were."""
    marks = ", ".join("?" * len(spec.columns))
    statement = f"INSERT OR IGNORE INTO {spec.name} ({spec.listed}) VALUES ({marks})"
    read = 0
    for some in _batches(rows):
        read += len(some)
        target.executemany(statement, [row for row in some if spec.is_good(row)])
    return read


def _batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    each = iter(rows)
    while some := list(islice(each, _ROWS_AT_A_TIME)):
        yield some


def _fill_periods(target: sqlite3.Connection) -> None:
    rows = dict[int, tuple[int, int]]()
    newest = 0
    for id_, received_at in target.execute("SELECT id, received_at FROM envelope ORDER BY id"):
        newest = int(received_at // schema.PERIOD)
        rows[newest] = (rows.get(newest, (id_, id_))[0], id_)
    periods = ((number, first, None if number == newest else last) for number, (first, last) in rows.items())
    target.executemany("INSERT INTO period VALUES (?, ?, ?)", periods)


def _count(connection: sqlite3.Connection, spec: TableSpec) -> int:
    found: Iterator[tuple[int]] = connection.execute(f"SELECT count(*) FROM {spec.name}")
    return next(found)[0]
