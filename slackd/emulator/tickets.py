"""One-use tickets: what `apps.connections.open` hands out and the WebSocket handshake takes."""

from __future__ import annotations

import hashlib
from urllib.parse import parse_qs, urlsplit

import attrs

from slackd.emulator.context import EmulatorContext


@attrs.frozen
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
        """Read a request target such as `/link/?ticket=...&app_id=...`."""
        query = parse_qs(urlsplit(target).query)
        return cls(query.get("ticket", [None])[0], query.get("debug_reconnects", [""])[0] == "true")


def hashed_app_id(app_id: str) -> str:
    """The app's id as it stands in a `wss` URL."""
    return hashlib.sha256(app_id.encode()).hexdigest()


class Tickets:
    """Those that were handed out and not yet used."""

    def __init__(self, world: EmulatorContext) -> None:
        self._world = world
        self._open: dict[str, tuple[str, float]] = {}

    def issue(self, app: str, now: float) -> str:
        """A new ticket for that app."""
        ticket = self._world.ids.ticket()
        expires = self._world.later(now, self._world.settings.ticket_lifetime)
        self._open[ticket] = (app, expires)
        self._world.agenda.at(expires, self._expire, ticket)
        return ticket

    def redeem(self, ticket: str | None, now: float) -> str | None:
        """The app of a good ticket, or None; either way it is spent."""
        app, expires = self._open.pop(ticket or "", (None, 0.0))
        return app if now < expires else None

    def _expire(self, ticket: str, now: float) -> None:
        self._open.pop(ticket, None)
