"""How long to wait before dialling again. Pure: the random source is given.

The bounds are tenacity's; the jitter is drawn here, from the random source that is given, so that a simulation
can repeat itself.
"""

import random
from typing import Final

from tenacity import RetryCallState, Retrying
from tenacity.wait import wait_base as WaitPolicy  # noqa: N812
from tenacity.wait import wait_exponential

TRANSIENT: Final[WaitPolicy] = wait_exponential(multiplier=0.25, max=60)
"""After a drop, a failed dial, an error of Slack's own: seconds at most, doubling from a quarter."""
NO_PLACE: Final[WaitPolicy] = wait_exponential(multiplier=15, max=300)
"""After `too_many_websockets`: nothing is won by asking soon."""
SLOW_RETRY: Final = 300.0
"""Seconds between two tries of what only a person can mend."""
FLOOR: Final = 0.02
"""Seconds that are waited in any case."""


def ceiling(policy: WaitPolicy, tries: int) -> float:
    """The longest wait, in seconds, before the next try when `tries` (1 or more) have failed in a row."""
    state = RetryCallState(retry_object=Retrying(), fn=None, args=(), kwargs={})
    state.attempt_number = max(1, tries)
    return float(policy(state))


def full_jitter(tries: int, rng: random.Random) -> float:
    """Seconds to wait after `tries` transient failures in a row: anything up to the ceiling ("full jitter")."""
    return max(FLOOR, rng.uniform(0.0, ceiling(TRANSIENT, tries)))


def for_a_place(tries: int, rng: random.Random) -> float:
    """Seconds to wait when Slack had no place: between half the ceiling and all of it."""
    most = ceiling(NO_PLACE, tries)
    return rng.uniform(most / 2, most)


def slowly(rng: random.Random) -> float:
    """Seconds to wait when only a person can mend it; spread by a tenth, for a fleet that broke all at once."""
    return SLOW_RETRY * rng.uniform(0.9, 1.1)


def as_told(retry_after: float, rng: random.Random) -> float:
    """Seconds to wait after a 429: never less than Slack's `Retry-After`, and a little spread out."""
    return max(FLOOR, retry_after) + rng.uniform(0.0, max(0.1, retry_after / 10))
