"""The tables of the SQLite journal, how they come to be, and how a newer release changes them.

Migrations only add (tables, columns with defaults, indexes on tables that are new), so each takes constant
time and the release before goes on working on what a newer one has migrated. `PRAGMA user_version` is the
schema's version; `min_reader` in `meta` is the oldest schema version whose code may still use the file, and
stays where it is for as long as changes only add.

Why the tables look as they do:

- An envelope's deliveries get consecutive ids, and the envelope remembers the first and the last. So
  retention finds whether it is still needed by a range of delivery ids, without an index and without touching
  the envelope when a delivery is closed; deliveries opened later (`Revive`, `Replay`) are listed in `again`.
  The newest envelope's `last_delivery` is also what keeps ids from coming back: the newest is never removed.
- Dedupe keys are stored as 16-byte digests: short applier mean fewer pages of a tree that is written at random
  places, and at 128 bits two keys never meet by chance (at 64 bits, among 10^7 keys, one new envelope in
  2 * 10^12 would meet another's key, and be lost). There is no index by time: the tree is swept in its own
  order, so that a page that loses keys is written once a sweep.
- Pages of 8 KiB hold three or four usual envelopes each; of 4 KiB they hold one, and half of the file is air
  (measured with texts of 2 KB: 4.3 KB of file an envelope against 3.1 KB).
- Plugins are numbered, and their backlogs counted, in `plugin`: nothing counts rows.
- `period` says which envelope ids fall into which ten minutes, exactly, also when the clock was set: an index
  by time with one row per ten minutes.
"""

import sqlite3

import slackd
from slackd.errors import JournalDamaged, JournalError, JournalNewer
from slackd.slotted import frozen

APPLICATION_ID = 0x536C6B64
VERSION = 1
PAGE_SIZE = 8_192
"""Bytes; it is settled when the file is made."""

PERIOD = 600
"""Seconds of receipt that share a row of `period`."""


@frozen
class Migration:
    """One step: the schema's version after it, the oldest schema version that still works with it, its SQL."""

    version: int
    min_reader: int
    statements: tuple[str, ...]


MIGRATIONS = (
    Migration(
        version=1,
        min_reader=1,
        statements=(
            "CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID",
            """CREATE TABLE tally (
                name TEXT PRIMARY KEY,
                value INTEGER NOT NULL
            ) WITHOUT ROWID""",
            """CREATE TABLE plugin (
                number INTEGER PRIMARY KEY,
                name TEXT NOT NULL UNIQUE,
                deliveries INTEGER NOT NULL DEFAULT 0,
                bytes INTEGER NOT NULL DEFAULT 0,
                dead INTEGER NOT NULL DEFAULT 0
            )""",
            """CREATE TABLE envelope (
                id INTEGER PRIMARY KEY,
                app TEXT NOT NULL,
                envelope_id TEXT NOT NULL,
                type TEXT NOT NULL,
                received_at REAL NOT NULL,
                answer INTEGER NOT NULL,
                response TEXT,
                response_url TEXT NOT NULL,
                bytes INTEGER NOT NULL,
                first_delivery INTEGER NOT NULL,
                last_delivery INTEGER NOT NULL,
                text TEXT NOT NULL
            )""",
            """CREATE TABLE dedupe (
                key BLOB PRIMARY KEY,
                envelope INTEGER NOT NULL,
                at INTEGER NOT NULL
            ) WITHOUT ROWID""",
            """CREATE TABLE open_delivery (
                id INTEGER PRIMARY KEY,
                envelope INTEGER NOT NULL,
                plugin INTEGER NOT NULL,
                lane INTEGER NOT NULL,
                key TEXT NOT NULL,
                attempt INTEGER NOT NULL DEFAULT 1,
                not_before REAL NOT NULL DEFAULT 0,
                expires_at REAL,
                respond_by REAL,
                bytes INTEGER NOT NULL,
                again INTEGER NOT NULL DEFAULT 0,
                last_error TEXT
            )""",
            # The row's id is the last column of every index: these two end in the journal's order.
            "CREATE INDEX open_by_key ON open_delivery (plugin, lane, key)",
            "CREATE INDEX open_by_age ON open_delivery (plugin, lane)",
            "CREATE INDEX open_by_expiry ON open_delivery (expires_at) WHERE expires_at IS NOT NULL",
            """CREATE TABLE dead_letter (
                delivery INTEGER PRIMARY KEY,
                envelope INTEGER NOT NULL,
                plugin INTEGER NOT NULL,
                lane INTEGER NOT NULL,
                key TEXT NOT NULL,
                reason TEXT NOT NULL,
                error TEXT NOT NULL,
                attempts INTEGER NOT NULL,
                died_at REAL NOT NULL,
                again INTEGER NOT NULL DEFAULT 0
            )""",
            "CREATE INDEX dead_by_plugin ON dead_letter (plugin)",
            "CREATE INDEX dead_by_age ON dead_letter (died_at)",
            """CREATE TABLE again (
                envelope INTEGER NOT NULL,
                delivery INTEGER NOT NULL,
                PRIMARY KEY (envelope, delivery)
            ) WITHOUT ROWID""",
            """CREATE TABLE late_answer (
                delivery INTEGER PRIMARY KEY,
                envelope INTEGER NOT NULL,
                plugin TEXT NOT NULL,
                app TEXT NOT NULL,
                response_url TEXT NOT NULL,
                response TEXT NOT NULL
            )""",
            """CREATE TABLE session (
                plugin TEXT NOT NULL,
                session TEXT NOT NULL,
                PRIMARY KEY (plugin, session)
            ) WITHOUT ROWID""",
            """CREATE TABLE handed (
                delivery INTEGER PRIMARY KEY,
                plugin TEXT NOT NULL,
                session TEXT NOT NULL
            )""",
            """CREATE TABLE gap (
                app TEXT NOT NULL,
                start REAL NOT NULL,
                "end" REAL,
                reason TEXT NOT NULL,
                PRIMARY KEY (app, start)
            ) WITHOUT ROWID""",
            """CREATE TABLE ghost (
                app TEXT NOT NULL,
                connection TEXT NOT NULL,
                until REAL NOT NULL,
                PRIMARY KEY (app, connection)
            ) WITHOUT ROWID""",
            "CREATE TABLE seen_ready (app TEXT PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID",
            """CREATE TABLE period (
                number INTEGER PRIMARY KEY,
                first_envelope INTEGER NOT NULL,
                last_envelope INTEGER
            )""",
        ),
    ),
)


