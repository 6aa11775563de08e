"""What the broker has journaled and still waits with is acknowledged unanswered, should the broker be gone.

Promise P5 is kept here when nobody else can: a broker that is killed a moment before a deadline, and takes half
a second to come back, costs the answer (it goes out late, through the `response_url`), but not Slack's three
seconds. Pure: the clock and the timer are given.
"""

import heapq
import logging
from collections.abc import Callable, Container, Sequence
from typing import Protocol

from slackd.envelope import Promise, Settlement


class Timer(Protocol):
    """A call that is due later, as `asyncio.TimerHandle` is one."""

    def cancel(self) -> None:
        """The call is not made."""


class AckDeadlines:
    """The promises that may still come due."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int]] = []
        self._settlements: dict[int, Settlement] = {}

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
        return found

    def next_due(self) -> float | None:
        """When to look again, seconds on the machine's monotonic clock."""
        return self._due[0][0] if self._due else None


class AckDeadlineKeeper:
    """Settles at the deadline what no broker has settled; holds one timer, from the first promise to `stop`."""

    def __init__(
        self,
        unsettled: Container[int],
        settle: Callable[[Sequence[Settlement]], None],
        clock: Callable[[], float],
        call_later: Callable[[float, Callable[[], None]], Timer],
        log: logging.Logger,
    ) -> None:
        """`call_later` takes seconds and a call, as an event loop's does."""
        self._unsettled, self._settle, self._clock, self._log = unsettled, settle, clock, log
        self._call_later = call_later
        self._deadlines = AckDeadlines()
        self._timer: Timer | None = None

    def add(self, promises: Sequence[Promise]) -> None:
        """The broker promised."""
        self._deadlines.add(promises)
        self._set_timer()

    def stop(self) -> None:
        """Nothing more is kept."""
        if self._timer is not None:
            self._timer.cancel()

    def _set_timer(self) -> None:
        due = self._deadlines.next_due()
        if due is not None and self._timer is None:
            self._timer = self._call_later(max(0.0, due - self._clock()), self._keep)

    def _keep(self) -> None:
        self._timer = None
        settlements = self._deadlines.take_due(self._clock(), self._unsettled)
        if settlements:
            self._log.warning(
                "no broker kept the deadline of %d journaled envelopes: acknowledged without an answer",
                len(settlements),
                extra={"event": "deadline-without-broker"},
            )
            self._settle(settlements)
        self._set_timer()
