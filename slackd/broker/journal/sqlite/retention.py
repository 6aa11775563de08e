"""What goes, and when: backlogs beyond their limits, old dead letters, envelopes nobody needs, old dedupe keys.

Retention is a round of small chores. Each step looks at a bounded number of rows and changes fewer, in a
transaction of its own, so that a commit that waits behind it hardly notices. A chore that has to walk a table
remembers where it was, and starts anew only after a pause that keeps all walking under a hundredth of the time.

Times are UNIX seconds.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping

from slackd.broker.journal.limits import (
    ABANDONED_AFTER,
    GAP_MEMORY,
    DeadLetterBytes,
    DeadLettered,
    DroppedDeadLetters,
    Limits,
)
from slackd.broker.journal.rules import DEDUPE_MEMORY
from slackd.broker.journal.sqlite import sql
from slackd.broker.journal.sqlite.apply import WAITING, Applier, Waiting, waiting_of
from slackd.broker.journal.sqlite.rows import NUMBER, WHOLE, Kinds, checked
from slackd.broker.journal.sqlite.totals import Totals
from slackd.broker.journal.writes import DeadReason, Lane
from slackd.slotted import define

CHUNK = 200
"""Rows that a step changes at most."""

LOOK = 2_000
"""Rows that a step looks at at most."""

ROW_COST = 2e-6
"""Seconds that looking at one row costs, generously."""

SWEEP_KEYS_EVERY = 3600.0
WALK_ENVELOPES_EVERY = 60.0
WALK_DEAD_LETTERS_EVERY = 0.0
"""Seconds, at the least, between two walks through a table."""


_ENVELOPE_KINDS: Kinds = (WHOLE, NUMBER, WHOLE, WHOLE, WHOLE)


@define
class Walk:
    """Where a walk through a table is, and when it may start again."""

    every: float
    position: object = None
    seen: int = 0
    next_start: float = 0.0

    def due(self, now: float) -> bool:
        """It is under way, or may start."""
        return self.position is not None or now >= self.next_start or now < self.next_start - 2 * self.pause

    @property
    def pause(self) -> float:
        """Seconds between two walks."""
        return max(self.every, 100 * ROW_COST * self.seen)

    def ended(self, now: float) -> None:
        """It reached its end."""
        self.next_start = now + self.pause
        self.position = None
        self.seen = 0


class Retention:
    """The round: each of its chores does one step, which is committed by whoever drives it. After a failed
    commit another one is made, whose walks start again.

    Attributes:
        dead_letter_bytes: By plugin, bytes of dead letters, as of the last walk that ended.
    """

    def __init__(self, dead_letter_bytes: Mapping[str, int] | None = None) -> None:
        self.dead_letter_bytes: Mapping[str, int] = dead_letter_bytes or {}
        self._dead_letters = Walk(WALK_DEAD_LETTERS_EVERY)
        self._letters: DeadLetterBytes | None = None
        self._envelopes = Walk(WALK_ENVELOPES_EVERY)
        self._keys = Walk(SWEEP_KEYS_EVERY)
        self._expiry = Walk(0.0)

    def chores(self) -> list["Chore"]:
        """One round, in the order of urgency; each is repeated until it says that nothing is left to do."""
        return [
            self._dead_letter_beyond_limits,
            self._dead_letter_expired,
            self._drop_old_dead_letters,
            self._drop_dead_letters_beyond_bytes,
            self._drop_envelopes,
            self._sweep_keys,
            self._drop_small_things,
        ]

    # Backlogs

    def _dead_letter_beyond_limits(self, round_: "Round") -> bool:
        for figures in round_.totals.plugins():
            if not figures.deliveries:
                continue
            limits = round_.limits.of(figures.name)
            if figures.bytes > limits.max_bytes:
                return self._dead_letter_oldest_bytes(round_, figures.number, figures.bytes - limits.max_bytes)
            oldest = round_.oldest_open(figures.number, 1)
            if oldest and oldest[0][1] < round_.now - limits.max_age:
                return self._dead_letter_oldest_aged(round_, figures.number, round_.now - limits.max_age)
        return False

    def _dead_letter_oldest_bytes(self, round_: "Round", plugin: int, excess: int) -> bool:
        for waiting, _ in round_.oldest_open(plugin, CHUNK):
            round_.dead_letter(waiting, DeadReason.BACKLOG_FULL, "the plugin's backlog reached its max_bytes")
            excess -= waiting.bytes
            if excess <= 0:
                break
        return True

    def _dead_letter_oldest_aged(self, round_: "Round", plugin: int, horizon: float) -> bool:
        for waiting, received_at in round_.oldest_open(plugin, CHUNK):
            if received_at >= horizon:
                break
            round_.dead_letter(waiting, DeadReason.TOO_OLD, "the plugin's backlog reached its max_age")
        return True

    def _dead_letter_expired(self, round_: "Round") -> bool:
        walk = self._expiry
        if not walk.due(round_.now):
            return False
        after = walk.position if isinstance(walk.position, tuple) else (float("-inf"), 0)
        rows = round_.cursor.execute(
            f"SELECT expires_at, {WAITING} FROM open_delivery "
            "WHERE expires_at IS NOT NULL AND expires_at <= ? AND (expires_at, id) > (?, ?) "
            "ORDER BY expires_at, id LIMIT ?",
            (round_.now, *after, CHUNK),
        ).fetchall()
        for row in rows:
            waiting = waiting_of(row[1:])
            away = round_.totals.name_of(waiting.plugin) in round_.limits.away
            if away or row[0] <= round_.now - ABANDONED_AFTER:
                round_.dead_letter(waiting, DeadReason.EXPIRED, "it expired before the plugin came back")
        walk.seen += len(rows)
        if len(rows) < CHUNK:
            walk.ended(round_.now)
            return False
        walk.position = (rows[-1][0], rows[-1][1])
        return True

    # What nobody needs any more

    def _drop_old_dead_letters(self, round_: "Round") -> bool:
        rows = round_.cursor.execute(
            "SELECT delivery FROM dead_letter WHERE died_at < ? ORDER BY died_at LIMIT ?",
            (round_.now - round_.limits.dead_letter_age, CHUNK),
        ).fetchall()
        for (delivery,) in rows:
            round_.change()
            round_.applier.reopening.remove_dead_letter(delivery)
        return len(rows) == CHUNK

    def _drop_dead_letters_beyond_bytes(self, round_: "Round") -> bool:
        walk = self._dead_letters
        if not walk.due(round_.now):
            return False
        if walk.position is None or self._letters is None:
            self._letters = DeadLetterBytes(round_.limits)
        before = walk.position if isinstance(walk.position, int) else 1 << 62
        rows = round_.cursor.execute(
            "SELECT d.delivery, d.plugin, e.bytes FROM dead_letter d JOIN envelope e ON e.id = d.envelope "
            "WHERE d.delivery < ? ORDER BY d.delivery DESC LIMIT ?",
            (before, LOOK),
        ).fetchall()
        dropped = 0
        for row in rows:
            delivery, plugin, size = checked(row, (WHOLE, WHOLE, WHOLE), "dead_letter")
            walk.position = delivery
            walk.seen += 1
            if self._letters.keeps(round_.totals.name_of(plugin), size):
                continue
            round_.drop(delivery, plugin, size)
            dropped += 1
            if dropped == CHUNK:
                return True
        if len(rows) == LOOK:
            return True
        self.dead_letter_bytes, self._letters = self._letters.kept, None
        walk.ended(round_.now)
        return False

    def _drop_envelopes(self, round_: "Round") -> bool:
        walk = self._envelopes
        if not walk.due(round_.now):
            return False
        after = walk.position if isinstance(walk.position, int) else 0
        excess = round_.totals.envelope_bytes - round_.limits.max_bytes
        horizon = round_.now - round_.limits.max_age
        rows = round_.cursor.execute(
            "SELECT id, received_at, bytes, answer <> 0 OR response IS NOT NULL, "
            "EXISTS (SELECT 1 FROM open_delivery d WHERE d.id BETWEEN first_delivery AND last_delivery) "
            "OR EXISTS (SELECT 1 FROM dead_letter d WHERE d.delivery BETWEEN first_delivery AND last_delivery) "
            "OR EXISTS (SELECT 1 FROM again a WHERE a.envelope = envelope.id) "
            "FROM envelope WHERE id > ? AND id < ? ORDER BY id LIMIT ?",
            (after, round_.totals.last_envelope, CHUNK),
        ).fetchall()
        gone: list[int] = []
        done = len(rows) < CHUNK
        for row in rows:
            envelope, received_at, size, may_be_asked_for, needed = checked(row, _ENVELOPE_KINDS, "envelope")
            if received_at >= horizon and excess <= 0:
                done = True
                break
            walk.seen += 1
            walk.position = envelope
            if needed or (may_be_asked_for and received_at > round_.now - DEDUPE_MEMORY):
                continue
            gone.append(envelope)
            excess -= size
            round_.totals.envelope_bytes -= size
        if gone:
            round_.change()
            sql.run(round_.cursor, "DELETE FROM envelope WHERE id IN (*)", gone)
        if done:
            walk.ended(round_.now)
        return not done

    def _sweep_keys(self, round_: "Round") -> bool:
        walk = self._keys
        if not walk.due(round_.now):
            return False
        after = walk.position if isinstance(walk.position, bytes) else b""
        horizon = int(round_.now - DEDUPE_MEMORY)
        last, seen, old = round_.cursor.execute(
            "SELECT max(key), count(*), sum(at <= ?) FROM "
            "(SELECT key, at FROM dedupe WHERE key > ? ORDER BY key LIMIT ?)",
            (horizon, after, LOOK),
        ).fetchone()
        if old:
            round_.change()
            round_.cursor.execute(
                "DELETE FROM dedupe WHERE key > ? AND key <= ? AND at <= ?", (after, last, horizon)
            )
        walk.seen += seen
        if seen < LOOK:
            walk.ended(round_.now)
            return False
        walk.position = last
        return True

    def _drop_small_things(self, round_: "Round") -> bool:
        for look, drop, value in (
            (
                'SELECT 1 FROM gap WHERE "end" < ? LIMIT 1',
                'DELETE FROM gap WHERE "end" < ?',
                round_.now - GAP_MEMORY,
            ),
            ("SELECT 1 FROM ghost WHERE until <= ? LIMIT 1", "DELETE FROM ghost WHERE until <= ?", round_.now),
            (
                "SELECT 1 FROM period WHERE last_envelope < (SELECT min(id) FROM envelope) AND ? LIMIT 1",
                "DELETE FROM period WHERE last_envelope < (SELECT min(id) FROM envelope) AND ?",
                1,
            ),
        ):
            if round_.cursor.execute(look, (value,)).fetchone():
                round_.change()
                round_.cursor.execute(drop, (value,))
        return False


Chore = Callable[["Round"], bool]
"""Does one step; true when there is more to do at once."""


class Round:
    """One step's view of the journal: reading begins nothing, the first change begins a transaction."""

    def __init__(
        self, cursor: sqlite3.Cursor, totals: Totals, applier: Applier, limits: Limits, now: float
    ) -> None:
        self.cursor = cursor
        self.totals = totals
        self.applier = applier
        self.limits = limits
        self.now = now
        self.dead_lettered: list[DeadLettered] = []
        self.dropped: dict[int, tuple[int, int]] = {}
        self.changed = False

    def change(self) -> None:
        """Begin the step's transaction, if it has not begun."""
        if not self.changed:
            self.cursor.execute("BEGIN IMMEDIATE")
            self.changed = True

    def dead_letter(self, waiting: Waiting, reason: DeadReason, error: str) -> None:
        """Make an open delivery a dead letter, and remember to report it."""
        self.change()
        self.applier.dead_letter(waiting, reason, error)
        plugin = self.totals.name_of(waiting.plugin)
        lane = Lane(waiting.lane)
        self.dead_lettered.append(DeadLettered(waiting.id, waiting.envelope, plugin, reason, lane))

    def drop(self, delivery: int, plugin: int, size: int) -> None:
        """Take a dead letter away, and remember to report it."""
        self.change()
        self.applier.reopening.remove_dead_letter(delivery)
        letters, bytes_ = self.dropped.get(plugin, (0, 0))
        self.dropped[plugin] = letters + 1, bytes_ + size

    def dropped_dead_letters(self) -> tuple[DroppedDeadLetters, ...]:
        """What `drop` took away, by plugin."""
        return tuple(
            DroppedDeadLetters(self.totals.name_of(plugin), letters, size)
            for plugin, (letters, size) in self.dropped.items()
        )

    def oldest_open(self, plugin: int, limit: int) -> list[tuple[Waiting, float]]:
        """A plugin's oldest open deliveries over both lanes, with the time of their receipt, or that at which
        an operator had them delivered again (`reopening`).

        Raises:
            DamagedRowError: A row has what no delivery can have.
        """
        rows = list(self._oldest_of_lane(plugin, 0, limit)) + list(self._oldest_of_lane(plugin, 1, limit))
        rows.sort(key=lambda row: row[0].id)
        return rows[:limit]

    def _oldest_of_lane(self, plugin: int, lane: int, limit: int) -> Iterator[tuple[Waiting, float]]:
        columns = ", ".join(f"d.{name.strip()}" for name in WAITING.split(","))
        rows = self.cursor.execute(
            f"SELECT {columns}, CASE WHEN d.again THEN max(e.received_at, abs(d.not_before)) "
            "ELSE e.received_at END FROM open_delivery d INDEXED BY open_by_age "
            "JOIN envelope e ON e.id = d.envelope "
            "WHERE d.plugin = ? AND d.lane = ? ORDER BY d.id LIMIT ?",
            (plugin, lane, limit),
        ).fetchall()
        for row in rows:
            yield waiting_of(row[:-1]), checked(row[-1:], (NUMBER,), "envelope")[0]
