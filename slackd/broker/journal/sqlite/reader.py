"""Reads, in short pages, over connections that can only read.

Each page is one statement in a thread of its own pool; it sees everything that was committed before it started,
and holds nothing afterwards, so that the write-ahead log can be checkpointed.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import attrs

from slackd.broker.journal import Backlog, DeadLetter, StoredEnvelope
from slackd.broker.journal.sqlite import sql
from slackd.broker.journal.sqlite.errors import FAILURES, MISTAKES, damaged_for_good, fault
from slackd.broker.journal.sqlite.open_file import address
from slackd.broker.journal.sqlite.rows import (
    ANSWERED,
    MAYBE_NUMBER,
    MAYBE_TEXT,
    NUMBER,
    TEXT,
    WHOLE,
    Kinds,
    checked,
    member,
)
from slackd.broker.journal.sqlite.schema import PERIOD
from slackd.broker.journal.writes import AnswerState, DeadReason, GapRecord, Lane, OpenDelivery
from slackd.errors import JournalDamaged, JournalError

THREADS = 2

_PLUGIN = "(SELECT number FROM plugin WHERE name = :plugin)"
_OPEN = (
    "SELECT d.id, d.envelope, p.name, d.lane, d.key, d.attempt, d.not_before, d.expires_at, d.respond_by "
    "FROM open_delivery d JOIN plugin p ON p.number = d.plugin "
)
_KEYS = f"""
    WITH RECURSIVE step (key) AS (
        SELECT (
            SELECT min(key) FROM open_delivery
            WHERE plugin = {_PLUGIN} AND lane = :lane AND key {{first}} :after
        )
        UNION ALL
        SELECT (
            SELECT min(key) FROM open_delivery
            WHERE plugin = {_PLUGIN} AND lane = :lane AND key > step.key
        )
        FROM step WHERE step.key IS NOT NULL
        LIMIT :limit
    )
    SELECT key FROM step WHERE key IS NOT NULL"""
_KEYS_FROM_START, _KEYS_AFTER = _KEYS.format(first=">="), _KEYS.format(first=">")
_ENVELOPE = (
    "SELECT id, app, envelope_id, type, text, received_at, answer, response, response_url FROM envelope "
)
_DEAD = (
    "SELECT d.delivery, d.envelope, p.name, e.app, e.type, d.reason, d.error, d.attempts, d.died_at, "
    "e.received_at, {text} FROM dead_letter d "
    "JOIN plugin p ON p.number = d.plugin JOIN envelope e ON e.id = d.envelope "
)
_DEAD_WITHOUT_TEXT, _DEAD_WITH_TEXT = _DEAD.format(text="''"), _DEAD.format(text="e.text")

_GAP: Kinds = (TEXT, NUMBER, MAYBE_NUMBER, TEXT)
_OPEN_DELIVERY: Kinds = (WHOLE, WHOLE, TEXT, WHOLE, TEXT, WHOLE, NUMBER, MAYBE_NUMBER, MAYBE_NUMBER)
_STORED_ENVELOPE: Kinds = (WHOLE, TEXT, TEXT, TEXT, TEXT, NUMBER, WHOLE, MAYBE_TEXT, TEXT)
_DEAD_LETTER: Kinds = (WHOLE, WHOLE, TEXT, TEXT, TEXT, TEXT, TEXT, WHOLE, NUMBER, NUMBER, TEXT)
_BACKLOG: Kinds = (TEXT, WHOLE, WHOLE, WHOLE, MAYBE_NUMBER)

Answered = TypeVar("Answered")


class SqliteReader:
    """The reading half of the journal.

    What it finds damaged it reports, so that nothing more is written to such a file.
    """

    def __init__(self, path: Path, on_damage: Callable[[JournalDamaged], None]) -> None:
        self._path = path
        self._on_damage = on_damage
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="journal-reader")
        self._own = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._closed = False

    async def keys_after(self, plugin: str, lane: Lane, after: str | None, limit: int) -> Sequence[str]:
        """As in `JournalReader`."""
        query = _KEYS_FROM_START if after is None else _KEYS_AFTER
        return await self._rows(_key, query, plugin=plugin, lane=int(lane), after=after or "", limit=limit)

    async def open_of_key(
        self, plugin: str, lane: Lane, key: str, after: int, limit: int
    ) -> Sequence[OpenDelivery]:
        """As in `JournalReader`."""
        return await self._rows(
            _open_delivery,
            _OPEN + f"WHERE d.plugin = {_PLUGIN} AND d.lane = :lane AND d.key = :key AND d.id > :after "
            "ORDER BY d.id LIMIT :limit",
            plugin=plugin,
            lane=int(lane),
            key=key,
            after=after,
            limit=limit,
        )

    async def open_count(self, plugin: str, lane: Lane, up_to: int, limit: int) -> int:
        """As in `JournalReader`."""
        (count,) = await self._rows(
            _number,
            "SELECT count(*) FROM (SELECT 1 FROM open_delivery INDEXED BY open_by_age "
            f"WHERE plugin = {_PLUGIN} AND lane = :lane AND id <= :up_to LIMIT :limit)",
            plugin=plugin,
            lane=int(lane),
            up_to=up_to,
            limit=limit,
        )
        return count

    async def open_by_id(self, ids: Sequence[int]) -> Sequence[OpenDelivery]:
        """As in `JournalReader`."""

        def read(cursor: sqlite3.Cursor) -> list[OpenDelivery]:
            rows = sql.each(cursor, _OPEN + "WHERE d.id IN (*)", list(dict.fromkeys(ids)))
            return sorted((_open_delivery(row) for row in rows), key=lambda delivery: delivery.id)

        return await self._read(read)

    async def envelopes(self, ids: Sequence[int]) -> Mapping[int, StoredEnvelope]:
        """As in `JournalReader`."""

        def read(cursor: sqlite3.Cursor) -> dict[int, StoredEnvelope]:
            rows = sql.each(cursor, _ENVELOPE + "WHERE id IN (*)", list(dict.fromkeys(ids)))
            return {row[0]: _stored_envelope(row) for row in rows}

        return await self._read(read)

    async def recorded(
        self, after: int, limit: int, since: float | None = None, until: float | None = None
    ) -> Sequence[StoredEnvelope]:
        """As in `JournalReader`."""

        def read(cursor: sqlite3.Cursor) -> list[StoredEnvelope]:
            first, last = _ids_of_interval(cursor, since, until)
            rows = cursor.execute(
                _ENVELOPE
                + "WHERE id >= ? AND id <= ? AND received_at >= ? AND received_at <= ? ORDER BY id LIMIT ?",
                (
                    max(after + 1, first),
                    last,
                    float("-inf") if since is None else since,
                    float("inf") if until is None else until,
                    limit,
                ),
            )
            return [_stored_envelope(row) for row in rows.fetchall()]

        return await self._read(read)

    async def dead_letters(self, after: int, limit: int, plugin: str | None = None) -> Sequence[DeadLetter]:
        """As in `JournalReader`."""
        condition = "" if plugin is None else f"AND d.plugin = {_PLUGIN} "
        return await self._rows(
            _dead_letter,
            f"{_DEAD_WITHOUT_TEXT} WHERE d.delivery > :after {condition} ORDER BY d.delivery LIMIT :limit",
            after=after,
            limit=limit,
            plugin=plugin,
        )

    async def dead_letter(self, delivery: int) -> DeadLetter | None:
        """As in `JournalReader`."""
        rows = await self._rows(
            _dead_letter, f"{_DEAD_WITH_TEXT} WHERE d.delivery = :delivery", delivery=delivery
        )
        return rows[0] if rows else None

    async def gaps(self, since: float, limit: int, app: str | None = None) -> Sequence[GapRecord]:
        """As in `JournalReader`."""
        condition = "" if app is None else "AND app = :app "
        newest_first = await self._rows(
            _gap,
            'SELECT app, start, "end", reason FROM gap WHERE ("end" IS NULL OR "end" > :since) '
            f"{condition}ORDER BY start DESC, app DESC LIMIT :limit",
            since=since,
            limit=limit,
            app=app,
        )
        return newest_first[::-1]

    async def backlogs(self) -> Mapping[str, Backlog]:
        """As in `JournalReader`."""
        oldest = (
            "(SELECT min(id) FROM open_delivery INDEXED BY open_by_age WHERE plugin = p.number AND lane = {})"
        )
        named = await self._rows(
            _backlog,
            "SELECT name, deliveries, bytes, dead, (SELECT e.received_at FROM open_delivery d "
            "JOIN envelope e ON e.id = d.envelope WHERE d.id = "
            f"min(ifnull({oldest.format(0)}, 1 << 62), ifnull({oldest.format(1)}, 1 << 62))) "
            "FROM plugin p WHERE deliveries > 0 OR dead > 0",
        )
        return dict(named)

    def close_readers(self) -> None:
        """Wait for the pages that are being read, then close."""
        if self._closed:
            return
        self._closed = True
        self._threads.shutdown(wait=True)
        for connection in self._connections:
            connection.close()

    async def _rows(
        self, decode: Callable[[tuple[Any, ...]], Answered], query: str, **parameters: object
    ) -> list[Answered]:
        return await self._read(lambda cursor: [decode(row) for row in cursor.execute(query, parameters)])

    async def _read(self, read: Callable[[sqlite3.Cursor], Answered]) -> Answered:
        return await self._submit(lambda: read(self._connection().cursor()))

    async def _submit(self, read: Callable[[], Answered]) -> Answered:
        if self._closed:
            raise JournalError(f"{self._path}: the journal is closed")
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, read)
        except FAILURES as error:
            known = fault(error, str(self._path), "read")
            if isinstance(known, JournalDamaged) and damaged_for_good(error):
                self._on_damage(known)
            raise known from error
        except MISTAKES as error:
            raise JournalError(f"{self._path}: the journal cannot look for this: {error}") from error

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = self.open_connection()
            self._connections.append(connection)
        return connection

    def open_connection(self) -> sqlite3.Connection:
        """A connection that can only read, so that no checkpoint ever comes from it."""
        return sqlite3.connect(
            address(self._path, "ro"),
            uri=True,
            timeout=5.0,
            isolation_level=None,
            cached_statements=256,
            check_same_thread=False,
        )


def _ids_of_interval(cursor: sqlite3.Cursor, since: float | None, until: float | None) -> tuple[int, int]:
    """Ids outside of which no envelope was received in the interval: the bounds of the periods it touches."""
    if since is None and until is None:
        return 0, 1 << 62
    low = -(1 << 62) if since is None else int(since // PERIOD)
    high = 1 << 62 if until is None else int(until // PERIOD)
    first, last = cursor.execute(
        "SELECT min(first_envelope), max(ifnull(last_envelope, 1 << 62)) FROM period "
        "WHERE number BETWEEN ? AND ?",
        (low, high),
    ).fetchone()
    return (first, last) if first is not None else (1, 0)


def _key(row: tuple[Any, ...]) -> str:
    key: str = checked(row, (TEXT,), "open_delivery")[0]
    return key


def _number(row: tuple[Any, ...]) -> int:
    number: int = row[0]
    return number


def _gap(row: tuple[Any, ...]) -> GapRecord:
    return GapRecord(*checked(row, _GAP, "gap"))


def _backlog(row: tuple[Any, ...]) -> tuple[str, Backlog]:
    name, deliveries, size, dead, oldest = checked(row, _BACKLOG, "plugin")
    return name, Backlog(deliveries, size, oldest, dead)


def _open_delivery(row: tuple[Any, ...]) -> OpenDelivery:
    row = checked(row, _OPEN_DELIVERY, "open_delivery")
    lane, not_before = member(Lane, row[3], "open_delivery"), max(0.0, row[6])
    delivery = OpenDelivery(row[0], row[1], row[2], lane, row[4], row[5], not_before, *row[7:])
    if delivery.respond_by == ANSWERED:
        return attrs.evolve(delivery, respond_by=None, answered=True)
    return delivery


def _stored_envelope(row: tuple[Any, ...]) -> StoredEnvelope:
    row = checked(row, _STORED_ENVELOPE, "envelope")
    journal_id, app, envelope_id, kind, text, received_at, answer, response, response_url = row
    state = member(AnswerState, answer, "envelope")
    return StoredEnvelope(journal_id, app, envelope_id, kind, text, received_at, state, response, response_url)


def _dead_letter(row: tuple[Any, ...]) -> DeadLetter:
    row = checked(row, _DEAD_LETTER, "dead_letter")
    delivery, envelope, plugin, app, kind, reason, *rest = row
    return DeadLetter(delivery, envelope, plugin, app, kind, member(DeadReason, reason, "dead_letter"), *rest)
