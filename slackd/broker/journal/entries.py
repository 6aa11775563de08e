"""Writes become rows: the meaning of every write, applied inside a transaction that somebody else commits.

The hot writes, `Record` and the plain `Close`, are collected and go in together in a few big steps. They
commute: a record never looks at what a plain close changes, and a close names a delivery that is older than the
batch. Whatever does not commute with them waits until they are in.
"""

import sqlite3
from collections.abc import Callable, Sequence
from hashlib import blake2b
from json import loads
from typing import Any

import attrs

from slackd.broker.journal import bulk
from slackd.broker.journal.books import Books
from slackd.broker.journal.writes import (
    Answer,
    AnswerPassed,
    Bury,
    Close,
    Discard,
    Done,
    Duplicate,
    ForgetSession,
    Gap,
    Ghost,
    Lane,
    LateSent,
    ListSession,
    NewDelivery,
    NoteStop,
    OpenDelivery,
    Outcome,
    Reason,
    Record,
    Recorded,
    Replay,
    Retry,
    Revive,
    Stale,
    Write,
)
from slackd.envelope import Envelope

DEDUPE_MEMORY = 25 * 3600.0
"""Seconds for which dedupe keys are remembered: Slack's Delayed Events retry for 24 hours."""

WAITED = frozenset({Reason.EXPIRED, Reason.TOO_OLD, Reason.BACKLOG_FULL})
"""Reasons that end a delivery while it waits for its next attempt, which therefore is not counted."""

_STALE = Stale()
_DONE = Done()


def dedupe_digest(app: str, key: str) -> bytes:
    """Sixteen bytes that stand for a dedupe key of an app."""
    return blake2b(f"{app}\0{key}".encode("utf-8", "surrogatepass"), digest_size=16).digest()


def storable(text: str) -> str:
    """The text without lone surrogates, which JSON can smuggle in and UTF-8 cannot hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def byte_length(text: str) -> int:
    """Bytes of the text in UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


@attrs.frozen
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


WAITING = "id, envelope, plugin, lane, key, attempt, respond_by, bytes, again"

_Slot = tuple[list[Outcome], int]


