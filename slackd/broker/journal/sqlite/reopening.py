"""What operators do with envelopes and dead letters: deliver them again, or throw them away.

An envelope's own deliveries have consecutive ids, by which retention sees whether it is still needed. One that
is opened later has an id of its own, and is listed in `again` for as long as it is open or a dead letter.

Its age counts from then. Its row has that time as a `not_before` below 0, which every release takes for "at
once"; a retry puts its own time there.
"""

import sqlite3

from slackd.broker.journal.sqlite.record import DeadLetters
from slackd.broker.journal.sqlite.rows import TEXT, WHOLE, checked, member
from slackd.broker.journal.sqlite.totals import Totals
from slackd.broker.journal.writes import Done, Lane, OpenDelivery, Outcome, Replay, Stale
from slackd.text import as_unicode

_STALE = Stale()


class Reopening:
    """Applies their writes through one cursor, inside a transaction."""

    def __init__(self, cursor: sqlite3.Cursor, totals: Totals, dead_letters: DeadLetters) -> None:
        self._cursor, self._totals, self._dead_letters = cursor, totals, dead_letters

    def revive(self, delivery: int) -> Outcome:
        """A dead letter is delivered again.

        Raises:
            DamagedRowError: Its row has what no dead letter can have.
        """
        row = self._cursor.execute(
            "SELECT d.envelope, d.plugin, d.lane, d.key, e.bytes FROM dead_letter d "
            "JOIN envelope e ON e.id = d.envelope WHERE d.delivery = ?",
            (delivery,),
        ).fetchone()
        if row is None:
            return _STALE
        envelope, plugin, lane, key, size = checked(row, (WHOLE, WHOLE, WHOLE, TEXT, WHOLE), "dead_letter")
        if not self._totals.name_of(plugin):
            return _STALE
        self.remove_dead_letter(delivery)
        again = self._open_again(envelope, plugin, member(Lane, lane, "dead_letter"), key, None, None, size)
        return Done(envelope, (again,))

    def discard(self, delivery: int) -> Outcome:
        """A dead letter goes.

        Raises:
            DamagedRowError: Its row has what no dead letter can have.
        """
        envelope = self.remove_dead_letter(delivery)
        return _STALE if envelope is None else Done(envelope)

    def remove_dead_letter(self, delivery: int) -> int | None:
        """Take a dead letter away.

        Returns:
            The id of its envelope; None if there is no such dead letter.

        Raises:
            DamagedRowError: Its row has what no dead letter can have.
        """
        row = self._cursor.execute(
            "DELETE FROM dead_letter WHERE delivery = ? RETURNING envelope, plugin, again", (delivery,)
        ).fetchall()
        if not row:
            return None
        envelope, plugin, again = checked(row[0], (WHOLE, WHOLE, WHOLE), "dead_letter")
        self._totals.dead(plugin, -1)
        if again:
            self.forget(envelope, delivery)
        return int(envelope)

    def replay(self, replay: Replay) -> Outcome:
        """An envelope is delivered once more."""
        row = self._cursor.execute("SELECT bytes FROM envelope WHERE id = ?", (replay.envelope,)).fetchone()
        if row is None:
            return _STALE
        new = replay.delivery
        plugin = self._totals.number_of(self._cursor, new.plugin)
        if new.dead is not None:
            delivery = self._totals.next_delivery()
            self._remember(replay.envelope, delivery)
            self._dead_letters.insert_new(delivery, replay.envelope, plugin, new, "", again=1)
            return Done(replay.envelope)
        key = as_unicode(new.key)
        opened = self._open_again(
            replay.envelope, plugin, new.lane, key, new.expires_at, new.respond_by, row[0]
        )
        return Done(replay.envelope, (opened,))

    def _open_again(
        self,
        envelope: int,
        plugin: int,
        lane: Lane,
        key: str,
        expires_at: float | None,
        respond_by: float | None,
        size: int,
    ) -> OpenDelivery:
        delivery = self._totals.next_delivery()
        self._cursor.execute(
            "INSERT INTO open_delivery "
            "(id, envelope, plugin, lane, key, not_before, expires_at, respond_by, bytes, again) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1)",
            (
                *(delivery, envelope, plugin, int(lane), key, -self._dead_letters.now()),
                *(expires_at, respond_by, size),
            ),
        )
        self._remember(envelope, delivery)
        self._totals.backlog(plugin, 1, size)
        name = self._totals.name_of(plugin)
        return OpenDelivery(delivery, envelope, name, lane, key, expires_at=expires_at, respond_by=respond_by)

    def _remember(self, envelope: int, delivery: int) -> None:
        self._cursor.execute("INSERT INTO again (envelope, delivery) VALUES (?, ?)", (envelope, delivery))

    def forget(self, envelope: int, delivery: int) -> None:
        """A delivery that was opened again is over."""
        self._cursor.execute("DELETE FROM again WHERE envelope = ? AND delivery = ?", (envelope, delivery))
