"""A journal in memory, for pure tests and for simulation: the same semantics, time and faults in your hands.

`MemoryDisk` is what survives a crash. A commit takes three moments, each scheduled apart, so that a simulation
can kill the broker between any two: writes are taken into a group, the group becomes durable, its callbacks are
called.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from uuid import uuid4

import attrs

from slackd.broker.journal import Backlog, DeadLetter, JournalHealth, OnCommit, Opening, StoredEnvelope
from slackd.broker.journal.ages import ClockAhead
from slackd.broker.journal.limits import DroppedDeadLetters, Limits, OnDeadLettered, OnDropped
from slackd.broker.journal.rules import byte_length
from slackd.broker.journal.writes import GapRecord, Lane, OpenDelivery, Outcome, Write
from slackd.errors import JournalBusy, JournalError, JournalUnwritable
from tests.support.journal.memory_store import MemoryStore

Schedule = Callable[[float, Callable[[], None]], object]
"""Call this after so many seconds: `loop.call_later`, or a simulator's own."""


@attrs.define
class MemoryDisk:
    """What survives a crash, and the faults of the disk.

    Attributes:
        failing: While not "", every commit fails with these words, and nothing of it is written.
        commit_seconds: How long the next commit takes.
        journal_id: Names what is on it.
    """

    store: MemoryStore = attrs.field(factory=MemoryStore)
    failing: str = ""
    commit_seconds: Callable[[], float] = lambda: 0.0
    owner: "MemoryJournal | None" = None
    journal_id: str = attrs.field(factory=lambda: uuid4().hex)


def open_memory_journal(
    disk: MemoryDisk | None = None,
    *,
    clock: Callable[[], float],
    schedule: Schedule | None = None,
    limits: Limits | None = None,
    on_dead_lettered: OnDeadLettered | None = None,
    on_dropped: OnDropped | None = None,
) -> tuple["MemoryJournal", Opening]:
    """Become the owner of what is on this disk.

    Args:
        disk: A fresh one if None.
        clock: UNIX seconds.
        schedule: Of the running event loop if None.

    Raises:
        JournalBusy: A journal that was neither closed nor killed owns it.
    """
    disk = disk or MemoryDisk()
    if disk.owner is not None:
        raise JournalBusy("the journal in memory has an owner; close or kill it first")
    store = disk.store
    clean_shutdown, store.clean_shutdown = store.clean_shutdown, None
    opening = Opening(
        sessions=tuple(sorted(store.sessions)),
        clean_shutdown=clean_shutdown,
        last_delivery=store.last_delivery,
        ghosts=tuple(
            sorted(
                (g for g in store.ghosts.values() if g.until > clock()),
                key=lambda g: (g.until, g.app, g.connection),
            )
        ),
        late=tuple(store.late[delivery] for delivery in sorted(store.late)),
        open_gaps=_by_start(gap for gap in store.gaps.values() if gap.end is None),
        seen_ready=tuple(store.seen_ready[app] for app in sorted(store.seen_ready)),
    )
    journal = MemoryJournal(
        disk,
        clock,
        schedule or asyncio.get_running_loop().call_later,
        limits or Limits(7 * 86_400.0, 4 << 30, 30 * 86_400.0),
        on_dead_lettered,
        on_dropped,
    )
    disk.owner = journal
    return journal, opening


