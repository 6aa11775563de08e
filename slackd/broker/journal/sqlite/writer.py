"""The one thread that writes: group commits, and maintenance between them.

P1 is kept here and in `group_commit`: only after the commit are the callbacks of a group called, on the event
loop, together and in order. One connection, in this thread, does all writes and all checkpoints: SQLite before
3.51.3 can lose a committed transaction when one connection commits while another checkpoints (sqlite.org,
"Write-Ahead Logging", the WAL-reset bug).
"""

import asyncio
import contextlib
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import Empty, SimpleQueue

from slackd.broker.journal import JournalHealth, Opening
from slackd.broker.journal.ages import ClockAhead
from slackd.broker.journal.engines import OpenOptions
from slackd.broker.journal.limits import DeadLettered, DroppedDeadLetters, Limits
from slackd.broker.journal.sqlite import clock_record, schema
from slackd.broker.journal.sqlite.clock_record import ClockKeeper
from slackd.broker.journal.sqlite.connection import OwnedConnection
from slackd.broker.journal.sqlite.errors import FAILURES, MISTAKES, fault
from slackd.broker.journal.sqlite.group_commit import GroupCommit, QueuedBatch, Report
from slackd.broker.journal.sqlite.guard import FileGuard
from slackd.broker.journal.sqlite.maintenance import Maintenance, RetentionOutlets
from slackd.errors import JournalDamaged, JournalError
from slackd.slotted import frozen

log = logging.getLogger(__name__)

GROUP_WRITES = 5_000
"""Writes that are committed together at most."""

GROUP_BYTES = 8 << 20
"""Bytes of text that are committed together at most, but for a single submission: what is large is acknowledged
part by part, in time."""


@frozen
class WriterTask:
    """Something else that only the writer may do: `run` is called between two groups, or `refuse` (in any
    thread) if there is no writer any more."""

    run: Callable[[], None]
    refuse: Callable[[JournalError], None] = lambda refusal: None


class Writer:
    """Owns the connection that writes, and the thread that owns it.

    Attributes:
        maintenance: Its limits may be replaced, and its retention run, by a task.
    """

    def __init__(self, path: Path, limits: Limits, options: OpenOptions) -> None:
        self._loop = asyncio.get_running_loop()
        self._path, self._options = path, options
        self._queue: SimpleQueue[QueuedBatch | WriterTask | None] = SimpleQueue()
        self._owned = OwnedConnection(path, options.delivery_base)
        self._guard = FileGuard(path, self._owned)
        self._clocks = ClockKeeper(options.clock, options.uptime or clock_record.uptime, limits.longest_age)
        self._group_commit = GroupCommit(path, self._owned, self._guard, self._clocks, options.clock)
        self.maintenance = Maintenance(
            self._owned,
            self._guard,
            self._clocks,
            limits,
            RetentionOutlets(self._dead_lettered, self._dropped),
            retention_by_itself=options.retention_by_itself,
        )
        self._unreported: deque[Report] = deque()
        self._durations: deque[float] = deque(maxlen=10_000)
        self._answered_at = time.monotonic()
        self._opened: asyncio.Future[Opening] = self._loop.create_future()
        self._lost: asyncio.Future[JournalError] = self._loop.create_future()
        self._ended = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="journal-writer", daemon=True)

    # For the event loop's thread

    async def start(self) -> Opening:
        """Open the file and start.

        Returns:
            What the last broker left.

        Raises:
            JournalError: The file can't be used.
        """
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

    def clock_ahead(self) -> ClockAhead:
        """As `Journal.clock_ahead`."""
        return self._clocks.ahead_now()

    def stop_writing(self, damage: JournalDamaged) -> None:
        """As `FileGuard.stop_writing`."""
        self._guard.stop_writing(damage)

    def release_file(self) -> None:
        """After everything else that has the file open."""
        if self._owned.file is not None:
            self._owned.file.close()

    def health(self) -> JournalHealth:
        """As the journal's interface says."""
        durations = tuple(self._durations.popleft() for _ in range(len(self._durations)))
        size = sum(_size(f"{self._path}{suffix}") for suffix in ("", "-wal"))
        failing = self._guard.failing
        last = failing or self._guard.last_failure
        return JournalHealth(
            size,
            durations,
            "" if failing is None else failing.what,
            self._answered_at,
            hint="" if last is None else last.hint,
            failed_at=self._guard.failed_at,
            failed="" if last is None else last.what,
            dead_letter_bytes=self.maintenance.dead_letter_bytes,
        )

    # For the writer's thread

    def release_memory(self) -> None:
        """Pages, and statements with the values of their last run; the next write connects anew."""
        self._owned.drop()

    def _run(self) -> None:
        try:
            try:
                found = self._owned.open_for_the_first_time(self._options.clock())
                self._clocks.load(self._owned.usable())
                self._clocks.look()
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
        while True:
            item = self._next_item(self.maintenance.patience)
            self._answered_at = time.monotonic()
            if isinstance(item, QueuedBatch):
                item = self._commit_group(item)
            if isinstance(item, WriterTask):
                item.run()
            elif item is _END:
                return
            self.maintenance.take_turn(is_idle=self._queue.empty())

    def _next_item(self, timeout: float) -> "QueuedBatch | WriterTask | _Nothing":
        try:
            item = self._queue.get(timeout=timeout) if timeout else self._queue.get_nowait()
        except Empty:
            return _IDLE
        return _END if item is None else item

    def _commit_group(self, first: QueuedBatch) -> "WriterTask | _Nothing":
        """Commit what waits; returns what came after it: a task, the end, or nothing."""
        group = [first]
        leftover: WriterTask | _Nothing = _IDLE
        count, size = first.count, first.bytes
        while count < GROUP_WRITES and size < GROUP_BYTES:
            try:
                item = self._queue.get_nowait()
            except Empty:
                break
            if not isinstance(item, QueuedBatch):
                leftover = _END if item is None else item
                break
            group.append(item)
            count += item.count
            size += item.bytes
        started = time.monotonic()
        reports = self._group_commit.commit(group)
        self._answered_at = time.monotonic()
        if count:
            self._durations.append(self._answered_at - started)
            self.maintenance.wrote(size // schema.PAGE_SIZE + 2 * count + 8)
        self._call(self._report, reports)
        if self._group_commit.owes_sync:
            self._group_commit.sync()
        return leftover

    # Reporting to the event loop

    def _dead_lettered(self, dead_lettered: Sequence[DeadLettered]) -> None:
        if self._options.on_dead_lettered is not None:
            self._call(self._options.on_dead_lettered, dead_lettered)

    def _dropped(self, dropped: Sequence[DroppedDeadLetters]) -> None:
        if self._options.on_dropped is not None:
            self._call(self._options.on_dropped, dropped)

    def _call(self, function: Callable[..., None], *arguments: object) -> None:
        try:
            self._loop.call_soon_threadsafe(function, *arguments)
        except RuntimeError:
            # The loop is closed, so nobody is left to report to; what was submitted is committed all the same.
            return

    def _report(self, reports: Sequence[Report]) -> None:
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
        reports: list[Report] = []
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


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0
