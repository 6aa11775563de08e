"""One-use tickets: `apps.connections.open` issues them, the WebSocket handshake redeems them.

Times are seconds on whatever clock drives it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from slackd.slotted import frozen


@frozen
class TicketUse:
    """What a handshake asks for.

    Attributes:
        ticket: None if the URL has none.
        debug_reconnects: a short life was asked for ("Using Socket Mode").
    """

    ticket: str | None
    debug_reconnects: bool

    @classmethod
    def parse(cls, target: str) -> TicketUse:
        """Read a request target such as `/link/?ticket=...&app_id=...`.

        Returns:
            The ticket, and what it is used for.
        """
        query = parse_qs(urlsplit(target).query)
        return cls(query.get("ticket", [None])[0], query.get("debug_reconnects", [""])[0] == "true")


def hashed_app_id(app_id: str) -> str:
    """The app's id as it stands in a `wss` URL."""
    return hashlib.sha256(app_id.encode()).hexdigest()


def link_url(scheme: str, host: str, ticket: str, app_id: str) -> str:
    """The URL that `apps.connections.open` answers with ("apps.connections.open")."""
    return f"{scheme}://{host}/link/?ticket={ticket}&app_id={hashed_app_id(app_id)}"


class Tickets:
    """Tickets that were issued and not yet used.

    Args:
        draw: makes a ticket that cannot be guessed.
    """

    def __init__(self, draw: Callable[[], str]) -> None:
        self._draw = draw
        self._open: dict[str, tuple[str, float]] = {}

    def __len__(self) -> int:
        return len(self._open)

    def issue(self, owner: str, now: float, lifetime: float) -> str:
        """A new ticket for `owner`, good for `lifetime` seconds.

        Expired ones are forgotten by the way, so that nobody fills the memory with what is never dialled.
        """
        for ticket, (_, expires) in list(self._open.items()):
            if now < expires:
                break
            del self._open[ticket]
        ticket = self._draw()
        self._open[ticket] = (owner, now + lifetime)
        return ticket

    def redeem(self, ticket: str | None, now: float) -> str | None:
        """The owner of a good ticket, or None; either way it is spent."""
        owner, expires = self._open.pop(ticket or "", (None, 0.0))
        return owner if now < expires else None
