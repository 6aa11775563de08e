"""What is to be written to the journal, in order: the batch that grows, and those on their way. Pure.

    batch ──submit──▶ on its way ──▶ committed
                          └── could not be written ──▶ unwritten ──after REWRITE_AFTER──▶ batch

What must be written and could not be (a full disk) is submitted again, except for arrivals, which Slack sends
again, and for what somebody waits for, who hears of it. While something waits to be submitted again, what came
after it waits behind it: a program remembers only its last answers, so answers must reach the disk in the order
in which they came (rule R8). Closes that nobody waits for ride with what is written next, for `CLOSE_WITHIN`.
"""

import math
from collections.abc import Callable
from typing import Final

from slackd.broker.actions import Submit
from slackd.broker.instant import Instant, Wakeup
from slackd.broker.journal.writes import ListSession, Write
from slackd.broker.write_batch import Origin, WriteBatch

REWRITE_AFTER: Final = 0.25
"""Seconds after which what could not be written is submitted again."""
CLOSE_WITHIN: Final = 0.05
"""Seconds within which a close is submitted that nobody waits for."""


class WriteQueue:
    """Everything that must still be written.

    Attributes:
        batch: What is submitted next.
        close_by: Monotonic time at which closes that nobody waits for are submitted; infinity for never.
    """

    def __init__(self, wakeup: Wakeup, is_overtaken: Callable[[Write], bool]) -> None:
        """`is_overtaken` says of a write that is repeated whether it must not be any more."""
        self._wakeup, self._is_overtaken = wakeup, is_overtaken
        self.batch = WriteBatch()
        self.close_by = math.inf
        self._submitted: dict[int, WriteBatch] = {}
        self._tokens = 0
        self._unwritten: list[tuple[Write, Origin]] = []
        self._behind: list[tuple[Write, Origin]] = []
        self._rewrite_at: float | None = None

    @property
    def is_empty(self) -> bool:
        """Nothing must be written, and nothing is on its way."""
        return self.batch.is_empty and not (self._submitted or self._unwritten)

    def add_handled(self, plugin: str, delivery: int, attempt: int, now: Instant, *, can_wait: bool) -> None:
        """A delivery to be closed; with `can_wait` it rides with what is written next, for nobody waits."""
        if can_wait:
            self.close_by = min(self.close_by, now.monotonic + CLOSE_WITHIN)
        self.batch.add_handled(plugin, delivery, attempt, can_wait=can_wait)

    def close_if_due(self, now: Instant) -> None:
        """`close_by` may be here."""
        if self.close_by <= now.monotonic:
            self.close_now()

    def close_now(self) -> None:
        """No close waits for company any longer."""
        self.close_by, self.batch.can_wait = math.inf, False

    def lists(self, plugin: str, session: str) -> bool:
        """It is to be written that this session may be sent deliveries, and may be on its way."""
        listing = ListSession(plugin, session)
        return any(listing in batch.writes for batch in (*self._submitted.values(), self.batch))

    def link_lost(self, link: int) -> None:
        """What came over this link is nobody's now."""
        for batch in (*self._submitted.values(), self.batch):
            batch.link_lost(link)

    def submit(self) -> Submit | None:
        """Seal the batch.

        Returns:
            What the journal is to write; None if there is nothing, or it can wait.
        """
        if self._unwritten and not self.batch.is_empty:
            sealed = self.batch.sealed()
            self._behind += sealed.to_repeat()
            self.batch = sealed.without_repeated()
        if self.batch.can_wait or self.batch.is_empty:
            return None
        self.close_by = math.inf
        self._tokens += 1
        sealed, self.batch = self.batch.sealed(), WriteBatch()
        self._submitted[self._tokens] = sealed
        return Submit(self._tokens, tuple(sealed.writes))

    def came_back(self, token: int) -> WriteBatch:
        """The journal says what became of a `Submit`; returns what was in it."""
        return self._submitted.pop(token)

    def not_written(self, batch: WriteBatch, now: Instant) -> None:
        """What came back could not be written: what must be is submitted again."""
        self._unwritten += batch.to_repeat()
        if self._unwritten and self._rewrite_at is None:
            self._rewrite_at = now.monotonic + REWRITE_AFTER
            self._wakeup.by(self._rewrite_at)

    def tick(self, now: Instant) -> None:
        """Time has passed."""
        self.close_if_due(now)
        if self._rewrite_at is not None and self._rewrite_at <= now.monotonic:
            self._rewrite_at = None
            self._write_again(now)
        self._wakeup.by(self._rewrite_at)

    def _write_again(self, now: Instant) -> None:
        """In the order of old: what was submitted after it, and may fail yet, is waited for."""
        if any(batch.to_repeat() for batch in self._submitted.values()):
            self._rewrite_at = now.monotonic + REWRITE_AFTER
            return
        again, self._unwritten, self._behind = self._unwritten + self._behind, [], []
        later, self.batch = self.batch, WriteBatch()
        for write, origin in again:
            if not self._is_overtaken(write):
                self.batch.add(write, origin)
        self.batch.append(later)
