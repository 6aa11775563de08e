"""Reads what can be read of a table whose pages are damaged.

Rows with a number for a key are looked for in ranges: one that can't be read is halved, so that a broken page
costs its own rows alone. Other tables are read from the front up to the first broken page, then from the back.
An index that has a table's every column is read as well.
How often reading may fail is bounded: a table whose inner pages are broken would otherwise take for ever.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from typing import Any, Final

from slackd.broker.journal.sqlite.tables import TableSpec

Row = tuple[Any, ...]

MOST_FAILURES: Final = 20_000
"""Reads of one table that may fail before the rest of it is given up."""
_LOWEST, _HIGHEST = -(1 << 62), 1 << 62


class Salvage:
    """Reads tables of one damaged database.

    Attributes:
        unreadable: Places that could not be read so far.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.unreadable = 0

    def rows(self, spec: TableSpec) -> Iterator[Row]:
        """The table's rows, as far as they can be read: each once, and those of its index twice at the most."""
        before = self.unreadable
        if spec.by_number:
            yield from self._by_number(spec)
        else:
            yield from self._from_both_ends(spec)
        if spec.index and self.unreadable > before:
            query = f'SELECT {spec.listed} FROM {spec.name} INDEXED BY "{spec.index}"'
            with contextlib.suppress(sqlite3.Error):
                yield from self._connection.execute(query)

    def _by_number(self, spec: TableSpec) -> Iterator[Row]:
        key = spec.columns[0]
        query = f"SELECT {spec.listed} FROM {spec.name} WHERE {key} BETWEEN ? AND ? ORDER BY {key}"
        ranges = [self._bounds(spec)]
        failures = 0
        while ranges:
            low, high = ranges.pop()
            found = low
            try:
                for row in self._connection.execute(query, (low, high)):
                    yield row
                    found = int(row[0]) + 1
            except sqlite3.Error:
                failures += 1
            else:
                continue
            if found > high or failures > MOST_FAILURES:
                self.unreadable += failures > MOST_FAILURES
                continue
            if found == high:
                self.unreadable += 1
                continue
            # What was read before the failure isn't read again.
            middle = (found + high) // 2
            ranges += [(middle + 1, high), (found, middle)]

    def _bounds(self, spec: TableSpec) -> tuple[int, int]:
        key = spec.columns[0]

        def ask(function: str, otherwise: int) -> int:
            try:
                found = self._connection.execute(f"SELECT {function}({key}) FROM {spec.name}").fetchone()[0]
            except sqlite3.Error:
                return otherwise
            return found if isinstance(found, int) else otherwise

        return ask("min", _LOWEST), ask("max", _HIGHEST)

    def _from_both_ends(self, spec: TableSpec) -> Iterator[Row]:
        keys = [f'"{column}"' for column in spec.columns[: spec.keys]]
        query = f"SELECT {spec.listed} FROM {spec.name}"
        last: Row | None = None
        try:
            for row in self._connection.execute(f"{query} ORDER BY {', '.join(keys)}"):
                last = row[: spec.keys]
                yield row
        except sqlite3.Error:
            self.unreadable += 1
        else:
            return
        beyond = "" if last is None else f"WHERE ({', '.join(keys)}) > ({', '.join('?' * spec.keys)}) "
        backwards = f"{query} {beyond}ORDER BY {', '.join(f'{key} DESC' for key in keys)}"
        with contextlib.suppress(sqlite3.Error):
            yield from self._connection.execute(backwards, last or ())
