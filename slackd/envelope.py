"""The one value that flows through the house, and the three words that are said of it.

A connector reads an `Arrival` from Slack and delivers it to the broker. The broker parses it, once, into an
`ParsedEnvelope`, commits it, and answers with a `Settlement` (acknowledge it) or a `Refusal` (don't).
"""

from slackd.slack.envelopes import PROMPT_TYPES
from slackd.slack.facets import Facets
from slackd.slotted import frozen


@frozen
class Arrival:
    """One envelope as a transport received it, before anybody parsed it.

    Attributes:
        number: The connector's own number for it, unique in the life of its process; the settlement names it.
        app: The app's name in the configuration.
        connection: The name of the connection that brought it.
        received_at: Seconds on the machine's monotonic clock, which all processes of a host share.
        text: The text as Slack sent it.
    """

    number: int
    app: str
    connection: str
    received_at: float
    text: str


@frozen
class Settlement:
    """The broker's word that an arrival is journaled and may be acknowledged.

    Attributes:
        number: The arrival's number.
        envelope_id: What the acknowledgement names; None where the text held none, so none can be sent.
        payload: JSON text of the response that goes into the acknowledgement, or None.
    """

    number: int
    envelope_id: str | None
    payload: str | None = None


@frozen
class Promise:
    """The broker's word that an arrival is journaled, and waits for a plugin's answer.

    Attributes:
        settlement: What it is acknowledged with if the broker has said nothing else by then.
        due: When, seconds on the machine's monotonic clock: after the broker's own deadline, so it counts only
            while there is no broker, and before Slack's.
    """

    settlement: Settlement
    due: float


@frozen
class Refusal:
    """The broker's word that an arrival could not be journaled and must not be acknowledged."""

    number: int
    reason: str


@frozen
class ParsedEnvelope:
    """An envelope that was understood.

    Attributes:
        app: The app's name in the configuration.
        envelope_id: Slack's id, which the acknowledgement names. It alone may hold lone surrogates, if Slack
            wrote them as escapes: JSON's escapes carry them, UTF-8 does not.
        type: `events_api`, `slash_commands`, `interactive`, or whatever Slack invents next.
        text: As Slack sent it, but for blanked credentials and line breaks between JSON tokens.
        keys: Dedupe keys: any one of them known makes it a duplicate.
        facets: What subscriptions look at.
        accepts_response: Slack accepts a payload in its acknowledgement.
        response_url: Where a late answer may go, "" where there is none.
        retry_attempt: Slack's count of earlier attempts, 0 for the first.
    """

    app: str
    envelope_id: str
    type: str
    text: str
    keys: tuple[str, ...]
    facets: Facets
    accepts_response: bool = False
    response_url: str = ""
    retry_attempt: int = 0

    @property
    def is_prompt(self) -> bool:
        """A person waits for it: it travels in the prompt lane."""
        return self.type in PROMPT_TYPES


@frozen
class Unreadable:
    """A text that cannot be understood; it is journaled raw, as a dead letter from the start.

    Attributes:
        app: The app's name in the configuration.
        envelope_id: Found leniently in the text, or None; without one nothing can be acknowledged.
        text: As it came.
        keys: Dedupe keys, so that Slack's redelivery is not a second dead letter.
        reason: What is wrong with it.
    """

    app: str
    envelope_id: str | None
    text: str
    keys: tuple[str, ...]
    reason: str
