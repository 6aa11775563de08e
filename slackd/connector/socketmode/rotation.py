"""When to replace a connection before Slack does. Pure.

Slack ends every connection after `approximate_connection_time`. Replacing it a little before puts the moment
into our hands, and here it is chosen so that **two connections of one app never retire together**, although
the two connectors don't ask each other: time is cut into slices of the machine's monotonic clock, which all
processes of a host share, and each connection of an app has a slice of its own, by its slot. A rotation begins
in the first half of a slice, and is long over when the next one begins. Times are monotonic seconds.
"""

import math
from typing import Final

from slackd.connector.socketmode.pooled_connection import PooledConnection
from slackd.slotted import frozen

CONNECTORS: Final = 2
"""Connectors on one host (the design, "Two connectors")."""

SHORTEST_LIFETIME: Final = 1.0
"""Seconds; shorter ones are not planned for."""


@frozen
class Slot:
    """Which slice of time is this connection's.

    Attributes:
        index: 0 to `of` - 1.
        of: Connections of the app in all connectors of this host.
    """

    index: int
    of: int

    @classmethod
    def for_place(cls, connector: int, place: int, connections: int) -> "Slot":
        """The slot of place `place` (from 0) in connector `connector` (from 1), each with `connections`."""
        return cls(((connector - 1) % CONNECTORS) * connections + place, CONNECTORS * connections)


def plan(life: PooledConnection, slot: Slot) -> None:
    """Set when a life that is READY is to be replaced, if Slack said how long it lives."""
    if life.ready_since is not None and life.lifetime >= SHORTEST_LIFETIME:
        life.rotate_at = rotation_due(life.ready_since, life.lifetime, slot)


def postpone(life: PooledConnection, now: float, slot: Slot) -> None:
    """It can't be replaced now: in its next turn."""
    life.rotate_at = next_turn(now + slice_width(life.lifetime, slot) / 2, life.lifetime, slot)


def lead(lifetime: float) -> float:
    """Seconds before the end of a connection's lifetime at which its rotation may begin.

    A fiftieth of the lifetime (six minutes of five hours), but where lifetimes are short still enough to come
    before Slack's warning. That comes ten seconds before the end ("Using Socket Mode"), and the end about a
    minute before the lifetime that was announced (in the field: after 18,000 of 18,060 seconds).
    """
    return max(lifetime / 50, min(160.0, lifetime / 4))


def rotation_due(ready_since: float, lifetime: float, slot: Slot) -> float:
    """The time at which the rotation begins: between `lead` and half of it before the lifetime's end."""
    return next_turn(ready_since + lifetime - lead(lifetime), lifetime, slot)


def next_turn(earliest: float, lifetime: float, slot: Slot) -> float:
    """The first time from `earliest` on that lies in the first half of a slice of this slot."""
    width = slice_width(lifetime, slot)
    begin = (math.floor(earliest / width / slot.of) * slot.of + slot.index) * width
    while earliest >= begin + width / 2:
        begin += width * slot.of
    return max(earliest, begin)


def slice_width(lifetime: float, slot: Slot) -> float:
    """Seconds in one slice: all slots have their turn within half the lead."""
    return lead(lifetime) / 2 / slot.of
