"""`slackd.toml`, and `apps.d/NAME.toml`: the apps, and the daemon's own settings."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import attrs

from slackd.config.gateway import parse_gateway
from slackd.config.paths import Paths
from slackd.config.receiver import (
    check_paths_differ,
    parse_receiver,
    parse_request_path,
    parse_transport,
)
from slackd.config.urls import host_of, is_this_host
from slackd.config.values import (
    App,
    Control,
    GatewayConfig,
    JournalConfig,
    Log,
    LogLevel,
    Plugins,
    ReceiverConfig,
    SecretKind,
    SecretSource,
)
from slackd.redaction import holds_token
from slackd.slotted import frozen
from slackd.toml_reader.problems import shown
from slackd.toml_reader.tables import Table

_MINUTE: Final = 60.0
_HOUR: Final = 3_600.0
_DAY: Final = 86_400.0
_EXABYTE: Final = 1 << 60

APP_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
APP_NAME_EXPECTED: Final = "a name of at most 64 letters, digits, - and _, with a letter or digit first"
_SECRET_NAMES: Final = {
    SecretKind.CREDENTIAL: re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,254}"),
    SecretKind.FILE: re.compile(r"/[^\x00-\x1f]{1,4000}"),
    SecretKind.ENV: re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}"),
}
_SECRET_EXPECTED: Final = 'where the token is kept: "credential:NAME", "file:/PATH" or "env:NAME"'


@frozen
class DaemonFile:
    """What `slackd.toml` and the files of `apps.d` say; the plugins' files come on top.

    Attributes:
        named: Every app that the files name, also those with mistakes in them.
        app_files: The file in which each app stands.
    """

    named: frozenset[str]
    apps: Mapping[str, App]
    journal: JournalConfig
    plugins: Plugins
    control: Control
    log: Log
    link_socket: Path
    gateway: GatewayConfig
    receiver: ReceiverConfig
    app_files: Mapping[str, Path]


def parse_daemon_file(root: Table, standing: Paths, app_files: Sequence[Table] = ()) -> DaemonFile:
    """Read the values of the daemon's files.

    Args:
        root: `slackd.toml`.
        standing: Where things stand that it does not say.
        app_files: The files of `apps.d`, each named as its app.

    Returns:
        The values. What is wrong is noted in its document, and stands at its default here.
    """
    tables = root.table("apps").each()
    in_files = {name: table.document.file for name, table in tables}
    for table in app_files:
        name = table.document.file.name.removesuffix(".toml")
        if name in in_files:
            found = f"app {name}, which {in_files[name]} has too"
            table.document.wrong((), found, "each app in one of the two files")
            continue
        in_files[name] = table.document.file
        tables.append((name, table))
    apps = _apps(tables)
    journal = _journal(root.table("journal"), standing)
    plugins = _plugins(root.table("plugins"), standing)
    control_table = root.table("control")
    control = Control(socket=control_table.socket("socket", standing.runtime / "control.sock"))
    control_table.finish()
    log_table = root.table("log")
    log = Log(level=log_table.choice("level", LogLevel.INFO).value)
    log_table.finish()
    link_table = root.table("link")
    link_socket = link_table.socket("socket", standing.runtime / "link.sock")
    link_table.finish()
    gateway = parse_gateway(root.table("gateway"), standing)
    receiver = parse_receiver(root.table("receiver"), standing)
    root.finish()
    _check_sockets_differ(
        root,
        {
            ("link", "socket"): link_socket,
            ("plugins", "socket"): plugins.socket,
            ("control", "socket"): control.socket,
            ("gateway", "control_socket"): gateway.control_socket,
        },
    )
    return DaemonFile(
        frozenset(in_files), apps, journal, plugins, control, log, link_socket, gateway, receiver, in_files
    )


def _apps(tables: Sequence[tuple[str, Table]]) -> dict[str, App]:
    apps: dict[str, App] = {}
    users: dict[SecretSource, str] = {}
    for name, app_table in tables:
        if not APP_NAME.fullmatch(name):
            app_table.document.wrong(app_table.key, shown(name), APP_NAME_EXPECTED)
        app = _app(name, app_table)
        if app is None:
            continue
        apps[name] = app
        if app.app_token is None:
            continue
        # Slack deals out envelopes over all connections of a token, whichever name we have for it.
        if (first := users.setdefault(app.app_token, name)) != name:
            app_table.wrong("app_token", f"another token than that of apps.{first}", "each would get a share")
    check_paths_differ(apps, dict(tables))
    return apps


def _app(name: str, table: Table) -> App | None:
    transport = parse_transport(table)
    app_token = _secret(table, "app_token", required=transport != "http")
    bot_token = _secret(table, "bot_token", required=False)
    signing_secret = _secret(table, "signing_secret", required=transport != "socketmode")
    old_signing_secret = _secret(table, "old_signing_secret", required=False)
    defaults = App(name=name, app_token=app_token)
    app = attrs.evolve(
        defaults,
        bot_token=bot_token,
        transport=transport,
        signing_secret=signing_secret,
        old_signing_secret=old_signing_secret,
        request_path=parse_request_path(table, name),
        connections=table.whole("connections", defaults.connections, 1, 2),
        api_url=_api_url(table, defaults.api_url),
        proxy=_proxy(table),
        ca_file=table.path("ca_file", None),
        stall_timeout=table.duration("stall_timeout", defaults.stall_timeout, 0.1, 10 * _MINUTE),
        keepalive=table.duration("keepalive", defaults.keepalive, 0.0, 10 * _MINUTE),
        unclaimed_command=table.text("unclaimed_command", defaults.unclaimed_command) or "",
    )
    table.finish()
    is_complete = (app_token is not None or transport == "http") and (
        signing_secret is not None or transport == "socketmode"
    )
    return app if is_complete else None


def _secret(table: Table, name: str, *, required: bool) -> SecretSource | None:
    value = table.text(name, None, _SECRET_EXPECTED)
    if value is None:
        if required and name not in table:
            table.wrong(name, _SECRET_EXPECTED)
        return None
    if holds_token(value):
        table.document.wrong(
            (*table.key, name),
            "a token itself",
            _SECRET_EXPECTED,
            "whoever can read this file has the token: take it out, and make a new one at api.slack.com/apps",
        )
        return None
    kind_name, _, rest = value.partition(":")
    for kind, pattern in _SECRET_NAMES.items():
        if kind.value == kind_name and pattern.fullmatch(rest):
            return SecretSource(kind, rest)
    # Not shown whole: what isn't a place may well be a secret of another shape.
    start = kind_name if kind_name in {kind.value for kind in SecretKind} else value[:4]
    table.document.wrong((*table.key, name), f"text that begins with {shown(start)}", _SECRET_EXPECTED)
    return None


def _api_url(table: Table, default: str) -> str:
    value = table.text("api_url", default, "an https:// URL") or ""
    host = host_of(value, ("https", "http"))
    if host is None or "@" in value or "?" in value or "#" in value:
        table.wrong("api_url", f'an https:// URL such as "{default}"')
        return default
    if value.startswith("http:") and not is_this_host(value):
        table.document.warn(
            (*table.key, "api_url"), "tokens travel unencrypted over http:// to another machine"
        )
    return value if value.endswith("/") else value + "/"


def _proxy(table: Table) -> str | None:
    value = table.text("proxy", None, "an http:// URL")
    if value is None:
        return None
    if host_of(value, ("http", "https")) is None:
        hint = "SOCKS is not supported" if value.startswith("socks") else ""
        if value == "":
            hint = "leave the key out to go by HTTPS_PROXY and NO_PROXY"
        table.wrong("proxy", 'the URL of an HTTP proxy, such as "http://proxy.example.com:3128"', hint)
        return None
    return value


def _journal(table: Table, standing: Paths) -> JournalConfig:
    defaults = JournalConfig(directory=standing.state)
    journal = JournalConfig(
        directory=table.path("directory", standing.state) or standing.state,
        max_age=table.duration("max_age", defaults.max_age, 60.0, 3650 * _DAY),
        max_bytes=table.size("max_bytes", defaults.max_bytes, 1 << 20, _EXABYTE),
        dead_letter_age=table.duration("dead_letter_age", defaults.dead_letter_age, 60.0, 3650 * _DAY),
        engine=table.choice("engine", defaults.engine),
    )
    table.finish()
    return journal


def _plugins(table: Table, standing: Paths) -> Plugins:
    directory = table.document.file.parent / "plugins.d"
    socket = standing.runtime / "plugins.sock"
    defaults = Plugins(directory=directory, socket=socket)
    plugins = Plugins(
        directory=table.path("directory", directory) or directory,
        socket=table.socket("socket", socket),
        answer_deadline=table.duration("answer_deadline", defaults.answer_deadline, 0.1, 2.9),
        grace=table.duration("grace", defaults.grace, 0.0, _MINUTE),
        absent_after=table.duration("absent_after", defaults.absent_after, 0.0, _HOUR),
        failure_text=_words(table, "failure_text", defaults.failure_text),
        retry_text=_words(table, "retry_text", defaults.retry_text),
        slow_modal_text=_words(table, "slow_modal_text", defaults.slow_modal_text),
        slow_text=_words(table, "slow_text", defaults.slow_text),
        forbidden_text=_words(table, "forbidden_text", defaults.forbidden_text),
    )
    table.finish()
    return plugins


def _words(table: Table, key: str, default: str) -> str:
    return table.text(key, default) or ""


def _check_sockets_differ(root: Table, sockets: Mapping[tuple[str, str], Path]) -> None:
    taken: dict[Path, tuple[str, str]] = {}
    for key, path in sockets.items():
        if (first := taken.setdefault(path, key)) != key:
            root.document.wrong(key, shown(str(path)), f"another path than {'.'.join(first)} has")
