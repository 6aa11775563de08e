"""Latencies and hourly counts, on a given clock."""

from hypothesis import given
from hypothesis import strategies as st

from slackd.broker.control.observations import HOUR, STEP, Histogram, HourlyCount, Observations
from slackd.broker.counters import Counters
from slackd.broker.journal import JournalHealth
from slackd.link.messages import Acknowledged

BOUNDS = (0.1, 1.0)


@given(st.lists(st.floats(0, 10, allow_nan=False)))
def test_a_bucket_counts_what_is_at_most_its_bound(seconds: list[float]) -> None:
    histogram = Histogram(BOUNDS)
    histogram.observe(seconds)
    assert histogram.cumulative() == [
        (bound, sum(each <= bound for each in seconds)) for bound in (*BOUNDS, float("inf"))
    ]
    assert histogram.count == len(seconds)
    assert abs(histogram.sum - sum(seconds)) < 1e-6


@given(st.lists(st.tuples(st.floats(0.5, 700), st.integers(0, 50)), max_size=60))
def test_the_last_hour_is_right_to_within_a_step(steps: list[tuple[float, int]]) -> None:
    """It never leaves out anything of the last hour, nor holds anything that is older than a step more."""
    count, now, total = HourlyCount(), 0.0, 0
    arrivals: list[tuple[float, int]] = []
    count.mark(0, now)
    for pause, more in steps:
        now, total = now + pause, total + more
        arrivals.append((now, more))
        count.mark(total, now)
        exactly = sum(n for at, n in arrivals if at > now - HOUR)
        longest_pause = max(each for each, _ in steps)
        at_most = sum(n for at, n in arrivals if at >= now - HOUR - STEP - longest_pause)
        assert exactly <= count.last_hour(total) <= at_most


def test_an_idle_hour_forgets_everything_with_a_bounded_memory() -> None:
    count = HourlyCount()
    for second in range(3 * 3_600):
        count.mark(second, float(second))
    assert len(count._marks) <= HOUR / STEP + 2
    assert 3_600 <= count.last_hour(3 * 3_600) <= 3_700


def test_redeliveries_count_against_slacks_limit() -> None:
    seen, counters = Observations(0.0, 0.0), Counters()
    counters.envelopes["main", "events_api"] = 5
    counters.envelopes["main", "slash_commands"] = 100
    counters.duplicates["main", "events_api"] = 2
    assert seen.events_last_hour(counters, "main") == 7


def test_each_commit_is_counted_once_and_quantiles_are_of_the_last_thousand() -> None:
    seen = Observations(0.0, 0.0)
    assert seen.commit_quantile(0.5) is None
    seen.committed(JournalHealth(0, (5.0,) * 10, "", 0.0))
    seen.committed(JournalHealth(0, (0.001,) * 990 + (0.2,) * 10, "", 0.0))
    assert seen.commits.count == 1_010
    assert seen.commit_quantile(0.5) == 0.001
    assert seen.commit_quantile(0.99) == 0.2


def test_acknowledgements_are_kept_by_app() -> None:
    seen = Observations(0.0, 0.0)
    seen.acknowledged(Acknowledged("main", (0.01, 0.02)))
    seen.acknowledged(Acknowledged("other", (), unsendable=3))
    assert seen.ack_latency["main"].count == 2
    assert (seen.ack_latency["other"].count, seen.unsendable["other"]) == (0, 3)
