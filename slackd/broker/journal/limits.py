"""How much is kept, and for how long: values that both engines share."""

from collections.abc import Callable, Mapping, Sequence

import attrs

from slackd.broker.journal.writes import DeadReason, Lane
from slackd.config import values
from slackd.slotted import frozen

GAP_MEMORY = 90 * 86_400.0
"""Seconds for which gaps are remembered."""

ABANDONED_AFTER = 2 * 3600.0
"""Seconds past its expiry after which a delivery is dead-lettered although its plugin may be there: a session
may have it in work for an hour, and nothing for longer."""


@frozen
class PluginLimits:
    """A plugin's backlog, beyond which its oldest deliveries become dead letters, and its dead letters, beyond
    whose bytes the oldest are dropped.

    Attributes:
        max_age: Of an open delivery, seconds.
        max_bytes: Of the envelopes of its open deliveries, and once more of its dead letters.
    """

    max_age: float = values.Delivery().max_age
    max_bytes: int = values.Delivery().max_bytes


@frozen
class DeadLettered:
    """A delivery that retention made a dead letter: whoever has it in memory forgets it, and says so loudly."""

    delivery: int
    envelope: int
    plugin: str
    reason: DeadReason
    lane: Lane = Lane.EVENTS


@frozen
class DroppedDeadLetters:
    """Dead letters that retention dropped since there were too many bytes of them: nobody can retry them any
    more, so it is said loudly.

    Attributes:
        plugin: "" for envelopes that nobody could read.
        letters: How many.
        bytes: Of their envelopes.
    """

    plugin: str
    letters: int
    bytes: int


OnDropped = Callable[[Sequence[DroppedDeadLetters]], None]
OnDeadLettered = Callable[[Sequence[DeadLettered]], None]


@frozen
class Limits:
    """Everything that retention goes by.

    Attributes:
        max_age: Of envelopes that nothing needs any more, seconds.
        max_bytes: Of those, and once more of all dead letters.
        dead_letter_age: Seconds.
        plugins: Limits by plugin; one that isn't named here has the default ones.
        away: Plugins without any session: their expired deliveries are dead-lettered at once.
    """

    max_age: float
    max_bytes: int
    dead_letter_age: float
    plugins: Mapping[str, PluginLimits] = attrs.field(factory=dict)
    away: frozenset[str] = frozenset()

    @property
    def longest_age(self) -> float:
        """Seconds after which nothing is kept for its age any more."""
        return max(self.max_age, self.dead_letter_age, *(each.max_age for each in self.plugins.values()), 0.0)

    def of(self, plugin: str) -> PluginLimits:
        """The plugin's limits."""
        return self.plugins.get(plugin) or _DEFAULT


_DEFAULT = PluginLimits()


class DeadLetterBytes:
    """Bytes of dead letters, counted from the newest to the oldest: which of them are within the limits.

    Attributes:
        kept: By plugin, of those that stay.
    """

    def __init__(self, limits: Limits) -> None:
        self.kept: dict[str, int] = {}
        self._limits = limits
        self._seen: dict[str, int] = {}
        self._all = 0

    def keeps(self, plugin: str, size: int) -> bool:
        """Whether the next older letter, of so many bytes, stays: once one goes, all older ones of its plugin
        do, and once those of all plugins are too many, all older ones of any."""
        mine = self._seen[plugin] = self._seen.get(plugin, 0) + size
        if mine > self._limits.of(plugin).max_bytes:
            return False
        self._all += size
        if self._all > self._limits.max_bytes:
            return False
        self.kept[plugin] = mine
        return True


def limits_of(config: values.JournalConfig) -> Limits:
    """The limits that `[journal]` sets."""
    return Limits(config.max_age, config.max_bytes, config.dead_letter_age)
