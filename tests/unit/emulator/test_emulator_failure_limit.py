"""Event subscriptions are disabled when more than 95 % of 1,000 or more attempts within an hour have failed."""

from __future__ import annotations

from slackd.emulator.failure_limit import FailureLimit


def test_an_app_with_few_events_is_exempt() -> None:
    limit = FailureLimit()
    assert not any(limit.attempted(True, float(second)) for second in range(999))
    assert limit.attempted(True, 1_000.0)


def test_five_of_a_hundred_attempts_that_succeed_are_enough() -> None:
    limit = FailureLimit()
    assert not any(limit.attempted(number % 20 != 0, float(number)) for number in range(3_000))


def test_what_is_an_hour_ago_no_longer_counts() -> None:
    limit = FailureLimit()
    for _ in range(999):
        limit.attempted(True, 0.0)
    assert not limit.attempted(True, 3_600.0)


def test_after_it_was_switched_on_again_it_is_counted_anew() -> None:
    limit = FailureLimit()
    assert [limit.attempted(True, 0.0) for _ in range(1_000)][-1]
    limit.forget()
    assert not limit.attempted(True, 1.0)
