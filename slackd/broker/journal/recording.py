"""Records become rows: new envelopes with their dedupe keys and deliveries, a group in a few big steps."""

import sqlite3
from hashlib import blake2b
from typing import Any

from slackd.broker.journal import bulk
from slackd.broker.journal.books import Books
from slackd.broker.journal.deadletters import DeadLetters
from slackd.broker.journal.rules import DEDUPE_MEMORY, byte_length, storable
from slackd.broker.journal.writes import (
    Answer,
    Duplicate,
    Lane,
    NewDelivery,
    OpenDelivery,
    Outcome,
    Reason,
    Record,
    Recorded,
)
from slackd.envelope import Envelope

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


class Recorder:
    """Records envelopes through one cursor, inside a transaction."""

    def __init__(self, cursor: sqlite3.Cursor, books: Books, dead_letters: DeadLetters) -> None:
        self._cursor = cursor
        self._books = books
        self._dead_letters = dead_letters

    def record_all(self, records: list[tuple[Record, Slot]]) -> None:
        """Record those that are not known; each outcome goes into its slot."""
        keys = [[table_key(r.envelope.app, key) for key in r.envelope.keys] for r, _ in records]
        claimed = self._claim(records, keys)
        known = {} if claimed else self._look_up([key for some in keys for key in some])
        in_table = set(known)
        learned: dict[bytes, tuple[bytes, int, int]] = {}
        envelope_rows: list[tuple[Any, ...]] = []
        delivery_rows: list[tuple[Any, ...]] = []
        seen_before: list[tuple[int, Slot]] = []
        for (record, slot), own in zip(records, keys, strict=True):
            horizon = record.received_at - DEDUPE_MEMORY
            hits = [known[key][0] for key in own if key in known and known[key][1] > horizon]
            if hits:
                envelope = min(hits)
                seen_before.append((envelope, slot))
            else:
                envelope = self._books.last_envelope + 1
                opened = self._record(record, envelope, envelope_rows, delivery_rows)
                slot[0][slot[1]] = Recorded(envelope, opened)
            if claimed:
                continue
            at = int(record.received_at)
            for key in own:
                if not hits or key not in known or known[key][1] <= horizon:
                    known[key] = (envelope, at)
                    learned[key] = (key, envelope, at)
        bulk.run(self._cursor, "DELETE FROM dedupe WHERE key IN (*)", list(in_table.intersection(learned)))
        self._insert(envelope_rows, delivery_rows, list(learned.values()))
        if seen_before:
            self._answer_duplicates(seen_before)

    def _claim(self, records: list[tuple[Record, Slot]], keys: list[list[bytes]]) -> bool:
        """Insert all keys as those of new envelopes, without a look whether they are known: they hardly ever
        are. If one is, or comes twice, none stays, and the answer is no."""
        first = self._books.last_envelope + 1
        rows = [
            (key, envelope, int(record.received_at))
            for envelope, ((record, _), own) in enumerate(zip(records, keys, strict=True), first)
            for key in own
        ]
        if bulk.insert(self._cursor, "dedupe (key, envelope, at)", 3, rows, conflict="IGNORE") == len(rows):
            return True
        bulk.run(
            self._cursor,
            "DELETE FROM dedupe WHERE key IN (*) AND envelope >= ?",
            [key for key, _, _ in rows],
            first,
        )
        return False

    def _look_up(self, keys: list[bytes]) -> dict[bytes, tuple[int, int]]:
        rows = bulk.each(self._cursor, "SELECT key, envelope, at FROM dedupe WHERE key IN (*)", keys)
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
                self._dead_letters.insert_new(books.last_delivery, envelope_id, number, new, "")
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
            books.remember_untouched(books.last_delivery, envelope_id, number, size)
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
            self._dead_letters.insert_new(books.last_delivery, envelope_id, number, nobody, envelope.reason)
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

    def _answer_duplicates(self, seen_before: list[tuple[int, Slot]]) -> None:
        ids = list({envelope for envelope, _ in seen_before})
        rows = bulk.each(self._cursor, "SELECT id, answer, response FROM envelope WHERE id IN (*)", ids)
        stored = {row[0]: Duplicate(row[0], Answer(row[1]), row[2]) for row in rows}
        for envelope, (outcomes, index) in seen_before:
            outcomes[index] = stored.get(envelope) or Duplicate(envelope, Answer.NONE, None)
