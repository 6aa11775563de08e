"""One ordering key's part of what waits, and what is wanted of the journal to fill it."""

from collections import deque

import attrs

from slackd.broker.journal.writes import Lane, OpenDelivery

PAGE = 64
"""Deliveries fetched of one key at a time, and kept of it in memory."""
KEYS_PAGE = 256
"""Keys fetched at a time."""

KeyName = str | int
"""A key, or the id of a delivery that has none and stands for itself."""


@attrs.frozen
class LoadKeys:
    """Wanted from the journal: the next keys of this lane; answer with `keys_loaded`."""

    plugin: str
    lane: Lane
    after: str | None
    limit: int = KEYS_PAGE


@attrs.frozen
class LoadKey:
    """Wanted from the journal: open deliveries of this key; answer with `key_loaded`."""

    plugin: str
    lane: Lane
    key: str
    after: int
    limit: int = PAGE


@attrs.define
class Key:
    """The oldest open deliveries of one key.

    Attributes:
        pending: Those that nobody has, oldest first.
        out: The one that is taken and not answered, or None.
        answered: Those that are answered, and not yet so in the journal.
        holder: The session that has `out`, or answered what is answered; None if it remembers that no more.
        put_off: Its head waits until the journal has what is answered.
        last: The highest id that was ever in memory of this key.
        more: The journal has later ones.
        loading: A page was asked for; what arrives meanwhile is in `arrived`.
        queued: It stands in the row of keys that want a page.
        due: Monotonic time before which its head may not go.
        claimed: Those that a program claimed: no page brings them again.
        doubted: The page that is asked for is of no use: what comes next must be read anew.
    """

    pending: deque[OpenDelivery] = attrs.field(factory=deque)
    out: int | None = None
    answered: set[int] = attrs.field(factory=set)
    holder: str | None = ""
    put_off: bool = False
    last: int = 0
    more: bool = False
    loading: bool = False
    queued: bool = False
    due: float = 0.0
    arrived: tuple[OpenDelivery, ...] = ()
    claimed: frozenset[int] = frozenset()
    doubted: bool = False

    def let_go(self, delivery: int) -> bool:
        """Its session has done with it, or has it no more. False if it was no session's."""
        if self.out == delivery:
            self.out = None
            return True
        if delivery in self.answered:
            self.answered.discard(delivery)
            return True
        return False

    def start_anew(self) -> None:
        """What is known of it may be wrong: the journal is to say again what waits."""
        self.pending.clear()
        self.claimed = frozenset(self.answered if self.out is None else {*self.answered, self.out})
        self.last, self.more, self.doubted, self.put_off = 0, True, self.loading, False

    def presumes_answered(self, delivery: int, session: str) -> bool:
        """What is out was claimed before, by the session that claims this later one now: it has answered it."""
        return self.out in self.claimed and self.holder == session and self.out < delivery

    @property
    def idle(self) -> bool:
        return not (self.pending or self.out is not None or self.answered or self.more or self.loading)
