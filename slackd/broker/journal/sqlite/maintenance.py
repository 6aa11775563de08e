"""What the writer does between two groups: checkpoints, retention, looks at the file and the clocks."""

import logging
import time
from collections.abc import Callable, Mapping

from slackd.broker.journal.limits import Limits, OnDeadLettered, OnDropped
from slackd.broker.journal.sqlite.apply import Applier
from slackd.broker.journal.sqlite.clock_record import ClockKeeper
from slackd.broker.journal.sqlite.connection import BUSY_PATIENCE, OwnedConnection
from slackd.broker.journal.sqlite.errors import FAILURES, MISTAKES
from slackd.broker.journal.sqlite.guard import FileGuard
from slackd.broker.journal.sqlite.retention import Retention, Round
from slackd.broker.journal.sqlite.schema import PAGE_SIZE
from slackd.errors import JournalError
from slackd.slotted import frozen

log = logging.getLogger(__name__)

CHECKPOINT_PAGES = 300
"""Pages written since the last checkpoint after which one is made although writes wait. What arrives meanwhile
waits for all of it, so it is short: with 1,000 pages the p99 of acknowledgements at 1,000 events a second was
1.1 to 1.7 times as long."""

LONG_LOG = 2_000
"""Pages of the log beyond which a checkpoint waits for readers, so that the log begins anew: as long as one
reader after the other is in it, it would grow without end."""

READERS_PATIENCE = 50
"""Milliseconds that it waits for them; they read short pages."""

SHORT_OF_ROOM = 2
"""Times as much room as the pages of the log may take in the database, below which a checkpoint is made at
once: a log that has taken the disk's last room could not be brought into the database any more."""

ROOM_PAGES, ROOM_SHARE = 64, 8
"""Pages written since the last checkpoint from which on the room on the disk is looked at, and again when they
have become more by this part of them."""

CHECKPOINT_IDLE = 0.5
"""Seconds without a write after which a checkpoint is made."""

RETENTION_EVERY = 5.0
"""Seconds between two rounds of retention."""

RETENTION_REST = 3.0
"""Its steps take turns with rests so many times as long, so that it never has a core to itself."""

FAILING_PAUSE = 15.0
"""Seconds before retention tries again after a failure."""

ANSWER_EVERY = 1.0
"""Seconds after which an idle writer shows that it is alive."""


@frozen
class RetentionOutlets:
    """Who is notified of what retention took; called in the writer's thread."""

    dead_lettered: OnDeadLettered
    dropped: OnDropped


class Maintenance:
    """Takes its turn after each group, and whenever nothing waits.

    Attributes:
        limits: What retention goes by; any thread may replace it.
    """

    def __init__(
        self,
        owned: OwnedConnection,
        guard: FileGuard,
        clocks: ClockKeeper,
        limits: Limits,
        outlets: RetentionOutlets,
        *,
        retention_by_itself: bool,
    ) -> None:
        self.limits = limits
        self._owned, self._guard, self._clocks, self._outlets = owned, guard, clocks, outlets
        self._retention_by_itself = retention_by_itself
        self._retention = Retention()
        self._retention_failed = ""
        self._chores: list[Callable[[Round], bool]] = []
        self._next_round = time.monotonic() + RETENTION_EVERY
        self._next_step = 0.0
        self._dirty_pages, self._next_look_at_room = 0, ROOM_PAGES
        self._last_write = 0.0

    @property
    def dead_letter_bytes(self) -> Mapping[str, int]:
        """As `JournalHealth.dead_letter_bytes`."""
        return self._retention.dead_letter_bytes

    @property
    def patience(self) -> float:
        """Seconds to wait for a group before something here has its turn."""
        if self._chores:
            return max(0.0, self._next_step - time.monotonic())
        if self._dirty_pages:
            return CHECKPOINT_IDLE / 2
        return ANSWER_EVERY

    def wrote(self, pages: int) -> None:
        """So many pages were written, now."""
        self._last_write = time.monotonic()
        self._dirty_pages += pages

    def take_turn(self, *, is_idle: bool) -> None:
        """Do what is due; `is_idle` says that no group waits."""
        now = time.monotonic()
        self._guard.look_if_due(now)
        self._checkpoint_if_due(now, is_idle=is_idle)
        if self._guard.damage is not None:
            self._chores = []
        elif self._retention_by_itself and not self._chores and now >= self._next_round:
            self._chores = self._retention.chores()
            self._next_round = now + RETENTION_EVERY
        if self._chores and now >= self._next_step:
            if not self._step(self._chores):
                self._chores = []
                self._next_round = now + FAILING_PAUSE
            ended = time.monotonic()
            self._next_step = ended + RETENTION_REST * (ended - now)

    # Retention

    def run_retention(self, now: float) -> int:
        """Do every chore until nothing is left to do by this time (UNIX seconds).

        Returns:
            How many deliveries were dead-lettered.

        Raises:
            JournalError: A commit failed, or the file is damaged.
        """
        if self._guard.damage is not None:
            raise self._guard.damage
        dead_lettered = 0
        self._retention = Retention(self._retention.dead_letter_bytes)
        chores = self._retention.chores()
        while chores:
            try:
                dead_lettered += self._take_step(chores, now)
            except (*FAILURES, *MISTAKES) as error:
                # Nothing but the file's rows goes into retention, so a mistake is the file's.
                self._owned.roll_back(error)
                raise self._guard.known(error) from error
        return dead_lettered

    def _step(self, chores: list[Callable[[Round], bool]]) -> bool:
        try:
            jumped = self._clocks.look()
            if jumped or self._clocks.is_due():
                cursor = self._owned.begin()
                self._clocks.keep(cursor)
                self._owned.commit(cursor)
            self._take_step(chores, self._clocks.now())
        except (*FAILURES, *MISTAKES) as error:
            self._owned.roll_back(error)
            self._retention = Retention(self._retention.dead_letter_bytes)  # its walks start anew
            self._log_retention_failed(self._guard.known(error))
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
            self.wrote(100)
        if not more:
            del chores[0]
        if round_.dead_lettered:
            self._outlets.dead_lettered(tuple(round_.dead_lettered))
        if round_.dropped:
            self._outlets.dropped(round_.dropped_dead_letters())
        return len(round_.dead_lettered)

    # Checkpoints

    def _checkpoint_if_due(self, now: float, *, is_idle: bool) -> None:
        if not self._dirty_pages or self._guard.damage is not None:
            return
        idle = is_idle and now - self._last_write >= CHECKPOINT_IDLE
        dirty = self._dirty_pages
        if idle or dirty >= CHECKPOINT_PAGES or self._is_short_of_room():
            self._dirty_pages, self._next_look_at_room = 0, ROOM_PAGES
            if not self._guard.look():
                return
            try:
                connection = self._owned.usable()
                _, pages, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
                if pages >= LONG_LOG:
                    connection.execute(f"PRAGMA busy_timeout = {READERS_PATIENCE}")
                    connection.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
                    connection.execute(f"PRAGMA busy_timeout = {BUSY_PATIENCE}")
            except FAILURES as error:
                # The log keeps what is committed; the next commit shows whether the disk still takes writes.
                self._owned.roll_back(error)
                self._guard.known(error)

    def _is_short_of_room(self) -> bool:
        if self._dirty_pages < self._next_look_at_room:
            return False
        self._next_look_at_room = self._dirty_pages + self._dirty_pages // ROOM_SHARE
        free = self._owned.free_bytes()
        return free is not None and free < SHORT_OF_ROOM * self._dirty_pages * PAGE_SIZE
