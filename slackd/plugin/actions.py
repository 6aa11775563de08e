"""What a `Session` wants done."""

from dataclasses import dataclass

from slackd import wire
from slackd.plugin.envelope import Envelope, Gap, Late


@dataclass(frozen=True, slots=True)
class Send:
    """Write these bytes to the connection."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Start:
    """Start work on this envelope; its end is told with `Session.answer`."""

    envelope: Envelope


@dataclass(frozen=True, slots=True)
class Ready:
    """slackd has accepted the session. `window` and `deadline_window`: deliveries it hands out at once."""

    server: str
    apps: tuple[str, ...]
    window: int
    deadline_window: int


@dataclass(frozen=True, slots=True)
class Refused:
    """slackd has not accepted the session; the connection is to be closed."""

    code: int
    message: str


@dataclass(frozen=True, slots=True)
class CallFinished:
    """The outcome of a request of ours: what the other side returned, or its error."""

    call: int
    outcome: wire.Result | wire.Failure


@dataclass(frozen=True, slots=True)
class Told:
    """slackd tells something that needs no answer."""

    notice: Late | Gap


@dataclass(frozen=True, slots=True)
class Complaint:
    """slackd can't use something that we sent: a delivery's answer, if `about` names one. It may close now."""

    about: str | None
    code: int
    message: str


@dataclass(frozen=True, slots=True)
class Broken:
    """The other side broke the protocol; the connection is to be closed."""

    reason: str


Action = Send | Start | Ready | Refused | CallFinished | Told | Complaint | Broken
