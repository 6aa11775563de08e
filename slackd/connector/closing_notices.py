"""What the broker is told of connections that close, or are gone: now, and again after every new link. Pure."""

from collections.abc import Container

from slackd.connector.unacknowledged import Unacknowledged
from slackd.link.messages import Closing
from slackd.slack.limits import ACK_DEADLINE


class ClosingNotices:
    """Remembers what was told while it concerns something.

    Attributes:
        answers_until: Until when answers may come, in time, of what was acknowledged without (or not at all).
    """

    def __init__(self, unsettled: Unacknowledged) -> None:
        self.answers_until = 0.0
        self._unsettled = unsettled
        self._told: dict[str, Closing] = {}

    def note(self, closing: Closing, open_connections: Container[str], now: float) -> None:
        """It is being told. What concerns neither an open connection nor anything unsettled is forgotten."""
        unsettled = self._unsettled
        if unsettled.brought_by(closing.connection) or closing.connection in self._told:
            self.answers_until = now + ACK_DEADLINE
        self._told = {
            name: told
            for name, told in self._told.items()
            if name in open_connections or unsettled.brought_by(name)
        }
        self._told[closing.connection] = closing

    def all(self) -> tuple[Closing, ...]:
        """For a broker that was told nothing yet."""
        return tuple(self._told.values())
