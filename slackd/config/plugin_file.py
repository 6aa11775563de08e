"""`plugins.d/NAME.toml`: who a plugin is, what it subscribes to, how it is delivered, what it may call."""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from slackd.config.gateway import parse_plugin_gateway
from slackd.config.globs import is_literal, overlap
from slackd.config.never_matches import never_matches
from slackd.config.values import (
    AS_SLACK_DELIVERS,
    Absent,
    Allow,
    App,
    Delivery,
    ExecRules,
    PluginConfig,
    Subscription,
)
from slackd.slack.envelopes import COMMANDS, EVENTS, INTERACTIVE
from slackd.text import nearest_name
from slackd.toml_reader.problems import shown
from slackd.toml_reader.tables import Table, one_of

PLUGIN_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
PLUGIN_NAME_EXPECTED: Final = (
    "a file name of at most 64 lower-case letters, digits, - and _, with a letter or digit first, and .toml"
)

_HOUR: Final = 3_600.0
_DAY: Final = 86_400.0
_EXABYTE: Final = 1 << 60
_KNOWN_TYPES: Final = (EVENTS, COMMANDS, INTERACTIVE)

_ACCOUNT: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,254}\$?|[0-9]{1,10}")
MEMBER_ID: Final = re.compile(r"[UW][A-Z0-9]{2,30}")
_OWNERS: Final = ("user", "users", "group")
_METHOD: Final = re.compile(r"[A-Za-z0-9.*?\[\]!_-]{1,128}")
_OVERFLOW_ID: Final = ("nobody", "65534")

_ONLY_IN: Final[Mapping[str, tuple[str, ...]]] = {
    "event": (EVENTS,),
    "not_event": (EVENTS,),
    "command": (COMMANDS,),
    "action_id": (INTERACTIVE,),
    "shortcut": (INTERACTIVE,),
    "callback_id": (INTERACTIVE, EVENTS),
}
"""The types of envelope in which Slack has these at all (`callback_id` of a function stands in an event)."""


def parse_plugin_file(name: str, root: Table, apps: Mapping[str, App], named: frozenset[str]) -> PluginConfig:
    """Read the values of a plugin's file.

    Args:
        name: The plugin's, which is the file's name without `.toml`.
        root: The file.
        apps: The apps that are configured and right.
        named: The apps that are configured at all; empty right after an installation, when any may be named.

    Returns:
        The values. What is wrong is noted in the document, and stands at its default here.
    """
    users = _users(root)
    group = _group(root)
    developers = _developers(root)
    subscriptions = tuple(_subscription(table, named) for table in root.tables("subscribe"))
    gateway = parse_plugin_gateway(root.table("gateway")) if "gateway" in root else None
    over_socket_mode = gateway is not None and gateway.socket_mode
    delivery = _delivery(root.table("delivery"), AS_SLACK_DELIVERS if over_socket_mode else Delivery())
    granted, methods = _grants(root.table("slack"), apps, named)
    rules = _exec_rules(root.table("exec")) if "exec" in root else None
    if gateway is not None and len(granted or named) > 1:
        root.document.wrong(
            ("slack", "apps"),
            f"{len(granted or named)} apps",
            "one app, since an app of the gateway has one token",
            f"write a file for each: {one_of(sorted(granted or named))}",
        )
    root.finish("developers", "gateway", "exec")
    return PluginConfig(
        name=name,
        file=root.document.file,
        users=users,
        group=group,
        developers=developers,
        subscriptions=subscriptions,
        delivery=delivery,
        apps=granted,
        methods=methods,
        gateway=gateway,
        exec=rules,
    )


def _exec_rules(table: Table) -> ExecRules:
    expected = 'the program\'s absolute path and its arguments: ["/usr/local/bin/deploy", "--quiet"]'
    command = table.texts("command", expected)
    if "command" not in table:
        table.wrong("command", expected)
    elif command and not command[0].startswith("/"):
        table.document.wrong((*table.key, "command"), shown(command[0]), expected)
    rules = ExecRules(
        command=command,
        concurrency=table.whole("concurrency", 1, 1, 256),
        timeout=table.duration("timeout", 30.0, 1.0, _HOUR),
    )
    table.finish(above=_OWNERS)
    return rules