def prepare(connection: sqlite3.Connection, path: str, migrations: tuple[Migration, ...] = MIGRATIONS) -> None:
    """Bring the schema up to what this release knows; constant time.

    Raises:
        JournalError: It was written by a release that this one cannot follow.
        sqlite3.Error: As SQLite says.
    """
    version = _scalar(connection, "PRAGMA user_version")
    if version:
        refuse_newer(connection, path, migrations[-1].version)
    for migration in migrations:
        if migration.version > version:
            _migrate(connection, migration)


def refuse_foreign(connection: sqlite3.Connection, path: str) -> None:
    """Look before anything is changed: the file is empty, or a journal.

    Raises:
        JournalDamaged: It is a database, but none of slackd's.
        sqlite3.Error: It is no database at all, or cannot be read.
    """
    if _scalar(connection, "PRAGMA application_id") == APPLICATION_ID:
        return
    if _scalar(connection, "SELECT count(*) FROM (SELECT 1 FROM sqlite_master LIMIT 1)"):
        raise JournalDamaged(
            f"{path}: this is an SQLite database, but not a journal of slackd",
            hint="move it away, or set [journal] directory to another folder",
        )


def use_write_ahead_log(connection: sqlite3.Connection, path: str) -> None:
    """Switch to WAL, with every commit synchronised and no checkpoint but the writer's own.

    Raises:
        JournalError: The file system can't keep such a log.
        sqlite3.Error: As SQLite says.
    """
    connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
    if _scalar_text(connection, "PRAGMA journal_mode = WAL") != "wal":
        raise JournalError(
            f"{path}: SQLite cannot keep a write-ahead log here; the journal needs a local file system "
            f"(not NFS or another network file system)",
            hint="set [journal] directory to one",
        )
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")


def _migrate(connection: sqlite3.Connection, migration: Migration) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in migration.statements:
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {migration.version}")
        connection.executemany(
            "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)",
            [("min_reader", migration.min_reader), ("written_by", slackd.__version__)],
        )
        connection.execute("COMMIT")
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def refuse_newer(connection: sqlite3.Connection, path: str, known: int = VERSION) -> None:
    """Look whether a release that knows this version of the schema may use the file.

    Raises:
        JournalNewer: It was written by a release that this one cannot follow.
        sqlite3.Error: As SQLite says.
    """
    facts = dict(connection.execute("SELECT name, value FROM meta").fetchall())
    if int(facts.get("min_reader", 0)) > known:
        raise JournalNewer(
            f"{path}: written by slackd {facts.get('written_by', 'of a later version')}, whose journal this "
            f"release ({slackd.__version__}) cannot use",
            hint="install that release or a later one again",
        )


def _scalar(connection: sqlite3.Connection, sql: str) -> int:
    return int(connection.execute(sql).fetchone()[0])


def _scalar_text(connection: sqlite3.Connection, sql: str) -> str:
    return str(connection.execute(sql).fetchone()[0])
