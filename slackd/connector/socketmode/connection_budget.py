"""Places under Slack's limit of connections: how many are free, as far as anybody reported. Pure."""

from collections.abc import Iterable
from typing import Final

from slackd.connector.socketmode.pooled_connection import PooledConnection
from slackd.slack.limits import MAX_CONNECTIONS

SPARE_PLACES: Final = 2
"""Planned rotation leaves so many of Slack's ten places free for what else needs one."""


class ConnectionBudget:
    """The budget of one app; the broker counts it, ghosts and foreign connections included.

    Attributes:
        said_short: It was said that a planned replacement waits for a place.
    """

    def __init__(self) -> None:
        self._free: int | None = None
        self.said_short = False

    def counted(self, free: int) -> bool:
        """The broker counted; whether there is one now and was none before."""
        had_none = self._free is not None and self._free < 1
        self._free = free
        if free >= SPARE_PLACES:
            self.said_short = False
        return had_none and free >= 1

    def are_spare(self, lives: Iterable[PooledConnection]) -> bool:
        """Enough for one connection more. Without a broker Slack's own count at the last hello serves."""
        if self._free is not None:
            return self._free >= SPARE_PLACES
        return MAX_CONNECTIONS - max((life.num_connections for life in lives), default=0) >= SPARE_PLACES
