"""What the broker has journaled and still waits with: acknowledged unanswered, should the broker be gone.

P5 is kept here when nobody else can: a broker that is killed a moment before a deadline, and takes half a
second to come back, costs the answer (it goes out late, through the `response_url`), but not Slack's three
seconds.
Pure.
"""

import heapq
from collections.abc import Container, Sequence
from typing import Final

from slackd.envelope import Promise, Settlement

REMEMBERED: Final = 1_000
"""Promises that were kept and are remembered: a broker that only lagged settles them, too."""


class AckDeadlines:
    """The promises that may still come due."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int]] = []
        self._settlements: dict[int, Settlement] = {}
        self._kept: dict[int, None] = {}

    def add(self, promises: Sequence[Promise]) -> None:
        """The broker promised; a newer promise takes the place of an older one."""
        for promise in promises:
            number = promise.settlement.number
            self._settlements[number] = promise.settlement
            heapq.heappush(self._due, (promise.due, number))

    def take_due(self, now: float, unsettled: Container[int]) -> list[Settlement]:
        """What is to be acknowledged now: due, and still unsettled."""
        found = []
        while self._due and self._due[0][0] <= now:
            _, number = heapq.heappop(self._due)
            settlement = self._settlements.pop(number, None)
            if settlement is not None and number in unsettled:
                found.append(settlement)
                self._kept[number] = None
        while len(self._kept) > REMEMBERED:
            del self._kept[next(iter(self._kept))]
        return found

    def was_kept(self, number: int) -> bool:
        """`take_due` gave this one; true once."""
        if number not in self._kept:
            return False
        del self._kept[number]
        return True

    def next_due(self) -> float | None:
        """When to look again."""
        return self._due[0][0] if self._due else None
