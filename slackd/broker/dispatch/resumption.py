"""What sessions had before a broker ended (rule R6), or before a connection did (rule R4). Pure.

P3 rests on this: what a session may have goes to nobody else until that one is back and has not claimed it, or
is given up. After a clean stop it is known what each had. After a crash anything old may be with one of them:
it is fenced, and takes slots, until all are back. A claim counts where the journal has the delivery open at
that attempt, nobody else has it, and it is for sessions like this one.
"""

from collections.abc import Mapping, Sequence

import attrs

from slackd.broker.dispatch.actions import CountOld
from slackd.broker.dispatch.dealing import Dealer
from slackd.broker.dispatch.lane_queue import LaneQueue
from slackd.broker.dispatch.leases import Leases, LeaseState
from slackd.broker.dispatch.ordering_key import set_apart
from slackd.broker.instant import Instant
from slackd.broker.journal.writes import Lane, OpenDelivery


class Resumption:
    """Gives sessions of one plugin back what is theirs; `dealer` keeps slots for what is fenced."""

    def __init__(
        self,
        plugin: str,
        window: int,
        lanes: Mapping[Lane, LaneQueue],
        leases: Leases,
        dealer: Dealer,
    ) -> None:
        self._plugin, self._window = plugin, window
        self._lanes, self._leases, self._dealer = lanes, leases, dealer
        self._awaited: set[str] = set()

    @property
    def is_fenced(self) -> bool:
        """Nobody knows yet whose the old deliveries are."""
        return any(queue.is_fenced for queue in self._lanes.values())

    def restore(self, in_flight: Sequence[tuple[OpenDelivery, str]], now: Instant) -> None:
        """There was a clean stop, and this was in flight then, oldest first."""
        for delivery, session in in_flight:
            claimed = self._claimed(delivery, session)
            if claimed is not None:
                self._leases.take(claimed, session, now.monotonic)

    def fence(self, sessions: Sequence[str], last_delivery: int) -> list[CountOld]:
        """There was a crash: whatever there was up to this delivery may be with these sessions.

        Returns:
            What must be known of it.
        """
        self._awaited.update(sessions)
        for lane, queue in self._lanes.items():
            queue.fence(last_delivery)
            self._dealer.fenced[lane] = self._window
        return [CountOld(self._plugin, lane, last_delivery, 4 * self._window) for lane in self._lanes]

    def old_counted(self, lane: Lane, count: int) -> bool:
        """The journal's answer to `CountOld`; False if it came when nothing is fenced any more."""
        queue = self._lanes[lane]
        if not queue.is_fenced:
            return False
        # What is answered already may have been closed before they were counted.
        held = [each.delivery for each in self._leases if each.state is LeaseState.HELD]
        claimed = sum(each.lane is lane and queue.is_old(each.id) for each in held)
        self._dealer.fenced[lane] = max(0, count - claimed)
        return True

    def is_back(self, session: str) -> None:
        """It has claimed what it has, or is given up."""
        self._awaited.discard(session)
        if not self._awaited and self.is_fenced:
            for lane, queue in self._lanes.items():
                queue.lift_fence()
                self._dealer.fenced[lane] = 0

    def claim(
        self,
        session: str,
        claims: Sequence[tuple[int, int]],
        rows: Mapping[int, OpenDelivery],
        now: Instant,
    ) -> set[int]:
        """A session is back, and says that it has these (delivery, attempt) pairs.

        Args:
            session: The session.
            claims: What it says.
            rows: What the journal says of those deliveries.
            now: This moment.

        Returns:
            The deliveries that are its own.
        """
        kept = [each for each, attempt in sorted(claims) if self._claim(session, each, attempt, rows, now)]
        self._begin_claimed(kept, now)
        return set(kept)

    def _claim(
        self, session: str, delivery: int, attempt: int, rows: Mapping[int, OpenDelivery], now: Instant
    ) -> bool:
        lease = self._leases.get(delivery)
        if lease is not None:
            if lease.session != session or lease.delivery.attempt != attempt:
                return False
            known = rows.get(delivery)
            if lease.delivery.stored is None and known is not None and known.stored is not None:
                lease.delivery = attrs.evolve(lease.delivery, stored=known.stored)
            self._leases.extend(lease, now.monotonic)
            return True
        row = rows.get(delivery)
        if row is None or row.plugin != self._plugin or row.attempt != attempt:
            return False
        claimed = self._claimed(row, session) if self._may_have_had(session, row) else None
        if claimed is None:
            return False
        if self._lanes[row.lane].is_fenced:
            self._dealer.fenced[row.lane] = max(0, self._dealer.fenced[row.lane] - 1)
        self._leases.take(claimed, session, now.monotonic)
        return True

    def _may_have_had(self, session: str, delivery: OpenDelivery) -> bool:
        """Whether it is for sessions like this one; after a crash, production may have had it from before an
        intercept that was begun again meanwhile."""
        if self._dealer.may_have(session, delivery):
            return True
        return self._lanes[delivery.lane].is_old(delivery.id) and self._dealer.is_of_production(session)

    def _claimed(self, delivery: OpenDelivery, session: str) -> OpenDelivery | None:
        """A delivery that a session had before, in its place in the order or apart; None if it has not."""
        queue = self._lanes[delivery.lane]
        if queue.claim(delivery, session):
            return delivery
        claimed, before = queue.claim_out_of_turn(delivery, session) or (None, 0)
        lease = self._leases.get(before)
        if lease is not None:
            lease.delivery = set_apart(lease.delivery)
        return claimed

    def _begin_claimed(self, kept: Sequence[int], now: Instant) -> None:
        """What was sent ahead and is claimed, as is the one before it, was begun: that one is answered, which
        its program says again, or gave up its place, and the word of it was lost with the connection."""
        for lease in filter(None, map(self._leases.get, kept)):
            queue = self._lanes[lease.delivery.lane]
            while lease.state is LeaseState.WAITING:
                before = self._leases.get(queue.out_of(lease.delivery.key))
                if before is None or before.delivery.id not in kept:
                    break
                before.delivery, next_one = queue.unorder(before.delivery, now)
                if next_one is None:
                    break
                self._leases.begin_turn(next_one, now.monotonic)
