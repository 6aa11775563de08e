"""What booted machines are measured with: the longest that anybody was kept waiting for a processor."""

import pytest

from tests.e2e.processor_waits import WINDOW, LongestWait


def test_what_was_waited_for_before_the_first_look_does_not_count() -> None:
    waits = LongestWait()
    waits.sample(100.0, 7.0, {1: ("restart", 50.0)})
    waits.sample(100.2, 7.0, {1: ("restart", 50.1)})
    assert waits.longest == pytest.approx(0.1)


def test_those_of_one_group_wait_one_after_the_other() -> None:
    waits = LongestWait()
    waits.sample(0.0, 0.0, {1: ("restart", 1.0), 2: ("slack", 1.0)})
    waits.sample(0.2, 0.0, {1: ("restart", 1.1), 2: ("slack", 1.1)})
    # The broker has gone, and another one begins.
    waits.sample(0.4, 0.0, {1: ("restart", 1.1), 7: ("restart", 0.5), 2: ("slack", 1.2)})
    assert waits.longest == pytest.approx(0.6)


def test_what_the_host_took_is_added() -> None:
    waits = LongestWait()
    waits.sample(0.0, 3.0, {1: ("restart", 0.0)})
    waits.sample(0.2, 3.5, {1: ("restart", 0.25)})
    assert waits.longest == pytest.approx(0.75)


def test_many_short_waits_are_no_long_one() -> None:
    waits = LongestWait()
    for number in range(100):
        waits.sample(number, 0.0, {1: ("restart", number * 0.1)})
    assert waits.longest == pytest.approx(WINDOW * 0.1)
