"""How much may be taken of something, and how many lines may be logged. Pure: the time is given.

Times are monotonic seconds.
"""


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
        """More was taken than was there; it may have been made good since, which `wait_for` shows."""
        return self._left < 0

    def wait_for(self, amount: float, now: float) -> float:
        """Seconds until this much (at most `most`) is there: 0.0 if it is."""
        missing = amount - min(self.most, self._left + (now - self._since) * self._rate)
        return max(missing / self._rate, 0.0)


class LineLimit:
    """Lines of a log: at most `burst` at once. Who exceeds that is silent until all of its allowance is there
    again, so that what was left out is reported once and not at every other line.
    """

    __slots__ = ("_allowance", "_silent", "_suppressed")

    def __init__(self, rate: float, burst: int) -> None:
        self._allowance = Allowance(rate, burst)
        self._silent, self._suppressed = False, 0

    def admit(self, now: float, lines: float = 1.0) -> int | None:
        """How many lines were left out before this one, or None if this one is to be left out, too.

        Args:
            lines: For how many this one counts, if it is long.
        """
        needed = self._allowance.most if self._silent else lines
        if self._allowance.wait_for(needed, now) > 0:
            self._silent = True
            self._suppressed += 1
            return None
        self._allowance.take(lines, now)
        self._silent = False
        suppressed, self._suppressed = self._suppressed, 0
        return suppressed
