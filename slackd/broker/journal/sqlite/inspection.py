"""Looks at the file as a program that opens it now would find it.

A connection that has been open for a while knows the schema, and has the pages that it uses often in memory:
it goes on writing to a file that nobody could open any more. So a fresh connection looks, now and then, at what
all the rest hangs on: the header, the schema, and the way from each tree's root to its first and last leaf.
"""

import contextlib
import sqlite3
from pathlib import Path

from slackd.broker.journal.sqlite.open_file import address


def inspect(path: Path) -> None:
    """Read a little of every table and index; takes two milliseconds or so, whatever the file's size.

    Raises:
        sqlite3.Error: It can't be read, as SQLite says.
    """
    with contextlib.closing(sqlite3.connect(address(path, "ro"), uri=True, isolation_level=None)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            first = connection.execute(f'SELECT * FROM "{table}" LIMIT 1')
            first.fetchall()
            connection.execute(f'SELECT max("{first.description[0][0]}") FROM "{table}"').fetchone()
            for index, column in _indexes(connection, table):
                for end in ("min", "max"):  # both at once would read it all
                    query = f'SELECT {end}("{column}") FROM "{table}" INDEXED BY "{index}"'
                    connection.execute(query).fetchone()


def _indexes(connection: sqlite3.Connection, table: str) -> list[tuple[str, str]]:
    """Those of all rows, with their first columns."""
    listed = connection.execute(f'PRAGMA index_list("{table}")').fetchall()
    names = [name for _, name, _, origin, partial in listed if origin == "c" and not partial]
    return [(name, connection.execute(f'PRAGMA index_info("{name}")').fetchone()[2]) for name in names]
