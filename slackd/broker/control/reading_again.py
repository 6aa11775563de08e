"""A journaled envelope, understood again: what people want to see of it, and whom it matches."""

from slackd.broker.journal import StoredEnvelope
from slackd.broker.reading import read
from slackd.envelope import Arrival, Envelope


def understood(stored: StoredEnvelope) -> Envelope | None:
    """The envelope with its facets; None for one that nobody could read."""
    envelope = read(Arrival(0, stored.app, "", stored.received_at, stored.text))
    return envelope if isinstance(envelope, Envelope) else None
