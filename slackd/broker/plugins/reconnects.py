"""When whoever fails again and again may connect next. Pure: the time is given.

A program that crashes at its start, or says what nobody can read, and is started again at once, makes the
broker open sessions without end: others would notice. So each fault beyond the first few doubles the time that
lies between two of its connections, up to `LONGEST`; each `FORGOTTEN_AFTER` seconds take one fault back. The
faults of one plugin, or of one user who isn't known to be a plugin, count for that one alone.
"""

from typing import Final

FREE: Final = 10
"""Faults in a row after which the next connection is still served at once."""
SHORTEST: Final = 0.1
"""Seconds between two connections after the first fault that is one too many; twice as long after each more."""
LONGEST: Final = 3.0
"""Seconds between two connections at most."""
FORGOTTEN_AFTER: Final = 3.0
"""Seconds after which one fault is forgotten."""
MOST: Final = FREE + 6
"""Faults that count: with so many `LONGEST` is reached."""


class ReconnectPacing:
    """The connections of one plugin, or of one user."""

    __slots__ = ("_faults", "_served", "_since")

    def __init__(self) -> None:
        self._faults, self._since = 0.0, 0.0
        self._served = -LONGEST

    def fault(self, now: float) -> None:
        """One of its connections was refused, or crashed, at this moment (monotonic seconds)."""
        self._faults = min(self._counted(now) + 1.0, float(MOST))
        self._since = now

    def served(self, now: float) -> None:
        """One of its connections is served."""
        self._served = now

    def interval(self, now: float) -> float:
        """Seconds between two connections that are served; 0.0 while faults are few."""
        beyond = self._counted(now) - FREE
        return min(LONGEST, SHORTEST * 2.0 ** (beyond - 1.0)) if beyond > 0 else 0.0

    def wait(self, now: float) -> float:
        """Seconds until the next connection is served; 0.0 for at once."""
        return max(0.0, self._served + self.interval(now) - now)

    def _counted(self, now: float) -> float:
        return max(0.0, self._faults - (now - self._since) / FORGOTTEN_AFTER)
