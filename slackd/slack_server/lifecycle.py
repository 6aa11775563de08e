"""The life of a connection: hello, pings, warning, refresh, and every way in which it ends.

    OPENING ──hello──▶ READY ──disconnect──▶ LEAVING ──▶ ENDED
        └──disconnect (too many, or a fault)─────▲
    READY, LEAVING ──the TCP connection ends, and nobody notices──▶ GHOST ──▶ ENDED

OPENING has its handshake behind it, and no hello yet. READY and LEAVING are served; LEAVING has been sent a
`disconnect` and works on until it is ended. A GHOST has no client any more, which the server does not know: it
counts towards the limit of connections, gets its share of envelopes, and its lifetime ends as any other's.
Every state may become ENDED at any moment; nothing that comes after that has a meaning ("Using Socket Mode").

The server moves them by the clock (`ServerContext.scheduler`), the client by its frames and by its end, and
whoever plays faults by `disconnect`, `close` and `drop`. Times are seconds on whatever clock drives it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from slackd.slack_server import messages
from slackd.slack_server.connections import ConnectionLine, Registry, ServerConnection, ServerState
from slackd.slack_server.settings import ServerContext


class HelloFault(Protocol):
    """What goes wrong with a hello: it never comes (`hang`), or after `delay` seconds, or as another text."""

    @property
    def hang(self) -> bool:
        """It never comes."""

    @property
    def delay(self) -> float:
        """Seconds by which it is late."""

    @property
    def text(self) -> str | None:
        """What comes in its place; None for the hello itself."""


class ConnectionEvents(Protocol):
    """What is reported to the owner of an app's connections."""

    def admitted(self, connection: ServerConnection, now: float) -> bool:
        """It counts now, and nothing was sent over it yet.

        Returns:
            Whether its hello may go out; else it does at `ConnectionLifecycle.greet`.
        """

    def opened(self, connection: ServerConnection, now: float) -> None:
        """It is READY: the hello was sent."""

    def acknowledged(self, connection: ServerConnection, envelope_id: str, payload: Any, now: float) -> None:
        """The client acknowledged that envelope, with that payload or None."""

    def leaving(self, connection: ServerConnection, now: float) -> None:
        """It has been sent `disconnect`; it works on until it ends."""

    def ended(self, connection: ServerConnection, now: float) -> None:
        """It is over, as far as the server knows."""

    def odd(self, app: str, what: str) -> None:
        """A client did what it shouldn't."""

    def changed(self) -> None:
        """Something that somebody could wait for has happened."""

    def hello_fault(self, app: str) -> HelloFault | None:
        """What is to go wrong with the hello of a new connection."""


