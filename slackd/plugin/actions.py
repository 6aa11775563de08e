"""What a `Session` wants done.

The two answers that a delivery can get.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from slackd import jsonrpc
from slackd.plugin.envelope import Envelope, Gap, Identity, Late


@dataclass(frozen=True, slots=True)
class Ack:
    """The delivery was handled; `response` is what Slack's acknowledgement carries, or None."""

    response: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Nack:
    """The delivery was not handled. `retry_after` in seconds, None for the backoff in the plugin's file."""

    reason: str
    retry_after: float | None = None
    permanent: bool = False


Answer = Ack | Nack


@dataclass(frozen=True, slots=True)
class Send:
    """Write these bytes to the connection."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Start:
    """Start work on this envelope; its end is reported with `Session.answer`."""

    envelope: Envelope


@dataclass(frozen=True, slots=True)
class Ready:
    """slackd has accepted the session.

    Attributes:
        server: Its name and version.
        apps: The apps that this plugin may receive from and call for, by their names in slackd's configuration.
        window, deadline_window: deliveries that it sends at once.
        identities: Slack's ids of each app, as far as they are known already.
        unmatched: Handlers that no subscription of the plugin's file has anything for, in words.
    """

    server: str
    apps: tuple[str, ...]
    window: int
    deadline_window: int
    identities: Mapping[str, Identity] = field(default_factory=dict)
    unmatched: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class InitializeRefused:
    """slackd has not accepted the session; the connection is to be closed."""

    code: int
    message: str


@dataclass(frozen=True, slots=True)
class CallFinished:
    """The outcome of a request of ours: what the other side returned, or its error."""

    call: int
    outcome: jsonrpc.Result | jsonrpc.Failure


@dataclass(frozen=True, slots=True)
class Notified:
    """slackd reports something that needs no answer."""

    notice: Late | Gap | Identity


@dataclass(frozen=True, slots=True)
class Complaint:
    """slackd can't use something that we sent: a delivery's answer, if `about` names one. It may close now."""

    about: str | None
    code: int
    message: str


@dataclass(frozen=True, slots=True)
class StreamBroken:
    """The other side broke the protocol; the connection is to be closed."""

    reason: str


Action = Send | Start | Ready | InitializeRefused | CallFinished | Notified | Complaint | StreamBroken
