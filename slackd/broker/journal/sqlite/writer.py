"""The one thread that writes: group commit, checkpoints, retention.

P1 is kept here. Everything that waits is applied in the order of submission in one transaction and committed
with one synchronisation of the disk; only then the callbacks of the group are handed to the event loop,
together. One connection, in this thread, does all writes and all checkpoints: SQLite before 3.51.3 can lose a
committed transaction when one connection commits while another checkpoints (sqlite.org, "Write-Ahead Logging",
the WAL-reset bug).
"""

import asyncio
import contextlib
import logging
import math
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue

import attrs

from slackd.broker.journal import JournalHealth, OnCommit, Opening
from slackd.broker.journal.ages import AgeClock
from slackd.broker.journal.limits import Limits, OnDeadLettered, OnDropped
from slackd.broker.journal.sqlite import clock_record, schema
from slackd.broker.journal.sqlite.apply import Applier
from slackd.broker.journal.sqlite.connection import OwnedConnection
from slackd.broker.journal.sqlite.errors import FAILURES, MISTAKES, damaged_for_good, fault
from slackd.broker.journal.sqlite.retention import Retention, Round
from slackd.broker.journal.writes import CloseDelivery, Outcome, Record, Write
from slackd.errors import JournalDamaged, JournalError

log = logging.getLogger(__name__)

GROUP_WRITES = 5_000
"""Writes that are committed together at most."""

GROUP_BYTES = 8 << 20
"""Bytes of text that are committed together at most, but for a single submission: what is large is acknowledged
part by part, in time."""

CHECKPOINT_PAGES = 1_000
"""Pages written since the last checkpoint after which one is made although writes wait."""

CHECKPOINT_IDLE = 0.5
"""Seconds without a write after which a checkpoint is made."""

RETENTION_EVERY = 5.0
"""Seconds between two rounds of retention."""

RETENTION_REST = 3.0
"""Its steps take turns with rests so many times as long, so that it never has a core to itself."""

KEEP_CLOCK_EVERY = 60.0
"""Seconds between two records of how the clocks stand."""

FAILING_PAUSE = 15.0
"""Seconds before retention tries again after a failure."""

LOOK_EVERY = 1.0
"""Seconds after which an idle writer compares the file that it has open with its name; before a commit and a
checkpoint it always does."""

ANSWER_EVERY = 1.0
"""Seconds after which an idle writer shows that it is alive."""


@attrs.frozen
class QueuedBatch:
    """Writes that are committed together, and who gets the outcomes."""

    writes: Sequence[Write]
    on_commit: OnCommit


@attrs.frozen
class WriterTask:
    """Something else that only the writer may do: `run` is called between two groups, or `refuse` (in any
    thread) if there is no writer any more."""

    run: Callable[[], None]
    refuse: Callable[[JournalError], None] = lambda refusal: None


_Report = tuple[OnCommit, Sequence[Outcome] | JournalError]


