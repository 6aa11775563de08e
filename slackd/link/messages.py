"""What the two sides say to each other. In one process these values are passed as they are; over a socket each
is a line (`encoding`, `decoding`).

A connector speaks first (`Hello`). It repeats after every new link what is still unsettled (rule R1 of the
design), so no message needs an acknowledgement of its own.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

import attrs

from slackd.envelope import Arrival, Promise, Refusal, Settlement
from slackd.slotted import frozen

RECEIVER: Final = 3
"""The receiver's number in its `Hello`; connectors have 1 and 2. It brings arrivals and makes no calls."""
LINK_VERSION = 2
"""Raised when a message changes so that a neighbouring release would misread it. To a side that has said 2 or
more, in its `Hello` or `Welcome`, columns go in their compact form (`slackd.link.codec`)."""
FILES: Final = "files"
"""The feature of a connector that moves files (`CallKind.UPLOAD`, `DOWNLOAD`)."""
KEPT_SOCKET: Final = "kept-socket"
"""The feature of a receiver whose listening socket is systemd's: while it restarts, requests wait there."""
NOT_SENT: Final = 0
"""The status of a call of which Slack got nothing."""
OUTCOME_UNKNOWN: Final = -1
"""The status of a call that Slack may or may not have carried out; connectors of earlier releases say 0."""
NOT_SLACKS: Final = 403
"""The status, without a body, of a post to a URL that is none of Slack's: nothing was sent."""


@frozen
class ConnectionState:
    """One Slack connection of a connector, as it stands now.

    Attributes:
        connection: Its name, unique in the life of the connector's process (`c1-main-7`).
        app: The app's name in the configuration.
        phase: A name from `slackd.connector.socketmode.lifecycle.Phase`.
        since: When it entered the phase, seconds on the machine's monotonic clock.
        ready_since: When Slack said hello, or None.
        host: Slack's own name for the far end, "" before the hello.
        num_connections: Slack's count of the app's open connections at the hello, with ghosts and foreign ones.
        lifetime: `approximate_connection_time` in seconds, 0 before the hello.
        failure: Why the last attempt failed, "" for one that is open.
        retry_at: When the next attempt is due, seconds on the machine's monotonic clock, or None.
    """

    connection: str
    app: str
    phase: str
    since: float
    ready_since: float | None = None
    host: str = ""
    num_connections: int = 0
    lifetime: float = 0.0
    failure: str = ""
    retry_at: float | None = None


@frozen
class AppTrouble:
    """Why an app has no connection, in words for its operator; fatal until somebody repairs it."""

    app: str
    reason: str
    hint: str


@frozen
class AppIdentity:
    """Who an app's bot is: what Slack's `auth.test` says, and the app's id out of its app-level token.

    Attributes:
        app: The app's name in the configuration.
        app_id, team_id, bot_id, bot_user_id: Slack's ids, "" where it doesn't say.
    """

    app: str
    app_id: str = ""
    team_id: str = ""
    bot_id: str = ""
    bot_user_id: str = ""

    @property
    def own_bot_ids(self) -> tuple[str, ...]:
        """The ids by which the bot's own messages may name it."""
        return (self.bot_id,) if self.bot_id else ()


@frozen
class Identified:
    """A connector has asked Slack who an app's bot is. It reports that again after every new link, before what
    is unsettled, once the broker has said that it speaks version 2; one of 0.1.0 does not know this message."""

    identity: AppIdentity


@frozen
class Hello:
    """A connector introduces itself; also everything that is true of its connections now.

    Attributes:
        version: `LINK_VERSION` of the connector; neighbouring versions understand each other.
        connector: 1 or 2, or `RECEIVER`.
        pid: The connector's process.
        digest: Fingerprint of its code, configuration and credentials.
        states: Every connection that isn't closed.
        troubles: Every app that is in trouble.
        apps: Every app it keeps connections for, with the number it wants READY.
        features: What it can do beyond `version`: calls of a kind that it doesn't name aren't sent to it.
    """

    version: int
    connector: int
    pid: int
    digest: str = ""
    states: tuple[ConnectionState, ...] = ()
    troubles: tuple[AppTrouble, ...] = ()
    apps: Mapping[str, int] = attrs.field(factory=dict)
    features: tuple[str, ...] = ()


@frozen
class Welcome:
    """The broker's answer to the `Hello` of a connector of version 2 or later.

    Attributes:
        version: `LINK_VERSION` of the broker.
    """

    version: int


@frozen
class Deliver:
    """Arrivals that were read together go together."""

    arrivals: tuple[Arrival, ...]


