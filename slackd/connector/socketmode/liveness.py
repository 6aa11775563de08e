"""A connection that says nothing: half-open TCP behind a firewall is this field's commonest outage. Pure.

Slack pings about every 10 s, so its silence says enough. A server that never did so is asked for a sign of life
halfway; it isn't dead in a silence if it answers. Times are monotonic seconds.
"""

from collections.abc import Iterable

from slackd.connector.socketmode.pooled_connection import PooledConnection
from slackd.slack.connection_states import ConnectionPhase

_LISTENED_TO = (ConnectionPhase.READY, ConnectionPhase.LEAVING, ConnectionPhase.RETIRING)


class Liveness:
    """Judges how long nothing was heard; while nobody reads the sockets, silence means nothing."""

    def __init__(self, stall_timeout: float, keepalive: float = 0.0) -> None:
        """Without a frame for `stall_timeout` seconds a connection is dead.

        Every `keepalive` seconds there is a ping of our own, for middleboxes that end what is idle; 0 for none.
        """
        self._keepalive = keepalive
        self._stall_timeout = stall_timeout
        self._reading = True

    def reading_paused(self) -> None:
        """Nobody reads the sockets for now."""
        self._reading = False

    def reading_resumed(self, lives: Iterable[PooledConnection], now: float) -> None:
        """The sockets are read again."""
        self._reading = True
        for life in lives:
            life.heard_at = now
            life.asked = False

    def has_stalled(self, life: PooledConnection, now: float) -> bool:
        """It was silent for too long; each silence of that length is one."""
        return self._reading and life.phase in _LISTENED_TO and now >= life.heard_at + self._stall_timeout

    def is_to_be_asked(self, life: PooledConnection, now: float) -> bool:
        """A sign of life is wanted now."""
        return (
            life.phase in _LISTENED_TO
            and self._reading
            and not (life.asked or life.pings)
            and now >= life.heard_at + self._stall_timeout / 2
        )

    def is_ping_due(self, life: PooledConnection, now: float) -> bool:
        """A ping of our own is due; true once for each interval."""
        if not self._keepalive or life.phase not in _LISTENED_TO:
            return False
        if now < max(life.pinged_at, life.ready_since or 0.0) + self._keepalive:
            return False
        life.pinged_at = now
        return True

    def wake_at(self, life: PooledConnection) -> float | None:
        """When, in seconds on the connection's clock, to look again, if nothing is heard before."""
        if life.phase not in _LISTENED_TO:
            return None
        times = []
        if self._reading:
            times.append(life.heard_at + self._stall_timeout / (1 if life.asked or life.pings else 2))
        if self._keepalive:
            times.append(max(life.pinged_at, life.ready_since or 0.0) + self._keepalive)
        return min(times, default=None)
