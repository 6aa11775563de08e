"""Keys of which one delivery has held up others for long, for the operator's log. Pure."""

from collections.abc import Iterable, Mapping

from slackd.broker.dispatch.lane_queue import LaneQueue
from slackd.broker.dispatch.leases import Lease, LeaseState
from slackd.broker.journal.writes import Lane
from slackd.config import OrderBy
from slackd.slotted import frozen

HELD_UP_AFTER = 60.0
"""Seconds after which one delivery has held up others of its key for long."""


@frozen
class HeldUp:
    """One delivery that has held up others of its ordering key for long.

    Attributes:
        delivery: The one that a session has.
        place: What the key stands for: "channel" or "user".
        seconds: Since when it is with its session.
        waiting: How many wait behind it, as far as memory knows.
    """

    delivery: int
    place: str
    seconds: float
    waiting: int


def held_up(
    leases: Iterable[Lease], lanes: Mapping[Lane, LaneQueue], order_by: OrderBy, now: float
) -> list[HeldUp]:
    """Keys of channels and users of which one delivery has held up others for long.

    Args:
        leases: Every delivery that isn't free.
        lanes: What waits for the plugin.
        order_by: How its deliveries are ordered.
        now: Seconds on the machine's monotonic clock.

    Returns:
        One value a key; none where a plugin's deliveries have another order.
    """
    if order_by not in (OrderBy.CHANNEL, OrderBy.USER):
        return []
    found = []
    for lease in leases:
        seconds = now - lease.since
        if lease.state is LeaseState.HELD and lease.delivery.key and seconds >= HELD_UP_AFTER:
            waiting = lanes[lease.delivery.lane].waiting_behind(lease.delivery)
            if waiting:
                found.append(HeldUp(lease.delivery.id, order_by.value, seconds, waiting))
    return found
