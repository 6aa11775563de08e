"""Intervals in which nothing could be journaled although connections may have been READY: slackd's own outages.

    well ──a commit fails──▶ in trouble ──no failure for STEADY seconds, and a success──▶ well

An outage goes from the first commit that failed to the first that succeeded after the last failure; a disk that
is nearly full takes small commits in between, and is in trouble all the same. Two more kinds are seen from the
outside alone: the broker did not run (from the last READY record of an earlier one until its start, where the
connectors went on meanwhile), and the process stood still. Each is a gap of every app. Pure: time comes in.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from slackd.broker.instant import Instant
from slackd.broker.journal.writes import GapRecord
from slackd.slotted import frozen

STEADY: Final = 10.0
"""Seconds without a failure after which the journal is well again."""
BRIEF: Final = 10.0
"""Seconds for which a broker may be away, or stand still, without a word: a restart takes less."""
NO_BROKER: Final = "nothing could be journaled: no broker was running"
STOOD_STILL: Final = "nothing could be journaled: the broker stood still"


@frozen
class JournalOutage:
    """An interval in which nothing could be journaled; UNIX seconds.

    Attributes:
        reason: In words.
    """

    start: float
    end: float
    reason: str

    def gaps(self, apps: Iterable[str]) -> list[GapRecord]:
        """It is a gap of each app.

        Returns:
            One for each app.
        """
        return [GapRecord(app, self.start, self.end, self.reason) for app in apps]


class Outages:
    """What is known of them by one broker.

    Attributes:
        in_trouble: A commit failed a moment ago.
    """

    def __init__(self, seen_ready: Mapping[str, float], now: Instant) -> None:
        """`seen_ready` is when each app was last known to be READY by an earlier broker (UNIX seconds)."""
        self.in_trouble = False
        self._first_failure = self._last_failure = now
        self._well_since: Instant | None = None
        self._words = ""
        self._last_look = now
        self._started = now.unix
        self._seen_ready = {app: at for app, at in seen_ready.items() if now.unix - at > BRIEF}

    def failed(self, now: Instant, words: str) -> bool:
        """A commit failed; returns whether trouble begins with it."""
        began = not self.in_trouble
        if began:
            self.in_trouble, self._first_failure = True, now
        self._last_failure, self._well_since, self._words = now, None, words
        return began

    def written(self, now: Instant) -> None:
        """A commit succeeded."""
        if self.in_trouble and self._well_since is None:
            self._well_since = now

    def look(self, now: Instant) -> list[JournalOutage]:
        """Outages that are over since the last look; to be called every second."""
        found = []
        last, self._last_look = self._last_look, now
        if now.monotonic - last.monotonic > BRIEF:
            found.append(JournalOutage(now.to_unix(last.monotonic), now.unix, STOOD_STILL))
        well = self._well_since
        if well is not None and now.monotonic - self._last_failure.monotonic >= STEADY:
            self.in_trouble, self._well_since = False, None
            seconds = well.monotonic - self._first_failure.monotonic
            reason = f"nothing could be journaled: {self._words}"
            start = self._first_failure.unix
            found.append(JournalOutage(start, start + seconds, reason))
        return found

    def without_broker(self, reported: Iterable[GapRecord], is_open: Callable[[str], bool]) -> list[GapRecord]:
        """Gaps from before this broker's start in which connectors went on.

        Args:
            reported: Gaps of this look without a READY connection: what they cover is reported.
            is_open: Whether it is still unclear if an app had a READY connection all the time.
        """
        for gap in reported:
            self._seen_ready.pop(gap.app, None)
        clear = [app for app in self._seen_ready if not is_open(app)]
        return [GapRecord(app, self._seen_ready.pop(app), self._started, NO_BROKER) for app in clear]
