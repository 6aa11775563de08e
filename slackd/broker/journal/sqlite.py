"""The journal in SQLite, the embedded engine: a lock, one thread that writes, a few that read."""

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from pathlib import Path

import attrs

from slackd.broker.journal import JournalHealth, OnCommit, Opening
from slackd.broker.journal.backup import copied, remove_leftovers
from slackd.broker.journal.limits import Limits, OnDeadLettered, PluginLimits, limits_of
from slackd.broker.journal.lock import JournalLock, acquire
from slackd.broker.journal.reader import SqliteReader
from slackd.broker.journal.writer import QueuedBatch, Writer, WriterTask
from slackd.broker.journal.writes import Write
from slackd.config import values
from slackd.errors import JournalError, JournalUnwritable

DATABASE = "journal.db"
LOCK = "journal.lock"


async def open_journal(
    config: values.JournalConfig,
    *,
    clock: Callable[[], float] = time.time,
    plugins: Mapping[str, PluginLimits] | None = None,
    on_dead_lettered: OnDeadLettered | None = None,
    lock_wait: float = 5.0,
    retention_by_itself: bool = True,
) -> tuple["SqliteJournal", Opening]:
    """Become the journal's owner and open it; neither depends on how much is in it.

    Args:
        config: Where it is, and how much is kept.
        clock: UNIX seconds, for retention and the time at which a delivery died.
        plugins: Limits of the plugins' backlogs; a plugin that isn't named has the default ones.
        on_dead_lettered: Called on the event loop, after the commit, with what retention dead-lettered.
        lock_wait: Seconds to wait for a predecessor that is dying.
        retention_by_itself: Retention runs every few seconds; otherwise only in `run_retention`.

    Raises:
        JournalBusy: Another broker owns it.
        JournalUnwritable: The folder or the file cannot be made, or the disk is full.
        JournalDamaged: The file is corrupt, or not a journal.
        JournalError: It was written by a release that this one cannot follow.
    """
    _make_folder(config.directory)
    path = config.directory / DATABASE
    lock = await acquire(config.directory / LOCK, lock_wait)
    remove_leftovers(config.directory)
    writer = Writer(
        path,
        attrs.evolve(limits_of(config), plugins=dict(plugins or {})),
        loop=asyncio.get_running_loop(),
        clock=clock,
        on_dead_lettered=on_dead_lettered,
        retention_by_itself=retention_by_itself,
    )
    try:
        opening = await writer.start()
    except asyncio.CancelledError:
        # The thread may still be opening the file: the lock stays until it has let go.
        await asyncio.shield(writer.stop())
        lock.release()
        raise
    except JournalError:
        await writer.stop()
        lock.release()
        raise
    return SqliteJournal(path, lock, writer), opening


class SqliteJournal(SqliteReader):
    """The `Journal` of one broker on one host."""

    def __init__(self, path: Path, lock: JournalLock, writer: Writer) -> None:
        super().__init__(path)
        self._lock = lock
        self._writer = writer
        self._closing = False
        self._backups: set[threading.Event] = set()

    def submit(self, writes: Sequence[Write], on_commit: OnCommit) -> None:
        """As in `Journal`."""
        if self._closing:
            refusal = JournalError(f"{self._path}: the journal is closed")
            asyncio.get_running_loop().call_soon(on_commit, refusal)
            return
        self._writer.put(QueuedBatch(tuple(writes), on_commit))

    def health(self) -> JournalHealth:
        """As in `Journal`."""
        return self._writer.health()

    @property
    def limits(self) -> Limits:
        """What retention goes by."""
        return self._writer.limits

    def set_away(self, plugins: Collection[str]) -> None:
        """Which plugins have no session: nobody else has their expired deliveries in hand, so retention buries
        them. Those of other plugins are the dispatcher's to dead-letter, for two hours."""
        self._writer.limits = attrs.evolve(self._writer.limits, away=frozenset(plugins))

    async def run_retention(self, now: float) -> int:
        """Do all that retention has to do at this time; returns how many deliveries it dead-lettered.

        Raises:
            JournalUnwritable: A commit failed; what was done before it stays done.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[int] = loop.create_future()

        def run() -> None:
            try:
                dead_lettered = self._writer.run_retention(now)
            except JournalError as error:
                loop.call_soon_threadsafe(done.set_exception, error)
            except BaseException as error:
                loop.call_soon_threadsafe(done.set_exception, JournalError(f"retention failed: {error!r}"))
                raise
            else:
                loop.call_soon_threadsafe(done.set_result, dead_lettered)

        self._writer.put(WriterTask(run))
        return await done

    async def backup(self) -> AsyncGenerator[bytes, None]:
        """A consistent copy of the journal as it is now, as the bytes of a database that opens as a journal.

        Raises:
            JournalUnwritable: There is no room for the copy, or the disk fails.
            JournalError: The journal closes.
        """
        abandoned = threading.Event()
        self._backups.add(abandoned)
        try:
            async with contextlib.aclosing(copied(self._path, self.open_connection, abandoned)) as chunks:
                async for chunk in chunks:
                    if self._closing:
                        raise JournalError(f"{self._path}: the backup was broken off, since the journal closes")
                    yield chunk
        finally:
            self._backups.discard(abandoned)

    async def close(self) -> None:
        """As in `Journal`."""
        if self._closing:
            return
        self._closing = True
        for abandoned in self._backups:
            abandoned.set()
        # While a reader is open, SQLite makes no checkpoint when the writer's connection closes.
        keeps_open = self.open_connection()
        try:
            with contextlib.suppress(sqlite3.Error):
                keeps_open.execute("SELECT 1 FROM meta").fetchone()
            await self._writer.stop()
        finally:
            self.close_readers()
            keeps_open.close()
            self._lock.release()


def _make_folder(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise JournalUnwritable(
            f"{directory}: the journal's folder cannot be made ({error.strerror}); "
            f"make it, owned by slackd's user"
        ) from error