class Writer:
    """Owns the connection that writes, and the thread that owns it."""

    def __init__(
        self,
        path: Path,
        limits: Limits,
        *,
        loop: asyncio.AbstractEventLoop,
        clock: Callable[[], float],
        uptime: Callable[[], float],
        on_dead_lettered: OnDeadLettered | None,
        on_dropped: OnDropped | None,
        retention_by_itself: bool,
        delivery_base: Callable[[float, int], int],
    ) -> None:
        self.limits = limits
        self._path = path
        self._loop = loop
        self._clock, self._uptime = clock, uptime
        self._on_dead_lettered = on_dead_lettered
        self._on_dropped = on_dropped
        self._retention_by_itself = retention_by_itself
        self._queue: SimpleQueue[QueuedBatch | WriterTask | None] = SimpleQueue()
        self._owned = OwnedConnection(path, delivery_base)
        self._retention = Retention()
        self._ages = AgeClock(None, limits.longest_age)
        self._boot = clock_record.boot_id()
        self._clock_kept = -math.inf
        self._unreported: deque[_Report] = deque()
        self._durations: deque[float] = deque(maxlen=10_000)
        self._failing: JournalError | None = None
        self._last_failure: JournalError | None = None
        self._failed_at = -math.inf
        self._answered_at = time.monotonic()
        self._dirty_pages = 0
        self._last_write = 0.0
        self._next_retention = 0.0
        self._opened: asyncio.Future[Opening] = loop.create_future()
        self._lost: asyncio.Future[JournalError] = loop.create_future()
        self._damage: JournalDamaged | None = None
        self._looked_at = 0.0
        self._retention_failed = ""
        self._ended = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="journal-writer", daemon=True)

    # For the event loop's thread

    async def start(self) -> Opening:
        """Open the file and start; raises `JournalError`."""
        self._thread.start()
        return await self._opened

    @property
    def is_new(self) -> bool:
        """There was no file before."""
        return self._owned.is_new

    @property
    def journal_id(self) -> str:
        """As `Journal.id`, once it is open."""
        return self._owned.incarnation.id

    def put(self, item: QueuedBatch | WriterTask) -> None:
        """Queue it; never blocks."""
        self._queue.put(item)
        if self._ended.is_set():
            self._refuse_the_rest()

    async def stop(self) -> None:
        """Commit what was queued, then end."""
        self._queue.put(None)
        await self._ended.wait()
        self._thread.join()

    async def lost(self) -> JournalError:
        """As `Journal.lost`."""
        return await asyncio.shield(self._lost)

    def stop_writing(self, damage: JournalDamaged) -> None:
        """Refuse everything from now on: what is written to a damaged file may be gone tomorrow. Any thread may
        call it; the first damage is the one that counts."""
        if self._damage is None:
            self._damage = self._failing = damage
            log.critical("nothing more is journaled: %s", damage, extra={"event": "journal-damaged"})

    def release_file(self) -> None:
        """After everything else that has the file open."""
        if self._owned.file is not None:
            self._owned.file.close()

    def health(self) -> JournalHealth:
        """As the journal's interface says."""
        durations = tuple(self._durations.popleft() for _ in range(len(self._durations)))
        size = sum(_size(f"{self._path}{suffix}") for suffix in ("", "-wal"))
        failing = self._failing
        last = failing or self._last_failure
        return JournalHealth(
            size,
            durations,
            "" if failing is None else failing.what,
            self._answered_at,
            hint="" if last is None else last.hint,
            failed_at=self._failed_at,
            failed="" if last is None else last.what,
            dead_letter_bytes=self._retention.dead_letter_bytes,
        )

    # For the writer's thread

    def _run(self) -> None:
        try:
            try:
                found = self._owned.open_for_the_first_time(self._clock())
                self._ages.record = clock_record.read(self._owned.usable())
            except (JournalError, *FAILURES, *MISTAKES) as error:
                # Whatever the file holds, the start ends with words.
                refusal = error if isinstance(error, JournalError) else fault(error, str(self._path))
                self._call(self._refuse_opening, refusal)
                return
            self._call(self._announce_opening, found)
            self._serve()
        except Exception as error:
            log.critical("the journal's writer failed", exc_info=error, extra={"event": "journal-lost"})
            words = f"{self._path}: the journal's writer failed ({type(error).__name__}: {error})"
            lost = JournalError(words, hint="slackd ends, to begin anew from what is committed")
            self._call(self._refuse_opening, lost)
            self._call(self._lose, lost)
        finally:
            with contextlib.suppress(*FAILURES):
                self._owned.drop()
            self._refuse_the_rest()
            self._call(self._ended.set)

    def _serve(self) -> None:
        self._next_retention = time.monotonic() + RETENTION_EVERY
        chores: list[Callable[[Round], bool]] = []
        next_step = 0.0
        while True:
            item = self._next_item(self._patience(next_step if chores else None))
            self._answered_at = time.monotonic()
            if isinstance(item, QueuedBatch):
                leftover = self._commit_group(item)
                if leftover is None:
                    return
                if isinstance(leftover, WriterTask):
                    leftover.run()
            elif isinstance(item, WriterTask):
                item.run()
            elif item is _END:
                return
            now = time.monotonic()
            self._look_at_file_if_due(now)
            self._checkpoint_if_due(now)
            if self._damage is not None:
                chores = []
            elif self._retention_by_itself and not chores and now >= self._next_retention:
                chores = self._retention.chores()
                self._next_retention = now + RETENTION_EVERY
            if chores and now >= next_step:
                if not self._step(chores):
                    chores = []
                    self._next_retention = now + FAILING_PAUSE
                ended = time.monotonic()
                next_step = ended + RETENTION_REST * (ended - now)

    def _patience(self, next_step: float | None) -> float:
        """Seconds to wait for an item before something else has its turn."""
        if next_step is not None:
            return max(0.0, next_step - time.monotonic())
        if self._dirty_pages:
            return CHECKPOINT_IDLE / 2
        return ANSWER_EVERY

    def _next_item(self, timeout: float) -> "QueuedBatch | WriterTask | _Nothing":
        try:
            item = self._queue.get(timeout=timeout) if timeout else self._queue.get_nowait()
        except Empty:
            return _IDLE
        return _END if item is None else item

    def _commit_group(self, first: QueuedBatch) -> "WriterTask | _Nothing | None":
        """Commit what waits; returns the task that came after it, or None when it is time to end."""
        group = [first]
        leftover: WriterTask | _Nothing | None = _IDLE
        count, size = len(first.writes), _bytes_of(first)
        while count < GROUP_WRITES and size < GROUP_BYTES:
            try:
                item = self._queue.get_nowait()
            except Empty:
                break
            if not isinstance(item, QueuedBatch):
                leftover = item
                break
            group.append(item)
            count += len(item.writes)
            size += _bytes_of(item)
        started = time.monotonic()
        reports = self._commit(group)
        self._answered_at = time.monotonic()
        if count:
            self._durations.append(self._answered_at - started)
            self._last_write = self._answered_at
            self._dirty_pages += size // schema.PAGE_SIZE + 2 * count + 8
        self._call(self._report, reports)
        return leftover

    def _commit(self, group: Sequence[QueuedBatch]) -> list[_Report]:
        if not any(submission.writes for submission in group):
            return [(submission.on_commit, []) for submission in group]
        if not self._look_at_file():
            refusal = self._failing or JournalError(f"{self._path}: nothing more is journaled")
            return [(submission.on_commit, refusal) for submission in group]
        try:
            try:
                reports = self._in_transaction(group, careful=False)
            except MISTAKES:
                self._owned.roll_back()
                reports = self._in_transaction(group, careful=True)
        except FAILURES as error:
            self._owned.roll_back(error)
            refusal = self._failing = self._last_failure = self._known(error)
            self._failed_at = time.monotonic()
            return [(submission.on_commit, refusal) for submission in group]
        self._failing = None
        return reports

    def _in_transaction(self, group: Sequence[QueuedBatch], *, careful: bool) -> list[_Report]:
        cursor = self._owned.begin(synced=not _is_of_closes(group))
        reports: list[_Report]
        if careful:
            reports = [
                (submission.on_commit, self._apply_carefully(cursor, submission)) for submission in group
            ]
        else:
            applier = Applier(cursor, self._owned.totals, self._clock)
            reports = [(submission.on_commit, applier.apply(submission.writes)) for submission in group]
            applier.flush()
        if self._kept_clock_is_old():
            self._look_at_clock()
            self._keep_clock(cursor)
        self._owned.commit(cursor)
        return reports

    def _apply_carefully(
        self, cursor: sqlite3.Cursor, submission: QueuedBatch
    ) -> Sequence[Outcome] | JournalError:
        cursor.execute("SAVEPOINT submission")
        try:
            applier = Applier(cursor, self._owned.totals, self._clock)
            outcomes = applier.apply(submission.writes)
            applier.flush()
            self._owned.totals.save(cursor)
        except MISTAKES as error:
            cursor.execute("ROLLBACK TO submission")
            cursor.execute("RELEASE submission")
            self._owned.recount()
            return JournalError(f"{self._path}: the journal cannot hold this: {type(error).__name__}: {error}")
        cursor.execute("RELEASE submission")
        return outcomes

    def _known(self, error: BaseException) -> JournalError:
        """The error as callers know it; damage stops the writer."""
        known = fault(error, str(self._path))
        if isinstance(known, JournalDamaged) and damaged_for_good(error):
            self.stop_writing(known)
        return known

    # The file

    def _look_at_file_if_due(self, now: float) -> None:
        if now - self._looked_at >= LOOK_EVERY:
            self._look_at_file()

    def _look_at_file(self) -> bool:
        """Whether it may still be written."""
        if self._damage is not None or self._owned.file is None:
            return False
        self._looked_at = time.monotonic()
        try:
            self._owned.file.look()
        except JournalDamaged as damage:
            self.stop_writing(damage)
            with contextlib.suppress(*FAILURES):
                # So that the file that is open, the one that can still be copied, has everything.
                self._owned.usable().execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            return False
        return True

    # The clock

    def _look_at_clock(self) -> bool:
        """Whether it jumped."""
        jump = self._ages.look(self._clock(), self._uptime(), self._boot)
        self._owned.totals.clock_ahead = self._ages.ahead
        if jump is not None:
            words = "the clock went %s by %.0f s that nobody saw pass; ages in the journal leave %.0f s out"
            way = "ahead" if jump.seconds > 0 else "back"
            extra = {"event": "clock-jumped"}
            log.warning(words, way, abs(jump.seconds), self._ages.ahead, extra=extra)
        return jump is not None

    def _kept_clock_is_old(self) -> bool:
        return time.monotonic() - self._clock_kept >= KEEP_CLOCK_EVERY

    def _keep_clock(self, cursor: sqlite3.Cursor) -> None:
        if self._ages.record is not None:
            clock_record.write(cursor, self._ages.record)
            self._clock_kept = time.monotonic()

    # Retention

    def run_retention(self, now: float) -> int:
        """Do every chore until nothing is left to do.

        Returns:
            How many deliveries were dead-lettered.

        Raises:
            JournalError: A commit failed, or the file is damaged.
        """
        if self._damage is not None:
            raise self._damage
        dead_lettered = 0
        self._retention = Retention(self._retention.dead_letter_bytes)
        chores = self._retention.chores()
        while chores:
            try:
                dead_lettered += self._take_step(chores, now)
            except (*FAILURES, *MISTAKES) as error:
                # Nothing but the file's rows goes into retention, so a mistake is the file's.
                self._owned.roll_back(error)
                raise self._known(error) from error
        return dead_lettered

    def _step(self, chores: list[Callable[[Round], bool]]) -> bool:
        try:
            jumped = self._look_at_clock()
            if jumped or self._kept_clock_is_old():
                cursor = self._owned.begin()
                self._keep_clock(cursor)
                self._owned.commit(cursor)
            self._take_step(chores, self._ages.now(self._clock()))
        except (*FAILURES, *MISTAKES) as error:
            self._owned.roll_back(error)
            self._retention = Retention(self._retention.dead_letter_bytes)  # its walks start anew
            self._log_retention_failed(self._known(error))
            return False
        self._retention_failed = ""
        return True

    def _log_retention_failed(self, error: JournalError) -> None:
        if str(error) != self._retention_failed:
            self._retention_failed = str(error)
            log.error("old rows could not be removed: %s", error, extra={"event": "retention-failed"})

    def _take_step(self, chores: list[Callable[[Round], bool]], now: float) -> int:
        cursor = self._owned.usable().cursor()
        applier = Applier(cursor, self._owned.totals, lambda: now)
        round_ = Round(cursor, self._owned.totals, applier, self.limits, now)
        more = chores[0](round_)
        if round_.changed:
            self._owned.totals.save(cursor)
            cursor.execute("COMMIT")
            self._last_write = time.monotonic()
            self._dirty_pages += 100
        if not more:
            del chores[0]
        if round_.dead_lettered and self._on_dead_lettered is not None:
            self._call(self._on_dead_lettered, tuple(round_.dead_lettered))
        if round_.dropped and self._on_dropped is not None:
            self._call(self._on_dropped, round_.dropped_dead_letters())
        return len(round_.dead_lettered)

    # Checkpoints

    def _checkpoint_if_due(self, now: float) -> None:
        if not self._dirty_pages or self._damage is not None:
            return
        idle = self._queue.empty() and now - self._last_write >= CHECKPOINT_IDLE
        if idle or self._dirty_pages >= CHECKPOINT_PAGES:
            self._dirty_pages = 0
            if not self._look_at_file():
                return
            try:
                self._owned.usable().execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            except FAILURES as error:
                # The log keeps what is committed; the next commit tells whether the disk still takes writes.
                self._owned.roll_back(error)
                self._known(error)

    # Reporting to the event loop

    def _call(self, function: Callable[..., None], *arguments: object) -> None:
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:
            # The loop is closed, so nobody is left to report to; what was submitted is committed all the same.
            return

    def _report(self, reports: Sequence[_Report]) -> None:
        self._unreported.extend(reports)
        self._report_the_rest()

    def _report_the_rest(self) -> None:
        while self._unreported:
            on_commit, result = self._unreported.popleft()
            try:
                on_commit(result)
            except BaseException:
                # One callback's error is its own: the loop reports it, and the others are called, in order.
                self._loop.call_soon(self._report_the_rest)
                raise

    def _lose(self, error: JournalError) -> None:
        if not self._lost.done():
            self._lost.set_result(error)

    def _announce_opening(self, found: Opening) -> None:
        if not self._opened.done():
            self._opened.set_result(found)

    def _refuse_opening(self, error: JournalError) -> None:
        if not self._opened.done():
            self._opened.set_exception(error)

    def _refuse_the_rest(self) -> None:
        refusal = JournalError(f"{self._path}: the journal is closed")
        reports: list[_Report] = []
        while True:
            try:
                item = self._queue.get_nowait()
            except Empty:
                break
            if isinstance(item, QueuedBatch):
                reports.append((item.on_commit, refusal))
            elif isinstance(item, WriterTask):
                item.refuse(refusal)
        if reports:
            self._call(self._report, reports)


class _Nothing:
    """Not an item of the queue."""


_IDLE = _Nothing()
_END = _Nothing()


def _is_of_closes(group: Sequence[QueuedBatch]) -> bool:
    """Deliveries are handled, and nothing more is to be said: should power loss undo that, they are delivered
    once more, which promise P3 allows. So such a commit need not wait for the disk."""
    for submission in group:
        for write in submission.writes:
            if type(write) is not CloseDelivery or write.answer is not None or write.late:
                return False
    return True


def _bytes_of(submission: QueuedBatch) -> int:
    size = 0
    for write in submission.writes:
        if type(write) is Record:
            size += len(write.envelope.text)
    return size


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
