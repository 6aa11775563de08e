"""A journaled envelope, understood again: what people want to see of it, and whom it matches."""

from slackd.broker.journal import StoredEnvelope
from slackd.broker.parsing import read
from slackd.envelope import Arrival, ParsedEnvelope


def understood(stored: StoredEnvelope) -> ParsedEnvelope | None:
    """The envelope with its facets; None for one that nobody could read."""
    envelope = read(Arrival(0, stored.app, "", stored.received_at, stored.text))
    return envelope if isinstance(envelope, ParsedEnvelope) else None
