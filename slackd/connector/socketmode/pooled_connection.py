"""One life in the pool: what the machine knows of a connection, or of the wait for one.

Times are monotonic seconds.
"""

from slackd.connector.socketmode.lifecycle import BEGINS
from slackd.link.messages import ConnectionState
from slackd.slack.connection_states import COUNTS_AS_READY, ConnectionPhase
from slackd.slotted import define

USUAL_LIFETIME = 18_060.0
"""Seconds that Slack's connections live (all samples in the field), for a `hello` that doesn't say."""


@define(eq=False)
class PooledConnection:
    """A life in one place of the pool (`lifecycle`); only the pool changes it.

    Attributes:
        connection: The name of its socket; a life that dials again has a new one.
        replaces: The life whose replacement this is, until its own hello.
        dial_at: When to dial, for a life that waits to; else None.
        dialled_at: When it dialled last.
        heard_at: When the last frame of any kind came in.
        rotate_at: When it is to be replaced, if Slack said how long it lives.
        farewell_at: When Slack announced the end of this connection.
        linger_until: A replaced life is read until then, if Slack doesn't close it sooner.
        replaced: Its replacement has said hello.
        draining: It waits for no replacement.
        pings: The far end pings, as Slack does: so its silence says enough.
        asked: In the silence that it is in, a sign of life was asked for.
        stalled: The silence that it is in was seen already.
        has_stalled: It was silent for too long at least once.
        no_place: It waits since Slack had no place for one more connection.
        closing: It is to close.
        busy_since: Since when it would have closed if nothing had been in flight.
        failure: Why it has no socket, "" while it has one.
        spoke: A frame came in after the hello.
        pinged_at: When a ping of our own was last due (`keepalive`).
        waiting_ended: What was said of the waiting for answers on it: None, or whether of everything.
    """

    app: str
    place: int
    connection: str
    since: float
    phase: ConnectionPhase = BEGINS
    replaces: "PooledConnection | None" = None
    dial_at: float | None = None
    dialled_at: float = 0.0
    heard_at: float = 0.0
    ready_since: float | None = None
    host: str = ""
    num_connections: int = 0
    lifetime: float = 0.0
    rotate_at: float | None = None
    farewell_at: float | None = None
    linger_until: float = 0.0
    replaced: bool = False
    draining: bool = False
    pings: bool = False
    asked: bool = False
    stalled: bool = False
    has_stalled: bool = False
    no_place: bool = False
    closing: bool = False
    busy_since: float | None = None
    waiting_ended: bool | None = None
    spoke: bool = False
    failure: str = ""
    pinged_at: float = 0.0

    @property
    def is_over(self) -> bool:
        """Nothing will ever happen to it again."""
        return self.phase is ConnectionPhase.CLOSED

    @property
    def is_ready(self) -> bool:
        """It counts as READY (promise P2)."""
        return self.phase in COUNTS_AS_READY

    def state(self) -> ConnectionState:
        """As it is reported to the broker."""
        return ConnectionState(
            connection=self.connection,
            app=self.app,
            phase=self.phase.value,
            since=self.since,
            ready_since=self.ready_since,
            host=self.host,
            num_connections=self.num_connections,
            lifetime=self.lifetime,
            failure=self.failure,
            retry_at=self.dial_at if self.phase is ConnectionPhase.BACKOFF else None,
        )

    def ghost_until(self) -> float | None:
        """Until when Slack may count this connection if it has not seen its end; None before its hello."""
        if self.ready_since is None or self.farewell_at is not None:
            return None
        return self.ready_since + (self.lifetime or USUAL_LIFETIME)

    def begin_again(self, connection: str, now: float) -> None:
        """A new socket with a new name: nothing of the last one holds any more."""
        self.connection = connection
        self.dialled_at = self.heard_at = now
        self.ready_since = self.dial_at = self.rotate_at = self.farewell_at = None
        self.host, self.num_connections, self.lifetime = "", 0, 0.0
        self.pings = self.asked = self.stalled = self.has_stalled = self.no_place = self.closing = False
        self.spoke, self.pinged_at, self.failure = False, now, ""
