"""The one connection that writes: opened, rolled back, replaced when it is damaged. For the writer's thread."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import attrs

from slackd.broker.journal import Opening
from slackd.broker.journal.sqlite import incarnation, recovery, schema
from slackd.broker.journal.sqlite.errors import FAILURES, damaged
from slackd.broker.journal.sqlite.open_file import WAL_LIMIT, OpenFile, address
from slackd.broker.journal.sqlite.totals import Totals
from slackd.errors import JournalDamaged

BUSY_PATIENCE = 1_000
"""Milliseconds that a statement waits for another connection's lock."""
_LOG_MAGIC = (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83")
PAGE_CACHE = 4 << 20
"""Bytes of pages that SQLite keeps; more gains nothing, since new rows go to the ends of their trees."""


class OwnedConnection:
    """The connection, and what memory knows of the rows behind it.

    Attributes:
        totals: What the rows add up to; read anew whenever a transaction came to nothing.
        incarnation: Which one the file is.
        is_new: There was no file before.
        file: The file that is open, once it is.
        is_synced: The transaction's commit waits for the disk, or did.
    """

    totals: Totals
    incarnation: incarnation.Incarnation

    def __init__(self, path: Path, delivery_base: Callable[[float, int], int]) -> None:
        self._path, self._folder = path, str(path.parent)
        self._connection: sqlite3.Connection | None = None
        self._record_to_remove = False
        self.is_synced = True
        self._delivery_base = delivery_base
        self._first_delivery = 0
        self.is_new = False
        self.file: OpenFile | None = None

    def open_for_the_first_time(self, now: float) -> Opening:
        """Make or migrate the file, and read what the last broker left; `now` is UNIX seconds.

        Returns:
            As `recovery.read`.

        Raises:
            JournalError: The file is of another release, or is damaged.
            FAILURES: The engine's own errors, as they come.
        """
        _refuse_log_without_journal(self._path)
        self.is_new = _make_private(self._path)
        self.file = OpenFile(self._path)
        self._connection = self._connect()
        schema.prepare(self._connection, str(self._path))
        self.incarnation = incarnation.read(self._connection, self._path)
        self.recount()
        found, self._record_to_remove = recovery.read(self._connection, self.totals.last_delivery, now)
        self.file.reserve_log()
        self._first_delivery = self._delivery_base(now, self.totals.last_delivery)
        self.totals.count_deliveries_from(self._first_delivery)
        return found

    def usable(self) -> sqlite3.Connection:
        """The connection, made anew if it was dropped.

        Raises:
            sqlite3.Error: The file can't be opened again.
        """
        if self._connection is None:
            self._connection = self._connect()
            self.recount()
            if self.file is not None:
                self.file.reserve_log()
        return self._connection

    def begin(self, *, synced: bool = True) -> sqlite3.Cursor:
        """Begin a group's transaction; the first one takes the clean-shutdown record away, and makes a new
        incarnation known.

        Args:
            synced: Its commit waits for the disk. One that doesn't survives `kill -9` all the same, and power
                loss as soon as a later commit is synced.

        Returns:
            A cursor inside of it.

        Raises:
            sqlite3.Error: The file can't be opened again, or not written.
        """
        cursor = self.usable().cursor()
        synced = synced or self.incarnation.is_new or self._record_to_remove
        if synced != self.is_synced:
            cursor.execute(f"PRAGMA synchronous = {'FULL' if synced else 'NORMAL'}")
            self.is_synced = synced
        cursor.execute("BEGIN IMMEDIATE")
        if self.incarnation.is_new:
            incarnation.write(cursor, self.incarnation)
        if self._record_to_remove:
            recovery.remove_clean_shutdown(cursor)
        return cursor

    def commit(self, cursor: sqlite3.Cursor) -> None:
        """Commit a group's transaction, the totals with it."""
        self.totals.save(cursor)
        cursor.execute("COMMIT")
        self._record_to_remove = False
        if self.incarnation.is_new:
            self.incarnation = attrs.evolve(self.incarnation, is_new=False)

    def recount(self) -> None:
        """Read the totals anew from the rows."""
        assert self._connection is not None
        self.totals = Totals(self._connection)
        self.totals.count_deliveries_from(self._first_delivery)

    def roll_back(self, error: BaseException | None = None) -> None:
        """Undo the transaction and what memory knows of it; a connection that cannot is replaced later."""
        connection = self._connection
        if connection is None:
            return
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            if error is not None and damaged(error):
                self.drop()
            else:
                self.recount()
        except FAILURES:
            self.drop()

    def free_bytes(self) -> int | None:
        """Bytes that are left on the file's disk; None where that can't be said."""
        try:
            disk = os.statvfs(self._folder)
        except OSError:
            return None
        return disk.f_bavail * disk.f_frsize

    def drop(self) -> None:
        """Close it."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
        if self.file is not None:
            self.file.forget_log()

    def _connect(self) -> sqlite3.Connection:
        # Never made by SQLite: a file that is gone must not be followed by an empty one.
        connection = sqlite3.connect(
            address(self._path, "rw"),
            uri=True,
            timeout=BUSY_PATIENCE / 1_000,
            isolation_level=None,
            cached_statements=512,
            check_same_thread=False,
        )
        try:
            schema.refuse_foreign(connection, str(self._path))
            schema.use_write_ahead_log(connection, str(self._path))
            self.is_synced = True
            connection.execute(f"PRAGMA cache_size = -{PAGE_CACHE >> 10}")
            connection.execute("PRAGMA temp_store = MEMORY")
            connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT}")
        except BaseException:
            connection.close()
            raise
        return connection


def _refuse_log_without_journal(path: Path) -> None:
    """Look before SQLite does, which throws the log of an empty or missing database away.

    Raises:
        JournalDamaged: Somebody removed or emptied the database, and its log holds something.
    """
    if _bytes(path) == 0 and _was_written(f"{path}-wal"):
        raise JournalDamaged(
            f"{path}: the journal was removed or emptied; {path.name}-wal is all that is left of it",
            hint="`slackctl journal rescue` keeps what can be kept; to begin anew, remove that file too",
        )


def _was_written(log: str) -> bool:
    """It begins as a log does, and not with what was allocated in advance (fileformat2.html, section 4.1)."""
    try:
        with open(log, "rb") as file:
            return file.read(4) in _LOG_MAGIC
    except OSError:
        return False


def _bytes(path: Path) -> int:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return 0


def _make_private(path: Path) -> bool:
    """Create the file before SQLite does, readable by nobody else; SQLite gives the log the same mode.

    Returns:
        Whether there was none, or nothing in it.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return _bytes(path) == 0
    os.close(descriptor)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return True
