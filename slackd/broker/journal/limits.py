"""How much is kept, and for how long: values that both engines share."""

from collections.abc import Callable, Mapping, Sequence

import attrs

from slackd.broker.journal.writes import DeadReason
from slackd.config import values

GAP_MEMORY = 90 * 86_400.0
"""Seconds for which gaps are remembered."""

ABANDONED_AFTER = 2 * 3600.0
"""Seconds past its expiry after which a delivery is dead-lettered although its plugin may be there: a session
may have it in work for an hour, and nothing for longer."""


@attrs.frozen
class PluginLimits:
    """A plugin's backlog: beyond it its oldest deliveries become dead letters. Seconds and bytes."""

    max_age: float = values.Delivery().max_age
    max_bytes: int = values.Delivery().max_bytes


@attrs.frozen
class DeadLettered:
    """A delivery that retention made a dead letter: whoever has it in memory forgets it, and says so loudly."""

    delivery: int
    envelope: int
    plugin: str
    reason: DeadReason


OnDeadLettered = Callable[[Sequence[DeadLettered]], None]


@attrs.frozen
class Limits:
    """Everything that retention goes by.

    Attributes:
        max_age, max_bytes: Of envelopes that nothing needs any more.
        dead_letter_age: Seconds.
        plugins: Limits by plugin; one that isn't named here has the default ones.
        away: Plugins without any session: their expired deliveries are dead-lettered at once.
    """

    max_age: float
    max_bytes: int
    dead_letter_age: float
    plugins: Mapping[str, PluginLimits] = attrs.field(factory=dict)
    away: frozenset[str] = frozenset()

    def of(self, plugin: str) -> PluginLimits:
        """The plugin's limits."""
        return self.plugins.get(plugin) or _DEFAULT


_DEFAULT = PluginLimits()


def limits_of(config: values.JournalConfig) -> Limits:
    """The limits that `[journal]` sets."""
    return Limits(config.max_age, config.max_bytes, config.dead_letter_age)
