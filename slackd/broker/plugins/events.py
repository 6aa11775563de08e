"""What a plugin says, as values: what `SessionProtocol` makes of lines, and the daemon does something about."""

from collections.abc import Mapping
from typing import Any

import attrs

from slackd.broker.plugins.transfers import TransferAsked
from slackd.slotted import frozen


@frozen
class Initialize:
    """A program says who it is.

    Attributes:
        plugin: Which plugin it says it is.
        client: Its software, for the log.
        window: Deliveries it takes at once in each lane, or None for what the plugin's file says. 0 is none at
            all: the connection is for calls alone, and counts as no session.
        session: Its own name for this session, or None: then it can't be awaited.
        holding: (delivery, attempt) of what it works on and what it answered last.
        remembers: Answers that it keeps beyond as many as fit into its windows, and repeats on its return.
        ahead: Deliveries that it takes ahead of their turn, and keeps in order itself; 0 if it doesn't remember
            its answers.
        handlers: Kind and pattern of what it has handlers for, as far as it says.
        dev: The ticket of an intercept, "" for a session like any.
    """

    id: int | str
    plugin: str
    client: str
    window: int | None
    session: str | None
    holding: tuple[tuple[int, int], ...]
    remembers: int = 0
    ahead: int = 0
    handlers: tuple[tuple[str, str], ...] = ()
    dev: str = ""


@frozen
class Answered:
    """A delivery is handled; `response` is JSON text or None."""

    delivery: int
    attempt: int
    response: str | None


@frozen
class KeptAnswer:
    """An answer for Slack now (`response`, JSON text); the delivery is worked on. `id` names the request."""

    id: int | str
    delivery: int
    attempt: int
    response: str


@frozen
class Nacked:
    """A delivery could not be handled."""

    delivery: int
    attempt: int
    error: str
    retry_after: float | None
    permanent: bool


@frozen
class Misanswered:
    """A delivery is handled, but its response can't be used: it counts without, and the plugin is notified."""

    delivery: int
    attempt: int
    message: str


@frozen
class Extended:
    """A delivery is still worked on."""

    delivery: int
    attempt: int


@frozen
class Leaving:
    """The session begins nothing more, and has begun these (delivery, attempt)."""

    holding: tuple[tuple[int, int], ...]


@frozen
class Unordered:
    """A delivery leaves its place in the order of its key."""

    delivery: int
    attempt: int


@frozen
class CallAsked:
    """A Web API call is asked for; repeated under the same `call_id`, it gets the first one's answer.

    Attributes:
        size: Bytes of its line.
        max_wait: Seconds that Slack's rate limit may hold it up; beyond them Slack's 429 is the answer.
        delivery: The delivery and attempt whose handler asks: while the call is held back, its timeout rests.
    """

    id: int | str
    app: str | None
    method: str
    args: Mapping[str, Any]
    call_id: str = ""
    size: int = attrs.field(default=0, eq=False)
    max_wait: float | None = None
    delivery: tuple[int, int] | None = None


@frozen
class PostAsked:
    """A post to a `response_url` that came in an envelope is asked for."""

    id: int | str
    app: str | None
    url: str
    message: Mapping[str, Any]
    size: int = attrs.field(default=0, eq=False)


@frozen
class Logged:
    """A line for the log under the plugin's name."""

    level: str
    message: str


@frozen
class RejectedLine:
    """A request that can't be served, or an answer that can't be used; the connection goes on."""

    id: int | str
    code: int
    message: str


@frozen
class Violation:
    """The connection ends after this error."""

    id: int | str | None
    code: int
    message: str
    data: Mapping[str, Any] | None = None


Event = (
    Initialize
    | Answered
    | Misanswered
    | Nacked
    | KeptAnswer
    | Extended
    | Unordered
    | Leaving
    | CallAsked
    | PostAsked
    | TransferAsked
    | Logged
    | RejectedLine
    | Violation
)
