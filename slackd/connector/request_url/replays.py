"""A request that was answered is not answered a second time because somebody repeats it. Pure.

Within Slack's five minutes a signature stays good. Slack itself repeats events only, and says so
(`X-Slack-Retry-Num`): those go on to the broker, which knows them by their event's id, acknowledges them again
and delivers them once. Everything else that was accepted once is refused. Times are monotonic seconds.
"""

from collections import OrderedDict
from typing import Final

from slackd.signature import WINDOW

REMEMBERED: Final = 100_000
"""Signatures remembered at most; at Slack's limit of 30,000 events an hour, ten minutes have 5,000."""


class AcceptedSignatures:
    """The signatures of what was answered with 200, for as long as they would be good."""

    def __init__(self) -> None:
        self._until: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._until)

    def accept(self, signature: str, now: float) -> None:
        """A request with this signature was answered; `now` is in seconds of any clock that only grows."""
        self._forget(now)
        self._until[signature] = now + 2 * WINDOW
        while len(self._until) > REMEMBERED:
            self._until.popitem(last=False)

    def is_replay(self, signature: str, now: float) -> bool:
        """A request with this signature was answered before."""
        self._forget(now)
        return signature in self._until

    def _forget(self, now: float) -> None:
        while self._until:
            signature, until = next(iter(self._until.items()))
            if until > now:
                return
            del self._until[signature]
