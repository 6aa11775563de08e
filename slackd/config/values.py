"""What a valid configuration is: frozen values that cannot be wrong. Durations are seconds, sizes are bytes."""

import re
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Final

import attrs

from slackd.slotted import frozen


class LogLevel(Enum):
    """How much is said."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class SecretKind(Enum):
    """Where a token is kept."""

    CREDENTIAL = "credential"
    FILE = "file"
    ENV = "env"


@frozen
class SecretSource:
    """Where a token is read from: `credential:NAME`, `file:/path` or `env:NAME`. Never the token itself."""

    kind: SecretKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind.value}:{self.name}"


class OrderBy(Enum):
    """Which deliveries of a plugin go one after the other."""

    CHANNEL = "channel"
    THREAD = "thread"
    USER = "user"
    NONE = "none"


class Absent(Enum):
    """What becomes of a prompt envelope whose plugin has had no session for a while."""

    REFUSE = "refuse"
    KEEP = "keep"


class IfUnacknowledged(Enum):
    """What becomes of an event that an app behind the gateway has never acknowledged."""

    DEAD_LETTER = "dead-letter"
    DISCARD = "discard"


def _without_password(url: str | None) -> str:
    return repr(None if url is None else re.sub(r"//.*@", "//***@", url))


@frozen
class App:
    """One Slack app, from `[apps.NAME]`.

    Attributes:
        app_token: None where nothing is dialled (`transport = "http"`).
        transport: `socketmode`, `http`, or `both` while moving.
        signing_secret: What requests are signed with; None where nothing is posted here.
        old_signing_secret: The one before, while it is rotated.
        request_path: The path of its request URL.
        connections: READY connections that each connector keeps, 1 or 2.
        stall_timeout: A connection without one inbound frame for so long is dead.
        keepalive: Seconds between two pings of our own, 0 for none.
        unclaimed_command: The ephemeral text for a slash command that nobody subscribes to; "" for none.
        proxy: An http:// URL, perhaps with a password, which `repr` leaves out; None goes by the environment.
    """

    name: str
    app_token: SecretSource | None
    bot_token: SecretSource | None = None
    transport: str = "socketmode"
    signing_secret: SecretSource | None = None
    old_signing_secret: SecretSource | None = None
    request_path: str = ""
    connections: int = 1
    api_url: str = "https://slack.com/api/"
    proxy: str | None = attrs.field(default=None, repr=_without_password)
    ca_file: Path | None = None
    stall_timeout: float = 30.0
    keepalive: float = 0.0
    unclaimed_command: str = "Nothing here answers this command at the moment."


def dials(app: App) -> bool:
    """Whether connectors keep Socket Mode connections for it."""
    return app.transport in ("socketmode", "both")


def is_posted(app: App) -> bool:
    """Whether the receiver takes requests for it."""
    return app.transport in ("http", "both")


@frozen
class ReceiverConfig:
    """`[receiver]`: where Slack's requests come in.

    Attributes:
        listen: Addresses and paths, where systemd passes no socket.
        certificate: A PEM file, for TLS of its own.
        key: Its key.
        trusted_proxies: Addresses whose `X-Forwarded-For` counts; "unix" for Unix sockets.
    """

    listen: tuple[str, ...] = ()
    certificate: Path | None = None
    key: Path | None = None
    trusted_proxies: tuple[str, ...] = ()


class JournalEngine(Enum):
    """What the journal keeps its rows in; the value also names its folder in `slackd.broker.journal`."""

    SQLITE = "sqlite"


@frozen
class JournalConfig:
    """`[journal]`: where envelopes are kept, and how long.

    Attributes:
        directory: Holds the journal's files.
        engine: What keeps the rows.
        max_age: Envelopes without an open delivery are kept so long.
        max_bytes: And at most so much text of them.
        dead_letter_age: Dead letters are kept so long.
    """

    directory: Path
    max_age: float = 7 * 86_400.0
    max_bytes: int = 4 << 30
    dead_letter_age: float = 30 * 86_400.0
    engine: JournalEngine = JournalEngine.SQLITE


@frozen
class Plugins:
    """`[plugins]`: the plugin socket and the rules all plugins share.

    Attributes:
        directory: Holds a file NAME.toml for each plugin.
        answer_deadline: Seconds after receipt at which an envelope is acknowledged without an answer.
        grace: A session that ended is awaited so long.
        absent_after: A plugin without a session for so long is absent.
        failure_text: What a person reads when what they asked for has failed for good; {plugin} and {reference}
            (a delivery's number) are filled in, "" says nothing.
        retry_text: The same at the deadline, while another attempt is to come.
        slow_modal_text: What a modal shows at the deadline while its handler is still at work: it can't be
            answered later. "" closes it.
        slow_text: What a person reads at the deadline who gave a command and gets the answer later.
        forbidden_text: What a person reads who may not do what they asked for.
    """

    directory: Path
    socket: Path
    answer_deadline: float = 2.5
    grace: float = 2.0
    absent_after: float = 10.0
    failure_text: str = "{plugin} could not do this. If you ask for help, say the reference {reference}."
    retry_text: str = "{plugin} could not do this yet and tries again. Its reference is {reference}."
    slow_modal_text: str = (
        "{plugin} is still at work on this, and may yet succeed: look before you submit it again. "
        "Its reference is {reference}."
    )
    slow_text: str = ""
    forbidden_text: str = "You may not do this here."


@frozen
class Control:
    """`[control]`: the operators' socket."""

    socket: Path


@frozen
class Log:
    """`[log]`: how much is said."""

    level: str = "info"


@frozen
class Allow:
    """`allow` of a subscription: who may, by Slack's ids.

    Attributes:
        users, usergroups: Whoever is named or in a group that is; empty both: everybody.
        channels: There alone; empty: anywhere.
    """

    users: tuple[str, ...] = ()
    usergroups: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()


@frozen
class Subscription:
    """One `[[subscribe]]`: all patterns given must match; an empty tuple matches anything. Globs where text.

    `not_event` is the exception: what has one of these names doesn't match.
    """

    type: str
    event: tuple[str, ...] = ()
    not_event: tuple[str, ...] = ()
    channel: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    callback_id: tuple[str, ...] = ()
    action_id: tuple[str, ...] = ()
    shortcut: tuple[str, ...] = ()
    app: tuple[str, ...] = ()
    ignore_self: bool = True
    respond: bool = False
    absent: Absent = Absent.REFUSE
    allow: Allow | None = None


@frozen
class Delivery:
    """`[delivery]`: how envelopes are delivered to a plugin."""

    order_by: OrderBy = OrderBy.CHANNEL
    window: int = 64
    ack_timeout: float = 30.0
    max_attempts: int = 5
    backoff_initial: float = 1.0
    backoff_max: float = 300.0
    expire: float = 1_800.0
    gaps: bool = False
    max_age: float = 7 * 86_400.0
    max_bytes: int = 1 << 30
    report_failures: bool = True


AS_SLACK_DELIVERS: Final = Delivery(window=1_024, ack_timeout=10.0, max_attempts=4)
"""What stands in place of the defaults for an app that connects to the gateway as it does to Slack. SDKs don't
acknowledge what their app has no listener for: Slack gives up after three retries ("The Events API"), and so
many of those must not fill the window."""


@frozen
class GatewayConfig:
    """`[gateway]` of `slackd.toml`: where apps find Slack's own interfaces.

    Attributes:
        listen: Addresses with their ports, and paths of Unix sockets; unused where systemd passes the sockets.
        certificate: A PEM file with the server's certificate and its chain: then TLS is spoken.
        key: The PEM file with its private key.
        url: How apps reach it; None makes it out of the first address.
        control_socket: Where `slackctl gateway` finds it.
        directory: Holds the local credentials; `$STATE_DIRECTORY` of the service by default.
    """

    listen: tuple[str, ...] = ("127.0.0.1:9743",)
    certificate: Path | None = None
    key: Path | None = None
    url: str | None = None
    control_socket: Path = Path("/run/slackd/gateway-control.sock")
    directory: Path = Path("/var/lib/slackd-gateway")


@frozen
class PluginGateway:
    """`[gateway]` of a plugin's file: the plugin is an app that speaks Slack's own interfaces.

    Attributes:
        socket_mode: It connects as to Slack's Socket Mode.
        request_url: Or events are posted to it, and all else that has no URL of its own.
        commands_url: Slash commands are posted there.
        interactivity_url: Actions, shortcuts and views are posted there.
        options_url: Requests for the options of a menu are posted there.
        ca_file: PEM file of the authorities that its HTTPS certificates are checked with.
        unacknowledged: What becomes of an event that it leaves unacknowledged every time, or answers with 404.
    """

    socket_mode: bool = False
    request_url: str | None = None
    commands_url: str | None = None
    interactivity_url: str | None = None
    options_url: str | None = None
    ca_file: Path | None = None
    unacknowledged: IfUnacknowledged = IfUnacknowledged.DEAD_LETTER


@frozen
class ExecRules:
    """`[exec]` of a plugin's file: the command that `slackd exec` runs for each envelope.

    Attributes:
        command: The program's absolute path, and its arguments.
        concurrency: How many run at once, for each lane.
        timeout: Seconds after which one is killed and its delivery tried again.
    """

    command: tuple[str, ...]
    concurrency: int = 1
    timeout: float = 30.0


@frozen
class PluginConfig:
    """One `plugins.d/NAME.toml`.

    Attributes:
        users: Unix users that may connect as this plugin; empty with no group: the daemon's own, and only in
            a foreground run.
        group: A Unix group whose members may, or None.
        apps: The apps whose Web API it may call; the apps it hears are a matter of `subscribe.app`.
        methods: Globs of Web API methods it may call; none by default.
        gateway: How the gateway serves it, or None for a plugin that connects itself.
        exec: The command that `slackd exec` runs for each of its envelopes, or None.
        developers: By Unix user, the people in Slack whose envelopes for it that user may take
            (`slackctl dev --as`).
    """

    name: str
    file: Path
    users: tuple[str, ...] = ()
    group: str | None = None
    subscriptions: tuple[Subscription, ...] = ()
    delivery: Delivery = Delivery()
    apps: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    gateway: PluginGateway | None = None
    exec: ExecRules | None = None
    developers: Mapping[str, tuple[str, ...]] = attrs.field(factory=dict)


@frozen
class Config:
    """Everything that the files say.

    Attributes:
        link_socket: Where connectors find the broker.
        app_files: The file in which each app stands.
        digest: A fingerprint of all files read, so that a reload can tell whether anything changed.
        warnings: What works, and may not be what was meant: one line each, with file and key.
        left_out: The plugins that a start left out since their files can't be used, one line each with why.
        fallback: Why a start took the last good copies of the daemon's files, not those on disk; else "".
        daemon_files: The content of `slackd.toml` and the files of `apps.d`, as it was read.
    """

    file: Path
    apps: Mapping[str, App]
    journal: JournalConfig
    plugins: Plugins
    control: Control
    log: Log
    link_socket: Path
    plugin_files: Mapping[str, PluginConfig]
    gateway: GatewayConfig = GatewayConfig()
    receiver: ReceiverConfig = ReceiverConfig()
    app_files: Mapping[str, Path] = attrs.field(factory=dict)
    digest: str = ""
    warnings: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    fallback: str = ""
    daemon_files: Mapping[Path, bytes] = attrs.field(factory=dict, repr=False)
