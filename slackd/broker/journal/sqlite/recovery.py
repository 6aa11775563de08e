"""What a broker finds when it opens the journal (rule R6)."""

import sqlite3
from collections.abc import Callable
from typing import TypeVar

from slackd.broker.journal import LateAnswer, Opening
from slackd.broker.journal.sqlite.errors import FAILURES
from slackd.broker.journal.sqlite.rows import MAYBE_NUMBER, NUMBER, TEXT, WHOLE, Kinds, checked, values
from slackd.broker.journal.writes import GapRecord, Ghost, InFlight, SeenReady

Value = TypeVar("Value")


def read(connection: sqlite3.Connection, last_delivery: int, now: float) -> tuple[Opening, bool]:
    """Read it, and remove the clean-shutdown record in the same commit.

    A record that cannot be removed (the disk is full) is not believed: what it says could be outdated at the
    next start.

    Args:
        connection: The writer's.
        last_delivery: The highest delivery id given out before.
        now: UNIX seconds.

    Returns:
        What was found, and whether the next transaction has to remove the record.

    Raises:
        sqlite3.Error: As SQLite says.
        DamagedRowError: A row holds what no release writes.
    """
    cursor = connection.cursor()
    clean_shutdown = _read_clean_shutdown(cursor)
    record_stays = False
    if clean_shutdown is not None:
        try:
            cursor.execute("BEGIN IMMEDIATE")
            remove_clean_shutdown(cursor)
            cursor.execute("COMMIT")
        except FAILURES:
            if connection.in_transaction:
                cursor.execute("ROLLBACK")
            clean_shutdown, record_stays = None, True
    found = Opening(
        sessions=tuple(
            checked(row, (TEXT, TEXT), "session")
            for row in cursor.execute("SELECT plugin, session FROM session").fetchall()
        ),
        clean_shutdown=clean_shutdown,
        last_delivery=last_delivery,
        ghosts=_all(
            cursor,
            Ghost,
            (TEXT, TEXT, NUMBER),
            "SELECT app, connection, until FROM ghost WHERE until > ? ORDER BY until, app, connection",
            now,
        ),
        late=_all(
            cursor,
            LateAnswer,
            (WHOLE, WHOLE, TEXT, TEXT, TEXT, TEXT),
            "SELECT delivery, envelope, plugin, app, response_url, response FROM late_answer ORDER BY delivery",
        ),
        open_gaps=_all(
            cursor,
            GapRecord,
            (TEXT, NUMBER, MAYBE_NUMBER, TEXT),
            'SELECT app, start, "end", reason FROM gap WHERE "end" IS NULL ORDER BY start, app',
        ),
        seen_ready=_all(cursor, SeenReady, (TEXT, NUMBER), "SELECT app, at FROM seen_ready ORDER BY app"),
    )
    return found, record_stays


def remove_clean_shutdown(cursor: sqlite3.Cursor) -> None:
    """Take the clean-shutdown record away."""
    cursor.execute("DELETE FROM handed")
    cursor.execute("DELETE FROM meta WHERE name = 'clean_stop'")


def _read_clean_shutdown(cursor: sqlite3.Cursor) -> tuple[InFlight, ...] | None:
    if cursor.execute("SELECT 1 FROM meta WHERE name = 'clean_stop'").fetchone() is None:
        return None
    query = "SELECT delivery, plugin, session FROM handed ORDER BY delivery"
    return _all(cursor, InFlight, (WHOLE, TEXT, TEXT), query)


def _all(
    cursor: sqlite3.Cursor, kind: Callable[..., Value], kinds: Kinds, query: str, *parameters: object
) -> tuple[Value, ...]:
    return values(kind, cursor.execute(query, parameters).fetchall(), kinds, kind.__name__)
