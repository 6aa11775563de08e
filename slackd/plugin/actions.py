"""What a `Session` wants done."""

from slackd import jsonrpc
from slackd.frozen import frozen
from slackd.plugin.envelope import Envelope, Gap, Identity, Late, Ready


@frozen
class Send:
    """Write these bytes to the connection; `more`: what is started with them may have more to say at once."""

    data: bytes
    more: bool = False


@frozen
class Start:
    """Start work on this envelope; its end is reported with `Session.answer`."""

    envelope: Envelope


@frozen
class InitializeRefused:
    """slackd has not accepted the session; the connection is to be closed."""

    code: int
    message: str


@frozen
class CallFinished:
    """The outcome of a request of ours: what the other side returned, or its error."""

    call: int
    outcome: jsonrpc.Result | jsonrpc.Failure


@frozen
class Notified:
    """slackd reports something that needs no answer."""

    notice: Late | Gap | Identity


@frozen
class Complaint:
    """slackd can't use something that we sent: a delivery's answer, if `about` names one. It may close now."""

    about: str | None
    code: int
    message: str


@frozen
class StreamBroken:
    """The other side broke the protocol; the connection is to be closed."""

    reason: str


Action = Send | Start | Ready | InitializeRefused | CallFinished | Notified | Complaint | StreamBroken
