"""What the broker's pure core asks of the daemon around it."""

from typing import Final

import attrs

from slackd.broker.dispatch.actions import CountOld, LoadKey, LoadKeys, SendDeliveries, TakeBack
from slackd.broker.ingest import PostNotice
from slackd.broker.journal import LateAnswer
from slackd.broker.journal.writes import OpenDelivery, Write
from slackd.link.messages import FromBroker
from slackd.slotted import frozen


@frozen
class Submit:
    """Submit these writes to the journal; say what came of it to `committed`."""

    token: int
    writes: tuple[Write, ...]


@frozen
class ToConnector:
    """Send this to the connector on this link, if the link is still there."""

    link: int
    message: FromBroker


@frozen
class PostLate:
    """An answer is not in the acknowledgement: send it to the envelope's `response_url`, then `late_posted`."""

    late: LateAnswer
    session: str
    attempt: int
    reason: str = "late"


@frozen
class ReadForReport:
    """A delivery has failed whose envelope is not in memory: read it, then call `failure_read`.

    Attributes:
        final: It is a dead letter; else another attempt will follow.
    """

    delivery: OpenDelivery
    final: bool


@frozen
class NotifyLate:
    """Tell the session that its answer is not in the acknowledgement.

    Attributes:
        sent: How it was sent all the same; None if it reached nobody.
        reason: A name from `answer_reasons.REASONS`; "" if the envelope must be read to say it.
        envelope: The journal's id, where it may have to be read.
    """

    plugin: str
    session: str
    delivery: int
    attempt: int
    sent: str | None
    reason: str = "late"
    envelope: int = attrs.field(default=0, eq=False)


@frozen
class NotifyKept:
    """Tell the session what came of an answer whose delivery it keeps.

    Attributes:
        refusal: Why it was not given: `TOO_LARGE` of `answer_reasons`, or `NOT_HELD`; "" if it was.
    """

    plugin: str
    session: str
    delivery: int
    attempt: int
    refusal: str = ""


NOT_HELD: Final = "not_held"
"""The delivery is not the session's at this attempt, or was settled before."""


@frozen
class NotifyTooLarge:
    """Tell the session that Slack would not take so large an answer; it was acknowledged without."""

    plugin: str
    session: str
    delivery: int
    attempt: int
    size: int


@frozen
class Passed:
    """Something happened to an envelope: for people who watch.

    Attributes:
        what: recorded, duplicate, forbidden, done, retried, dead.
        envelope: The journal's id, 0 if unknown here.
        delivery: The delivery, 0 where it is about none.
    """

    what: str
    at: float
    envelope: int
    plugin: str = ""
    delivery: int = 0
    attempt: int = 0
    detail: str = ""


Action = (
    Submit
    | ToConnector
    | SendDeliveries
    | TakeBack
    | LoadKeys
    | LoadKey
    | CountOld
    | PostNotice
    | PostLate
    | ReadForReport
    | NotifyKept
    | NotifyLate
    | NotifyTooLarge
    | Passed
)
