"""Which incarnation of the journal a file is.

A journal whose tail is lost (a backup put back, another file, a copy of the folder) must not be taken for the
one it was: programs remember what they did by delivery ids. So a file has an id, which `initialize` names
programs. It gets a new one when it has none (it is new, was written by 0.1.0, or came out of a backup), and
when it isn't the file that the id was given to (another inode: it is a copy).
"""

import os
import sqlite3
from pathlib import Path
from uuid import uuid4

from slackd.slotted import frozen

_ID, _INODE = "journal_id", "journal_inode"


@frozen
class Incarnation:
    """The id of a file.

    Attributes:
        id: Names it; no other has it.
        inode: The file that it was given to.
        is_new: The file doesn't say so yet: the next transaction has to.
    """

    id: str
    inode: int
    is_new: bool


def read(connection: sqlite3.Connection, path: Path) -> Incarnation:
    """The file's incarnation, a new one where it has none of its own."""
    inode = os.stat(path).st_ino
    facts = dict(
        connection.execute("SELECT name, value FROM meta WHERE name IN (?, ?)", (_ID, _INODE)).fetchall()
    )
    known = facts.get(_ID)
    if isinstance(known, str) and known and facts.get(_INODE) == inode:
        return Incarnation(known, inode, is_new=False)
    return Incarnation(uuid4().hex, inode, is_new=True)


def write(cursor: sqlite3.Cursor, incarnation: Incarnation) -> None:
    """Write it into the transaction that is open."""
    cursor.executemany(
        "INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)",
        [(_ID, incarnation.id), (_INODE, incarnation.inode)],
    )


def remove(connection: sqlite3.Connection) -> None:
    """Take it away from a copy: whoever opens that begins a new one."""
    connection.execute("DELETE FROM meta WHERE name IN (?, ?)", (_ID, _INODE))
