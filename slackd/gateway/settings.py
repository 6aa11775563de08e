"""How the gateway serves Socket Mode: Slack's own numbers where an app could notice."""

from __future__ import annotations

import asyncio
import random
from typing import Final

from slackd.slack import limits
from slackd.slack_server.scheduler import Scheduler
from slackd.slotted import frozen

TICKET_LIFETIME: Final = 30.0
"""Seconds in which the URL of `apps.connections.open` must be dialled."""
STOP_PATIENCE: Final = 3.0
"""Seconds in which a stop lets apps acknowledge what they have."""
KEEPS_ORDER: Final = 0.05
"""Seconds for which a command or an interaction keeps those of its channel waiting that come after it. There
is no order among those of Slack, and each has three seconds: none may spend them behind another that the app
leaves, or is slow to acknowledge."""


@frozen(kw_only=True)
class GatewaySettings:
    """As in `ServerSettings`.

    Attributes:
        max_connections: more than Slack's ten, since workers scale by their connections.
        longest_silence: three pings that nobody answers.
    """

    ping_interval: float = limits.PING_INTERVAL
    ping_text: str = "Ping from slackd"
    longest_silence: float | None = 3 * limits.PING_INTERVAL
    warning_grace: float = limits.WARNING_GRACE
    refresh_grace: float = 5.0
    warns_before_refresh: bool = True
    max_connections: int = 64
    max_frame_bytes: int = limits.ACK_LIMIT
    distribution: str = "round_robin"
    notices_lost_connections: bool = True
    close_timeout: float = 2.0

    def scaled(self, seconds: float) -> float:
        """As in `ServerSettings`: here a second is a second."""
        return seconds


class GatewayContext:
    """As in `ServerContext`: what the gateway's parts share."""

    def __init__(self, settings: GatewaySettings | None = None) -> None:
        self.settings = settings or GatewaySettings()
        self.scheduler = Scheduler()
        self.dice = random.Random()

    def later(self, now: float, seconds: float) -> float:
        """As in `ServerContext`."""
        return now + seconds

    def now(self) -> float:
        """Seconds on the event loop's clock."""
        return asyncio.get_running_loop().time()
