"""What the dispatch of a plugin asks of the broker around it: to send deliveries, and to read the journal."""

from collections.abc import Mapping

import attrs

from slackd.broker.journal.writes import Lane, OpenDelivery, Write
from slackd.slotted import frozen

PAGE = 64
"""Deliveries fetched of one key at a time, and kept of it in memory."""
KEYS_PAGE = 256
"""Keys fetched at a time."""


@frozen
class SendDeliveries:
    """Send these deliveries to that session.

    Attributes:
        after: By delivery, which `DELIVERY.ATTEMPT` its program must have answered before it begins this one.
    """

    plugin: str
    session: str
    deliveries: tuple[OpenDelivery, ...]
    after: Mapping[int, str] = attrs.field(factory=dict)


@frozen
class TakeBack:
    """Tell that session that these, which it was sent ahead of their turn, are not its own any more."""

    plugin: str
    session: str
    deliveries: tuple[OpenDelivery, ...]


@frozen
class LoadKeys:
    """Wanted from the journal: the next keys of this lane; answer with `keys_loaded`."""

    plugin: str
    lane: Lane
    after: str | None
    limit: int = KEYS_PAGE


@frozen
class LoadKey:
    """Wanted from the journal: open deliveries of this key; answer with `key_loaded`."""

    plugin: str
    lane: Lane
    key: str
    after: int
    limit: int = PAGE


@frozen
class CountOld:
    """Wanted from the journal: how many deliveries up to this id are open; answer with `old_counted`."""

    plugin: str
    lane: Lane
    up_to: int
    limit: int


Action = SendDeliveries | TakeBack | Write | LoadKeys | LoadKey | CountOld
