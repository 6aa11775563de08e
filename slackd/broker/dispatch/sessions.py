"""A plugin's sessions, and how much each of them has in flight.

Times are monotonic seconds.
"""

from collections import deque
from collections.abc import Iterator

import attrs

from slackd.broker.journal.writes import Lane
from slackd.slotted import define


@define
class PluginSession:
    """One connection of a plugin's program, or the memory of one that is awaited.

    Attributes:
        id: The program's own name for it, or one made up for a program that named none.
        named: It can be awaited and can claim what it has in flight.
        window: Deliveries it takes at once in each lane.
        remembers: Answers that its program keeps, beyond its windows, to repeat them when it comes back.
        awaited_until: Monotonic time until which it may come back; None while it is connected.
        paused: It doesn't read what it was sent.
        out: Slots that it takes in each lane.
        ahead: Deliveries that its program takes ahead of their turn, and keeps in order itself.
        waiting: How many it has.
        unwritten: Its answers that take no slot any more and are on their way to disk, at most `remembers`.
        resumed: What it listed when it came back, and may answer once more though slackd has its answer.
        person: The person whose intercepted deliveries it takes, and no others; "" for a session like any.
    """

    id: str
    named: bool
    window: int
    remembers: int = 0
    awaited_until: float | None = None
    paused: bool = False
    out: dict[Lane, int] = attrs.field(factory=lambda: dict.fromkeys(Lane, 0))
    unwritten: int = 0
    ahead: int = 0
    waiting: int = 0
    resumed: set[tuple[int, int]] = attrs.field(factory=set)
    person: str = ""

    @property
    def connected(self) -> bool:
        """It can take deliveries."""
        return self.awaited_until is None

    def has_room(self, lane: Lane) -> bool:
        """One more delivery of this lane may go to it."""
        return self.awaited_until is None and not self.paused and self.out[lane] < self.window

    def has_room_ahead(self, lane: Lane) -> bool:
        """One more of this lane may go to it ahead of its turn."""
        is_there = self.awaited_until is None and not self.paused
        return is_there and self.waiting < self.ahead and self.out[lane] <= self.window

    @property
    def remembers_more(self) -> bool:
        """One more of its answers may be on its way to disk without a slot."""
        return self.unwritten < self.remembers


class Sessions:
    """All sessions of one plugin: whose turn it is, who is awaited."""

    def __init__(self, started: float) -> None:
        self._by_id: dict[str, PluginSession] = {}
        self._turns: deque[PluginSession] = deque()
        self._last_seen = started

    def get(self, session: str) -> PluginSession | None:
        """The session of this id, connected or awaited."""
        return self._by_id.get(session)

    def put(self, session: PluginSession) -> None:
        """Adds a session, or puts it in the place of the one that had its id."""
        old = self._by_id.get(session.id)
        if old is not None:
            self._turns.remove(old)
        self._by_id[session.id] = session
        self._turns.append(session)

    def drop(self, session: str) -> None:
        """Forgets a session."""
        gone = self._by_id.pop(session, None)
        if gone is not None:
            self._turns.remove(gone)

    def seen(self, now: float) -> None:
        """A session was connected until now."""
        self._last_seen = now

    def next_with_room(self, lane: Lane) -> PluginSession | None:
        """Whose turn it is to get a delivery of this lane; turns go round."""
        for _ in range(len(self._turns)):
            session = self._turns[0]
            self._turns.rotate(-1)
            if session.has_room(lane) and not session.person:
                return session
        return None

    def with_room_for(self, person: str, lane: Lane) -> PluginSession | None:
        """A session that takes this person's intercepted deliveries, and has room for one of this lane."""
        mine = (each for each in self._turns if each.person == person)
        return next((each for each in mine if each.has_room(lane)), None)

    def connected(self) -> int:
        """How many sessions are connected."""
        return sum(each.connected for each in self._turns)

    @property
    def is_empty(self) -> bool:
        """No session is connected or awaited, but for those that take one person's deliveries alone."""
        return all(each.person for each in self._turns)

    def overdue(self, now: float) -> list[PluginSession]:
        """Awaited sessions whose grace is over."""
        return [each for each in self._turns if each.awaited_until is not None and each.awaited_until <= now]

    def next_grace(self) -> float | None:
        """The monotonic time at which the next grace is over."""
        return min((each.awaited_until for each in self._turns if each.awaited_until is not None), default=None)

    def absent_for(self, now: float) -> float:
        """Seconds since a session was last connected; 0 while one is connected or awaited (rule R3)."""
        return now - self._last_seen if self.is_empty else 0.0

    def __iter__(self) -> Iterator[PluginSession]:
        return iter(self._turns)
