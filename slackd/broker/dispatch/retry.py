"""When a failed attempt is tried again: a pure function of the plugin's file and a random source."""

import random

from slackd.config import Delivery

LONGEST = 3_600.0
"""Seconds: the bound of `extend` and of a plugin's own `retry_after`."""


def retry_delay(rules: Delivery, attempt: int, asked: float | None, rng: random.Random) -> float:
    """Seconds until the attempt after `attempt`: what the plugin asked for, else exponential with jitter.

    The jitter is the upper half of the interval, so that a plugin never sees a retry at once that its file
    delays, and many failures at one moment don't come back at one moment.
    """
    if asked is not None:
        return min(max(asked, 0.0), LONGEST)
    ceiling = min(rules.backoff_max, rules.backoff_initial * 2.0 ** min(attempt - 1, 60))
    return ceiling * rng.uniform(0.5, 1.0)
