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
from urllib.parse import quote

from slackd.broker.journal.sqlite.errors import DAMAGE_HINT
from slackd.errors import JournalDamaged

_MAGIC: Final = b"SQLite format 3\0"
WAL_LIMIT: Final = 64 << 20
"""Bytes to which the write-ahead log is cut when it starts again at its beginning."""
LOG_RESERVE: Final = 4 << 20
"""Bytes of the write-ahead log that are allocated in advance: a commit that makes the file longer waits for the
file system's own journal besides (ext4: 1 ms in place of 0.3 ms). And a full disk has room for some commits."""


def address(path: Path, mode: str) -> str:
    """A file as SQLite's URIs name it, whatever bytes its name has; `mode` is "ro" or "rw"."""
    return f"file:{quote(os.fsencode(path))}?mode={mode}"


class OpenFile:
    """The database's file, from `__init__` to `close`."""

    def __init__(self, path: Path) -> None:
        self._name = str(path)
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        mine = os.fstat(self._descriptor)
        self._inode = (mine.st_dev, mine.st_ino)
        self._size = self._written_at = self._log_size = 0
        self._log_name, index_name = f"{self._name}-wal", f"{self._name}-shm"
        self._names_beside = (self._log_name, index_name)
        self._beside: dict[str, tuple[int, int]] = {}

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
        log = os.open(self._log_name, os.O_RDWR | os.O_CLOEXEC)
        try:
            yield log
        finally:
            os.close(log)

    def look(self) -> None:
        """Compare what is open with its name; costs some microseconds.

        Raises:
            JournalDamaged: It was removed, replaced, cut or overwritten.
        """
        found = _found(self._name)
        if found is None or (found.st_dev, found.st_ino) != self._inode:
            raise self._gone(self._name)
        if found.st_size < self._size or self._is_overwritten(found):
            raise _cut(self._name)
        self._size, self._written_at = found.st_size, found.st_mtime_ns
        for name in self._names_beside:
            found, known = _found(name), self._beside.get(name)
            inode = None if found is None else (found.st_dev, found.st_ino)
            if known is not None and inode != known:
                raise self._gone(name)
            if found is not None and inode is not None:
                self._beside[name] = inode
                if name == self._log_name:
                    self._look_at_log(found.st_size)

    def _is_overwritten(self, found: os.stat_result) -> bool:
        if found.st_size == 0 or found.st_mtime_ns == self._written_at:
            return False
        return os.pread(self._descriptor, len(_MAGIC), 0) != _MAGIC

    def _look_at_log(self, size: int) -> None:
        """SQLite cuts the log to `WAL_LIMIT` when it begins anew, and never shorter."""
        if size < min(self._log_size, WAL_LIMIT):
            raise _cut(self._log_name)
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


def _found(path: str) -> os.stat_result | None:
    """The regular file of this name."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found if stat.S_ISREG(found.st_mode) else None
