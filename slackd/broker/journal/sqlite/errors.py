"""What an error of SQLite means for the journal, in words that say what happened, where, and the hint."""

import sqlite3

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

FAILURES = (sqlite3.Error, MemoryError, OSError)
"""Errors of the disk or the machine: they concern everything that was to be committed (where no mistake)."""

_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR})
"""With statements that are right, `SQLITE_ERROR` means that a table or column is not there."""

_HINTS = {
    sqlite3.SQLITE_FULL: "the disk is full: make room, slackd goes on by itself",
    sqlite3.SQLITE_READONLY: "the file system is read-only: make it writable, slackd goes on by itself",
    sqlite3.SQLITE_IOERR: "the disk reports errors, or a size limit was reached: look at the kernel's log",
    sqlite3.SQLITE_CANTOPEN: "a file cannot be opened: look at the folder's owner and mode",
    sqlite3.SQLITE_BUSY: "another program is writing to it: nothing but slackd may open it",
    sqlite3.SQLITE_PERM: "access is denied: look at the folder's owner and mode",
}


def primary_code(error: BaseException) -> int:
    """SQLite's primary result code, 0 where the error has none."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def damaged(error: BaseException) -> bool:
    """The file itself is broken, and trying again will not help."""
    return primary_code(error) in _DAMAGED


def fault(error: BaseException, path: str, verb: str = "written") -> JournalError:
    """The error as the journal's callers know it.

    Args:
        error: What SQLite, or the machine, said.
        path: The file.
        verb: What could not be done with it, "written" or "read".
    """
    if damaged(error):
        return JournalDamaged(
            f"{path}: the journal is damaged ({error})",
            hint=f"keep the file; put the last `slackctl backup` in its place, or rescue what can be read with "
            f"`sqlite3 {path} .recover | sqlite3 rescued.db`, or move it away to start with an empty one",
        )
    hint = _HINTS.get(primary_code(error), "look at the disk and at the kernel's log")
    return JournalUnwritable(f"{path}: the journal cannot be {verb} ({error})", hint)
