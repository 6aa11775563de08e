"""Writes become rows: the meaning of every write, applied inside a transaction that somebody else commits.

The hot writes, `Record` and `CloseHandled`, are collected and go in together in a few big steps. They
commute: a record never looks at what a close changes, and a close names deliveries older than the batch.
Whatever does not commute with them waits until they are in.
"""

import functools
import sqlite3
from collections.abc import Callable, Sequence
from json import loads
from typing import Any

from slackd.broker.journal.ages import ClockAhead
from slackd.broker.journal.rules import WAITED
from slackd.broker.journal.sqlite import sql
from slackd.broker.journal.sqlite.record import DeadLetters, Recorder, Slot
from slackd.broker.journal.sqlite.reopening import Reopening
from slackd.broker.journal.sqlite.rows import ANSWERED, MAYBE_NUMBER, TEXT, WHOLE, Kinds, checked
from slackd.broker.journal.sqlite.totals import Totals
from slackd.broker.journal.writes import (
    AnswerPassed,
    AnswerState,
    AnswerUnsent,
    CleanShutdown,
    CloseDelivery,
    CloseHandled,
    DeadLetterDelivery,
    DeadReason,
    Discard,
    Done,
    ForgetSession,
    GapRecord,
    Ghost,
    HandledClosed,
    LateSent,
    ListSession,
    Outcome,
    Record,
    Replay,
    RetryDelivery,
    Revive,
    SeenReady,
    Stale,
    Write,
)
from slackd.slotted import frozen
from slackd.text import as_unicode

_STALE = Stale()
_DONE = Done()
_HANDLED = HandledClosed()


@frozen
class Waiting:
    """An open delivery as the writer needs to see it."""

    id: int
    envelope: int
    plugin: int
    lane: int
    key: str
    attempt: int
    respond_by: float | None
    bytes: int
    again: int


_CLOSED_KINDS: Kinds = (WHOLE,) * 6
_WAITING_KINDS: Kinds = (WHOLE, WHOLE, WHOLE, WHOLE, TEXT, WHOLE, MAYBE_NUMBER, WHOLE, WHOLE)

WAITING = "id, envelope, plugin, lane, key, attempt, respond_by, bytes, again"


def waiting_of(row: tuple[Any, ...]) -> Waiting:
    """The open delivery that a row of `WAITING` says.

    Raises:
        DamagedRowError: The row has what no delivery can have.
    """
    return Waiting(*checked(row, _WAITING_KINDS, "open_delivery"))