class MemoryJournal:
    """The `Journal` of a test."""

    def __init__(
        self,
        disk: MemoryDisk,
        clock: Callable[[], float],
        schedule: Schedule,
        limits: Limits,
        on_dead_lettered: OnDeadLettered | None,
        on_dropped: OnDropped | None,
    ) -> None:
        self.disk = disk
        self.limits = limits
        self._clock = clock
        self._schedule = schedule
        self._on_dead_lettered = on_dead_lettered
        self._on_dropped = on_dropped
        self._queue: list[tuple[Sequence[Write], OnCommit]] = []
        self._unreported: deque[tuple[OnCommit, Sequence[Outcome] | JournalError]] = deque()
        self._busy = False
        self._closed = False
        self._failing = ""
        self._commits = 0

    @property
    def _store(self) -> MemoryStore:
        if self._closed:
            raise JournalError("the journal in memory is closed")
        return self.disk.store

    @property
    def id(self) -> str:
        """As in `Journal`."""
        return self.disk.journal_id

    # Writes

    def submit(self, writes: Sequence[Write], on_commit: OnCommit) -> None:
        """As in `Journal`."""
        if self._closed:
            refusal = JournalError("the journal in memory is closed")
            self._schedule(0.0, lambda: on_commit(refusal))
            return
        self._queue.append((tuple(writes), on_commit))
        self._start_group()

    def _start_group(self) -> None:
        if self._busy or not self._queue or self.disk.owner is not self:
            return
        self._busy = True
        group, self._queue = self._queue, []
        self._schedule(self.disk.commit_seconds(), lambda: self._become_durable(group))

    def _become_durable(self, group: list[tuple[Sequence[Write], OnCommit]]) -> None:
        if self.disk.owner is not self:
            return
        reports = [(on_commit, self._commit(writes)) for writes, on_commit in group]
        self._failing = self.disk.failing
        self._commits += 1
        self._schedule(0.0, lambda: self._report(reports))

    def _commit(self, writes: Sequence[Write]) -> Sequence[Outcome] | JournalError:
        if self.disk.failing and writes:
            return JournalUnwritable(f"the journal in memory cannot be written ({self.disk.failing})")
        try:
            return self.disk.store.apply(writes, self._clock())
        except TypeError as error:
            return JournalError(f"the journal in memory cannot hold this: {error}")

    def _report(self, reports: list[tuple[OnCommit, Sequence[Outcome] | JournalError]]) -> None:
        if self.disk.owner is not self:
            return
        self._busy = False
        self._start_group()
        self._unreported.extend(reports)
        self._report_the_rest()

    def _report_the_rest(self) -> None:
        while self._unreported:
            on_commit, result = self._unreported.popleft()
            try:
                on_commit(result)
            except BaseException:
                # One callback's error is its own: the others are called, in order.
                self._schedule(0.0, self._report_the_rest)
                raise

    def health(self) -> JournalHealth:
        """As in `Journal`."""
        commits, self._commits = self._commits, 0
        size = sum(byte_length(stored.text) for stored in self.disk.store.envelopes.values())
        letters = self.disk.store.dead_letter_bytes
        return JournalHealth(size, (0.0,) * commits, self._failing, self._clock(), dead_letter_bytes=letters)

    def clock_ahead(self) -> ClockAhead:
        """As in `Journal`: nobody sets this clock."""
        return ClockAhead()

    async def lost(self) -> JournalError:
        """As in `Journal`; it never is."""
        never: asyncio.Future[JournalError] = asyncio.get_running_loop().create_future()
        return await never

    def release_memory(self) -> None:
        """There is nothing but the rows."""

    def set_away(self, plugins: Collection[str]) -> None:
        """As in `Journal`."""
        self.limits = attrs.evolve(self.limits, away=frozenset(plugins))

    async def run_retention(self, now: float) -> int:
        """As in `Journal`."""
        if self.disk.failing:
            raise JournalUnwritable(f"the journal in memory cannot be written ({self.disk.failing})")
        dead_lettered = self._store.run_retention(self.limits, now)
        if dead_lettered and self._on_dead_lettered is not None:
            self._on_dead_lettered(tuple(dead_lettered))
        dropped, self._store.dropped = self._store.dropped, {}
        if dropped and self._on_dropped is not None:
            self._on_dropped([DroppedDeadLetters(plugin, *counts) for plugin, counts in dropped.items()])
        return len(dead_lettered)

    async def close(self) -> None:
        """As in `Journal`: waits until all that was submitted is committed."""
        self._closed = True
        while self.disk.owner is self and (self._busy or self._queue):
            drained: asyncio.Future[object] = asyncio.get_running_loop().create_future()
            self._queue.append(((), drained.set_result))
            self._start_group()
            await drained
        self.kill()

    def kill(self) -> None:
        """End as by `kill -9`: what is durable stays, nobody hears of anything any more."""
        self._closed = True
        if self.disk.owner is self:
            self.disk.owner = None

    # Reads

    async def keys_after(self, plugin: str, lane: Lane, after: str | None, limit: int) -> Sequence[str]:
        """As in `JournalReader`."""
        keys = {one.key for one in self._open_of(plugin, lane) if after is None or one.key > after}
        return sorted(keys)[:limit]

    async def open_of_key(
        self, plugin: str, lane: Lane, key: str, after: int, limit: int
    ) -> Sequence[OpenDelivery]:
        """As in `JournalReader`."""
        return [one for one in self._open_of(plugin, lane) if one.key == key and one.id > after][:limit]

    async def open_count(self, plugin: str, lane: Lane, up_to: int, limit: int) -> int:
        """As in `JournalReader`."""
        return min(limit, sum(one.id <= up_to for one in self._open_of(plugin, lane)))

    async def open_by_id(self, ids: Sequence[int]) -> Sequence[OpenDelivery]:
        """As in `JournalReader`."""
        return [self._store.open[number] for number in sorted(set(ids)) if number in self._store.open]

    async def envelopes(self, ids: Sequence[int]) -> Mapping[int, StoredEnvelope]:
        """As in `JournalReader`."""
        return {number: self._store.envelopes[number] for number in ids if number in self._store.envelopes}

    async def recorded(
        self, after: int, limit: int, since: float | None = None, until: float | None = None
    ) -> Sequence[StoredEnvelope]:
        """As in `JournalReader`."""
        low, high = float("-inf") if since is None else since, float("inf") if until is None else until
        stored = [self._store.envelopes[number] for number in sorted(self._store.envelopes)]
        return [one for one in stored if one.id > after and low <= one.received_at <= high][:limit]

    async def dead_letters(self, after: int, limit: int, plugin: str | None = None) -> Sequence[DeadLetter]:
        """As in `JournalReader`."""
        letters = [self._store.dead[delivery][0] for delivery in sorted(self._store.dead)]
        wanted = [one for one in letters if one.delivery > after and plugin in (None, one.plugin)]
        return wanted[:limit]

    async def dead_letter(self, delivery: int) -> DeadLetter | None:
        """As in `JournalReader`."""
        found = self._store.dead.get(delivery)
        if found is None:
            return None
        return attrs.evolve(found[0], text=self._store.envelopes[found[0].envelope].text)

    async def gaps(self, since: float, limit: int, app: str | None = None) -> Sequence[GapRecord]:
        """As in `JournalReader`."""
        found = _by_start(gap for gap in self._store.gaps.values() if gap.end is None or gap.end > since)
        wanted = [gap for gap in found if app in (None, gap.app)]
        return wanted[max(0, len(wanted) - limit) :]

    async def backlogs(self) -> Mapping[str, Backlog]:
        """As in `JournalReader`."""
        dead = Counter(letter.plugin for letter, _, _ in self._store.dead.values())
        backlogs = {plugin: Backlog(0, 0, None, letters) for plugin, letters in dead.items()}
        for one in sorted(self._store.open.values(), key=lambda one: one.id):
            before = backlogs.get(one.plugin, Backlog(0, 0, None, 0))
            received_at = self._store.envelopes[one.envelope].received_at
            backlogs[one.plugin] = Backlog(
                before.deliveries + 1,
                before.bytes + self._store.size_of(one),
                received_at if before.oldest is None else before.oldest,
                before.dead,
            )
        return backlogs

    def _open_of(self, plugin: str, lane: Lane) -> list[OpenDelivery]:
        own = (one for one in self._store.open.values() if one.plugin == plugin and one.lane is lane)
        return sorted(own, key=lambda one: one.id)


def _by_start(gaps: Iterator[GapRecord]) -> tuple[GapRecord, ...]:
    return tuple(sorted(gaps, key=lambda gap: (gap.start, gap.app)))
