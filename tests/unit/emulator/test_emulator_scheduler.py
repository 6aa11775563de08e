"""Things are done in the order in which they are due."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from slackd.slack_server.scheduler import Scheduler


@given(st.lists(st.floats(0, 100), max_size=50), st.floats(0, 100))
def test_what_is_due_is_done_in_order_and_the_rest_waits(times: list[float], now: float) -> None:
    agenda, done = Scheduler(), list[float]()
    for when in times:
        agenda.at(when, lambda when, now: done.append(when), when)
    agenda.run_due(now)
    assert done == sorted(when for when in times if when <= now)
    assert agenda.next_at() == min((when for when in times if when > now), default=None)


def test_it_says_when_something_earlier_was_added() -> None:
    agenda, said = Scheduler(), list[float | None]()
    agenda.on_earlier = lambda: said.append(agenda.next_at())
    for when in (5.0, 7.0, 3.0):
        agenda.at(when, lambda now: None)
    assert said == [5.0, 3.0]


def test_what_is_added_meanwhile_and_due_is_done_too() -> None:
    agenda, done = Scheduler(), list[str]()
    agenda.at(1.0, lambda now: agenda.at(now, lambda now: done.append("second")))
    agenda.run_due(1.0)
    assert done == ["second"]
