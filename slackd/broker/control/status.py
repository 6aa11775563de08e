"""How the broker stands, as values: what `/v1/status`, `slackctl status` and `slackd rolling-restart` go by.

Instants are UNIX seconds, durations seconds, sizes bytes. No value here holds a token: the broker has none.
"""

from collections.abc import Mapping

import attrs

from slackd.slotted import frozen


@frozen
class BrokerStatus:
    """The broker's own process.

    Attributes:
        config_left_out: What on disk it could not use when it started, and goes on without.
        config_on_disk: Why the next start could not use what is on disk now.
        foreground: Somebody started it by hand: it is no unit of systemd's.
    """

    pid: int
    version: str
    digest: str
    started_at: float
    uptime: float
    config: str
    config_warnings: tuple[str, ...] = ()
    config_left_out: tuple[str, ...] = ()
    config_on_disk: tuple[str, ...] = ()
    foreground: bool = False


@frozen
class ConnectionStatus:
    """One Slack connection.

    Attributes:
        seconds: For how long it has been in its phase.
        ready_for: For how long it has been READY, or None.
        lifetime: How long Slack said it would live, 0 before the hello.
        failure: Why the last attempt failed, "" for one that is open.
        retry_in: Seconds to the next attempt, or None.
    """

    name: str
    app: str
    phase: str
    seconds: float
    ready_for: float | None
    host: str
    lifetime: float
    failure: str = ""
    retry_in: float | None = None


@frozen
class TroubleStatus:
    """Why an app has no connection, and its hint."""

    app: str
    reason: str
    hint: str


@frozen
class ConnectorSummary:
    """One connector; all but its number is empty while it isn't linked.

    Attributes:
        ready: By app, connections that are READY.
        wanted: By app, connections that it wants READY.
        changed_for: Seconds since its link came, or went, or since the broker's start.
    """

    number: int
    linked: bool
    pid: int = 0
    digest: str = ""
    ready: Mapping[str, int] = attrs.field(factory=dict)
    wanted: Mapping[str, int] = attrs.field(factory=dict)
    troubles: tuple[TroubleStatus, ...] = ()
    connections: tuple[ConnectionStatus, ...] = ()
    changed_for: float = float("inf")


@frozen
class GapNow:
    """An app has no READY connection at the moment."""

    since: float
    reason: str


@frozen
class AppStatus:
    """One app over both connectors.

    Attributes:
        ready, wanted: Connections.
        ghosts: Connections of ours that Slack may still count although they are gone.
        foreign: Connections of other processes on the same app token.
        free: Places left under Slack's ten.
        gap: The interval without a READY connection that lasts now, or None.
        gaps_day, gap_seconds_day: Gaps within 24 hours and the seconds in them; None if unknown.
        seconds_without_ready: Since the broker's start.
        events_hour: Event deliveries within the last hour, or since the start if that was later.
        last_failure: Why the last attempt to connect failed, "" if none waits for its next one.
        next_try_in: Seconds to the next attempt, or None.
    """

    name: str
    transport: str
    ready: int
    wanted: int
    ghosts: int
    foreign: int
    free: int
    gap: GapNow | None
    gaps_day: int | None
    gap_seconds_day: float | None
    seconds_without_ready: float
    events_hour: int
    events_hour_limit: int
    first_seen_on_retry: int
    troubles: tuple[TroubleStatus, ...]
    last_failure: str = ""
    next_try_in: float | None = None


@frozen
class SessionStatus:
    """One session of a plugin.

    Attributes:
        session: The program's own name for it, "" if it named none.
        awaited: Its connection ended a moment ago, and it may come back.
        paused: It doesn't read what it was sent.
        in_flight: Deliveries that it has.
        intercepts: The app and user whose deliveries it takes, and no others; "" for a session like any.
    """

    session: str
    client: str
    pid: int
    uid: int
    awaited: bool
    paused: bool
    in_flight: int
    intercepts: str = ""


@frozen
class FaultStatus:
    """What a plugin, or a user of the host, has done wrong within the last five minutes.

    Attributes:
        fault: The kind, a word of `Fault`: "refused", "crashed", "slowed", "held".
        text: The kind in words; `last`: the last one's.
        ago: Seconds since the last one.
    """

    fault: str
    text: str
    count: int
    last: str
    ago: float


@frozen
class UserFaults:
    """Faults of a user of the host whose connections were no plugin's yet."""

    uid: int
    faults: tuple[FaultStatus, ...]


@frozen
class PluginStatus:
    """One plugin that a file declares.

    Attributes:
        responds: Slack's acknowledgement waits for its answers.
        absent_for: Seconds without a session, 0 while there is one.
        open, open_bytes, oldest_age, dead: Its backlog and dead letters; None if the journal can't be read.
        dead_bytes: Of its dead letters' envelopes, when the journal last counted them.
        max_bytes: Limit of `open_bytes` and of `dead_bytes`: beyond it the oldest go; None if there is none.
        in_flight: Deliveries that its sessions have or that wait for a commit.
        faults: What it has done wrong of late.
        stale_hour: Its answers within the last hour that nobody waited for: to no delivery of its, or too late.
        held_up: In words, which delivery has held up others of its key for long, and the hint; "" if none has.
    """

    name: str
    file: str
    responds: bool
    absent_for: float
    sessions: tuple[SessionStatus, ...]
    open: int | None
    open_bytes: int | None
    oldest_age: float | None
    dead: int | None
    in_flight: int
    window: int
    held_up: str = ""
    held_up_hint: str = ""
    dead_bytes: int = 0
    max_bytes: int | None = None
    faults: tuple[FaultStatus, ...] = ()
    stale_hour: int = 0


@frozen
class JournalStatus:
    """The journal.

    Attributes:
        healthy: The last commit succeeded and the writer answers.
        failing: What failed at the last commit or read, "" when all is well.
        hint: What to do about it, in the words of the journal's engine.
        dead_bytes: Of all dead letters' envelopes, when the journal last counted them.
        max_bytes: Limit of `dead_bytes`: beyond it the oldest go; None if there is none.
        silent_for: Seconds since the writer last answered.
        commit_p50, commit_p99: Seconds, of the last thousand commits; None before the first.
        unreadable_letters: Dead letters that nobody could read.
    """

    directory: str
    healthy: bool
    failing: str
    bytes: int
    silent_for: float
    commit_p50: float | None
    commit_p99: float | None
    unreadable_letters: int | None
    hint: str = ""
    dead_bytes: int = 0
    max_bytes: int | None = None


@frozen
class HealthReason:
    """One thing that an operator should know.

    Attributes:
        level: "failing", "degraded", or "note" for what needs a look and no wakeup.
        about: What it is about: an app, a plugin, "journal", "connector 2".
        hint: What to do about it.
    """

    level: str
    about: str
    text: str
    hint: str


@frozen
class Status:
    """The whole."""

    broker: BrokerStatus
    connectors: tuple[ConnectorSummary, ...]
    apps: tuple[AppStatus, ...]
    plugins: tuple[PluginStatus, ...]
    journal: JournalStatus
    answers_awaited: int
    calls_under_way: int
    health: str = "ok"
    reasons: tuple[HealthReason, ...] = ()
    users: tuple[UserFaults, ...] = ()
