"""Which envelopes' texts memory keeps: those of open deliveries, as long as few bytes have come since.

A delivery that was opened a moment ago holds its envelope until it is closed, so that it goes to its plugin
without a read of the journal. This is the bound of that: once `limit` bytes of texts, or `MOST` envelopes, have
come after one, its text is let go, and read again when it is wanted. What is closed is gone without a word.
"""

from collections import deque
from weakref import ref

from slackd.broker.journal.writes import StoredEnvelope

LIMIT = 16 << 20
"""Characters of text. The rest is read from the journal, which costs a plugin that lags behind a fortieth;
held, it would stay with the process for as long as anything comes."""
MOST = 8_192
"""Envelopes."""


class HeldTexts:
    """The envelopes that came last, none of them kept alive by this."""

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit, self._size = limit, 0
        self._newest: deque[tuple[ref[StoredEnvelope], int]] = deque()

    def add(self, envelope: StoredEnvelope) -> None:
        """One more is held by its deliveries: the oldest texts go where there is no room."""
        size = len(envelope.text)
        self._size += size
        self._newest.append((ref(envelope), size))
        while self._size > self._limit or len(self._newest) > MOST:
            oldest, size = self._newest.popleft()
            self._size -= size
            held = oldest()
            if held is not None:
                held.text = ""