class Applier:
    """Applies writes through one cursor, inside a transaction.

    `apply` returns one outcome a write; those of records and closes stand in the list only after `flush`.

    Attributes:
        reopening: What operators do, and what is remembered of it.
    """

    def __init__(
        self,
        cursor: sqlite3.Cursor,
        totals: Totals,
        clock: Callable[[], float],
        ahead_now: Callable[[], ClockAhead] = ClockAhead,
    ) -> None:
        """`ahead_now` says how far the clock was set ahead, as `Journal.clock_ahead`."""
        self._cursor = cursor
        self._totals = totals
        self._dead_letters = DeadLetters(cursor, totals, clock)
        self._recorder = Recorder(cursor, totals, self._dead_letters, ahead_now)
        self._records: list[tuple[Record, Slot]] = []
        self._closes: list[tuple[CloseHandled, Slot]] = []
        self._old = totals.last_delivery

    @functools.cached_property
    def reopening(self) -> Reopening:
        """What operators and retention need, and nearly no group."""
        return Reopening(self._cursor, self._totals, self._dead_letters)

    def apply(self, writes: Sequence[Write]) -> list[Outcome]:
        """Apply writes in their order.

        Returns:
            What became of each, in order.

        Raises:
            DamagedRowError: A row that is in the way has what it can't have.
            TypeError: There is a write of a kind that the journal doesn't know.
        """
        outcomes: list[Outcome] = [_STALE] * len(writes)
        for index, write in enumerate(writes):
            if type(write) is Record:
                self._records.append((write, (outcomes, index)))
            elif type(write) is CloseHandled:
                newest = max((delivery for delivery, _ in write.deliveries), default=0)
                if newest > self._old:
                    self.flush()
                self._closes.append((write, (outcomes, index)))
                if newest > self._old:
                    self.flush()  # before a later record is given this id
            else:
                self.flush()
                outcomes[index] = self._apply_one(write)
        return outcomes

    def flush(self) -> None:
        """Let in what was collected; the outcomes are in their lists afterwards.

        Raises:
            DamagedRowError: A row that is in the way has what it can't have.
        """
        if self._records:
            records, self._records = self._records, []
            self._recorder.record_all(records)
        if self._closes:
            closes, self._closes = self._closes, []
            self._close_all(closes)
        self._old = self._totals.last_delivery

    def _apply_one(self, write: Write) -> Outcome:
        match write:
            case CloseDelivery():
                return self._close(write)
            case RetryDelivery():
                return self._retry(write)
            case DeadLetterDelivery():
                waiting = self.waiting(write.delivery)
                if waiting is None or write.attempt not in (None, waiting.attempt):
                    return _STALE
                self.dead_letter(waiting, write.reason, write.error)
                return Done(waiting.envelope)
            case AnswerPassed(envelope):
                return Done(envelope) if self._answer_passed(envelope) else _STALE
            case AnswerUnsent():
                return self._answer_unsent(write)
            case LateSent(delivery):
                return self._done_if_any("DELETE FROM late_answer WHERE delivery = ?", delivery)
            case ListSession(plugin, session):
                self._cursor.execute(
                    "INSERT OR IGNORE INTO session (plugin, session) VALUES (?, ?)",
                    (plugin, as_unicode(session)),
                )
                return _DONE
            case ForgetSession(plugin, session):
                return self._done_if_any(
                    "DELETE FROM session WHERE plugin = ? AND session = ?", plugin, as_unicode(session)
                )
            case CleanShutdown():
                return self._record_clean_shutdown(write)
            case GapRecord():
                self._cursor.execute(
                    'INSERT OR REPLACE INTO gap (app, start, "end", reason) VALUES (?, ?, ?, ?)',
                    (write.app, write.start, write.end, as_unicode(write.reason)),
                )
                return _DONE
            case Ghost():
                self._cursor.execute(
                    "INSERT OR REPLACE INTO ghost (app, connection, until) VALUES (?, ?, ?)",
                    (write.app, write.connection, write.until),
                )
                return _DONE
            case SeenReady(app, at):
                self._cursor.execute("INSERT OR REPLACE INTO seen_ready (app, at) VALUES (?, ?)", (app, at))
                return _DONE
            case Revive(delivery):
                return self.reopening.revive(delivery)
            case Discard(delivery):
                return self.reopening.discard(delivery)
            case Replay():
                return self.reopening.replay(write)
            case _:
                raise TypeError(f"{type(write).__name__} is not a write the journal knows")

    # The end of a delivery

    def _close_all(self, closes: list[tuple[CloseHandled, Slot]]) -> None:
        untouched = self._totals.untouched
        closed: list[int] = []
        freed: dict[int, list[int]] = {}
        others: list[tuple[int, int, list[int]]] = []
        reports: list[tuple[list[int], list[Outcome], int]] = []
        for handled, (outcomes, index) in closes:
            stale: list[int] = []
            for delivery, attempt in handled.deliveries:
                known = untouched.pop(delivery, None) if attempt == 1 else None
                if known is None:
                    others.append((delivery, attempt, stale))
                    continue
                _, plugin, size = known
                closed.append(delivery)
                freed.setdefault(plugin, []).append(size)
            reports.append((stale, outcomes, index))
        for plugin, sizes in freed.items():
            self._totals.backlog(plugin, -len(sizes), -sum(sizes))
        sql.run(self._cursor, "DELETE FROM open_delivery WHERE id IN (*)", closed)
        if others:
            self._close_unknown(others)
        for stale, outcomes, index in reports:
            outcomes[index] = HandledClosed(tuple(stale)) if stale else _HANDLED

    def _close_unknown(self, closes: list[tuple[int, int, list[int]]]) -> None:
        """Deliveries and their attempts; each that is stale is added to the list beside it."""
        open_now: dict[int, list[int]] = {}
        rows = sql.each(
            self._cursor,
            "SELECT json_group_array(json_array(id, attempt, envelope, plugin, bytes, again)) "
            "FROM open_delivery WHERE id IN (*)",
            [delivery for delivery, _, _ in closes],
        )
        for (found,) in rows:
            for row in loads(found):
                open_now[row[0]] = checked(row, _CLOSED_KINDS, "open_delivery")
        closed = []
        for delivery, attempt, stale in closes:
            row = open_now.get(delivery)
            if row is None or row[1] != attempt:
                stale.append(delivery)
                continue
            del open_now[delivery]
            _, _, envelope, plugin, size, again = row
            closed.append(delivery)
            self._totals.backlog(plugin, -1, -size)
            if again:
                self.reopening.forget(envelope, delivery)
        sql.run(self._cursor, "DELETE FROM open_delivery WHERE id IN (*)", closed)

    def _close(self, close: CloseDelivery) -> Outcome:
        waiting = self.waiting(close.delivery)
        if waiting is None or waiting.attempt != close.attempt:
            return _STALE
        response = None if close.response is None else as_unicode(close.response)
        passed = False
        if close.answer is AnswerState.PASSED:
            self._answer_passed(waiting.envelope)
        elif close.answer is not None:
            self._cursor.execute(
                "UPDATE envelope SET answer = ?, response = ? WHERE id = ? AND answer = ?",
                (int(close.answer), response, waiting.envelope, int(AnswerState.OWED)),
            )
            passed = self._cursor.rowcount == 0
        if close.late and response is not None and (passed or close.answer is None):
            plugin = self._totals.name_of(waiting.plugin)
            self._remember_late(waiting.envelope, waiting.id, plugin, response)
        if close.keep:
            self._cursor.execute("UPDATE open_delivery SET respond_by = ? WHERE id = ?", (ANSWERED, waiting.id))
            return Done(waiting.envelope, passed=passed)
        self._remove(waiting)
        if waiting.again:
            self.reopening.forget(waiting.envelope, waiting.id)
        return Done(waiting.envelope, passed=passed)

    def _retry(self, retry: RetryDelivery) -> Outcome:
        self._totals.untouched.pop(retry.delivery, None)
        rows = self._cursor.execute(
            "UPDATE open_delivery SET attempt = attempt + 1, last_error = ?1, "
            "not_before = CASE WHEN again AND ?2 = 0 THEN -abs(not_before) ELSE ?2 END "
            "WHERE id = ?3 AND attempt = ?4 RETURNING envelope",
            (as_unicode(retry.error), retry.not_before, retry.delivery, retry.attempt),
        ).fetchall()
        return Done(rows[0][0]) if rows else _STALE

    def waiting(self, delivery: int) -> Waiting | None:
        """The open delivery, if it is one.

        Raises:
            DamagedRowError: Its row has what no delivery can have.
        """
        row = self._cursor.execute(f"SELECT {WAITING} FROM open_delivery WHERE id = ?", (delivery,)).fetchone()
        return waiting_of(row) if row else None

    def dead_letter(self, waiting: Waiting, reason: DeadReason, error: str) -> None:
        """Make an open delivery a dead letter; an owed answer is given up with it."""
        self._remove(waiting)
        attempts = waiting.attempt - 1 if reason in WAITED else waiting.attempt
        self._dead_letters.insert(
            (
                waiting.id,
                waiting.envelope,
                waiting.plugin,
                waiting.lane,
                waiting.key,
                reason.value,
                error,
                attempts,
                waiting.again,
            )
        )
        if waiting.respond_by is not None:
            self._answer_passed(waiting.envelope)

    def _remove(self, waiting: Waiting) -> None:
        self._totals.untouched.pop(waiting.id, None)
        self._cursor.execute("DELETE FROM open_delivery WHERE id = ?", (waiting.id,))
        self._totals.backlog(waiting.plugin, -1, -waiting.bytes)

    def _answer_passed(self, envelope: int) -> bool:
        self._cursor.execute(
            "UPDATE envelope SET answer = ? WHERE id = ? AND answer = ?",
            (int(AnswerState.PASSED), envelope, int(AnswerState.OWED)),
        )
        return self._cursor.rowcount > 0

    def _answer_unsent(self, write: AnswerUnsent) -> Outcome:
        row = self._cursor.execute(
            "SELECT response FROM envelope WHERE id = ? AND answer = ? AND response IS NOT NULL",
            (write.envelope, int(AnswerState.GIVEN)),
        ).fetchone()
        if row is None:
            return _STALE
        self._remember_late(write.envelope, write.delivery, as_unicode(write.plugin), row[0])
        self._cursor.execute(
            "UPDATE envelope SET answer = ?, response = NULL WHERE id = ?",
            (int(AnswerState.PASSED), write.envelope),
        )
        return Done(write.envelope)

    def _remember_late(self, envelope: int, delivery: int, plugin: str, response: str) -> None:
        self._cursor.execute(
            "INSERT OR REPLACE INTO late_answer (delivery, envelope, plugin, app, response_url, response) "
            "SELECT ?, id, ?, app, response_url, ? FROM envelope WHERE id = ?",
            (delivery, plugin, response, envelope),
        )

    # Sessions and the clean-shutdown record

    def _record_clean_shutdown(self, record: CleanShutdown) -> Outcome:
        last = {one.delivery: one for one in record.in_flight}
        self._cursor.execute("DELETE FROM handed")
        sql.insert(
            self._cursor,
            "handed (delivery, plugin, session)",
            3,
            [(one.delivery, one.plugin, as_unicode(one.session)) for one in last.values()],
        )
        self._cursor.execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('clean_stop', 1)")
        return _DONE

    def _done_if_any(self, statement: str, *values: object) -> Outcome:
        self._cursor.execute(statement, values)
        return _DONE if self._cursor.rowcount > 0 else _STALE