def _users(root: Table) -> tuple[str, ...]:
    user = root.text("user", None, "the name of a Unix user in quotes")
    users = root.texts("users", "a list of names of Unix users")
    if user is not None and "users" in root:
        root.wrong("users", "either user or users, not both")
    for key, given in (("user", () if user is None else (user,)), ("users", users)):
        for account in given:
            if account in _OVERFLOW_ID:
                hint = "files and processes of users that a container doesn't know all seem to be this one"
                root.document.wrong((key,), shown(account), "a user of the plugin's own", hint)
            elif not _ACCOUNT.fullmatch(account):
                root.document.wrong((key,), shown(account), "the name of a Unix user")
    return users if user is None else (user,)


def _developers(root: Table) -> Mapping[str, tuple[str, ...]]:
    if "developers" not in root:
        return {}
    table = root.table("developers")
    named = {}
    for account in table.names():
        named[account] = table.texts(account, "member IDs such as U0123ABCD, or a list of such")
        key = (*table.key, account)
        if account in _OVERFLOW_ID or not _ACCOUNT.fullmatch(account):
            root.document.wrong(key, shown(account), "the name of a Unix user")
        for user in named[account]:
            if not MEMBER_ID.fullmatch(user):
                hint = "it is in Slack under their profile, ⋮, Copy member ID"
                root.document.wrong(key, shown(user), "a member ID such as U0123ABCD", hint)
    table.finish()
    return named


def _group(root: Table) -> str | None:
    group = root.text("group", None, "the name of a Unix group in quotes")
    if group is not None and (not _ACCOUNT.fullmatch(group) or group in ("nogroup", *_OVERFLOW_ID)):
        root.wrong("group", "the name of a Unix group of the plugin's own")
    return group


def _subscription(table: Table, named: frozenset[str]) -> Subscription:
    kind = table.text("type", None, "the type of envelope in quotes")
    if not kind:
        table.wrong("type", f"the type of envelope, for instance {one_of(_KNOWN_TYPES)}")
        kind = "*"
    _warn_of_misspelt(table, kind)
    patterns = {
        name: table.texts(name)
        for name in ("event", "not_event", "command", "callback_id", "action_id", "shortcut")
    }
    for name, types in _ONLY_IN.items():
        if patterns[name] and not any(overlap(kind, fits) for fits in types) and kind in _KNOWN_TYPES:
            table.document.wrong(
                (*table.key, name),
                f"{name} beside type = {shown(kind)}",
                f"type = {one_of(types)} for this",
                "Slack sends no such thing, so it would never match",
            )
    for command in patterns["command"]:
        if command[0] not in "/*?[":
            table.document.wrong(
                (*table.key, "command"), shown(command), f"the command with its slash, {shown(f'/{command}')}"
            )
    apps = table.texts("app")
    _check_apps(table, "app", apps, named)
    respond = table.flag("respond", False)
    if respond and kind == EVENTS:
        table.wrong("respond", f'false for type = "{EVENTS}"', "Slack takes no answer to an event")
    absent = table.choice("absent", Absent.REFUSE)
    allow = _allow(table)
    subscription = Subscription(
        type=kind,
        **patterns,
        channel=table.texts("channel"),
        app=apps,
        ignore_self=table.flag("ignore_self", True),
        respond=respond,
        absent=absent,
        allow=allow,
    )
    table.finish("allow", above=_OWNERS)
    for key, words in never_matches(subscription):
        table.document.warn((*table.key, key), words)
    return subscription


