"""Records become rows: new envelopes with their dedupe keys and deliveries, a group in a few big steps.

Dead letters become rows.
"""

import sqlite3
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import attrs

from slackd.broker.journal.ages import ClockAhead
from slackd.broker.journal.rules import DEDUPE_MEMORY, byte_length
from slackd.broker.journal.sqlite import sql
from slackd.broker.journal.sqlite.rows import BYTES, MAYBE_TEXT, WHOLE, checked, member
from slackd.broker.journal.sqlite.totals import Totals
from slackd.broker.journal.writes import (
    AnswerState,
    DeadReason,
    Duplicate,
    Lane,
    NewDelivery,
    OpenDelivery,
    Outcome,
    Record,
    Recorded,
    StoredEnvelope,
)
from slackd.envelope import ParsedEnvelope, Unreadable
from slackd.slotted import define
from slackd.text import as_unicode


class DeadLetters:
    """Writes dead letters through one cursor, inside a transaction, and counts them in the totals."""

    def __init__(self, cursor: sqlite3.Cursor, totals: Totals, clock: Callable[[], float]) -> None:
        self._cursor = cursor
        self._totals = totals
        self._clock = clock

    def now(self) -> float:
        """UNIX seconds."""
        return self._clock()

    def insert_new(
        self, delivery: int, envelope: int, plugin: int, new: NewDelivery, error: str, again: int = 0
    ) -> None:
        """A delivery that never was an open one."""
        assert new.dead is not None
        self.insert(
            (delivery, envelope, plugin, int(new.lane), as_unicode(new.key), new.dead.value, error, 0, again)
        )

    def insert(self, row: tuple[int, int, int, int, str, str, str, int, int]) -> None:
        """Delivery, envelope, plugin, lane, key, reason, error, attempts, again; it dies now."""
        delivery, envelope, plugin, lane, key, reason, error, attempts, again = row
        self._cursor.execute(
            "INSERT INTO dead_letter "
            "(delivery, envelope, plugin, lane, key, reason, error, attempts, died_at, again) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (delivery, envelope, plugin, lane, key, reason, as_unicode(error), attempts, self._clock(), again),
        )
        self._totals.dead(plugin, 1)


Slot = tuple[list[Outcome], int]
"""Where an outcome is to stand: the list of its submission, and its place there."""


SHORT = 32
"""Bytes up to which a dedupe key stands in the table as it is."""


def table_key(app: str, key: str) -> bytes:
    """What stands for a dedupe key of an app in the table.

    Slack counts its event ids up, so those of one time are neighbours, and a commit touches one page for many
    of them; as hashes each would have a page of its own. A long one is a hash: envelope ids are random anyway.
    """
    spelt = f"{app}\0{key}".encode("utf-8", "surrogatepass")
    return spelt if len(spelt) <= SHORT else b"\0" + blake2b(spelt, digest_size=16).digest()


@define
class _Rows:
    """Rows to be inserted. Most envelopes have no response from the start, and most deliveries no times: those
    go without the columns, since for each NULL Python's sqlite3 looks for an adapter first.

    Attributes:
        opened: By a plugin's number, the bytes of each delivery that is opened for it.
    """

    envelopes: list[tuple[Any, ...]] = attrs.field(factory=list)
    responded: list[tuple[Any, ...]] = attrs.field(factory=list)
    deliveries: list[tuple[Any, ...]] = attrs.field(factory=list)
    timed: list[tuple[Any, ...]] = attrs.field(factory=list)
    opened: dict[int, list[int]] = attrs.field(factory=dict)


