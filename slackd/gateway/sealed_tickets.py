"""The tickets of `apps.connections.open`, which outlive a restart of the gateway.

SDKs dial the URL that they were given until that succeeds, and ask for no other one. Slack's front ends don't
forget a ticket; a gateway that was killed would, and the app would never come back. So a ticket carries what it
stands for, sealed with the app's own secret. It is good for one connection, and once more if the gateway was
restarted meanwhile: then nobody can tell whether its connection came to be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from slackd.gateway.apps import ServedApp
from slackd.gateway.settings import TICKET_LIFETIME

_PURPOSE = "ticket"


class SealedTickets:
    """Gives out tickets, and takes them back.

    Args:
        apps: by plugin.
        wall: the UNIX time.
        draw: makes what no other ticket has.
    """

    def __init__(
        self, apps: Mapping[str, ServedApp], wall: Callable[[], float], draw: Callable[[], str]
    ) -> None:
        self._apps, self._wall, self._draw = apps, wall, draw
        self._spent: dict[str, float] = {}

    def issue(self, app: ServedApp, base: str) -> str:
        """A ticket for that app, which calls the gateway by that base; good for `TICKET_LIFETIME` seconds."""
        content = f"{self._draw()} {self._wall() + TICKET_LIFETIME} {base}"
        mac, packed = app.urls(base).packed(_PURPOSE, content)
        return f"{app.plugin.name}.{mac}.{packed}"

    def redeem(self, ticket: str | None) -> tuple[ServedApp, str] | None:
        """The app of a good ticket, and how it calls the gateway; the ticket is spent."""
        name, mac, packed = ([""] * 3 + (ticket or "").rsplit(".", 2))[-3:]
        app = self._apps.get(name)
        content = app.unseal(_PURPOSE, mac, packed) if app is not None else None
        if app is None or content is None:
            return None
        drawn, expires, base = content.split(" ", 2)
        now = self._wall()
        for each, end in list(self._spent.items()):
            if now < end:
                break
            del self._spent[each]
        if now >= float(expires) or drawn in self._spent:
            return None
        self._spent[drawn] = float(expires)
        return app, base
