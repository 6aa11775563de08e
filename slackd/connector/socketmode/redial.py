"""When a place of the pool dials, at first and again: never in a loop. Pure: the random source is given."""

import random
from collections.abc import Iterable
from typing import Final

from slackd.connector.socketmode import backoff
from slackd.connector.socketmode.life import Life
from slackd.connector.socketmode.lifecycle import Cue

LASTING: Final = 2.0
"""A hello resets the backoff once it has lasted so many seconds (some servers say hello and hang up)."""
FREE_REPLACEMENTS: Final = 5
"""Replacements dialled at once although no connection before them lasted; after that they wait, too."""
TROUBLE_AFTER: Final = 5
"""Failed dials in a row after which an app without a READY connection is in trouble, whatever the reason."""


class Redial:
    """Counts the tries of each place since its last connection that lasted."""

    def __init__(self, places: int, rng: random.Random) -> None:
        self._tries = [0] * places
        self._rng = rng
        self._not_before = 0.0

    @property
    def is_in_vain(self) -> bool:
        """Some place has tried so often that a person should know."""
        return max(self._tries) >= TROUBLE_AFTER

    def begins(self, life: Life, now: float) -> None:
        """A new life is to dial."""
        excess = self._tries[life.place] - FREE_REPLACEMENTS
        wait = backoff.full_jitter(excess, self._rng) if excess > 0 else 0.0
        life.dial_at = max(now + wait, self._not_before)

    def dials(self, life: Life, now: float) -> None:
        """It does."""
        life.dial_at = None
        life.dialled_at = life.heard_at = now
        self._tries[life.place] += 1

    def was_ready(self, life: Life, now: float) -> None:
        """A connection is READY no longer."""
        lasting = min(LASTING, life.lifetime / 4 or LASTING)
        if life.ready_since is not None and now - life.ready_since >= lasting:
            self._tries[life.place] = 0

    def backs_off(self, life: Life, cue: Cue, now: float) -> float:
        """It is to dial again some time after this; returns how many seconds were drawn."""
        tries = self._tries[life.place]
        if cue is Cue.TOO_MANY_WEBSOCKETS:
            wait = backoff.for_a_place(tries, self._rng)
        elif cue in (Cue.APP_REFUSED, Cue.LINK_DISABLED):
            wait = backoff.slowly(self._rng)
        else:
            wait = backoff.full_jitter(tries, self._rng)
        life.dial_at = max(now + wait, self._not_before)
        life.no_place = cue is Cue.TOO_MANY_WEBSOCKETS
        return wait

    def told_to_wait(self, retry_after: float, lives: Iterable[Life], now: float) -> None:
        """Slack answered 429 to one: all wait."""
        self._not_before = max(self._not_before, now + backoff.as_told(retry_after, self._rng))
        for life in lives:
            if life.dial_at is not None:
                life.dial_at = max(life.dial_at, self._not_before)

    def hurry(self, lives: Iterable[Life], now: float) -> None:
        """There is a place again for whoever waits for one, first come first served."""
        for life in lives:
            if life.no_place and life.dial_at is not None:
                life.no_place = False
                life.dial_at = min(life.dial_at, now + backoff.full_jitter(1, self._rng))
                return
