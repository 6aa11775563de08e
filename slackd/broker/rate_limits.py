"""How much one plugin may take of what all share: the loop's time, the log's lines. Pure: the time is given.

What the connections of one plugin share, however many they are: a part of the loop's time and of the log.

A connection that has not said yet which plugin it is shares with the others of its user.
"""

import attrs

READING_SHARE = 0.1
"""Seconds of each second for reading what one plugin says. The most usual answers that it can give take about
a hundredth; a line of 1 MB that holds nothing but small objects takes three tenths of a second at once."""
READING_BURST = 0.05
"""Seconds that it may take at once after it has been quiet."""
LOG_RATE, LOG_BURST = 50.0, 200
"""A plugin's own lines for the log: a second, and at once."""
NOTICE_RATE, NOTICE_BURST = 10.0, 200
"""Lines about connections that were refused, and sessions that began or ended: a second, and at once."""
CONNECT_RATE, CONNECT_BURST = 50.0, 1_024.0
"""Connections of one user that are served: a second, and at once. The sessions of four plugins with as many as
there may be come back at once; beyond that a connection is closed as soon as it is accepted."""


class Allowance:
    """Grows by `rate` a second up to `most`; what is taken beyond it is a debt.

    What its amounts are (seconds of work, lines) is for the caller to say; times are in monotonic seconds.
    """

    __slots__ = ("_left", "_rate", "_since", "most")

    def __init__(self, rate: float, most: float) -> None:
        self._rate, self.most = rate, most
        self._left, self._since = most, 0.0

    def take(self, amount: float, now: float) -> None:
        """It was taken, whether it was there or not."""
        self._left = min(self.most, self._left + (now - self._since) * self._rate) - amount
        self._since = now

    @property
    def was_overdrawn(self) -> bool:
        """More was taken than was there; it may have been made good since, which `wait_for` tells."""
        return self._left < 0

    def wait_for(self, amount: float, now: float) -> float:
        """Seconds until this much (at most `most`) is there: 0.0 if it is."""
        missing = amount - min(self.most, self._left + (now - self._since) * self._rate)
        return max(missing / self._rate, 0.0)


class LineLimit:
    """Lines of a log: at most `burst` at once. Who exceeds that is silent until all of its allowance is there
    again, so that what was left out is told once and not at every other line.
    """

    __slots__ = ("_allowance", "_silent", "_suppressed")

    def __init__(self, rate: float, burst: int) -> None:
        self._allowance = Allowance(rate, burst)
        self._silent, self._suppressed = False, 0

    def admit(self, now: float) -> int | None:
        """How many lines were left out before this one, or None if this one is to be left out, too."""
        needed = self._allowance.most if self._silent else 1.0
        if self._allowance.wait_for(needed, now) > 0:
            self._silent = True
            self._suppressed += 1
            return None
        self._allowance.take(1.0, now)
        self._silent = False
        suppressed, self._suppressed = self._suppressed, 0
        return suppressed


@attrs.define(eq=False)
class PluginQuota:
    """One plugin's, or one user's.

    Attributes:
        reading: Seconds of work by which its lines are read.
        said: Lines that it says for the log.
        notices: Lines that slackd says about its connections.
        connects: Connections that it makes.
    """

    reading: Allowance = attrs.field(factory=lambda: Allowance(READING_SHARE, READING_BURST))
    said: LineLimit = attrs.field(factory=lambda: LineLimit(LOG_RATE, LOG_BURST))
    notices: LineLimit = attrs.field(factory=lambda: LineLimit(NOTICE_RATE, NOTICE_BURST))
    connects: Allowance = attrs.field(factory=lambda: Allowance(CONNECT_RATE, CONNECT_BURST))