class Recorder:
    """Records envelopes through one cursor, inside a transaction."""

    def __init__(
        self,
        cursor: sqlite3.Cursor,
        totals: Totals,
        dead_letters: DeadLetters,
        ahead_now: Callable[[], ClockAhead],
    ) -> None:
        self._cursor = cursor
        self._totals = totals
        self._dead_letters = dead_letters
        self._ahead_now = ahead_now

    def record_all(self, records: list[tuple[Record, Slot]]) -> None:
        """Record those that are not known; each outcome goes into its slot.

        Raises:
            DamagedRowError: A row that is in the way has what it can't have.
        """
        keys = [[table_key(r.envelope.app, key) for key in r.envelope.keys] for r, _ in records]
        rows = _Rows()
        seen_before: list[tuple[int, Slot]] = []
        if self._claim(records, keys):
            for record, (outcomes, index) in records:
                outcomes[index] = self._record(record, rows)
        else:
            seen_before = self._record_unknown(records, keys, rows)
        self._insert(rows)
        for number, sizes in rows.opened.items():
            self._totals.backlog(number, len(sizes), sum(sizes))
        if seen_before:
            self._answer_duplicates(seen_before)

    def _claim(self, records: list[tuple[Record, Slot]], keys: list[list[bytes]]) -> bool:
        """Insert all keys as those of new envelopes, without a look whether they are known: they hardly ever
        are. If one is, or comes twice, none stays, and the answer is no."""
        first = self._totals.last_envelope + 1
        claims = [
            (key, envelope, int(record.received_at))
            for envelope, ((record, _), own) in enumerate(zip(records, keys, strict=True), first)
            for key in own
        ]
        if self._insert_keys(claims, conflict="IGNORE") == len(claims):
            return True
        sql.run(
            self._cursor,
            "DELETE FROM dedupe WHERE key IN (*) AND envelope >= ?",
            [key for key, _, _ in claims],
            first,
        )
        return False

    def _record_unknown(
        self, records: list[tuple[Record, Slot]], keys: list[list[bytes]], rows: _Rows
    ) -> list[tuple[int, Slot]]:
        """The same where some may be known; returns those that are, with the envelope that came first."""
        # Dedupe keys are as old as what has passed: a clock that was set since the last look makes none older.
        ahead = self._ahead_now().seconds
        known = self._look_up([key for some in keys for key in some])
        in_table = set(known)
        learned: dict[bytes, tuple[bytes, int, int]] = {}
        seen_before: list[tuple[int, Slot]] = []
        for (record, slot), own in zip(records, keys, strict=True):
            horizon = record.received_at - ahead - DEDUPE_MEMORY
            hits = [known[key][0] for key in own if key in known and known[key][1] > horizon]
            if hits:
                envelope = min(hits)
                seen_before.append((envelope, slot))
            else:
                recorded = slot[0][slot[1]] = self._record(record, rows)
                envelope = recorded.envelope
            at = int(record.received_at)
            for key in own:
                if not hits or key not in known or known[key][1] <= horizon:
                    known[key] = (envelope, at)
                    learned[key] = (key, envelope, at)
        sql.run(self._cursor, "DELETE FROM dedupe WHERE key IN (*)", list(in_table.intersection(learned)))
        self._insert_keys(list(learned.values()))
        return seen_before

    def _look_up(self, keys: list[bytes]) -> dict[bytes, tuple[int, int]]:
        rows = sql.each(self._cursor, "SELECT key, envelope, at FROM dedupe WHERE key IN (*)", keys)
        known = (checked(row, (BYTES, WHOLE, WHOLE), "dedupe") for row in rows)
        return {key: (envelope, at) for key, envelope, at in known}

    def _record(self, record: Record, rows: _Rows) -> Recorded:
        totals = self._totals
        envelope = record.envelope
        id_ = totals.last_envelope + 1
        size = byte_length(envelope.text)
        first = totals.last_delivery + 1
        envelope_id, text = as_unicode(envelope.envelope_id or ""), as_unicode(envelope.text)
        if isinstance(envelope, ParsedEnvelope):
            kind, response_url = as_unicode(envelope.type), as_unicode(envelope.response_url)
        else:
            kind = response_url = ""
        response = None if record.response is None else as_unicode(record.response)
        stored = StoredEnvelope(
            id_,
            envelope.app,
            envelope_id,
            kind,
            text,
            record.received_at,
            record.answer,
            response,
            response_url,
        )
        opened = [self._open(new, stored, size, rows) for new in record.deliveries]
        if isinstance(envelope, Unreadable):
            self._dead_letter_unreadable(id_, envelope)
        row = (
            id_,
            envelope.app,
            envelope_id,
            kind,
            record.received_at,
            int(record.answer),
            response_url,
            size,
            first,
            totals.last_delivery,
            text,
        )
        if response is None:
            rows.envelopes.append(row)
        else:
            rows.responded.append((*row, response))
        if not totals.period_begins <= record.received_at < totals.period_ends:
            totals.enter_period(self._cursor, record.received_at, id_)
        totals.last_envelope = id_
        totals.envelope_bytes += size
        return Recorded(id_, tuple([delivery for delivery in opened if delivery is not None]))

    def _open(self, new: NewDelivery, stored: StoredEnvelope, size: int, rows: _Rows) -> OpenDelivery | None:
        totals, envelope = self._totals, stored.id
        totals.last_delivery = id_ = totals.last_delivery + 1
        number = totals.number_of(self._cursor, new.plugin)
        if new.dead is not None:
            self._dead_letters.insert_new(id_, envelope, number, new, "")
            return None
        key, lane, expires_at, respond_by = as_unicode(new.key), new.lane, new.expires_at, new.respond_by
        row = (id_, envelope, number, int(lane), key, size)
        if expires_at is None and respond_by is None:
            rows.deliveries.append(row)
        else:
            rows.timed.append((*row, expires_at, respond_by))
        totals.remember_untouched(id_, envelope, number, size)
        rows.opened.setdefault(number, []).append(size)
        return OpenDelivery(id_, envelope, new.plugin, lane, key, 1, 0.0, expires_at, respond_by, stored)

    def _dead_letter_unreadable(self, envelope: int, unreadable: Unreadable) -> None:
        self._totals.last_delivery += 1
        number = self._totals.number_of(self._cursor, "")
        nobody = NewDelivery("", Lane.EVENTS, "", dead=DeadReason.UNREADABLE)
        self._dead_letters.insert_new(self._totals.last_delivery, envelope, number, nobody, unreadable.reason)

    def _insert(self, rows: _Rows) -> None:
        envelope = (
            "id, app, envelope_id, type, received_at, answer, response_url, bytes, first_delivery, "
            "last_delivery, text"
        )
        delivery = "id, envelope, plugin, lane, key, bytes"
        for head, width, some in (
            (f"envelope ({envelope})", 11, rows.envelopes),
            (f"envelope ({envelope}, response)", 12, rows.responded),
            (f"open_delivery ({delivery})", 6, rows.deliveries),
            (f"open_delivery ({delivery}, expires_at, respond_by)", 8, rows.timed),
        ):
            if some:
                sql.insert(self._cursor, head, width, some)

    def _insert_keys(self, rows: list[tuple[bytes, int, int]], conflict: str = "FAIL") -> int:
        # Python's sqlite3 takes a bytearray as it is, and looks for an adapter of bytes first.
        adapted = [(bytearray(key), envelope, at) for key, envelope, at in rows]
        return sql.insert(self._cursor, "dedupe (key, envelope, at)", 3, adapted, conflict)

    def _answer_duplicates(self, seen_before: list[tuple[int, Slot]]) -> None:
        ids = list({envelope for envelope, _ in seen_before})
        rows = sql.each(self._cursor, "SELECT id, answer, response FROM envelope WHERE id IN (*)", ids)
        stored = {
            id_: Duplicate(id_, member(AnswerState, answer, "envelope"), response)
            for id_, answer, response in (checked(row, (WHOLE, WHOLE, MAYBE_TEXT), "envelope") for row in rows)
        }
        for envelope, (outcomes, index) in seen_before:
            outcomes[index] = stored.get(envelope) or Duplicate(envelope, AnswerState.NONE, None)
