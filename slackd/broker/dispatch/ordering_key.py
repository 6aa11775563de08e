"""The oldest open deliveries of one ordering key, and who has them. Pure."""

from collections import deque

import attrs

from slackd.broker.journal.writes import OpenDelivery
from slackd.slotted import define

KeyName = str | int
"""A key, or the id of a delivery that has none and stands for itself."""


def set_apart(delivery: OpenDelivery) -> OpenDelivery:
    """The delivery under a key of its own, which no other has: it has no place in the order."""
    return attrs.evolve(delivery, key=f"\0{delivery.id}")


@define
class Key:
    """The oldest open deliveries of one key.

    Attributes:
        pending: Those that nobody has, oldest first.
        out: The one that is taken and not answered, or None.
        ahead: Those that the session which has `out` was sent ahead of their turn, oldest first.
        answered: Those that are answered, and not yet so in the journal.
        owner: The session that has `out`, or answered what is answered; None if it remembers that no more.
        deferred: Its head waits until the journal has what is answered.
        last: The highest id that was ever in memory of this key.
        more: The journal has later ones.
        loading: A page was asked for; what arrives meanwhile is in `arrived`.
        queued: It stands in the row of keys that want a page.
        due: Monotonic time before which its head may not go.
        claimed: Those that a program claimed: no page brings them again.
        unordered: Those that gave up their place, each under a key of its own by now: likewise.
        doubted: The page that is asked for is of no use: what comes next must be read anew.
    """

    pending: deque[OpenDelivery] = attrs.field(factory=deque)
    out: int | None = None
    ahead: list[int] = attrs.field(factory=list)
    answered: set[int] = attrs.field(factory=set)
    owner: str | None = ""
    deferred: bool = False
    last: int = 0
    more: bool = False
    loading: bool = False
    queued: bool = False
    due: float = 0.0
    arrived: tuple[OpenDelivery, ...] = ()
    claimed: frozenset[int] = frozenset()
    unordered: set[int] = attrs.field(factory=set)
    doubted: bool = False

    def let_go(self, delivery: int) -> bool:
        """Its session has done with it, or has it no more. False if it was no session's."""
        if self.out == delivery:
            self.out = None
            return True
        if delivery in self.answered:
            self.answered.discard(delivery)
            return True
        if delivery in self.ahead:
            self.ahead.remove(delivery)
            return True
        return False

    def behind(self, delivery: int) -> list[int]:
        """What was sent ahead of its turn and waits for this one, oldest first."""
        if self.out == delivery:
            return list(self.ahead)
        return self.ahead[self.ahead.index(delivery) + 1 :] if delivery in self.ahead else []

    def start_anew(self) -> None:
        """What is known of it may be wrong: the journal is to say again what waits."""
        self.pending.clear()
        out = () if self.out is None else (self.out,)
        self.claimed = frozenset({*self.answered, *self.unordered, *self.ahead, *out})
        self.last, self.more, self.doubted, self.deferred = 0, True, self.loading, False

    def presumes_answered(self, delivery: int, session: str) -> bool:
        """A session that resumes with a later delivery of this key has already answered the earlier one."""
        return self.out in self.claimed and self.owner == session and self.out < delivery

    @property
    def idle(self) -> bool:
        """Nothing of this key waits, is in flight, or may have to be read."""
        waits = self.pending or self.out is not None or self.answered or self.unordered
        return not (waits or self.more or self.loading)
