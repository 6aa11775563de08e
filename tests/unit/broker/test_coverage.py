"""When an app had no READY connection: held against a timeline that is looked at moment by moment."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from slackd.broker.ready_intervals import FORGET_AFTER, DisconnectedInterval, ReadyIntervals

NOW = 30
MOMENTS = st.integers(0, NOW - 1)
INTERVALS = st.lists(st.tuples(MOMENTS, st.none() | MOMENTS), min_size=1, max_size=8)


def told(intervals: list[tuple[int, int | None]]) -> tuple[ReadyIntervals, list[tuple[int, int]]]:
    """A coverage that was told of these in this order, and the intervals as they are."""
    coverage, true = ReadyIntervals(), []
    for number, (start, other) in enumerate(intervals):
        if other is None:
            coverage.ready(f"c{number}", start)
            true.append((start, NOW))
            continue
        start, end = sorted((start, other))
        if number % 2:
            coverage.ended(f"c{number}", start, end)
        else:
            coverage.ready(f"c{number}", start)
            coverage.over(f"c{number}", end)
        true.append((start, end))
    return coverage, true


@given(INTERVALS)
def test_holes_are_the_moments_that_nobody_covers(intervals: list[tuple[int, int | None]]) -> None:
    coverage, true = told(intervals)
    found = coverage.holes()
    first = min(start for start, _ in true)
    for moment in range(first, NOW):
        middle = moment + 0.5
        is_covered = any(start <= middle < end for start, end in true)
        is_hole = any(hole.start <= middle < (NOW if hole.end is None else hole.end) for hole in found)
        assert is_hole is not is_covered, middle


@given(INTERVALS)
def test_holes_are_in_order_apart_and_only_the_last_may_last(intervals: list[tuple[int, int | None]]) -> None:
    coverage, _ = told(intervals)
    found = coverage.holes()
    assert all(hole.end is not None and hole.start < hole.end for hole in found[:-1])
    assert all(one.end is not None and one.end <= other.start for one, other in itertools.pairwise(found))
    lasts = bool(found) and found[-1].end is None
    assert lasts is not coverage.is_covered


@given(INTERVALS)
def test_forgetting_keeps_the_hole_that_lasts(intervals: list[tuple[int, int | None]]) -> None:
    coverage, _ = told(intervals)
    before = [hole for hole in coverage.holes() if hole.end is None]
    coverage.forget(NOW + 2 * FORGET_AFTER)
    assert [hole for hole in coverage.holes() if hole.end is None] == before


@given(INTERVALS)
def test_it_was_covered_last_where_the_hole_that_lasts_begins(intervals: list[tuple[int, int | None]]) -> None:
    coverage, _ = told(intervals)
    lasting = [hole.start for hole in coverage.holes() if hole.end is None]
    assert coverage.last_covered(NOW) == (lasting[0] if lasting else NOW)


def test_nothing_known_is_no_hole_and_never_was_covered() -> None:
    assert ReadyIntervals().holes() == []
    assert ReadyIntervals().last_covered(NOW) is None


def test_an_end_told_twice_counts_as_it_was_told_first() -> None:
    coverage = ReadyIntervals()
    coverage.ready("a", 1.0)
    coverage.over("a", 5.0)
    coverage.over("a", 9.0)
    assert coverage.holes() == [DisconnectedInterval(5.0, None)]
