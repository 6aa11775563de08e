"""A consistent copy of the running journal, by SQLite's online backup.

The copy is taken over a reading connection that holds one snapshot, so commits go on beside it: a backup that
read without one would start anew at every commit. While it lasts the write-ahead log only grows, by what is
written meanwhile. The copy stands in the journal's folder until it has been read; what a killed broker left of
one is removed at the next start.
"""

import asyncio
import contextlib
import os
import sqlite3
import threading
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

from slackd.broker.journal.sqlite import incarnation
from slackd.broker.journal.sqlite.errors import fault
from slackd.broker.journal.sqlite.offline import need_room, size_of
from slackd.errors import JournalError

STEP_PAGES = 512
CHUNK = 1 << 18
"""Bytes that are passed on at a time."""

_PREFIX = "journal.backup-"
_numbers = count(1)


class _AbandonedError(Exception):
    """Nobody wants the copy any more."""


async def copied(
    path: Path, connect: Callable[[], sqlite3.Connection], abandoned: threading.Event
) -> AsyncGenerator[bytes, None]:
    """Copy the journal, then yield the copy's bytes; `abandoned` ends it from outside.

    Raises:
        JournalUnwritable: There is no room for a copy, or the disk fails.
        JournalError: It was abandoned because the journal closes.
    """
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1, thread_name_prefix="journal-backup") as thread:
        copy = await loop.run_in_executor(thread, _make_room, path)
        try:
            await _until_done(loop.run_in_executor(thread, _copy, connect, copy, abandoned), abandoned)
            with copy.open("rb") as file:
                while chunk := await loop.run_in_executor(thread, file.read, CHUNK):
                    yield chunk
        except _AbandonedError as error:
            raise JournalError(f"{path}: the backup was broken off, since the journal closes") from error
        except (sqlite3.Error, OSError) as error:
            raise fault(error, str(copy)) from error
        finally:
            copy.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Remove copies that a killed broker left behind."""
    with contextlib.suppress(OSError):
        for leftover in folder.glob(f"{_PREFIX}*"):
            leftover.unlink(missing_ok=True)


async def _until_done(copying: asyncio.Future[None], abandoned: threading.Event) -> None:
    try:
        await asyncio.shield(copying)
    except asyncio.CancelledError:
        abandoned.set()
        await asyncio.wait([copying])
        raise


def _make_room(path: Path) -> Path:
    need_room(path.parent, size_of(path), "a backup's copy")
    copy = path.parent / f"{_PREFIX}{next(_numbers)}"
    os.close(os.open(copy, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600))
    return copy


def _copy(connect: Callable[[], sqlite3.Connection], copy: Path, abandoned: threading.Event) -> None:
    def look_up(_status: int, _remaining: int, _total: int) -> None:
        if abandoned.is_set():
            raise _AbandonedError

    source = connect()
    target = sqlite3.connect(copy, isolation_level=None)
    try:
        target.execute("PRAGMA journal_mode = OFF")
        target.execute("PRAGMA synchronous = OFF")
        source.execute("BEGIN")
        source.execute("SELECT 1 FROM meta").fetchone()
        source.backup(target, pages=STEP_PAGES, progress=look_up, sleep=0.01)
        # The copy came with the log's mode, in which the last change would stand in a file beside it.
        target.execute("PRAGMA journal_mode = OFF")
        incarnation.remove(target)
    finally:
        target.close()
        source.close()
