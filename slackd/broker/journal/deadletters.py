"""Dead letters become rows."""

import sqlite3
from collections.abc import Callable

from slackd.broker.journal.books import Books
from slackd.broker.journal.rules import storable
from slackd.broker.journal.writes import NewDelivery


class DeadLetters:
    """Writes dead letters through one cursor, inside a transaction, and counts them in the books."""

    def __init__(self, cursor: sqlite3.Cursor, books: Books, clock: Callable[[], float]) -> None:
        self._cursor = cursor
        self._books = books
        self._clock = clock

    def insert_new(
        self, delivery: int, envelope: int, plugin: int, new: NewDelivery, error: str, again: int = 0
    ) -> None:
        """A delivery that never was an open one."""
        assert new.dead is not None
        self.insert(
            (delivery, envelope, plugin, int(new.lane), storable(new.key), new.dead.value, error, 0, again)
        )

    def insert(self, row: tuple[int, int, int, int, str, str, str, int, int]) -> None:
        """Delivery, envelope, plugin, lane, key, reason, error, attempts, again; it dies now."""
        delivery, envelope, plugin, lane, key, reason, error, attempts, again = row
        self._cursor.execute(
            "INSERT INTO dead_letter "
            "(delivery, envelope, plugin, lane, key, reason, error, attempts, died_at, again) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (delivery, envelope, plugin, lane, key, reason, storable(error), attempts, self._clock(), again),
        )
        self._books.dead(plugin, 1)
