"""What an operator should know of how a plugin, or another user of the host, has behaved of late. Pure.

Each kind of fault is counted within the last `WINDOW` seconds, with the words of the last one: that is what
status shows, while the log has each as it came.
"""

from collections import deque
from collections.abc import Iterator
from enum import Enum

from slackd.slotted import frozen

WINDOW = 300.0
"""Seconds for which a fault is remembered."""
MOST_COUNTED = 1_000
"""Faults of one kind that are counted."""
SHORT_LIVED = 60.0
"""Seconds within which a session that handled nothing must have ended to count as crashed."""
CRASHES, REFUSALS = 5, 5
"""Within `WINDOW`, after which a plugin is degraded."""


class Fault(Enum):
    """Kinds of them, in the words of a status."""

    REFUSED = "refused connections"
    CRASHED = "sessions that ended at once and handled nothing"
    SLOWED = "pauses, since its lines take long to read"
    HELD = "connections that waited, since those before them failed"


@frozen
class RecentFaults:
    """Faults of one kind.

    Attributes:
        count: How many there were in the last `WINDOW` seconds, up to `MOST_COUNTED`.
        last: The words of the last one.
        ago: Seconds since then.
    """

    fault: Fault
    count: int
    last: str
    ago: float


class Conduct:
    """One plugin's, or one user's."""

    def __init__(self) -> None:
        self._times: dict[Fault, deque[float]] = {}
        self._last: dict[Fault, str] = {}

    def note(self, fault: Fault, words: str, now: float) -> None:
        """One more, at this time (monotonic seconds)."""
        self._times.setdefault(fault, deque(maxlen=MOST_COUNTED)).append(now)
        self._last[fault] = words

    def recent(self, now: float) -> Iterator[RecentFaults]:
        """Every kind that has occurred of late."""
        for fault, times in self._times.items():
            while times and times[0] <= now - WINDOW:
                times.popleft()
            if times:
                yield RecentFaults(fault, len(times), self._last[fault], now - times[-1])
