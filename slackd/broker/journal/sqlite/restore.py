"""Puts a backup in the journal's place."""

import contextlib
import os
import shutil
import sqlite3
from pathlib import Path
from typing import BinaryIO, Final

from slackd.broker.journal.offline import JournalRestore
from slackd.broker.journal.sqlite import incarnation, schema
from slackd.broker.journal.sqlite.check import read_only, refuse_what_is_no_journal
from slackd.broker.journal.sqlite.offline import need_room, put_in_place, set_aside
from slackd.broker.journal.sqlite.tables import count
from slackd.errors import JournalDamaged

_COPY: Final = "journal.restore"


def restore(path: Path, source: BinaryIO, named: str) -> JournalRestore:
    """Make a copy of the backup, look whether it is a journal, and put it in the place of what is there.

    Args:
        path: The journal's file.
        source: The backup, open.
        named: The backup, in words.

    Returns:
        What it holds, and the new name of what stood there.

    Raises:
        JournalUnwritable: There is no room for it.
        JournalDamaged: It is no journal, or a damaged one.
        JournalError: It was written by a release that this one cannot follow.
    """
    need_room(path.parent, os.fstat(source.fileno()).st_size, "a restore")
    copy = path.parent / _COPY
    copy.unlink(missing_ok=True)
    descriptor = os.open(copy, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            shutil.copyfileobj(source, file, 1 << 20)
        holds = _accepted(copy, named)
        before = set_aside(path, "before")
        put_in_place(copy, path)
    finally:
        for suffix in ("", "-wal", "-shm", "-journal"):
            Path(f"{copy}{suffix}").unlink(missing_ok=True)
    return JournalRestore(path, before, holds)


def _accepted(copy: Path, named: str) -> dict[str, int]:
    """What the backup holds; it is another journal from now on."""
    refusal = JournalDamaged(
        f"{named}: this is no journal of slackd, or a damaged one",
        hint="nothing was changed; slackctl backup makes what can be restored",
    )
    try:
        with contextlib.closing(sqlite3.connect(copy, isolation_level=None)) as connection:
            # A file that comes from a journal's folder is in the log's mode.
            refuse_what_is_no_journal(connection, copy)
            connection.execute("PRAGMA journal_mode = DELETE")
            schema.refuse_newer(connection, named)
            incarnation.remove(connection)
        with contextlib.closing(read_only(copy)) as connection:
            found = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
            if found != "ok":
                raise refusal
            return count(connection)
    except JournalDamaged as error:
        raise refusal from error
    except (sqlite3.Error, ValueError, TypeError) as error:
        raise refusal from error
