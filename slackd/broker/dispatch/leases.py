"""Every delivery of one plugin that isn't free: whose it is, which slot it takes, and when its time is up.

    take ──▶ HELD ──answer──▶ ANSWERED ──drop (the commit)──▶ free, or no longer open
               └─answer, nack, timeout─▶ COMMITTING ──drop (the commit)──▶ the same
    send_ahead ──▶ WAITING ──begin (its turn)──▶ HELD
                     └─drop (taken back, not begun)─▶ free

P3 rests on this: a delivery has one lease, and the lease names one session; until `drop` nobody else gets the
delivery. A WAITING one was sent ahead of its turn, behind one of its key that the same session has; it takes no
slot, its time doesn't run, and no answer to it counts. A HELD one takes a slot of its lane's window, and counts
as failed at its deadline, which `extend` and `rest` move (never beyond `latest`). An answer frees the slot
before the commit (rule R4) if the session's program can repeat one more answer, so that a crash loses none:
ANSWERED. Else the slot waits for the commit: COMMITTING.
"""

import heapq
import math
from collections.abc import Iterator
from enum import Enum

from slackd.broker.dispatch.intercepted import is_intercepted
from slackd.broker.dispatch.retry import LONGEST
from slackd.broker.dispatch.sessions import PluginSession, Sessions
from slackd.broker.instant import Wakeup
from slackd.broker.journal.writes import Lane, OpenDelivery
from slackd.slotted import define

MOST_UNWRITTEN = 4_096
"""Answers of one plugin that may be on their way to disk without a slot, however many sessions it has."""


class LeaseState(Enum):
    """WAITING: a session has it, and begins it when the one before it of its key is answered. HELD: a session
    works on it, or is awaited with it. COMMITTING: what became of it is on its way to disk.
    ANSWERED: so is its session's answer, which the program remembers: its slot is free already."""

    WAITING = "waiting"
    HELD = "held"
    COMMITTING = "committing"
    ANSWERED = "answered"


UNANSWERED = (LeaseState.WAITING, LeaseState.HELD)


@define
class Lease:
    """A delivery that isn't free: nobody else may have it until the commit of what became of it.

    Attributes:
        delivery: The delivery, with the attempt that is out.
        session: Whose it is.
        deadline: Monotonic time at which the attempt counts as failed.
        latest: Monotonic time beyond which no `extend` moves the deadline.
        since: Monotonic time at which the session got it.
        resting: Calls of its handler that slackd holds back at this moment: meanwhile its ack timeout rests.
        left: Seconds of its ack timeout that were left when it began to rest.
        takes_slot: While it is HELD or COMMITTING; an intercepted delivery takes none.
    """

    delivery: OpenDelivery
    session: str
    deadline: float
    latest: float
    since: float
    state: LeaseState = LeaseState.HELD
    resting: int = 0
    left: float = 0.0
    takes_slot: bool = True


