"""One moment on both clocks: the monotonic one for waiting, UNIX time for what is written down."""

from slackd.frozen import frozen


@frozen
class Instant:
    """A moment, read once and passed on, so that the pure parts never look at a clock.

    Attributes:
        monotonic: Seconds on the machine's monotonic clock.
        unix: Seconds since 1970, which a person may set back or forth.
    """

    monotonic: float
    unix: float

    def to_monotonic(self, unix: float) -> float:
        """The monotonic time of a UNIX time, as the clocks stand to each other now."""
        return self.monotonic + (unix - self.unix)

    def to_unix(self, monotonic: float) -> float:
        """The UNIX time of a monotonic time, as the clocks stand to each other now."""
        return self.unix + (monotonic - self.monotonic)
