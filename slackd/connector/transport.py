"""What every transport is to the rest of a connector, which never learns which one brought an envelope.

Socket Mode is the one that exists; an HTTP request URL is another implementation of the same two protocols.
"""

from collections.abc import Sequence
from typing import Protocol

import attrs

from slackd.connector.socketmode.actions import Moved
from slackd.envelope import Arrival, Settlement
from slackd.link.messages import AppTrouble, Closing, ConnectionState


@attrs.frozen
class TransportStatus:
    """How a transport of one app stands.

    Attributes:
        app: The app's name.
        wanted: READY connections it keeps.
        ready: READY connections it has.
        connections: Every connection that isn't closed.
        trouble: What a person has to repair, or None.
        last_failure: Why the last attempt failed, "" if none has since the last success.
    """

    app: str
    wanted: int
    ready: int
    connections: tuple[ConnectionState, ...] = ()
    trouble: AppTrouble | None = None
    last_failure: str = ""


class Upstream(Protocol):
    """What a transport tells; the connector is it. Nothing here blocks or raises."""

    def deliver(self, app: str, connection: str, text: str) -> None:
        """An envelope came in; it is to be settled or refused."""

    def is_unsettled(self, connection: str) -> bool:
        """Something that this connection brought has not been settled yet."""

    def closing(self, closing: Closing) -> None:
        """A connection is about to close, or has: what came over it is to wait less for plugins' answers."""

    def moved(self, moved: Moved) -> None:
        """A connection changed its phase."""

    def troubled(self, trouble: AppTrouble) -> None:
        """The app fell into trouble, or (reason "") came out of it."""

    def acknowledged(self, app: str, received_at: Sequence[float]) -> None:
        """The acknowledgements of what came in at these times went out."""

    def unsendable(self, app: str, settlement: Settlement | None = None) -> None:
        """A settled envelope could not be acknowledged: its connection was gone, or its id is too long for an
        acknowledgement; how it was settled, if that is known any more."""


class Transport(Protocol):
    """One app's way to Slack."""

    async def run(self, upstream: Upstream) -> None:
        """Keep the connections until drained, or cancelled."""

    def drain(self) -> None:
        """Take nothing new, finish what is in flight, close; `run` returns when that is done."""

    def finish(self) -> None:
        """The drain has taken too long: close everything now, in order."""

    def settle(self, arrivals: Sequence[tuple[Arrival, Settlement]]) -> None:
        """Acknowledge these where they came in, if that is still open."""

    def released(self) -> None:
        """Something was refused: what was busy may not be any more."""

    def told_free(self, free: int) -> None:
        """So many places are free under Slack's limit."""

    def pause(self) -> None:
        """Read nothing for now."""

    def resume(self) -> None:
        """Read again."""

    def status(self) -> TransportStatus:
        """How it stands."""
