"""Which connections close, or are gone: reported to the broker now, and again after every new link. Pure.

Times are monotonic seconds.
"""

from collections.abc import Container

from slackd.connector.unacknowledged import Unacknowledged
from slackd.link.messages import Closing
from slackd.slack.limits import ACK_DEADLINE


class ClosingNotices:
    """Remembers what was reported while it concerns something.

    Attributes:
        answers_until: Until when answers may come, in time, of what was acknowledged without (or not at all).
    """

    def __init__(self, unsettled: Unacknowledged) -> None:
        self.answers_until = 0.0
        self._unsettled = unsettled
        self._reported: dict[str, Closing] = {}

    def note(self, closing: Closing, open_connections: Container[str], now: float) -> None:
        """It is being reported; what concerns no open connection and nothing unsettled is forgotten."""
        unsettled = self._unsettled
        if unsettled.brought_by(closing.connection) or closing.connection in self._reported:
            self.answers_until = now + ACK_DEADLINE
        self._reported = {
            name: reported
            for name, reported in self._reported.items()
            if name in open_connections or unsettled.brought_by(name)
        }
        self._reported[closing.connection] = closing

    def all(self) -> tuple[Closing, ...]:
        """For a broker that has had no report yet."""
        return tuple(self._reported.values())
