"""When a place of the pool dials, at first and again: never in a loop. Pure: the random source is given.

How long is waited is said in tenacity's wait strategies: its own (`wait_exponential`, `wait_fixed`) give the
longest wait; `Jittered`, one more strategy, draws from the random source that is given, so that a simulation
can repeat itself (tenacity's `wait_random_exponential` asks the interpreter's own).

Times are monotonic seconds.
"""

import random
from collections.abc import Iterable
from typing import Final

from tenacity import RetryCallState, Retrying, wait_exponential, wait_fixed
from tenacity.wait import wait_base

from slackd.connector.socketmode.lifecycle import Cue
from slackd.connector.socketmode.pooled_connection import PooledConnection

TRANSIENT: Final = wait_exponential(multiplier=0.25, max=60)
"""After a drop, a failed dial, an error of Slack's own: seconds at most, doubling from a quarter."""
NO_PLACE: Final = wait_exponential(multiplier=15, max=300)
"""After `too_many_websockets`: nothing is won by asking soon."""
SLOW_RETRY: Final = 300.0
"""Seconds between two tries of what only a person can repair."""
FLOOR: Final = 0.02
"""Seconds that are waited in any case."""


class Jittered(wait_base):
    """Waits between a part of what another strategy says, and all of it."""

    def __init__(self, longest: wait_base, rng: random.Random, *, least: float, most: float = 1.0) -> None:
        """`least` and `most` are shares of the seconds that `longest` says; `least=0` is "full jitter"."""
        self._longest, self._rng, self._least, self._most = longest, rng, least, most

    def __call__(self, retry_state: RetryCallState) -> float:
        """Seconds to wait, at least `FLOOR`."""
        seconds = self._longest(retry_state)
        return max(FLOOR, self._rng.uniform(self._least * seconds, self._most * seconds))


def seconds(strategy: wait_base, tries: int) -> float:
    """What a wait strategy says before the next try when `tries` (at least 1) have failed in a row."""
    state = RetryCallState(retry_object=Retrying(), fn=None, args=(), kwargs={})
    state.attempt_number = max(1, tries)
    return float(strategy(state))


def as_told(retry_after: float, rng: random.Random) -> float:
    """Seconds to wait after a 429: never less than Slack's `Retry-After`, and a little spread out."""
    return max(FLOOR, retry_after) + rng.uniform(0.0, max(0.1, retry_after / 10))


LASTING: Final = 2.0
"""A hello resets the backoff once it has lasted so many seconds (some servers say hello and hang up)."""
FREE_REPLACEMENTS: Final = 5
"""Replacements dialled at once although no connection before them lasted; after that they wait, too."""
TROUBLE_AFTER: Final = 5
"""Failed dials in a row after which an app without a READY connection is in trouble, whatever the reason."""


class Reconnect:
    """Counts the tries of each place since its last connection that lasted."""

    def __init__(self, places: int, rng: random.Random) -> None:
        self._tries = [0] * places
        self._rng = rng
        self._transient = Jittered(TRANSIENT, rng, least=0.0)
        self._for_a_place = Jittered(NO_PLACE, rng, least=0.5)
        # Spread by a tenth, for a fleet that broke at once.
        self._slowly = Jittered(wait_fixed(SLOW_RETRY), rng, least=0.9, most=1.1)
        self._not_before = 0.0

    @property
    def is_in_vain(self) -> bool:
        """Some place has tried so often that a person should know."""
        return max(self._tries) >= TROUBLE_AFTER

    def begins(self, life: PooledConnection, now: float) -> None:
        """A new life is to dial."""
        excess = self._tries[life.place] - FREE_REPLACEMENTS
        wait = seconds(self._transient, excess) if excess > 0 else 0.0
        life.dial_at = max(now + wait, self._not_before)

    def dials(self, life: PooledConnection, now: float) -> None:
        """It does."""
        life.dial_at = None
        life.dialled_at = life.heard_at = now
        self._tries[life.place] += 1

    def was_ready(self, life: PooledConnection, now: float) -> None:
        """A connection is READY no longer."""
        lasting = min(LASTING, life.lifetime / 4 or LASTING)
        if life.ready_since is not None and now - life.ready_since >= lasting:
            self._tries[life.place] = 0

    def backs_off(self, life: PooledConnection, cue: Cue, now: float) -> float:
        """It is to dial again some time after this; returns how many seconds were drawn."""
        tries = self._tries[life.place]
        if cue is Cue.TOO_MANY_WEBSOCKETS:
            wait = seconds(self._for_a_place, tries)
        elif cue in (Cue.APP_REFUSED, Cue.LINK_DISABLED):
            wait = seconds(self._slowly, tries)
        else:
            wait = seconds(self._transient, tries)
        life.dial_at = max(now + wait, self._not_before)
        life.no_place = cue is Cue.TOO_MANY_WEBSOCKETS
        return wait

    def asked_to_wait(self, retry_after: float, lives: Iterable[PooledConnection], now: float) -> None:
        """Slack answered 429 to one: all wait."""
        self._not_before = max(self._not_before, now + as_told(retry_after, self._rng))
        for life in lives:
            if life.dial_at is not None:
                life.dial_at = max(life.dial_at, self._not_before)

    def retry_now(self, lives: Iterable[PooledConnection], now: float) -> None:
        """A person asks for it: what waits for its next try waits no longer, but for Slack's `Retry-After`."""
        for life in lives:
            if life.dial_at is not None:
                life.dial_at = min(life.dial_at, max(now + seconds(self._transient, 1), self._not_before))

    def hurry(self, lives: Iterable[PooledConnection], now: float) -> None:
        """There is a place again for whoever waits for one, first come first served."""
        for life in lives:
            if life.no_place and life.dial_at is not None:
                life.no_place = False
                life.dial_at = min(life.dial_at, now + seconds(self._transient, 1))
                return
