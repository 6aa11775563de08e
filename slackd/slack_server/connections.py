"""One app's connections: who is registered, who is READY, and who gets the next envelope.

    OPENING ──hello──▶ READY ──its end begins──▶ LEAVING ──▶ ENDED
       └──────────────── its end begins ───────────▲
    any ──its client is gone: seen──▶ ENDED,  unseen──▶ GHOST ──its time is up──▶ ENDED

`ConnectionLifecycle` moves them; here stands what follows from a state. Registered, from OPENING to GHOST, is
what Slack believes: it counts towards the limit of ten ("Using Socket Mode"), and READY, LEAVING and GHOST get
their share of the envelopes. A connection whose end Slack has not seen (half-open) is registered still: what a
ghost gets nobody acknowledges, and Slack sends it again.

Times are seconds on whatever clock drives it.
"""

from __future__ import annotations

import enum
from collections.abc import Callable
from typing import Protocol

from slackd.slack_server.settings import ServerContext
from slackd.slotted import define


class ConnectionLine(Protocol):
    """The way out to one client."""

    def send_text(self, text: str) -> None:
        """Send one text frame."""

    def send_ping(self, payload: bytes) -> None:
        """Send a ping."""

    def send_raw(self, data: bytes) -> None:
        """Send bytes as they are."""

    def close(self, code: int | None, reason: str) -> None:
        """Send a Close frame and see the closing handshake through."""

    def abort(self, *, reset: bool = False) -> None:
        """End the TCP connection without a frame; with `reset` by a TCP reset."""


class ServerState(enum.Enum):
    """The life of a connection as Slack sees it."""

    OPENING = "opening"
    READY = "ready"
    LEAVING = "leaving"
    GHOST = "ghost"
    ENDED = "ended"


_RECEIVES = frozenset({ServerState.READY, ServerState.LEAVING, ServerState.GHOST})
_SERVES = frozenset({ServerState.READY, ServerState.LEAVING})


@define(eq=False)
class ServerConnection:
    """One WebSocket of a client's.

    Attributes:
        silent: nothing goes out and nothing that comes in is noticed (a half-open stall).
        mute: envelopes are swallowed, while pings go on.
        loses_acks: what the client says is not noticed.
        end_unseen: that the client ended it will not be noticed: it becomes a ghost.
        lifetime: seconds until it is refreshed; `announced` is what `hello` says of that.
        how_ended: who ended it and how, in words.
        last_heard: when the client last sent anything, in seconds on the server's clock.
    """

    id: str
    app: str
    number: int
    lifetime: float
    announced: int
    line: ConnectionLine | None = None
    state: ServerState = ServerState.OPENING
    opened_at: float = 0.0
    ended_at: float | None = None
    last_heard: float = 0.0
    how_ended: str | None = None
    silent: bool = False
    mute: bool = False
    loses_acks: bool = False
    end_unseen: bool = False
    answers_close: bool = True
    closes_tcp: bool = True
    sent: int = 0
    acked: int = 0
    pings: int = 0
    pongs: int = 0

    @property
    def host(self) -> str:
        """The name that Slack gives the front end in `debug_info`."""
        return f"applink-{self.number}"

    @property
    def receives(self) -> bool:
        """Whether envelopes are given to it."""
        return self.state in _RECEIVES

    @property
    def swallows(self) -> bool:
        """Whether what is given to it can't reach the client."""
        return self.silent or self.mute or self.state is ServerState.GHOST

    @property
    def half_open(self) -> bool:
        """Whether it is a ghost: Slack counts it, and nothing goes over it. The client of a stalled one may not
        know yet.
        """
        return self.silent or self.state is ServerState.GHOST

    @property
    def ready(self) -> bool:
        """Whether it serves the app, in truth and not only in Slack's belief."""
        return self.state in _SERVES and not self.silent and not self.mute


class Registry:
    """The connections of one app.

    Args:
        ready_changed: called with the number of READY connections and the time, when that number changes.
    """

    def __init__(self, context: ServerContext, ready_changed: Callable[[int, float], None]) -> None:
        self._context = context
        self._ready_changed = ready_changed
        self._ready = 0
        self._registered: dict[str, ServerConnection] = {}
        self._receivers: list[ServerConnection] = []
        self._turn = 0

    def __len__(self) -> int:
        return len(self._registered)

    @property
    def ready(self) -> int:
        """How many are READY."""
        return self._ready

    def all(self) -> list[ServerConnection]:
        """Those that are registered, oldest first."""
        return list(self._registered.values())

    @property
    def full(self) -> bool:
        """Whether Slack takes no more."""
        return len(self._registered) >= self._context.settings.max_connections

    def register(self, connection: ServerConnection, now: float) -> None:
        """From now on it counts."""
        self._registered[connection.id] = connection
        self.changed(now)

    def unregister(self, connection: ServerConnection, now: float, how: str) -> None:
        """Slack has noticed that it ended, and how."""
        connection.state = ServerState.ENDED
        connection.ended_at = now
        connection.how_ended = how
        self._registered.pop(connection.id, None)
        self.changed(now)

    def changed(self, now: float) -> None:
        """The state of a connection has changed."""
        self._receivers = [connection for connection in self._registered.values() if connection.receives]
        ready = sum(connection.ready for connection in self._registered.values())
        if ready != self._ready:
            self._ready = ready
            self._ready_changed(ready, now)

    def choose(self) -> ServerConnection | None:
        """The connection that gets the next envelope, ghosts included, or None."""
        receivers = self._receivers
        if not receivers:
            return None
        if self._context.settings.distribution == "random":
            return receivers[int(self._context.dice.random() * len(receivers))]
        self._turn += 1
        return receivers[self._turn % len(receivers)]
