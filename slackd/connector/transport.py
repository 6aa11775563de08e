"""What every transport is to the rest of a connector, which never learns which one brought an envelope.

A transport belongs to one app and lives in a folder of its own; `slackd.connector.transports` is the table of
them. What only one of them has (a limit of connections, the size of an acknowledgement)
stays in its folder.
"""

from collections.abc import Sequence
from typing import Protocol

from slackd.envelope import Arrival, Settlement
from slackd.link.messages import AppPeers, AppTrouble, Closing, ConnectionState
from slackd.slotted import frozen


@frozen
class TransportStatus:
    """How a transport of one app stands.

    Attributes:
        app: The app's name.
        wanted: READY connections it keeps.
        ready: READY connections it has.
        connections: Every connection that isn't closed.
        trouble: What a person has to repair, or None.
        last_failure: Why the last attempt failed, "" if none has since the last success.
        next_attempt_at: When the next attempt is due, seconds on the machine's monotonic clock; None where
            something is READY or an attempt is under way.
    """

    app: str
    wanted: int
    ready: int
    connections: tuple[ConnectionState, ...] = ()
    trouble: AppTrouble | None = None
    last_failure: str = ""
    next_attempt_at: float | None = None


@frozen
class ConnectionChange:
    """A connection entered another state; `Changed` of the link, but for its number.

    Attributes:
        state: As it is after the change.
        cause: What caused it, in the transport's own words.
        at: Seconds on the machine's monotonic clock.
        unconfirmed_until: Until when Slack may go on counting a connection whose end it has not confirmed;
            None for every other change.
    """

    state: ConnectionState
    cause: str
    at: float
    unconfirmed_until: float | None = None


class Upstream(Protocol):
    """What a transport reports to; the connector is it. Nothing here blocks or raises."""

    def deliver(self, app: str, connection: str, text: str) -> None:
        """An envelope came in; it is to be settled or refused."""

    def is_unsettled(self, connection: str) -> bool:
        """Something that this connection brought has not been settled yet."""

    def closing(self, closing: Closing) -> None:
        """A connection is about to close, or has: what came over it is to wait less for plugins' answers."""

    def connection_changed(self, change: ConnectionChange) -> None:
        """A connection entered another state."""

    def trouble_changed(self, trouble: AppTrouble) -> None:
        """The app fell into trouble, or (reason "") came out of it."""

    def acknowledged(self, app: str, received_at: Sequence[float]) -> None:
        """The acknowledgements of what came in at these times went out."""

    def unsendable(self, app: str, settlement: Settlement | None = None) -> None:
        """A settled envelope could not be acknowledged: its connection was gone, say.

        Args:
            app: The app's name.
            settlement: How it was settled, if that is known any more: its answer may have another way.
        """


class Transport(Protocol):
    """One app's way to Slack."""

    async def run(self, upstream: Upstream) -> None:
        """Keep the connections until drained, or cancelled.

        Raises:
            ConfigError: What the operator configured for it can't be used.
        """

    def drain(self) -> None:
        """Take nothing new, finish what is in flight, close; `run` returns when that is done."""

    def finish(self) -> None:
        """The drain has taken too long: close everything now, in order."""

    def settle(self, arrivals: Sequence[tuple[Arrival, Settlement]]) -> None:
        """Acknowledge these where they came in, if that is still open."""

    def refuse(self, arrivals: Sequence[Arrival]) -> None:
        """These could not be journaled: they must not be acknowledged."""

    def peers_changed(self, peers: AppPeers) -> None:
        """What this process can't see by itself of the app's connections."""

    def retry(self) -> None:
        """The operator may have repaired something: make the attempts that are waiting now."""

    def pause(self) -> None:
        """Read nothing for now."""

    def resume(self) -> None:
        """Read again."""

    def status(self) -> TransportStatus:
        """How it stands."""
