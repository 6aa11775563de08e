"""What the control API remembers beyond the `Counters`: latencies, and how much came in the last hour.

Pure and cheap: it is fed on the way of every acknowledgement.
"""

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Iterable

from slackd.broker.counters import Counters
from slackd.broker.journal import JournalHealth
from slackd.link.messages import Acknowledged
from slackd.slack.envelopes import EVENTS

ACK_BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 2.5, 3.0)
"""Seconds; the last ones are the deadline for answers (2.5) and Slack's own (3.0)."""
COMMIT_BOUNDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0)
"""Seconds; a disk that needs more than 3 for a commit breaks promise P5."""
RECENT_COMMITS = 1_000
HOUR = 3_600.0
STEP = 60.0
"""Seconds between two marks of the hourly count: it is right to within one of them."""


class Histogram:
    """Counts of durations by upper bound, as Prometheus wants them: each bound counts what is at most it."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.sum = 0.0
        self._counts = [0] * (len(bounds) + 1)

    def observe(self, seconds: Iterable[float]) -> None:
        """Count some durations."""
        for each in seconds:
            self._counts[bisect_left(self.bounds, each)] += 1
            self.sum += each

    @property
    def count(self) -> int:
        """How many there were."""
        return sum(self._counts)

    def cumulative(self) -> list[tuple[float, int]]:
        """(bound, how many were at most that), the last bound being infinity."""
        so_far, found = 0, []
        for bound, count in zip((*self.bounds, float("inf")), self._counts, strict=True):
            so_far += count
            found.append((bound, so_far))
        return found


class HourlyCount:
    """How much a growing number has grown within the last hour."""

    def __init__(self) -> None:
        self._marks: deque[tuple[float, int]] = deque()

    def mark(self, total: int, now: float) -> None:
        """The number has this value now (monotonic seconds)."""
        if not self._marks or now >= self._marks[-1][0] + STEP:
            self._marks.append((now, total))
        while len(self._marks) > 1 and self._marks[1][0] <= now - HOUR:
            self._marks.popleft()

    def last_hour(self, total: int) -> int:
        """Its growth since the oldest mark, which is an hour old or the first."""
        return total - self._marks[0][1] if self._marks else total


class Observations:
    """Everything observed since the broker's start.

    Attributes:
        started: Monotonic seconds; `started_at` is the same in UNIX seconds.
        ack_latency: By app, seconds from receipt to the acknowledgement on the wire.
        unsendable: By app, settled arrivals whose acknowledgement could not be sent.
        commits: Durations of the journal's commits.
    """

    def __init__(self, started: float, started_at: float) -> None:
        self.started, self.started_at = started, started_at
        self.ack_latency: dict[str, Histogram] = {}
        self.unsendable: Counter[str] = Counter()
        self.commits = Histogram(COMMIT_BOUNDS)
        self._recent_commits: deque[float] = deque(maxlen=RECENT_COMMITS)
        self._events: dict[str, HourlyCount] = {}
        self._stale: dict[str, HourlyCount] = {}

    def acknowledged(self, message: Acknowledged) -> None:
        """A connector reported acknowledgements."""
        histogram = self.ack_latency.get(message.app)
        if histogram is None:
            histogram = self.ack_latency[message.app] = Histogram(ACK_BOUNDS)
        histogram.observe(message.seconds)
        self.unsendable[message.app] += message.unsendable

    def committed(self, health: JournalHealth) -> None:
        """A look at the journal; each of its durations is reported in one look alone."""
        self.commits.observe(health.commit_seconds)
        self._recent_commits.extend(health.commit_seconds)

    def mark(self, counters: Counters, apps: Iterable[str], plugins: Iterable[str], now: float) -> None:
        """Time has passed; call it about once a second."""
        for plugin in plugins:
            self._stale.setdefault(plugin, HourlyCount()).mark(counters.answers[plugin, "stale"], now)
        for app in apps:
            self._events.setdefault(app, HourlyCount()).mark(_events(counters, app), now)

    def events_last_hour(self, counters: Counters, app: str) -> int:
        """Event deliveries of an app within the last hour, redeliveries counted, as far as it was running."""
        return self._events.setdefault(app, HourlyCount()).last_hour(_events(counters, app))

    def stale_last_hour(self, counters: Counters, plugin: str) -> int:
        """Answers of a plugin within the last hour that nobody waited for."""
        return self._stale.setdefault(plugin, HourlyCount()).last_hour(counters.answers[plugin, "stale"])

    def commit_quantile(self, fraction: float) -> float | None:
        """Seconds, of the last thousand commits; None before the first."""
        if not self._recent_commits:
            return None
        ordered = sorted(self._recent_commits)
        return ordered[min(len(ordered) - 1, int(fraction * len(ordered)))]


def _events(counters: Counters, app: str) -> int:
    return counters.envelopes[app, EVENTS] + counters.duplicates[app, EVENTS]