class Leases:
    """The leases of one plugin; sessions learn how many of them are theirs.

    `ack_timeout` is how many seconds a session has to answer; the wakeup is moved to the first one's end.
    """

    def __init__(self, sessions: Sessions, ack_timeout: float, wakeup: Wakeup) -> None:
        self._sessions, self._ack_timeout, self._wakeup = sessions, ack_timeout, wakeup
        self._by_delivery: dict[int, Lease] = {}
        self._slots = dict.fromkeys(Lane, 0)
        self._unwritten = 0
        self._timeouts: list[tuple[float, int]] = []

    def __iter__(self) -> Iterator[Lease]:
        return iter(self._by_delivery.values())

    def get(self, delivery: int) -> Lease | None:
        """The lease of a delivery, if it isn't free."""
        return self._by_delivery.get(delivery)

    def held(self, session: str, delivery: int, attempt: int) -> Lease | None:
        """The lease, if this session holds the delivery at this attempt, unanswered."""
        lease = self._by_delivery.get(delivery)
        if lease is None or lease.delivery.attempt != attempt or lease.session != session:
            return None
        return lease if lease.state is LeaseState.HELD else None

    def held_by(self, session: str) -> list[Lease]:
        """All that a session holds, unanswered."""
        return [each for each in self.of(session) if each.state is LeaseState.HELD]

    def of(self, session: str) -> list[Lease]:
        """All that a session has, answered or not."""
        return [each for each in self if each.session == session]

    def slots(self, lane: Lane) -> int:
        """How many slots of a lane's window are taken; intercepted deliveries take none."""
        return self._slots[lane]

    def take(self, delivery: OpenDelivery, session: str, now: float) -> Lease:
        """A session has this delivery from now on."""
        latest = now + max(LONGEST, self._ack_timeout)
        lease = Lease(delivery, session, now + self._ack_timeout, latest, now)
        self._by_delivery[delivery.id] = lease
        if is_intercepted(delivery.key):
            lease.takes_slot = False
        else:
            self._slots[delivery.lane] += 1
        known = self._sessions.get(session)
        if known is not None:
            known.out[delivery.lane] += 1
        heapq.heappush(self._timeouts, (lease.deadline, delivery.id))
        if lease.deadline < self._wakeup.at:
            self._wakeup.at = lease.deadline
        if len(self._timeouts) > 2 * len(self._by_delivery) + 1_000:
            self._keep_open_timeouts()
        return lease

    def send_ahead(self, delivery: OpenDelivery, session: PluginSession, now: float) -> None:
        """A session has this delivery from now on, and begins it when its turn comes."""
        self._by_delivery[delivery.id] = Lease(
            delivery, session.id, math.inf, math.inf, now, LeaseState.WAITING
        )
        session.waiting += 1

    def begin(self, lease: Lease, now: float) -> None:
        """The turn of one that was sent ahead has come: its session works on it from now on."""
        self._count(lease, -1)
        lease.state, lease.since = LeaseState.HELD, now
        lease.deadline, lease.latest = now + self._ack_timeout, now + max(LONGEST, self._ack_timeout)
        self._count(lease, 1)
        heapq.heappush(self._timeouts, (lease.deadline, lease.delivery.id))
        self._wakeup.by(lease.deadline)

    def begin_turn(self, delivery: int, now: float) -> None:
        """It is the turn of this one, if it was sent ahead."""
        lease = self._by_delivery.get(delivery)
        if lease is not None and lease.state is LeaseState.WAITING:
            self.begin(lease, now)

    def answer(self, lease: Lease) -> bool:
        """It is answered. True if its slot is free: its session's program can repeat one more answer, and not
        too many are on their way already. Else the slot waits for the commit."""
        session = self._sessions.get(lease.session)
        if session is None or not session.remembers_more or self._unwritten >= MOST_UNWRITTEN:
            lease.state = LeaseState.COMMITTING
            return False
        lease.state = LeaseState.ANSWERED
        lane = lease.delivery.lane
        if lease.takes_slot:
            self._slots[lane] -= 1
        self._unwritten += 1
        session.out[lane] -= 1
        session.unwritten += 1
        return True

    def drop(self, lease: Lease) -> None:
        """The delivery is free, or no longer open."""
        del self._by_delivery[lease.delivery.id]
        self._count(lease, -1)

    def count_again(self, session: PluginSession) -> None:
        """A session has come in the place of one that had its id: what was that one's is its own."""
        session.out, session.unwritten, session.waiting = dict.fromkeys(Lane, 0), 0, 0
        for lease in self.of(session.id):
            if lease.state is LeaseState.ANSWERED:
                session.unwritten += 1
            elif lease.state is LeaseState.WAITING:
                session.waiting += 1
            else:
                session.out[lease.delivery.lane] += 1

    def extend(self, lease: Lease, now: float) -> None:
        """Its ack timeout starts again, as often as `latest` allows; that of a WAITING one has not begun."""
        if lease.state is LeaseState.WAITING:
            return
        if lease.resting:
            lease.left = self._ack_timeout
            return
        lease.deadline = min(now + self._ack_timeout, lease.latest)

    def rest(self, lease: Lease, begins: bool, now: float) -> None:
        """slackd begins, or ceases, to hold back a call of its handler: that time is not the handler's."""
        if lease.state is LeaseState.WAITING:
            return
        if begins:
            if not lease.resting:
                lease.left, lease.deadline = max(0.0, lease.deadline - now), lease.latest
            lease.resting += 1
        elif lease.resting:
            lease.resting -= 1
            if not lease.resting:
                lease.deadline = min(now + lease.left, lease.latest)
                heapq.heappush(self._timeouts, (lease.deadline, lease.delivery.id))

    def overdue(self, now: float) -> list[Lease]:
        """Those that were not answered in time; each is reported once."""
        found = []
        while self._timeouts and self._timeouts[0][0] <= now:
            lease = self._by_delivery.get(heapq.heappop(self._timeouts)[1])
            if lease is None or lease.state is not LeaseState.HELD:
                continue
            if lease.deadline > now:
                heapq.heappush(self._timeouts, (lease.deadline, lease.delivery.id))
            else:
                found.append(lease)
        return found

    def next_timeout(self) -> float | None:
        """The monotonic time at which something may be overdue. Most deliveries are answered long before their
        timeout: nothing wakes up for them, or keeps them."""
        while self._timeouts and self._timeouts[0][1] not in self._by_delivery:
            heapq.heappop(self._timeouts)
        return self._timeouts[0][0] if self._timeouts else None

    def _keep_open_timeouts(self) -> None:
        self._timeouts = [
            (each.deadline, name)
            for name, each in self._by_delivery.items()
            if each.state is not LeaseState.WAITING
        ]
        heapq.heapify(self._timeouts)

    def _count(self, lease: Lease, by: int) -> None:
        session = self._sessions.get(lease.session)
        if lease.state is LeaseState.ANSWERED:
            self._unwritten += by
            if session is not None:
                session.unwritten += by
        elif lease.state is LeaseState.WAITING:
            if session is not None:
                session.waiting += by
        else:
            if lease.takes_slot:
                self._slots[lease.delivery.lane] += by
            if session is not None:
                session.out[lease.delivery.lane] += by