@frozen
class Changed:
    """A connection changed its phase.

    Attributes:
        number: The connector's own count of changes; what changed while the link was down is sent again.
        state: As it is after the change.
        cue: What caused it (a name from `lifecycle.Cue`).
        at: Seconds on the machine's monotonic clock.
        ghost_until: For a connection whose end Slack did not confirm: the monotonic time until which Slack may
            go on counting it and giving it envelopes. None for every other change.
    """

    number: int
    state: ConnectionState
    cue: str
    at: float
    ghost_until: float | None = None


@frozen
class Trouble:
    """An app fell into trouble, or (reason "") came out of it."""

    trouble: AppTrouble


@frozen
class Acknowledged:
    """How long arrivals took from receipt to the acknowledgement on the wire, in seconds, for the metrics.

    Attributes:
        app: The app's name.
        seconds: One number an acknowledgement.
        unsendable: Settled arrivals whose acknowledgement could not be sent: mostly, their connection was gone.
    """

    app: str
    seconds: tuple[float, ...]
    unsendable: int = 0


@frozen
class Closing:
    """A connection is about to close, or has: what it has brought, and still brings, waits less for answers.

    Slack sends into a connection until it reads our Close, and what is unacknowledged then stays so. A quiet
    moment is waited for; where plugins' answers leave none, the connector makes one with this. It is told again
    after every new link, before what is unsettled. A broker that doesn't know it lets everything wait as ever.

    Attributes:
        connection: Its name.
        everything: Also what has no `response_url` is acknowledged now; its answer is lost, as at a deadline.
        mute: No acknowledgement can be sent on it any more: answers go to the `response_url`, where there is
            one.
    """

    connection: str
    everything: bool = False
    mute: bool = False


@frozen
class Unsent:
    """These arrivals were settled with a payload that reached nobody: their connection was gone, or they had
    been acknowledged as promised."""

    numbers: tuple[int, ...]


class CallKind(Enum):
    """What a connector is asked to do at Slack."""

    METHOD = "method"
    RESPONSE_URL = "response_url"
    PROBE = "probe"
    UPLOAD = "upload"
    DOWNLOAD = "download"


@frozen
class Call:
    """The broker asks a connector for a Web API call, a post to a `response_url`, or a probe.

    Attributes:
        number: The broker's own number for it.
        app: Whose token is used.
        kind: What to do.
        target: The method (`chat.postMessage`), the URL, or what to probe; "" for the next piece of a file.
        args: Arguments of the method, or the JSON body of the post, or the `transfer` and its `data`.
        timeout: Seconds in which an answer is of use.
        key: Asked again under the same key, the connector gives the first one's answer; "" for a call that is
            carried out however often it is asked for.
    """

    number: int
    app: str
    kind: CallKind
    target: str
    args: Mapping[str, Any]
    timeout: float = 30.0
    key: str = ""


@frozen
class Returned:
    """What came of a `Call`.

    Attributes:
        number: The call's number.
        body: Slack's own JSON (also when it says `ok: false`), or None when Slack never answered.
        status: The HTTP status; `NOT_SENT`, or `OUTCOME_UNKNOWN`, when Slack never answered.
        retry_after: Seconds from `Retry-After`, on a 429.
        error: What failed on the way, "" when Slack answered.
    """

    number: int
    body: Mapping[str, Any] | None
    status: int = 200
    retry_after: float | None = None
    error: str = ""


@frozen
class Settled:
    """These arrivals are journaled and may be acknowledged."""

    settlements: tuple[Settlement, ...]


@frozen
class Promised:
    """These arrivals are journaled; if no broker has settled them when due, they may be acknowledged."""

    promises: tuple[Promise, ...]


@frozen
class Refused:
    """These arrivals could not be journaled and must not be acknowledged; Slack will send them again."""

    refusals: tuple[Refusal, ...]


@frozen
class AppPeers:
    """What a connector cannot see by itself of one app.

    Attributes:
        ready_elsewhere: Connections that the other connector has READY.
        free: Places left under Slack's ten, ghosts and foreign connections counted.
    """

    ready_elsewhere: int
    free: int


@frozen
class Peers:
    """The broker reports to each connector the other's connections and of the budget."""

    apps: Mapping[str, AppPeers]


FromConnector = Hello | Identified | Deliver | Changed | Trouble | Acknowledged | Closing | Unsent | Returned
FromBroker = Settled | Promised | Refused | Call | Peers
LinkMessage = FromConnector | FromBroker | Welcome
