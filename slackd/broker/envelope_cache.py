"""Envelopes that were committed a moment ago, so that most are handed out without reading the journal."""

from collections import OrderedDict

from slackd.broker.journal import StoredEnvelope


class EnvelopeCache:
    """The youngest envelopes by the journal's id, bounded by the bytes of their texts."""

    def __init__(self, max_bytes: int = 32 << 20) -> None:
        self._max_bytes, self._bytes = max_bytes, 0
        self._envelopes: OrderedDict[int, StoredEnvelope] = OrderedDict()

    def put(self, envelope: StoredEnvelope) -> None:
        """Remembers one, and forgets the oldest where there is no room."""
        self._envelopes[envelope.id] = envelope
        self._bytes += len(envelope.text)
        while self._bytes > self._max_bytes:
            _, oldest = self._envelopes.popitem(last=False)
            self._bytes -= len(oldest.text)

    def get(self, envelope: int) -> StoredEnvelope | None:
        """The envelope, if it is remembered."""
        return self._envelopes.get(envelope)
