"""When an app had a READY connection, and when it had none: pure, on the machine's monotonic clock.

Connections report in any order and late (what changed while the broker was away is reported afterwards), so
intervals are kept and holes in their union are found, rather than counting up and down.

Times are monotonic seconds.
"""

import math

from slackd.slotted import define, frozen

FORGET_AFTER = 600.0
"""Seconds after its end for which an interval is kept; no report is that late."""


@frozen
class DisconnectedInterval:
    """An interval without a READY connection; `end` is None while it lasts."""

    start: float
    end: float | None


@define
class _Interval:
    start: float
    end: float | None
    kept: float = 0.0


class ReadyIntervals:
    """The READY intervals of one app's connections, by connection."""

    def __init__(self) -> None:
        self._intervals: dict[str, _Interval] = {}

    def ready(self, connection: str, since: float) -> None:
        """A connection is READY since then (said again, it is READY still)."""
        self._intervals[connection] = _Interval(since, None)

    def over(self, connection: str, at: float, kept: float = 0.0) -> None:
        """A connection is no longer READY.

        Args:
            connection: Its name.
            at: Monotonic seconds.
            kept: Seconds after that in which whoever comes is kept waiting, and lost by nobody.
        """
        interval = self._intervals.get(connection)
        if interval is not None and interval.end is None:
            interval.end, interval.kept = max(at, interval.start), kept

    def ended(self, connection: str, since: float, at: float) -> None:
        """A connection was READY from `since` until `at`; reported afterwards."""
        self._intervals[connection] = _Interval(since, max(since, at))

    @property
    def is_covered(self) -> bool:
        """Some connection is READY."""
        return any(each.end is None for each in self._intervals.values())

    def last_covered(self, now: float) -> float | None:
        """The last moment up to now at which some connection was READY; None where none was ever known."""
        if self.is_covered:
            return now
        return max((each.end for each in self._intervals.values() if each.end is not None), default=None)

    @property
    def is_known(self) -> bool:
        """Some connection was READY at some time."""
        return bool(self._intervals)

    def reaches_back_to(self, moment: float) -> bool:
        """Some connection was READY by then."""
        return any(each.start <= moment for each in self._intervals.values())

    def first_start(self) -> float:
        """When the first known interval began; call it only when there is one."""
        return min(each.start for each in self._intervals.values())

    def holes(self, now: float = math.inf) -> list[DisconnectedInterval]:
        """Every hole between the first known interval and now, oldest first.

        A hole in which whoever came was kept waiting is none; it is one if it lasts for longer.

        Args:
            now: Monotonic seconds.
        """
        holes = []
        reach: float | None = None
        kept = 0.0
        for interval in sorted(self._intervals.values(), key=lambda each: each.start):
            if reach is not None and interval.start > reach + kept:
                holes.append(DisconnectedInterval(reach, interval.start))
            if interval.end is None:
                return holes
            if reach is None or interval.end > reach:
                reach, kept = interval.end, interval.kept
        if reach is not None and now > reach + kept:
            holes.append(DisconnectedInterval(reach, None))
        return holes

    def forget(self, now: float) -> None:
        """Drops intervals that ended long ago, but for the one that reaches furthest."""
        ended = [each.end for each in self._intervals.values() if each.end is not None]
        furthest = max(ended, default=0.0)
        self._intervals = {
            name: each
            for name, each in self._intervals.items()
            if each.end is None or each.end > now - FORGET_AFTER or each.end == furthest
        }
