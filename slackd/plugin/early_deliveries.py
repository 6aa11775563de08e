"""Deliveries that came ahead of their turn, and wait in the program until it has come. Pure.

Each follows one attempt of another delivery of the same ordering key, which the program has in hand or which
waits here itself. When that is answered well, its turn has come. When that fails, slackd takes back all that
waits for it, and so does the program: none of it was begun.
"""

from typing import Any

from slackd.plugin.envelope import Envelope


class EarlyDeliveries:
    """Those of one session, on its present connection; false while there are none."""

    def __init__(self) -> None:
        self._behind: dict[str, Envelope] = {}
        self._waiting: dict[str, str] = {}

    def __bool__(self) -> bool:
        return bool(self._behind)

    def __contains__(self, attempt: str) -> bool:
        return attempt in self._waiting

    def add(self, envelope: Envelope, after: str) -> None:
        """It waits for that attempt ("DELIVERY.ATTEMPT"), and nothing else does: what did is no longer ours."""
        self.drop_behind(after)
        self._behind[after] = envelope
        self._waiting[_attempt_of(envelope)] = after

    def take_next(self, attempt: str) -> Envelope | None:
        """That attempt was answered well: whose turn it is, if it is anyone's."""
        envelope = self._behind.pop(attempt, None)
        if envelope is not None:
            del self._waiting[_attempt_of(envelope)]
        return envelope

    def drop_behind(self, attempt: str) -> None:
        """That attempt has failed: what waits for it, and for that again, comes anew."""
        while (envelope := self.take_next(attempt)) is not None:
            attempt = _attempt_of(envelope)

    def take_back(self, attempts: Any) -> None:
        """slackd has taken these back."""
        for attempt in attempts if isinstance(attempts, list) else ():
            after = self._waiting.get(attempt) if isinstance(attempt, str) else None
            if after is not None:
                self.drop_behind(after)

    def clear(self) -> None:
        """None of them is this session's any more."""
        self._behind.clear()
        self._waiting.clear()


def _attempt_of(envelope: Envelope) -> str:
    return f"{envelope.delivery}.{envelope.attempt}"
