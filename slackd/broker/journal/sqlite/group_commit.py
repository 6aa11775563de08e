"""Group commit: everything that waits is applied in one transaction and committed together (P1).

Submissions are applied in the order in which they came. A write that the file can't hold makes its own
submission fail, not the group: the group is applied once more, each submission behind a savepoint.
"""

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

from slackd.broker.journal import OnCommit
from slackd.broker.journal.sqlite.apply import Applier
from slackd.broker.journal.sqlite.clock_record import ClockKeeper
from slackd.broker.journal.sqlite.connection import OwnedConnection
from slackd.broker.journal.sqlite.errors import FAILURES, MISTAKES
from slackd.broker.journal.sqlite.guard import FileGuard
from slackd.broker.journal.writes import CloseDelivery, CloseHandled, Outcome, Record, Write
from slackd.errors import JournalError
from slackd.slotted import frozen


@frozen
class QueuedBatch:
    """Writes that are committed together, and who gets the outcomes."""

    writes: Sequence[Write]
    on_commit: OnCommit

    @property
    def count(self) -> int:
        """Writes in it; each delivery that was handled is one."""
        handled = [len(write.deliveries) - 1 for write in self.writes if type(write) is CloseHandled]
        return len(self.writes) + sum(handled)

    @property
    def bytes(self) -> int:
        """Bytes of the envelopes' texts in it."""
        size = 0
        for write in self.writes:
            if type(write) is Record:
                size += len(write.envelope.text)
        return size


Report = tuple[OnCommit, Sequence[Outcome] | JournalError]
"""A callback, and what it gets."""


class GroupCommit:
    """Commits groups, in the writer's thread.

    Attributes:
        owes_sync: The last group is committed, and the disk does not have it yet: `sync` as soon as it is
            reported.
    """

    def __init__(
        self,
        path: Path,
        owned: OwnedConnection,
        guard: FileGuard,
        clocks: ClockKeeper,
        clock: Callable[[], float],
    ) -> None:
        self._path, self._owned, self._guard, self._clocks, self._clock = path, owned, guard, clocks, clock
        self.owes_sync = False

    def commit(self, group: Sequence[QueuedBatch]) -> list[Report]:
        """Commit what was submitted, all with one synchronisation of the disk.

        Returns:
            For each submission, in order, its callback and its outcomes, or why nothing of it was written.
        """
        if not any(submission.writes for submission in group):
            return [(submission.on_commit, []) for submission in group]
        if not self._guard.look():
            return [(submission.on_commit, self._guard.refusal) for submission in group]
        try:
            try:
                reports = self._in_transaction(group, careful=False)
            except MISTAKES:
                self._owned.roll_back()
                reports = self._in_transaction(group, careful=True)
        except FAILURES as error:
            self._owned.roll_back(error)
            refusal = self._guard.failed(error)
            return [(submission.on_commit, refusal) for submission in group]
        self._guard.committed()
        self.owes_sync = not self._owned.is_synced and _has_answers(group)
        return reports

    def sync(self) -> None:
        """Wait until the disk has what was committed and reported; if it does not take that, the next commit
        fails, too, and is refused."""
        self.owes_sync = False
        try:
            if self._owned.file is not None:
                self._owned.file.sync_log()
        except FAILURES as error:
            self._guard.failed(error)

    def _in_transaction(self, group: Sequence[QueuedBatch], *, careful: bool) -> list[Report]:
        cursor = self._owned.begin(synced=not _is_of_closes(group))
        reports: list[Report]
        if careful:
            reports = [
                (submission.on_commit, self._apply_carefully(cursor, submission)) for submission in group
            ]
        else:
            applier = self._applier(cursor)
            reports = [(submission.on_commit, applier.apply(submission.writes)) for submission in group]
            applier.flush()
        if self._clocks.is_due():
            self._clocks.look()
            self._clocks.keep(cursor)
        self._owned.commit(cursor)
        return reports

    def _applier(self, cursor: sqlite3.Cursor) -> Applier:
        return Applier(cursor, self._owned.totals, self._clock, self._clocks.ahead_now)

    def _apply_carefully(
        self, cursor: sqlite3.Cursor, submission: QueuedBatch
    ) -> Sequence[Outcome] | JournalError:
        cursor.execute("SAVEPOINT submission")
        try:
            applier = self._applier(cursor)
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


def _is_of_closes(group: Sequence[QueuedBatch]) -> bool:
    """Deliveries are handled, and what is to be said to Slack goes into acknowledgements: should power loss
    undo that, they are delivered once more, which promise P3 allows. So such a commit need not wait for the
    disk."""
    for submission in group:
        for write in submission.writes:
            if type(write) is CloseHandled:
                continue
            if type(write) is not CloseDelivery or write.keep or (write.answer is None and write.late):
                return False
    return True


def _has_answers(group: Sequence[QueuedBatch]) -> bool:
    """One of these closes has an answer that somebody waits for."""
    return any(
        type(write) is CloseDelivery and write.answer is not None
        for submission in group
        for write in submission.writes
    )