class Entries:
    """Applies writes through one cursor, inside a transaction.

    `apply` returns one outcome a write; those of records and closes stand in the list only after `flush`.
    """

    def __init__(self, cursor: sqlite3.Cursor, books: Books, clock: Callable[[], float]) -> None:
        self._cursor = cursor
        self._books = books
        self._clock = clock
        self._records: list[tuple[Record, _Slot]] = []
        self._closes: list[tuple[Close, _Slot]] = []
        self._old = books.last_delivery

    def apply(self, writes: Sequence[Write]) -> list[Outcome]:
        """Apply writes in their order."""
        outcomes: list[Outcome] = [_STALE] * len(writes)
        for index, write in enumerate(writes):
            if type(write) is Record:
                self._records.append((write, (outcomes, index)))
            elif (
                type(write) is Close and write.answer is None and not write.late and write.delivery <= self._old
            ):
                self._closes.append((write, (outcomes, index)))
            else:
                self.flush()
                outcomes[index] = self._apply_one(write)
        return outcomes

    def flush(self) -> None:
        """Let in what was collected; the outcomes are in their lists afterwards."""
        if self._records:
            records, self._records = self._records, []
            self._record_all(records)
        if self._closes:
            closes, self._closes = self._closes, []
            self._close_all(closes)
        self._old = self._books.last_delivery

    def _apply_one(self, write: Write) -> Outcome:
        match write:
            case Close():
                return self._close(write)
            case Retry():
                return self._retry(write)
            case Bury():
                waiting = self.waiting(write.delivery)
                if waiting is None or write.attempt not in (None, waiting.attempt):
                    return _STALE
                self.bury(waiting, write.reason, write.error)
                return Done(waiting.envelope)
            case AnswerPassed(envelope):
                return Done(envelope) if self._answer_passed(envelope) else _STALE
            case LateSent(delivery):
                return self._done_if_any("DELETE FROM late_answer WHERE delivery = ?", delivery)
            case ListSession(plugin, session):
                self._cursor.execute(
                    "INSERT OR IGNORE INTO session (plugin, session) VALUES (?, ?)", (plugin, storable(session))
                )
                return _DONE
            case ForgetSession(plugin, session):
                return self._done_if_any(
                    "DELETE FROM session WHERE plugin = ? AND session = ?", plugin, storable(session)
                )
            case NoteStop():
                return self._note_stop(write)
            case Gap():
                self._cursor.execute(
                    'INSERT OR REPLACE INTO gap (app, start, "end", reason) VALUES (?, ?, ?, ?)',
                    (write.app, write.start, write.end, storable(write.reason)),
                )
                return _DONE
            case Ghost():
                self._cursor.execute(
                    "INSERT OR REPLACE INTO ghost (app, connection, until) VALUES (?, ?, ?)",
                    (write.app, write.connection, write.until),
                )
                return _DONE
            case Revive(delivery):
                return self._revive(delivery)
            case Discard(delivery):
                return self._discard(delivery)
            case Replay():
                return self._replay(write)
            case _:
                raise TypeError(f"{type(write).__name__} is not a write the journal knows")

    # Records

    def _record_all(self, records: list[tuple[Record, _Slot]]) -> None:
        digests = [[dedupe_digest(r.envelope.app, key) for key in r.envelope.keys] for r, _ in records]
        known = self._look_up([digest for some in digests for digest in some])
        in_table = set(known)
        fresh: dict[int, Record] = {}
        learned: dict[bytes, tuple[bytes, int, int]] = {}
        envelope_rows: list[tuple[Any, ...]] = []
        delivery_rows: list[tuple[Any, ...]] = []
        seen_before: list[tuple[int, _Slot]] = []
        for (record, slot), own in zip(records, digests, strict=True):
            horizon = record.received_at - DEDUPE_MEMORY
            hits = [known[d][0] for d in own if d in known and known[d][1] > horizon]
            if hits:
                envelope = min(hits)
                seen_before.append((envelope, slot))
            else:
                envelope = self._books.last_envelope + 1
                fresh[envelope] = record
                opened = self._record(record, envelope, envelope_rows, delivery_rows)
                slot[0][slot[1]] = Recorded(envelope, opened)
            at = int(record.received_at)
            for digest in own:
                if not hits or digest not in known or known[digest][1] <= horizon:
                    known[digest] = (envelope, at)
                    learned[digest] = (digest, envelope, at)
        bulk.run(self._cursor, "DELETE FROM dedupe WHERE key IN (*)", list(in_table.intersection(learned)))
        self._insert(envelope_rows, delivery_rows, list(learned.values()))
        if seen_before:
            self._answer_duplicates(seen_before)

    def _look_up(self, digests: list[bytes]) -> dict[bytes, tuple[int, int]]:
        rows = bulk.each(self._cursor, "SELECT key, envelope, at FROM dedupe WHERE key IN (*)", digests)
        return {key: (envelope, at) for key, envelope, at in rows}

    def _record(
        self,
        record: Record,
        envelope_id: int,
        envelope_rows: list[tuple[Any, ...]],
        delivery_rows: list[tuple[Any, ...]],
    ) -> tuple[OpenDelivery, ...]:
        books = self._books
        envelope = record.envelope
        size = byte_length(envelope.text)
        first = books.last_delivery + 1
        opened = []
        for new in record.deliveries:
            books.last_delivery += 1
            number = books.number_of(self._cursor, new.plugin)
            if new.dead is not None:
                self._dead_from_the_start(books.last_delivery, envelope_id, number, new, "")
                continue
            key = storable(new.key)
            delivery_rows.append(
                (
                    books.last_delivery,
                    envelope_id,
                    number,
                    int(new.lane),
                    key,
                    new.expires_at,
                    new.respond_by,
                    size,
                )
            )
            books.backlog(number, 1, size)
            opened.append(
                OpenDelivery(
                    books.last_delivery,
                    envelope_id,
                    new.plugin,
                    new.lane,
                    key,
                    expires_at=new.expires_at,
                    respond_by=new.respond_by,
                )
            )
        if isinstance(envelope, Envelope):
            kind, response_url = storable(envelope.type), storable(envelope.response_url)
        else:
            kind = response_url = ""
            books.last_delivery += 1
            number = books.number_of(self._cursor, "")
            nobody = NewDelivery("", Lane.EVENTS, "", dead=Reason.UNREADABLE)
            self._dead_from_the_start(books.last_delivery, envelope_id, number, nobody, envelope.reason)
        envelope_rows.append(
            (
                envelope_id,
                envelope.app,
                storable(envelope.envelope_id or ""),
                kind,
                record.received_at,
                int(record.answer),
                None if record.response is None else storable(record.response),
                response_url,
                size,
                first,
                books.last_delivery,
                storable(envelope.text),
            )
        )
        books.enter_period(self._cursor, record.received_at, envelope_id)
        books.last_envelope = envelope_id
        books.envelope_bytes += size
        return tuple(opened)

    def _insert(
        self,
        envelopes: list[tuple[Any, ...]],
        deliveries: list[tuple[Any, ...]],
        keys: list[tuple[bytes, int, int]],
    ) -> None:
        bulk.insert(
            self._cursor,
            "envelope (id, app, envelope_id, type, received_at, answer, response, response_url, "
            "bytes, first_delivery, last_delivery, text)",
            12,
            envelopes,
        )
        bulk.insert(
            self._cursor,
            "open_delivery (id, envelope, plugin, lane, key, expires_at, respond_by, bytes)",
            8,
            deliveries,
        )
        bulk.insert(self._cursor, "dedupe (key, envelope, at)", 3, keys)

    def _answer_duplicates(self, seen_before: list[tuple[int, _Slot]]) -> None:
        ids = list({envelope for envelope, _ in seen_before})
        rows = bulk.each(self._cursor, "SELECT id, answer, response FROM envelope WHERE id IN (*)", ids)
        stored = {row[0]: Duplicate(row[0], Answer(row[1]), row[2]) for row in rows}
        for envelope, (outcomes, index) in seen_before:
            outcomes[index] = stored.get(envelope) or Duplicate(envelope, Answer.NONE, None)

    def _dead_from_the_start(
        self, delivery: int, envelope: int, plugin: int, new: NewDelivery, error: str, again: int = 0
    ) -> None:
        assert new.dead is not None
        self._insert_dead_letter(
            (delivery, envelope, plugin, int(new.lane), storable(new.key), new.dead.value, error, 0, again)
        )

    # The end of a delivery

    def _close_all(self, closes: list[tuple[Close, _Slot]]) -> None:
        open_now: dict[int, list[int]] = {}
        rows = bulk.each(
            self._cursor,
            "SELECT json_group_array(json_array(id, attempt, envelope, plugin, bytes, again)) "
            "FROM open_delivery WHERE id IN (*)",
            [close.delivery for close, _ in closes],
        )
        for (found,) in rows:
            for row in loads(found):
                open_now[row[0]] = row
        closed = []
        for close, (outcomes, index) in closes:
            row = open_now.get(close.delivery)
            if row is None or row[1] != close.attempt:
                continue
            del open_now[close.delivery]
            _, _, envelope, plugin, size, again = row
            closed.append(close.delivery)
            self._books.backlog(plugin, -1, -size)
            if again:
                self._forget_again(envelope, close.delivery)
            outcomes[index] = Done(envelope)
        bulk.run(self._cursor, "DELETE FROM open_delivery WHERE id IN (*)", closed)

    def _close(self, close: Close) -> Outcome:
        waiting = self.waiting(close.delivery)
        if waiting is None or waiting.attempt != close.attempt:
            return _STALE
        response = None if close.response is None else storable(close.response)
        if close.answer is Answer.PASSED:
            self._answer_passed(waiting.envelope)
        elif close.answer is not None:
            self._cursor.execute(
                "UPDATE envelope SET answer = ?, response = ? WHERE id = ? AND answer = ?",
                (int(close.answer), response, waiting.envelope, int(Answer.OWED)),
            )
        if close.late and response is not None:
            self._cursor.execute(
                "INSERT OR REPLACE INTO late_answer (delivery, envelope, plugin, app, response_url, response) "
                "SELECT ?, id, ?, app, response_url, ? FROM envelope WHERE id = ?",
                (waiting.id, self._books.name_of(waiting.plugin), response, waiting.envelope),
            )
        self._remove(waiting)
        if waiting.again:
            self._forget_again(waiting.envelope, waiting.id)
        return Done(waiting.envelope)

    def _retry(self, retry: Retry) -> Outcome:
        rows = self._cursor.execute(
            "UPDATE open_delivery SET attempt = attempt + 1, not_before = ?, last_error = ? "
            "WHERE id = ? AND attempt = ? RETURNING envelope",
            (retry.not_before, storable(retry.error), retry.delivery, retry.attempt),
        ).fetchall()
        return Done(rows[0][0]) if rows else _STALE

    def waiting(self, delivery: int) -> Waiting | None:
        """The open delivery, if it is one."""
        row = self._cursor.execute(f"SELECT {WAITING} FROM open_delivery WHERE id = ?", (delivery,)).fetchone()
        return Waiting(*row) if row else None

    def bury(self, waiting: Waiting, reason: Reason, error: str) -> None:
        """Make an open delivery a dead letter; an owed answer is given up with it."""
        self._remove(waiting)
        attempts = waiting.attempt - 1 if reason in WAITED else waiting.attempt
        self._insert_dead_letter(
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
        self._cursor.execute("DELETE FROM open_delivery WHERE id = ?", (waiting.id,))
        self._books.backlog(waiting.plugin, -1, -waiting.bytes)

    def _insert_dead_letter(self, row: tuple[int, int, int, int, str, str, str, int, int]) -> None:
        delivery, envelope, plugin, lane, key, reason, error, attempts, again = row
        self._cursor.execute(
            "INSERT INTO dead_letter "
            "(delivery, envelope, plugin, lane, key, reason, error, attempts, died_at, again) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (delivery, envelope, plugin, lane, key, reason, storable(error), attempts, self._clock(), again),
        )
        self._books.dead(plugin, 1)

    def _answer_passed(self, envelope: int) -> bool:
        self._cursor.execute(
            "UPDATE envelope SET answer = ? WHERE id = ? AND answer = ?",
            (int(Answer.PASSED), envelope, int(Answer.OWED)),
        )
        return self._cursor.rowcount > 0

    # What operators do

    def _revive(self, delivery: int) -> Outcome:
        row = self._cursor.execute(
            "SELECT d.envelope, d.plugin, d.lane, d.key, e.bytes FROM dead_letter d "
            "JOIN envelope e ON e.id = d.envelope WHERE d.delivery = ?",
            (delivery,),
        ).fetchone()
        if row is None or not self._books.name_of(row[1]):
            return _STALE
        envelope, plugin, lane, key, size = row
        self.remove_dead_letter(delivery)
        return Done(envelope, (self._open_again(envelope, plugin, Lane(lane), key, None, None, size),))

    def _discard(self, delivery: int) -> Outcome:
        envelope = self.remove_dead_letter(delivery)
        return _STALE if envelope is None else Done(envelope)

    def remove_dead_letter(self, delivery: int) -> int | None:
        """Take a dead letter away; returns its envelope, or None if there is none."""
        row = self._cursor.execute(
            "DELETE FROM dead_letter WHERE delivery = ? RETURNING envelope, plugin, again", (delivery,)
        ).fetchall()
        if not row:
            return None
        envelope, plugin, again = row[0]
        self._books.dead(plugin, -1)
        if again:
            self._forget_again(envelope, delivery)
        return int(envelope)

    def _replay(self, replay: Replay) -> Outcome:
        row = self._cursor.execute("SELECT bytes FROM envelope WHERE id = ?", (replay.envelope,)).fetchone()
        if row is None:
            return _STALE
        new = replay.delivery
        plugin = self._books.number_of(self._cursor, new.plugin)
        if new.dead is not None:
            delivery = self._books.next_delivery()
            self._remember_again(replay.envelope, delivery)
            self._dead_from_the_start(delivery, replay.envelope, plugin, new, "", again=1)
            return Done(replay.envelope)
        key = storable(new.key)
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
        delivery = self._books.next_delivery()
        self._cursor.execute(
            "INSERT INTO open_delivery (id, envelope, plugin, lane, key, expires_at, respond_by, bytes, again) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1)",
            (delivery, envelope, plugin, int(lane), key, expires_at, respond_by, size),
        )
        self._remember_again(envelope, delivery)
        self._books.backlog(plugin, 1, size)
        name = self._books.name_of(plugin)
        return OpenDelivery(delivery, envelope, name, lane, key, expires_at=expires_at, respond_by=respond_by)

    def _remember_again(self, envelope: int, delivery: int) -> None:
        self._cursor.execute("INSERT INTO again (envelope, delivery) VALUES (?, ?)", (envelope, delivery))

    def _forget_again(self, envelope: int, delivery: int) -> None:
        self._cursor.execute("DELETE FROM again WHERE envelope = ? AND delivery = ?", (envelope, delivery))

    # Sessions and the note of a clean stop

    def _note_stop(self, note: NoteStop) -> Outcome:
        last = {one.delivery: one for one in note.handed}
        self._cursor.execute("DELETE FROM handed")
        bulk.insert(
            self._cursor,
            "handed (delivery, plugin, session)",
            3,
            [(one.delivery, one.plugin, storable(one.session)) for one in last.values()],
        )
        self._cursor.execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('clean_stop', 1)")
        return _DONE

    def _done_if_any(self, statement: str, *values: object) -> Outcome:
        self._cursor.execute(statement, values)
        return _DONE if self._cursor.rowcount > 0 else _STALE
