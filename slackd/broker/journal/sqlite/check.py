"""Looks through a journal that no broker has open; changes nothing."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from slackd.broker.journal.offline import JournalCheck
from slackd.broker.journal.sqlite import schema
from slackd.broker.journal.sqlite.open_file import address
from slackd.broker.journal.sqlite.tables import TABLES, TableSpec, count
from slackd.errors import JournalDamaged

MOST: Final = 20
"""Problems that SQLite's own check names at most."""

_REFERENCES: Final = (
    ("open deliveries", "open_delivery WHERE envelope NOT IN (SELECT id FROM envelope)", "envelope"),
    ("open deliveries", "open_delivery WHERE plugin NOT IN (SELECT number FROM plugin)", "plugin"),
    ("dead letters", "dead_letter WHERE envelope NOT IN (SELECT id FROM envelope)", "envelope"),
    ("dead letters", "dead_letter WHERE plugin NOT IN (SELECT number FROM plugin)", "plugin"),
)


def check(path: Path) -> JournalCheck:
    """Look through a journal's file.

    Returns:
        What it holds, and what is wrong with it.

    Raises:
        JournalDamaged: It is no database, or another program's.
        JournalNewer: A later release wrote it: what is wrong in it is for that one to say.
    """
    with contextlib.closing(read_only(path)) as connection:
        try:
            refuse_what_is_no_journal(connection, path)
            schema.refuse_newer(connection, str(path))
            holds = count(connection)
        except sqlite3.Error as error:
            return JournalCheck({}, (f"it cannot be read: {error}",))
        return JournalCheck(holds, tuple(_problems(connection)))


def read_only(path: Path) -> sqlite3.Connection:
    """A connection that changes nothing, whose texts may be no UTF-8."""
    connection = sqlite3.connect(address(path, "ro"), uri=True, isolation_level=None)
    connection.text_factory = _text
    return connection


def refuse_what_is_no_journal(connection: sqlite3.Connection, path: Path) -> None:
    """Look at the marks that slackd leaves in its files.

    Raises:
        JournalDamaged: They aren't there: it is empty, or another program's database.
        sqlite3.Error: It is no database at all, or cannot be read.
    """
    schema.refuse_foreign(connection, str(path))
    if connection.execute("PRAGMA application_id").fetchone()[0] != schema.APPLICATION_ID:
        raise JournalDamaged(f"{path}: this is no journal of slackd, but an empty file")


def _text(data: bytes) -> object:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def _problems(connection: sqlite3.Connection) -> Iterator[str]:
    try:
        for (words,) in connection.execute(f"PRAGMA integrity_check({MOST})").fetchall():
            if words != "ok":
                yield str(words).replace("\n", "; ")
    except sqlite3.Error as error:
        yield f"SQLite's own check ended: {error}"
    for spec in TABLES:
        yield from _bad_rows(connection, spec)
    for called, where, what in _REFERENCES:
        with contextlib.suppress(sqlite3.Error):
            found = connection.execute(f"SELECT count(*) FROM {where}").fetchone()[0]
            if found:
                yield f"{found} {called} belong to no {what}"
    with contextlib.suppress(sqlite3.Error):
        wrong = connection.execute(
            "SELECT count(*) FROM plugin WHERE "
            "deliveries <> (SELECT count(*) FROM open_delivery d WHERE d.plugin = plugin.number) OR "
            "dead <> (SELECT count(*) FROM dead_letter d WHERE d.plugin = plugin.number)"
        ).fetchone()[0]
        if wrong:
            yield f"the backlogs of {wrong} plugins are counted wrong"


def _bad_rows(connection: sqlite3.Connection, spec: TableSpec) -> Iterator[str]:
    bad = 0
    try:
        for row in connection.execute(f"SELECT {spec.listed} FROM {spec.name}"):
            bad += not spec.is_good(row)
    except sqlite3.Error as error:
        yield f"{spec.called}: they cannot all be read ({error})"
    if bad:
        yield f"{spec.called}: {bad} hold what slackd never wrote"
