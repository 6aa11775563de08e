"""The two answers that a delivery can get."""

from collections.abc import Mapping
from typing import Any, Final

from slackd.frozen import frozen
from slackd.plugin.errors import check_delay

_REASON_LIMIT: Final = 2_000  # characters of a nack's reason


@frozen
class Ack:
    """The delivery was handled; `response` is what Slack's acknowledgement carries, or None."""

    response: Mapping[str, Any] | None = None


@frozen
class Nack:
    """The delivery was not handled.

    Attributes:
        reason: Why, in words; an operator reads them.
        retry_after: Seconds until the next attempt; None for the backoff in the plugin's file.
        permanent: No attempt will do better: it is a dead letter.
    """

    reason: str
    retry_after: float | None = None
    permanent: bool = False


Answer = Ack | Nack


def nack_of(reason: str, *, retry_after: float | None = None, permanent: bool = False) -> Nack:
    """A nack as slackd takes it.

    Raises:
        InvalidAnswer: `retry_after` is no number of seconds from now on.
    """
    check_delay("retry_after", retry_after)
    return Nack((reason or "not handled")[:_REASON_LIMIT], retry_after, permanent)
