"""What becomes of a WebSocket handshake.

Times are seconds on whatever clock drives it.
"""

from __future__ import annotations

from typing import Protocol

from slackd.slack_server.connections import ServerConnection
from slackd.slack_server.lifecycle import ConnectionLifecycle
from slackd.slack_server.settings import ServerSettings
from slackd.slotted import frozen


@frozen
class Admit:
    """The handshake succeeds; `life` learns what becomes of the connection."""

    connection: ServerConnection
    life: ConnectionLifecycle


@frozen
class RefuseDial:
    """The handshake is answered with an ordinary HTTP response."""

    status: int
    body: str = ""


@frozen
class Hang:
    """The handshake is never answered."""


@frozen
class Reset:
    """The TCP connection ends in place of an answer."""


Admission = Admit | RefuseDial | Hang | Reset


class SocketModeServer(Protocol):
    """Who decides about handshakes."""

    @property
    def settings(self) -> ServerSettings:
        """The server's settings."""

    def dial(self, target: str, now: float) -> Admission:
        """A handshake for that request target; its ticket is spent whatever comes of it."""
