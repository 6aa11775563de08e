"""The lock that makes a broker the journal's one owner (rule R2).

A `flock` on a file beside the database: the kernel lets it go when its holder is gone, however it died. The
file holds the owner's pid for the message that says that there is another one.
"""

import asyncio
import contextlib
import fcntl
import os
from pathlib import Path

from slackd.errors import JournalBusy, JournalUnwritable

RETRY_EVERY = 0.02
"""Seconds between two tries while a predecessor dies."""


class JournalLock:
    """Held from `acquire` to `release`, or to the end of the process."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def release(self) -> None:
        """Let the next owner in; does nothing the second time."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


async def acquire(path: Path, wait: float) -> JournalLock:
    """Become the owner, waiting up to `wait` seconds for one that is dying.

    Returns:
        The lock, to be released.

    Raises:
        JournalBusy: Another broker holds the lock; the message names its pid.
        JournalUnwritable: The lock's file cannot be made.
    """
    descriptor = _open(path)
    try:
        await _wait_for(descriptor, path, wait)
    except BaseException:
        os.close(descriptor)
        raise
    _sign(descriptor)
    return JournalLock(descriptor)


def acquire_now(path: Path) -> JournalLock:
    """Become the owner at once.

    Returns:
        The lock, to be released.

    Raises:
        JournalBusy: A broker has the journal; the message names its pid.
        JournalUnwritable: The lock's file can't be opened.
    """
    descriptor = _open(path)
    if not _try(descriptor):
        busy = JournalBusy(
            f"{path}: a broker (pid {_owner(descriptor)}) has the journal", hint="stop slackd first"
        )
        os.close(descriptor)
        raise busy
    _sign(descriptor)
    return JournalLock(descriptor)


def _open(path: Path) -> int:
    """Nobody else may open the file: whoever can, can lock it, and keep every broker out."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        if os.fstat(descriptor).st_mode & 0o077:
            os.fchmod(descriptor, 0o600)
    except OSError as error:
        raise JournalUnwritable(
            f"{path}: the journal's lock cannot be opened ({error.strerror})",
            hint="the folder must exist and belong to slackd's user",
        ) from error
    return descriptor


async def _wait_for(descriptor: int, path: Path, wait: float) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + wait
    while not _try(descriptor):
        if loop.time() >= deadline:
            raise JournalBusy(
                f"{path}: another broker (pid {_owner(descriptor)}) owns the journal, and has not let it go in "
                f"{wait:g} s",
                hint="stop it first",
            )
        await asyncio.sleep(RETRY_EVERY)


def _try(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _owner(descriptor: int) -> str:
    return os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"


def _sign(descriptor: int) -> None:
    # The pid is a courtesy: a full disk must not keep the owner from owning.
    with contextlib.suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
