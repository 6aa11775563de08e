"""The file that is open, compared with its name: what is written to a file that has none is lost.

A descriptor of our own holds the database from before SQLite opens it until after SQLite has closed it (to
close one earlier would drop the locks that SQLite has on the file, see fcntl(2)). The log and its index are
known by their inodes alone, from the first look after a connection was opened: SQLite makes them anew when the
last connection has closed.
"""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from slackd.broker.journal.sqlite.errors import DAMAGE_HINT
from slackd.errors import JournalDamaged

_MAGIC: Final = b"SQLite format 3\0"
WAL_LIMIT: Final = 64 << 20
"""Bytes to which the write-ahead log is cut when it starts again at its beginning."""
LOG_RESERVE: Final = 4 << 20
"""Bytes of the write-ahead log that are allocated in advance: a commit that makes the file longer waits for the
file system's own journal besides (ext4: 1 ms in place of 0.3 ms). And a full disk has room for some commits."""


class OpenFile:
    """The database's file, from `__init__` to `close`."""

    def __init__(self, path: Path) -> None:
        self._name = str(path)
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._size = self._log_size = 0
        self._names_beside = (f"{self._name}-wal", f"{self._name}-shm")
        self._beside: dict[str, tuple[int, int, int]] = {}

    def forget_log(self) -> None:
        """A connection was opened or closed: the log and its index may be other ones now."""
        self._beside.clear()
        self._log_size = 0

    def reserve_log(self) -> None:
        """Allocate the beginning of the log. SQLite reads the log up to the first frame whose checksum is wrong
        (sqlite.org, "Database File Format", section 4). A disk that has no room says so at the next commit."""
        with contextlib.suppress(OSError), self._log() as log:
            os.posix_fallocate(log, 0, LOG_RESERVE)
            os.fsync(log)

    def sync_log(self) -> None:
        """Wait until the disk has all of the log.

        Raises:
            OSError: It does not take it.
        """
        with self._log() as log:
            os.fdatasync(log)

    @contextlib.contextmanager
    def _log(self) -> Iterator[int]:
        """A descriptor of the log. SQLite has no locks on the log itself, so one may be closed at any time."""
        log = os.open(f"{self._name}-wal", os.O_RDWR | os.O_CLOEXEC)
        try:
            yield log
        finally:
            os.close(log)

    def look(self) -> None:
        """Compare what is open with its name; costs some microseconds.

        Raises:
            JournalDamaged: It was removed, replaced, cut or overwritten.
        """
        mine = os.fstat(self._descriptor)
        found = _found(self._name)
        if found is None or found[:2] != (mine.st_dev, mine.st_ino):
            raise self._gone(self._name)
        if mine.st_size < self._size or (mine.st_size and os.pread(self._descriptor, len(_MAGIC), 0) != _MAGIC):
            raise _cut(self._name)
        self._size = mine.st_size
        for name in self._names_beside:
            found, known = _found(name), self._beside.get(name)
            if known is not None and (found is None or found[:2] != known[:2]):
                raise self._gone(name)
            if found is not None:
                self._beside[name] = found
        self._look_at_log()

    def _look_at_log(self) -> None:
        """SQLite cuts the log to `WAL_LIMIT` when it begins anew, and never shorter."""
        log = f"{self._name}-wal"
        if log not in self._beside:
            return
        *_, size = self._beside[log]
        if size < min(self._log_size, WAL_LIMIT):
            raise _cut(log)
        self._log_size = size

    def close(self) -> None:
        """Let it go; does nothing the second time."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _gone(self, name: str) -> JournalDamaged:
        return JournalDamaged(
            f"{name} was removed or replaced while slackd has it open",
            hint=f"what was journaled is in /proc/{os.getpid()}/fd/{self._descriptor} until slackd stops: copy "
            f"that (cp), stop slackd, and give the copy to `slackctl restore`",
        )


def _cut(path: str) -> JournalDamaged:
    return JournalDamaged(
        f"{path}: another program has cut or overwritten the journal while slackd has it open", DAMAGE_HINT
    )


def _found(path: str) -> tuple[int, int, int] | None:
    """Device, inode and bytes of the regular file of this name."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return (found.st_dev, found.st_ino, found.st_size) if stat.S_ISREG(found.st_mode) else None