_ALLOWED: Final = {
    "users": (re.compile(r"[UW][A-Z0-9]+"), "the id of a user, U…"),
    "usergroups": (re.compile(r"S[A-Z0-9]+"), "the id of a user group, S…"),
    "channels": (re.compile(r"[CGD][A-Z0-9]+"), "the id of a channel, C…"),
}
"""What `allow` may name, and the form of Slack's ids of it."""


def _allow(table: Table) -> Allow | None:
    """Who may. A rule that can't be understood is an error, never nobody's and everybody's leave."""
    if "allow" not in table:
        return None
    rule = table.table("allow")
    named = {key: rule.texts(key) for key in _ALLOWED}
    rule.finish()
    for key, (form, expected) in _ALLOWED.items():
        for each in named[key]:
            if not form.fullmatch(each):
                rule.document.wrong((*rule.key, key), shown(each), expected, "names may change, ids don't")
    if rule.is_empty:
        table.wrong("allow", "users, usergroups or channels in it")
    return Allow(**named)


def _warn_of_misspelt(table: Table, kind: str) -> None:
    if kind in _KNOWN_TYPES or not is_literal(kind):
        return
    if nearest := nearest_name(kind.lower(), _KNOWN_TYPES, cutoff=0.7):
        table.document.warn((*table.key, "type"), f"{shown(kind)} is no type we know; is {nearest} meant?")


def _check_apps(table: Table, key: str, apps: Sequence[str], named: frozenset[str]) -> None:
    if not named:
        return
    for app in apps:
        if not any(overlap(app, known) if key == "app" else app == known for known in named):
            expected = f"an app that is configured: {one_of(sorted(named))}"
            table.document.wrong((*table.key, key), shown(app), expected)


def _delivery(table: Table, defaults: Delivery) -> Delivery:
    backoff = table.table("backoff")
    initial = backoff.duration("initial", defaults.backoff_initial, 0.01, _HOUR)
    longest = backoff.duration("max", max(defaults.backoff_max, initial), 0.01, _DAY)
    if longest < initial:
        backoff.wrong("max", "at least as much as initial")
    backoff.finish()
    delivery = Delivery(
        order_by=table.choice("order_by", defaults.order_by),
        window=table.whole("window", defaults.window, 1, 10_000),
        ack_timeout=table.duration("ack_timeout", defaults.ack_timeout, 0.1, _HOUR),
        max_attempts=table.whole("max_attempts", defaults.max_attempts, 1, 1_000),
        backoff_initial=initial,
        backoff_max=longest,
        expire=table.duration("expire", defaults.expire, 1.0, 7 * _DAY),
        gaps=table.flag("gaps", defaults.gaps),
        max_age=table.duration("max_age", defaults.max_age, 1.0, 3650 * _DAY),
        max_bytes=table.size("max_bytes", defaults.max_bytes, 1 << 10, _EXABYTE),
        report_failures=table.flag("report_failures", defaults.report_failures),
    )
    table.finish(above=_OWNERS)
    return delivery


def _grants(
    table: Table, apps: Mapping[str, App], named: frozenset[str]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    granted = table.texts("apps", "a list of names of apps")
    _check_apps(table, "apps", granted, named)
    methods = table.texts("methods", 'a list of Web API methods, such as "chat.postMessage" or "reactions.*"')
    for method in methods:
        if not _METHOD.fullmatch(method):
            table.document.wrong((*table.key, "methods"), shown(method), "a Web API method, or a glob of such")
        elif "_" in method and is_literal(method):
            words = f"{shown(method)} grants nothing: Slack writes it {method.replace('_', '.')}"
            table.document.warn((*table.key, "methods"), words)
    table.finish(above=_OWNERS)
    if methods and "apps" not in table:
        if len(named) > 1:
            table.wrong("apps", f"the apps in whose name it may call these methods: {one_of(sorted(named))}")
        granted = tuple(sorted(named))
    for app in granted:
        if methods and app in apps and apps[app].bot_token is None:
            words = f"apps.{app} has no bot_token, so no method can be called"
            table.document.warn((*table.key, "methods"), words)
    return granted, methods