class ConnectionLifecycle:
    """What an app's connections are sent, and what Slack makes of what their clients do."""

    def __init__(
        self,
        context: ServerContext,
        registry: Registry,
        events: ConnectionEvents,
    ) -> None:
        self._context = context
        self._registry = registry
        self._events = events

    def opened(self, connection: ServerConnection, line: ConnectionLine, now: float) -> None:
        """The handshake was answered with 101: hello comes, or `too_many_websockets` in its place."""
        connection.line = line
        connection.last_heard = now
        if self._registry.full:
            self._events.odd(connection.app, "too_many_websockets")
            connection.state = ServerState.LEAVING
            surplus = {
                "num_connections": len(self._registry),
                "connection_info": {"app_id": connection.app},
            }
            self._send_disconnect(connection, "too_many_websockets", surplus)
            self.end_after(connection, self._context.settings.refresh_grace, "too_many_websockets", now)
            return
        self._registry.register(connection, now)
        if not self._events.admitted(connection, now):
            return
        fault = self._events.hello_fault(connection.app)
        if fault is None:
            self._hello(connection, None, now)
        elif not fault.hang:
            self._context.scheduler.at(
                self._context.later(now, fault.delay), self._hello, connection, fault.text
            )

    def greet(self, connection: ServerConnection, now: float) -> None:
        """Send the hello that its owner has held back, unless it was sent or the connection is leaving."""
        self._hello(connection, None, now)

    def disconnect(self, connection: ServerConnection, reason: str, now: float) -> None:
        """Tell it to go; it works on until it is ended."""
        self._send_disconnect(connection, reason, {})
        if connection.state in (ServerState.OPENING, ServerState.READY):
            connection.state = ServerState.LEAVING
            self._registry.changed(now)
            self._events.leaving(connection, now)

    def end_after(
        self, connection: ServerConnection, grace: float, how: str, now: float, *, abruptly: bool = False
    ) -> None:
        """End it `grace` seconds (of Slack's) from now."""
        if grace > 0:
            self._context.scheduler.at(
                self._context.later(now, grace), self._end_later, connection, how, abruptly
            )
        else:
            self._end_later(connection, how, abruptly, now)

    def close(
        self, connection: ServerConnection, how: str, now: float, *, code: int = 1000, reason: str = ""
    ) -> None:
        """Slack closes it with a Close frame."""
        self._ended(connection, how, now)
        if connection.line is not None and not connection.silent:
            connection.line.close(code, reason)

    def drop(self, connection: ServerConnection, how: str, now: float, *, reset: bool = False) -> None:
        """It ends without a frame."""
        self._ended(connection, how, now)
        if connection.line is not None:
            connection.line.abort(reset=reset)

    def received(self, connection: ServerConnection, payload: bytes, now: float, *, whole: bool = True) -> None:
        """A text frame came in; `whole` unless it is a part of a fragmented message."""
        if connection.silent or connection.loses_acks:
            return
        if connection.state is ServerState.ENDED:
            self._events.odd(connection.app, "frame after the close")
            return
        if not whole:
            self._events.odd(connection.app, "fragmented message")
            return
        ack = messages.read_ack(payload)
        if ack is None:
            self._events.odd(connection.app, "message that is no acknowledgement")
            return
        connection.acked += 1
        self._events.acknowledged(connection, *ack, now)

    def ponged(self, connection: ServerConnection) -> None:
        """The client answered a ping."""
        connection.pongs += 1
        self._events.changed()

    def odd(self, connection: ServerConnection, what: str) -> None:
        """The client sent what has no meaning here."""
        self._events.odd(connection.app, what)

    def violated(self, connection: ServerConnection, reason: str, now: float) -> None:
        """The client sent a frame for which Slack closes the connection."""
        self._events.odd(connection.app, reason)
        if connection.state is not ServerState.ENDED:
            self._ended(connection, f"closed by Slack: {reason}", now)

    def closed(self, connection: ServerConnection, code: int | None, now: float) -> None:
        """The client sent a Close frame, and it was noticed."""
        if connection.state is not ServerState.ENDED:
            self._ended(connection, f"closed by the client: {code}", now)

    def lost(self, connection: ServerConnection, now: float) -> None:
        """The TCP connection is no more; where that goes unseen, a ghost remains."""
        connection.line = None
        if connection.state is ServerState.ENDED:
            return
        noticed = self._context.settings.notices_lost_connections
        unseen = connection.silent or connection.end_unseen or not noticed
        if unseen and connection.receives:
            connection.state = ServerState.GHOST
            self._registry.changed(now)
            self._events.changed()
        else:
            self._ended(connection, "lost", now)

    def _hello(self, connection: ServerConnection, text: str | None, now: float) -> None:
        if connection.state is not ServerState.OPENING or connection.line is None:
            return
        hello = messages.hello(
            connection.app,
            num_connections=len(self._registry),
            host=connection.host,
            connection_time=connection.announced,
        )
        connection.line.send_text(hello if text is None else text)
        connection.state = ServerState.READY
        self._registry.changed(now)
        scheduler, settings = self._context.scheduler, self._context.settings
        scheduler.at(self._context.later(now, settings.ping_interval), self._ping, connection)
        if settings.warns_before_refresh:
            warn_at = now + connection.lifetime - settings.scaled(settings.warning_grace)
            scheduler.at(max(now, warn_at), self._warn_of_refresh, connection)
        scheduler.at(now + connection.lifetime, self._lifetime_over, connection)
        self._events.opened(connection, now)
        self._events.changed()

    def _ping(self, connection: ServerConnection, now: float) -> None:
        if connection.state in (ServerState.ENDED, ServerState.GHOST):
            return
        settings = self._context.settings
        silence = settings.longest_silence
        if silence is not None and now - connection.last_heard > settings.scaled(silence):
            self.drop(connection, "silent for too long", now)
            return
        if connection.line is not None and not connection.silent:
            connection.line.send_ping(settings.ping_text.encode())
            connection.pings += 1
        self._context.scheduler.at(self._context.later(now, settings.ping_interval), self._ping, connection)

    def _warn_of_refresh(self, connection: ServerConnection, now: float) -> None:
        if connection.state is ServerState.READY:
            self.disconnect(connection, "warning", now)

    def _lifetime_over(self, connection: ServerConnection, now: float) -> None:
        if connection.state is ServerState.ENDED:
            return
        if connection.swallows:
            self.drop(connection, "lifetime over, unseen", now)
            return
        self.disconnect(connection, "refresh_requested", now)
        self.end_after(connection, self._context.settings.refresh_grace, "refresh_requested", now)

    def _end_later(self, connection: ServerConnection, how: str, abruptly: bool, now: float) -> None:
        if connection.state is ServerState.ENDED:
            return
        if abruptly:
            self.drop(connection, how, now)
        else:
            self.close(connection, how, now)

    def _ended(self, connection: ServerConnection, how: str, now: float) -> None:
        self._registry.unregister(connection, now, how)
        self._events.ended(connection, now)
        self._events.changed()

    def _send_disconnect(self, connection: ServerConnection, reason: str, more: Mapping[str, Any]) -> None:
        if connection.line is not None and not connection.silent:
            connection.line.send_text(messages.disconnect(reason, connection.host, more))
