"""The journal's owner for a while: the lock, the folder's own user, room on the disk, files that change places.

Whoever works on a journal here is root as a rule; what root made in the folder, slackd's user could not open.
"""

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from slackd.broker.journal.sqlite.errors import fault
from slackd.broker.journal.sqlite.lock import acquire_now
from slackd.errors import JournalUnwritable

DATABASE = "journal.db"
LOCK = "journal.lock"
SUFFIXES = ("", "-wal", "-shm")
"""Of the files that are one journal: the log has what is not in the database yet."""

HEADROOM = 64 << 20
"""Bytes of the disk that are left to others."""


@contextlib.contextmanager
def owned(directory: Path) -> Iterator[Path]:
    """The journal's file, while no broker can have it.

    Raises:
        JournalBusy: A broker has it.
        JournalUnwritable: The folder or a file isn't there, isn't this user's, or can't be used.
    """
    with as_owner(directory):
        lock = acquire_now(directory / LOCK)
        try:
            yield directory / DATABASE
        except (sqlite3.Error, OSError) as error:
            raise fault(error, str(directory / DATABASE), "used") from error
        finally:
            lock.release()


@contextlib.contextmanager
def as_owner(directory: Path) -> Iterator[None]:
    """Work as the user whom the folder belongs to, where that is root's to choose.

    Raises:
        JournalUnwritable: There is no such folder, or it can't be looked at.
    """
    try:
        found = directory.stat()
    except OSError as error:
        raise JournalUnwritable(
            f"{directory}: the journal's folder cannot be used ({error.strerror})",
            hint="name the folder (--directory), and use sudo if it belongs to another user",
        ) from error
    uid, gid = os.geteuid(), os.getegid()
    change = uid == 0 and found.st_uid != 0
    if change:
        os.setegid(found.st_gid)
        os.seteuid(found.st_uid)
    try:
        yield
    finally:
        if change:
            os.seteuid(uid)
            os.setegid(gid)


def need_room(directory: Path, needed: int, what: str) -> None:
    """Check that the folder's disk has as many bytes free as are needed, and `HEADROOM` besides.

    Raises:
        JournalUnwritable: It hasn't.
    """
    disk = os.statvfs(directory)
    free = disk.f_bavail * disk.f_frsize
    if free < needed + HEADROOM:
        raise JournalUnwritable(
            f"{directory}: {what} needs {(needed + HEADROOM) >> 20} MiB of free space, and there are "
            f"{free >> 20} MiB",
            hint="make room",
        )


def size_of(path: Path) -> int:
    """Bytes of a journal's files."""
    return sum(each.stat().st_size for suffix in SUFFIXES if (each := Path(f"{path}{suffix}")).exists())


def set_aside(path: Path, why: str) -> Path | None:
    """Give a journal's files another name.

    Args:
        path: The database.
        why: Goes into the name, before the time.

    Returns:
        The database's new name, None if there was none.
    """
    if not any(Path(f"{path}{suffix}").exists() for suffix in SUFFIXES):
        return None
    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    aside = path.with_name(f"{path.name}.{why}-{stamp}")
    number = 1
    while any(Path(f"{aside}{suffix}").exists() for suffix in SUFFIXES):
        number += 1
        aside = path.with_name(f"{path.name}.{why}-{stamp}-{number}")
    # The log first: a database under its own name must never meet the log of another.
    for suffix in reversed(SUFFIXES):
        with contextlib.suppress(FileNotFoundError):
            os.rename(f"{path}{suffix}", f"{aside}{suffix}")
    return aside


def put_in_place(made: Path, path: Path) -> None:
    """Make a finished file the journal, durably."""
    with made.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(made, path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
