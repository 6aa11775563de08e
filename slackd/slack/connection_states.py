"""Where a Socket Mode connection may stand, and what Slack makes of each of these states ("Using Socket Mode").

The life of a connection between these states is `slackd.connector.socketmode.lifecycle`.
"""

from __future__ import annotations

import enum
from typing import Final


class ConnectionPhase(enum.Enum):
    """Where a connection stands. The value is its name on the link, in the status and in metrics."""

    meaning: str

    DIALLING = "dialling", "asking Slack for a one-use URL, opening the WebSocket, waiting for the hello"
    READY = "ready", "Slack has said hello: envelopes come in and are acknowledged here"
    LEAVING = "leaving", "still READY to Slack and to us, while its replacement dials"
    RETIRING = (
        "retiring",
        "no longer relied on: read and acknowledged until nothing is in flight",
    )
    CLOSED = "closed", "over for good: the socket is closed and nobody dials again for this life"
    BACKOFF = "backoff", "no socket: waiting, with jitter, before it dials again"

    def __new__(cls, value: str, meaning: str) -> ConnectionPhase:
        member = object.__new__(cls)
        member._value_ = value
        member.meaning = meaning
        return member


COUNTS_AS_READY: Final = frozenset({ConnectionPhase.READY, ConnectionPhase.LEAVING})
"""The phases in which Slack sends envelopes here and we rely on it: what "a READY connection" means in P2."""

COUNTED_BY_SLACK: Final = frozenset({*COUNTS_AS_READY, ConnectionPhase.DIALLING, ConnectionPhase.RETIRING})
"""Phases in which Slack may count a connection: one that dials may not be there yet, and one that retires may
be gone already; those that count as READY it counts for sure."""


class DisconnectReason(enum.Enum):
    """Why Slack ends a connection, as its `disconnect` frame says."""

    WARNING = "warning"
    """It ends in about `limits.WARNING_GRACE` seconds ("Using Socket Mode")."""
    REFRESH_REQUESTED = "refresh_requested"
    """It ends now or soon ("Using Socket Mode"). So does one with a reason that nobody knows."""
    LINK_DISABLED = "link_disabled"
    """Socket Mode was switched off in the app's settings ("Using Socket Mode")."""
    TOO_MANY_WEBSOCKETS = "too_many_websockets"
    """It comes in place of the `hello` where the app has `limits.MAX_CONNECTIONS` already (in the field)."""
