"""When a failed attempt is tried again."""

import random

from hypothesis import given
from hypothesis import strategies as st

from slackd.broker.dispatch.retry import LONGEST, retry_delay
from slackd.config import Delivery

ATTEMPTS = st.integers(1, 100_000)


@given(ATTEMPTS, st.integers(), st.floats(0.01, 3_600.0), st.floats(1.0, 100.0))
def test_the_delay_doubles_up_to_its_bound_with_jitter_in_its_upper_half(
    attempt: int, seed: int, initial: float, times: float
) -> None:
    rules = Delivery(backoff_initial=initial, backoff_max=initial * times)
    ceiling = min(rules.backoff_max, initial * 2.0 ** min(attempt - 1, 60))
    assert ceiling / 2 <= retry_delay(rules, attempt, None, random.Random(seed)) <= ceiling


@given(ATTEMPTS, st.floats(allow_nan=False))
def test_what_the_plugin_asks_for_goes_first_within_an_hour(attempt: int, asked: float) -> None:
    delay = retry_delay(Delivery(), attempt, asked, random.Random(1))
    assert delay == min(max(asked, 0.0), LONGEST)
