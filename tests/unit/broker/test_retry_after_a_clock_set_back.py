"""A retry never waits for longer than any may, though the clock was set back since it was put off."""

from slackd.broker.dispatch.lane_queue import LaneQueue
from slackd.broker.dispatch.retry import LONGEST
from slackd.broker.instant import Instant, Wakeup
from slackd.broker.journal.writes import Lane, OpenDelivery

NOW = 1_800_000_000.0


def test_a_retry_is_due_within_the_longest_delay() -> None:
    wakeup = Wakeup()
    queue = LaneQueue("p", Lane.EVENTS, wakeup, complete=True)
    queue.opened(OpenDelivery(1, 1, "p", Lane.EVENTS, "C1", 2, NOW + 40 * 86_400), Instant(100.0, NOW))
    assert wakeup.at == 100.0 + LONGEST
    assert queue.take(Instant(100.0 + LONGEST - 1, NOW + LONGEST - 1)) is None
    due = Instant(100.0 + LONGEST, NOW + LONGEST)
    taken = queue.take(due)
    assert taken is not None
    assert taken.id == 1
