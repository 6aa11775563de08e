"""One moment on both clocks: the monotonic one for waiting, UNIX time for what is written down."""

import math

from slackd.slotted import define, frozen


@frozen
class Instant:
    """A moment, read once and passed on, so that the pure parts never look at a clock.

    Attributes:
        monotonic: Seconds on the machine's monotonic clock.
        unix: Seconds since 1970, which a person may set back or forth.
        ahead: Seconds by which somebody has set that clock ahead of what has passed.
        jumped_at: UNIX time at which that was last done: what was written down later needs no correction.
    """

    monotonic: float
    unix: float
    ahead: float = 0.0
    jumped_at: float = -math.inf

    def has_passed(self, unix: float) -> bool:
        """Whether a UNIX time that somebody wrote down has passed; a clock that was set ahead since then brings
        nothing nearer."""
        return self.age(unix) >= 0.0

    def age(self, unix: float) -> float:
        """Seconds that have passed since a UNIX time that was written down; below 0 if it is to come."""
        return self.unix - unix - (self.ahead if unix < self.jumped_at else 0.0)

    def to_monotonic(self, unix: float) -> float:
        """The monotonic time of a UNIX time, as the clocks stand to each other now."""
        return self.monotonic + (unix - self.unix)

    def to_unix(self, monotonic: float) -> float:
        """The UNIX time of a monotonic time, as the clocks stand to each other now."""
        return self.unix + (monotonic - self.monotonic)


@define
class Wakeup:
    """The next moment at which time alone changes something; whoever sets a deadline moves it forward.

    It may go off for nothing, since a deadline that is gone takes nothing back. Whoever serves it then computes
    the next moment anew.

    Attributes:
        at: Monotonic seconds; infinity while nothing is awaited.
    """

    at: float = math.inf

    def by(self, at: float | None) -> None:
        """Go off at this time at the latest (monotonic seconds, None for never)."""
        if at is not None and at < self.at:
            self.at = at
