"""How long is waited before the next dial, in tenacity's wait strategies. Pure: the random source is given.

Its own (`wait_exponential`, `wait_fixed`) give the longest wait; `Jittered`, one more strategy, draws from the
random source that is given, so that a simulation can repeat itself (tenacity's `wait_random_exponential` asks
the interpreter's own).

Imported when something has failed: tenacity takes a fortieth of a connector's start, and where nothing fails
nothing waits. What is READY meanwhile is kept waiting for a hundredth of a second, once.
"""

import random
from typing import Final

from tenacity import RetryCallState, Retrying, wait_exponential, wait_fixed
from tenacity.wait import wait_base

from slackd.connector.socketmode.reconnect import FLOOR

TRANSIENT: Final = wait_exponential(multiplier=0.25, max=60)
"""After a drop, a failed dial, an error of Slack's own: seconds at most, doubling from a quarter."""
NO_PLACE: Final = wait_exponential(multiplier=15, max=300)
"""After `too_many_websockets`: nothing is won by asking soon."""
SLOW_RETRY: Final = 300.0
"""Seconds between two tries of what only a person can repair."""


class Jittered(wait_base):
    """Waits between a part of what another strategy says, and all of it."""

    def __init__(self, longest: wait_base, rng: random.Random, *, least: float, most: float = 1.0) -> None:
        """`least` and `most` are shares of the seconds that `longest` says; `least=0` is "full jitter"."""
        self._longest, self._rng, self._least, self._most = longest, rng, least, most

    def __call__(self, retry_state: RetryCallState) -> float:
        """Seconds to wait, at least `FLOOR`."""
        seconds = self._longest(retry_state)
        return max(FLOOR, self._rng.uniform(self._least * seconds, self._most * seconds))


class Waits:
    """How long is waited before the next try, in seconds, when so many have failed in a row."""

    def __init__(self, rng: random.Random) -> None:
        self._transient = Jittered(TRANSIENT, rng, least=0.0)
        self._for_a_place = Jittered(NO_PLACE, rng, least=0.5)
        # Spread by a tenth, for a fleet that broke at once.
        self._slowly = Jittered(wait_fixed(SLOW_RETRY), rng, least=0.9, most=1.1)

    def transient(self, tries: int = 1) -> float:
        """Seconds after what passes by itself."""
        return seconds(self._transient, tries)

    def for_a_place(self, tries: int) -> float:
        """Seconds where Slack's places are taken."""
        return seconds(self._for_a_place, tries)

    def slowly(self, tries: int) -> float:
        """Seconds where a person must repair something."""
        return seconds(self._slowly, tries)


def seconds(strategy: wait_base, tries: int) -> float:
    """What a wait strategy says before the next try when `tries` (at least 1) have failed in a row."""
    state = RetryCallState(retry_object=Retrying(), fn=None, args=(), kwargs={})
    state.attempt_number = max(1, tries)
    return float(strategy(state))
