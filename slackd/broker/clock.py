"""The broker's clock: both clocks read together, and how far somebody has set the one ahead.

The journal knows by the machine's uptime what has passed (`journal.ages`). It is asked whenever the two clocks
have moved against each other: somebody set one, or the machine was asleep.
"""

import math
import time
from collections.abc import Callable

from slackd.broker.instant import Instant
from slackd.broker.journal.ages import JUMP, ClockAhead


def now() -> Instant:
    """This moment, on both clocks."""
    return Instant(time.monotonic(), time.time())


class BrokerClock:
    """Called for the moment that it is.

    Args:
        ahead: As `Journal.clock_ahead`.
        monotonic: Seconds on the machine's monotonic clock.
        wall: UNIX seconds.
    """

    def __init__(
        self,
        ahead: Callable[[], ClockAhead],
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._ask, self._monotonic, self._wall = ahead, monotonic, wall
        self._apart = math.nan
        self._ahead = ClockAhead()

    def __call__(self) -> Instant:
        """This moment."""
        monotonic, unix = self._monotonic(), self._wall()
        apart = unix - monotonic
        if not abs(apart - self._apart) < JUMP:
            self._apart, self._ahead = apart, self._ask()
        return Instant(monotonic, unix, self._ahead.seconds, self._ahead.until)
