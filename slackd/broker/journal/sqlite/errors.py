"""What an error of SQLite means for the journal, in words that say what happened, where, and the hint."""

import errno
import sqlite3

from slackd.broker.journal.sqlite.rows import DamagedRowError
from slackd.errors import JournalDamaged, JournalError, JournalUnwritable

MISTAKES = (
    sqlite3.IntegrityError,
    sqlite3.ProgrammingError,
    sqlite3.InterfaceError,
    sqlite3.DataError,
    sqlite3.NotSupportedError,
    ValueError,
    TypeError,
    ArithmeticError,
    LookupError,
    AttributeError,
)
"""Errors that are one write's own fault: they concern its submission alone."""

FAILURES = (sqlite3.Error, MemoryError, OSError, DamagedRowError)
"""Errors of the disk, the machine or the file: they concern everything that was to be committed (where no
mistake)."""

_CORRUPT = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_DAMAGED = _CORRUPT | {sqlite3.SQLITE_ERROR}
"""With statements that are right, `SQLITE_ERROR` means that a table or column is not there."""

DAMAGE_HINT = (
    "stop slackd; then `slackctl journal rescue` keeps what can be kept, "
    "and `slackctl restore` puts a backup in its place"
)

_CONTENT = ("Could not decode to UTF-8", "JSON cannot hold BLOB")

_OWNER = "access is denied: look at the owner and mode of the folder and its files, which are slackd's user's"
_HINTS = {
    sqlite3.SQLITE_FULL: "the disk is full: make room, slackd goes on by itself",
    sqlite3.SQLITE_READONLY: "disk or folder can't be written: make it writable, slackd goes on by itself",
    sqlite3.SQLITE_IOERR: "the disk reports errors, or a size limit was reached: look at the kernel's log",
    sqlite3.SQLITE_CANTOPEN: "a file cannot be opened: look at the folder's owner and mode",
    sqlite3.SQLITE_BUSY: "another program is writing to it: nothing but slackd may open it",
    sqlite3.SQLITE_PERM: _OWNER,
}
_SYSTEM_HINTS = {
    errno.ENOSPC: _HINTS[sqlite3.SQLITE_FULL],
    errno.EDQUOT: _HINTS[sqlite3.SQLITE_FULL],
    errno.EROFS: _HINTS[sqlite3.SQLITE_READONLY],
    errno.EACCES: _OWNER,
    errno.EPERM: _OWNER,
}
"""By the system's number, for what SQLite has no part in."""


def primary_code(error: BaseException) -> int:
    """SQLite's primary result code, 0 where the error has none."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def damaged(error: BaseException) -> bool:
    """The file itself is broken, and trying again will not help."""
    return primary_code(error) in _DAMAGED or _is_content(error)


def damaged_for_good(error: BaseException) -> bool:
    """What the file holds is broken: nothing more may be written to it. (A table that isn't there is none of
    these: another connection may find it.)"""
    return primary_code(error) in _CORRUPT or _is_content(error) or not _is_known(error)


def _is_known(error: BaseException) -> bool:
    return isinstance(error, (sqlite3.Error, MemoryError, OSError))


def _is_content(error: BaseException) -> bool:
    """The error has no code of its own: a row's types, or a text that is no UTF-8."""
    return isinstance(error, DamagedRowError) or (
        isinstance(error, sqlite3.OperationalError) and str(error).startswith(_CONTENT)
    )


def fault(error: BaseException, path: str, verb: str = "written") -> JournalError:
    """The error as the journal's callers know it. One that is none of SQLite's or the machine's comes of what
    the file holds.

    Args:
        error: What SQLite, or the machine, said.
        path: The file.
        verb: What could not be done with it, "written" or "read".
    """
    known = _is_known(error)
    if damaged(error) or not known:
        known = known or isinstance(error, DamagedRowError)
        words = str(error) if known else f"{type(error).__name__}: {error}"
        return JournalDamaged(f"{path}: the journal is damaged ({words})", DAMAGE_HINT)
    hint = _HINTS.get(primary_code(error)) or "look at the disk and at the kernel's log"
    words = str(error)
    if isinstance(error, OSError):
        hint = _SYSTEM_HINTS.get(error.errno or 0, hint)
        named = f"{error.filename}: " if error.filename not in (None, path) else ""
        words = f"{named}{error.strerror or error}"
    return JournalUnwritable(f"{path}: the journal cannot be {verb} ({words})", hint)
