"""What is due when: deadlines, pings, redeliveries, the ends of connections. It reads no clock of its own.

Times are seconds on whatever clock drives it.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable


class Scheduler:
    """A heap of things to do, each called with the time at which it is done.

    Nothing is removed: what has become pointless finds so when it is called. That keeps a deadline
    for every envelope as cheap as one push and one pop.

    Attributes:
        on_earlier: called when something was added that is due before all else.
    """

    def __init__(self) -> None:
        self.on_earlier: Callable[[], None] = lambda: None
        self._heap: list[tuple[float, int, Callable[..., None], tuple[object, ...]]] = []
        self._order = itertools.count()

    def at(self, when: float, action: Callable[..., None], *args: object) -> None:
        """Call `action(*args, now)` at the first `run_due` whose time is not before `when`."""
        item = (when, next(self._order), action, args)
        heapq.heappush(self._heap, item)
        if self._heap[0] is item:
            self.on_earlier()

    def next_at(self) -> float | None:
        """The time of the earliest thing to do, or None."""
        return self._heap[0][0] if self._heap else None

    def run_due(self, now: float) -> None:
        """Do all that is due at `now`, in order of time; what is added meanwhile and due is done too."""
        heap = self._heap
        while heap and heap[0][0] <= now:
            _, _, action, args = heapq.heappop(heap)
            action(*args, now)

    def clear(self) -> None:
        """Forget everything."""
        self._heap.clear()

    def __len__(self) -> int:
        return len(self._heap)
