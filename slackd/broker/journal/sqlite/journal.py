"""The journal in SQLite, the embedded engine: a lock, one thread that writes, a few that read."""

import asyncio
import contextlib
import logging
import os
import sqlite3
import stat
import threading
from collections.abc import AsyncGenerator, Collection, Sequence
from pathlib import Path
from typing import BinaryIO

import attrs

from slackd.broker.journal import Journal, JournalHealth, OnCommit, Opening
from slackd.broker.journal.ages import ClockAhead
from slackd.broker.journal.engines import OpenOptions
from slackd.broker.journal.limits import limits_of
from slackd.broker.journal.offline import JournalCheck, JournalRescue, JournalRestore
from slackd.broker.journal.sqlite.backup import copied, remove_leftovers
from slackd.broker.journal.sqlite.group_commit import QueuedBatch
from slackd.broker.journal.sqlite.lock import JournalLock, acquire
from slackd.broker.journal.sqlite.offline import DATABASE, LOCK, owned
from slackd.broker.journal.sqlite.reader import SqliteReader
from slackd.broker.journal.sqlite.writer import Writer, WriterTask
from slackd.broker.journal.writes import Write
from slackd.config import values
from slackd.errors import JournalError, JournalUnwritable

log = logging.getLogger(__name__)


class SqliteEngine:
    """As `engines.StorageEngine`, and as `offline.OfflineTools`, each of which imports what no broker needs."""

    async def open(self, config: values.JournalConfig, options: OpenOptions) -> tuple[Journal, Opening]:
        """As `engines.open_journal`."""
        _make_folder(config.directory)
        path = config.directory / DATABASE
        was_here = (config.directory / LOCK).exists()
        lock = await acquire(config.directory / LOCK, options.owner_wait)
        remove_leftovers(config.directory)
        limits = attrs.evolve(limits_of(config), plugins=dict(options.plugins))
        writer = Writer(path, limits, options)
        try:
            opening = await writer.start()
        except asyncio.CancelledError:
            # The thread may still be opening the file: the lock stays until it has let go.
            await asyncio.shield(writer.stop())
            writer.release_file()
            lock.release()
            raise
        except JournalError:
            await writer.stop()
            writer.release_file()
            lock.release()
            raise
        if writer.is_new and was_here:
            words = "%s: there was no journal, and slackd has been here before: a new one is begun"
            log.warning(words, path, extra={"event": "journal-new"})
        return SqliteJournal(path, lock, writer), opening

    def check(self, config: values.JournalConfig) -> JournalCheck:
        """As in `OfflineTools`.

        Raises:
            JournalError: There is no journal; else as there.
        """
        from slackd.broker.journal.sqlite.check import check

        with owned(config.directory) as path:
            if not path.exists():
                raise JournalError(f"{path}: there is no journal", hint="a broker makes one when it starts")
            return check(path)

    def rescue(self, config: values.JournalConfig) -> JournalRescue:
        """As in `OfflineTools`."""
        from slackd.broker.journal.sqlite.rescue import rescue

        with owned(config.directory) as path:
            return rescue(path)

    def restore(self, config: values.JournalConfig, source: Path) -> JournalRestore:
        """As in `OfflineTools`; the backup is opened as whoever asks."""
        from slackd.broker.journal.sqlite.restore import restore

        with _opened(source) as backup, owned(config.directory) as path:
            return restore(path, backup, str(source))


class SqliteJournal(SqliteReader):
    """The `Journal` of one broker on one host."""

    def __init__(self, path: Path, lock: JournalLock, writer: Writer) -> None:
        super().__init__(path, writer.stop_writing)
        self._lock = lock
        self._writer = writer
        self._closing = False
        self._backups: set[threading.Event] = set()

    @property
    def id(self) -> str:
        """As in `Journal`."""
        return self._writer.journal_id

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

    def clock_ahead(self) -> ClockAhead:
        """As in `Journal`."""
        return self._writer.clock_ahead()

    async def lost(self) -> JournalError:
        """As in `Journal`."""
        return await self._writer.lost()

    def release_memory(self) -> None:
        """As in `Journal`."""
        if not self._closing:
            self._writer.put(WriterTask(self._writer.release_memory))

    def set_away(self, plugins: Collection[str]) -> None:
        """As in `Journal`."""
        maintenance = self._writer.maintenance
        maintenance.limits = attrs.evolve(maintenance.limits, away=frozenset(plugins))

    async def run_retention(self, now: float) -> int:
        """As in `Journal`."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[int] = loop.create_future()

        def refuse(error: JournalError) -> None:
            loop.call_soon_threadsafe(done.set_exception, error)

        def run() -> None:
            try:
                dead_lettered = self._writer.maintenance.run_retention(now)
            except JournalError as error:
                refuse(error)
            except BaseException as error:
                refuse(JournalError(f"retention failed: {error!r}"))
                raise
            else:
                loop.call_soon_threadsafe(done.set_result, dead_lettered)

        self._writer.put(WriterTask(run, refuse))
        return await done

    async def backup(self) -> AsyncGenerator[bytes, None]:
        """As in `BackupSource`.

        Raises:
            JournalError: The journal closes meanwhile; else as there.
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
        keeps_open: sqlite3.Connection | None = None
        try:
            with contextlib.suppress(sqlite3.Error):
                keeps_open = self.open_connection()
                keeps_open.execute("SELECT 1 FROM meta").fetchone()
            await self._writer.stop()
        finally:
            self.close_readers()
            if keeps_open is not None:
                keeps_open.close()
            self._writer.release_file()
            self._lock.release()


def _opened(source: Path) -> BinaryIO:
    try:
        opened = source.open("rb")
        if stat.S_ISCHR(mode := os.fstat(opened.fileno()).st_mode) or stat.S_ISBLK(mode):
            opened.close()
            raise JournalUnwritable(f"{source}: the backup cannot be read (it is a device)")
        return opened
    except OSError as error:
        raise JournalUnwritable(f"{source}: the backup cannot be read ({error.strerror})") from error


def _make_folder(directory: Path) -> None:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise JournalUnwritable(
            f"{directory}: the journal's folder cannot be made ({error.strerror})",
            hint="make it, owned by slackd's user",
        ) from error
