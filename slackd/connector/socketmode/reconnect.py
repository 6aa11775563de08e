"""When a place of the pool dials, at first and again: never in a loop. Pure: the random source is given.

Times are monotonic seconds.
"""

import random
from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Final

from slackd.connector.socketmode.lifecycle import Cue
from slackd.connector.socketmode.pooled_connection import PooledConnection

if TYPE_CHECKING:
    from slackd.connector.socketmode.waits import Waits

FLOOR: Final = 0.02
"""Seconds that are waited in any case."""


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
        self._not_before = 0.0

    @cached_property
    def _waits(self) -> "Waits":
        from slackd.connector.socketmode.waits import Waits

        return Waits(self._rng)

    @property
    def is_in_vain(self) -> bool:
        """Some place has tried so often that a person should know."""
        return max(self._tries) >= TROUBLE_AFTER

    def begins(self, life: PooledConnection, now: float) -> None:
        """A new life is to dial."""
        excess = self._tries[life.place] - FREE_REPLACEMENTS
        wait = self._waits.transient(excess) if excess > 0 else 0.0
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
            wait = self._waits.for_a_place(tries)
        elif cue in (Cue.APP_REFUSED, Cue.LINK_DISABLED):
            wait = self._waits.slowly(tries)
        else:
            wait = self._waits.transient(tries)
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
                life.dial_at = min(life.dial_at, max(now + self._waits.transient(), self._not_before))

    def hurry(self, lives: Iterable[PooledConnection], now: float) -> None:
        """There is a place again for whoever waits for one, first come first served."""
        for life in lives:
            if life.no_place and life.dial_at is not None:
                life.no_place = False
                life.dial_at = min(life.dial_at, now + self._waits.transient())
                return
