"""The words for what is wrong. Each case is whole: a change of the words is a change of the product."""

from pathlib import Path
from textwrap import dedent

import pytest

from tests.unit.config.config_folder import ConfigFolder

APP = '[apps.main]\napp_token = "env:APP"\n'
ANOTHER = '[apps.other]\napp_token = "env:OTHER"\n'
SECRET = 'where the token is kept: "credential:NAME", "file:/PATH" or "env:NAME"'
MEND_TOKEN = "whoever can read this file has the token: take it out, and make a new one at api.slack.com/apps"
APP_KEYS = (
    "transport, app_token, bot_token, signing_secret, old_signing_secret, request_path, connections, api_url, "
    "proxy, ca_file, stall_timeout, keepalive or unclaimed_command"
)

DAEMON = {
    "a gateway for the network without TLS": (
        '[gateway]\nlisten = "192.0.2.7:9743"',
        'slackd.toml:2: gateway.listen: found "192.0.2.7:9743", expected an address of this host\'s loopback '
        "interface, or certificate and key beside it (credentials would travel unencrypted over the network)",
    ),
    "a gateway with half of TLS": (
        '[gateway]\ncertificate = "/etc/ssl/gateway.pem"',
        "slackd.toml:1: gateway.key: found nothing, expected the PEM file that belongs to certificate",
    ),
    "a gateway at a name": (
        '[gateway]\nlisten = "example.com:9743"',
        'slackd.toml:2: gateway.listen: found "example.com:9743", expected an address with its port, such as '
        '"127.0.0.1:9743", or the path of a Unix socket',
    ),
    "no token": (
        "[apps.main]",
        f"slackd.toml:1: apps.main.app_token: found nothing, expected {SECRET}",
    ),
    "a token in plain text": (
        '[apps.main]\napp_token = "xapp-1-A111-222-abcdef"',
        f"slackd.toml:2: apps.main.app_token: found a token itself, expected {SECRET} ({MEND_TOKEN})",
    ),
    "a token in plain text behind a prefix": (
        APP + 'bot_token = "env:xoxb-1-2-abc"',
        f"slackd.toml:3: apps.main.bot_token: found a token itself, expected {SECRET} ({MEND_TOKEN})",
    ),
    "another secret in plain text": (
        '[apps.main]\napp_token = "hunter2hunter2"',
        f'slackd.toml:2: apps.main.app_token: found text that begins with "hunt", expected {SECRET}',
    ),
    "a credential with a path": (
        '[apps.main]\napp_token = "credential:../app"',
        f'slackd.toml:2: apps.main.app_token: found text that begins with "credential", expected {SECRET}',
    ),
    "a relative file": (
        '[apps.main]\napp_token = "file:app"',
        f'slackd.toml:2: apps.main.app_token: found text that begins with "file", expected {SECRET}',
    ),
    "one token for two apps": (
        APP + '[apps.again]\napp_token = "env:APP"',
        'slackd.toml:4: apps.again.app_token: found "env:APP", '
        "expected another token than that of apps.main (each would get a share)",
    ),
    "an app that is no table": (
        '[apps]\nmain = "xapp-1-A-2-abc"',
        'slackd.toml:2: apps.main: found "xapp-***", expected a table, [apps.main]',
    ),
    "a name for an app that can't be one": (
        '[apps."my app"]\napp_token = "env:APP"',
        'slackd.toml:1: apps."my app": found "my app", '
        "expected a name of at most 64 letters, digits, - and _, with a letter or digit first",
    ),
    "a token as an app's name": (
        '[apps.xoxb-1-2-abcdef]\napp_token = "env:APP"\nx = 1',
        f"slackd.toml:3: apps.xoxb-***: found an unknown key, expected {APP_KEYS}",
    ),
    "too many connections": (
        APP + "connections = 3",
        "slackd.toml:3: apps.main.connections: found 3, expected 1 or 2",
    ),
    "connections that are no number": (
        APP + "connections = true",
        "slackd.toml:3: apps.main.connections: found true, expected 1 or 2",
    ),
    "HTTP without its secret": (
        APP + 'transport = "http"',
        f"slackd.toml:1: apps.main.signing_secret: found nothing, expected {SECRET}",
    ),
    "Socket Mode and HTTP without an app token": (
        '[apps.main]\ntransport = "both"\nsigning_secret = "env:S"',
        f"slackd.toml:1: apps.main.app_token: found nothing, expected {SECRET}",
    ),
    "a path that isn't one": (
        APP + 'transport = "both"\nsigning_secret = "env:S"\nrequest_path = "/slack/../x"',
        'slackd.toml:5: apps.main.request_path: found "/slack/../x", expected a path without escapes, '
        'such as "/slack/main"',
    ),
    "two apps at one path": (
        APP + 'transport = "both"\nsigning_secret = "env:S"\n[apps.b]\ntransport = "http"\n'
        'signing_secret = "env:T"\nrequest_path = "/slack/main"',
        'slackd.toml:8: apps.b.request_path: found "/slack/main", expected another path than that of apps.main',
    ),
    "a receiver for the network without TLS": (
        '[receiver]\nlisten = "192.0.2.7:9744"',
        'slackd.toml:2: receiver.listen: found "192.0.2.7:9744", expected an address of this host\'s loopback '
        "interface, or certificate and key beside it (credentials would travel unencrypted over the network)",
    ),
    "a trusted proxy that is no address": (
        '[receiver]\ntrusted_proxies = ["nginx.corp"]',
        'slackd.toml:2: receiver.trusted_proxies: found "nginx.corp", expected an address such as '
        '"127.0.0.1", or "unix"',
    ),
    "another transport": (
        APP + 'transport = "rtm"',
        'slackd.toml:3: apps.main.transport: found "rtm", expected "socketmode", "http" or "both"',
    ),
    "a bare number for a duration": (
        APP + "stall_timeout = 30",
        'slackd.toml:3: apps.main.stall_timeout: found 30, expected a duration from "100ms" to "10m" '
        '(with its unit, in quotes: "30s" if seconds are meant)',
    ),
    "a duration in words": (
        APP + 'stall_timeout = "half a minute"',
        'slackd.toml:3: apps.main.stall_timeout: found "half a minute", expected a duration '
        'from "100ms" to "10m" (units are w, d, h, m, s and ms, as in "90s" or "2h30m")',
    ),
    "a duration out of bounds": (
        '[plugins]\nanswer_deadline = "3s"',
        'slackd.toml:2: plugins.answer_deadline: found "3s", expected a duration from "100ms" to "2s900ms"',
    ),
    "an engine that isn't there": (
        '[journal]\nengine = "postgresql"',
        'slackd.toml:2: journal.engine: found "postgresql", expected "sqlite"',
    ),
    "a bare number for a size": (
        "[journal]\nmax_bytes = 1000000",
        'slackd.toml:2: journal.max_bytes: found 1000000, expected a size from "1MiB" to "1048576TiB" '
        '(with its unit, in quotes: "1GiB" or "500MB")',
    ),
    "a size in words": (
        '[journal]\nmax_bytes = "4 gigs"',
        'slackd.toml:2: journal.max_bytes: found "4 gigs", expected a size from "1MiB" to "1048576TiB" '
        "(units are B, kB, MB, GB, TB and KiB, MiB, GiB, TiB)",
    ),
    "a misspelt key": (
        APP + 'bot_tokn = "env:BOT"',
        f"slackd.toml:3: apps.main.bot_tokn: found an unknown key, expected {APP_KEYS} "
        "(did you mean bot_token?)",
    ),
    "a misspelt section": (
        "[journl]",
        "slackd.toml:1: journl: found an unknown key, expected apps, journal, plugins, control, log, link"
        ", gateway or receiver (did you mean journal?)",
    ),
    "a section that is no table": (
        "journal = 7",
        "slackd.toml:1: journal: found 7, expected a table, [journal]",
    ),
    "a level that isn't one": (
        '[log]\nlevel = "loud"',
        'slackd.toml:2: log.level: found "loud", expected "debug", "info", "warning" or "error"',
    ),
    "a URL for the API that isn't one": (
        APP + 'api_url = "slack.com/api"',
        'slackd.toml:3: apps.main.api_url: found "slack.com/api", '
        'expected an https:// URL such as "https://slack.com/api/"',
    ),
    "a SOCKS proxy": (
        APP + 'proxy = "socks5://me:geheim@proxy:1080"',
        'slackd.toml:3: apps.main.proxy: found "socks5://***@proxy:1080", expected the URL of an HTTP proxy, '
        'such as "http://proxy.example.com:3128" (SOCKS is not supported)',
    ),
    "an empty proxy": (
        APP + 'proxy = ""',
        'slackd.toml:3: apps.main.proxy: found "", expected the URL of an HTTP proxy, '
        'such as "http://proxy.example.com:3128" (leave the key out to go by HTTPS_PROXY and NO_PROXY)',
    ),
    "a path with a tilde": (
        '[journal]\ndirectory = "~/journal"',
        'slackd.toml:2: journal.directory: found "~/journal", expected a path in quotes '
        "(~ and variables are not expanded here: write the path out)",
    ),
    "two sockets at one path": (
        '[control]\nsocket = "/r/plugins.sock"',
        'slackd.toml:2: control.socket: found "/r/plugins.sock", expected another path than plugins.socket has',
    ),
    "the gateway's operators where the plugins are": (
        '[gateway]\ncontrol_socket = "/r/plugins.sock"',
        'slackd.toml:2: gateway.control_socket: found "/r/plugins.sock", '
        "expected another path than plugins.socket has",
    ),
    "one address twice": (
        '[receiver]\nlisten = ["/r/in.sock", "127.0.0.1:9744", "/r/in.sock"]',
        'slackd.toml:2: receiver.listen: found "/r/in.sock" twice, expected each address once',
    ),
    "a path to listen on that no socket can have": (
        '[gateway]\nlisten = "/r/\\u0000.sock"',
        'slackd.toml:2: gateway.listen: found "/r/\\x00.sock", '
        "expected a path of at most 107 printable bytes (the kernel's limit for sockets)",
    ),
    "a path to listen on that is too long": (
        f'[receiver]\nlisten = "/{"d" * 120}"',
        f'slackd.toml:2: receiver.listen: found "/{"d" * 59}…", '
        "expected a path of at most 107 printable bytes (the kernel's limit for sockets)",
    ),
    "a socket's path too long for the kernel": (
        f'[control]\nsocket = "/{"d" * 120}"',
        f'slackd.toml:2: control.socket: found "/{"d" * 59}…", '
        "expected a path of at most 107 bytes (the kernel's limit for sockets)",
    ),
    "a folder of plugins that isn't there": (
        '[plugins]\ndirectory = "/nowhere/plugins.d"',
        "/nowhere/plugins.d: found nothing, expected a folder with a file NAME.toml for each plugin",
    ),
    "a mistake in the TOML": (
        '[apps.main]\napp_token = = "env:APP"',
        "slackd.toml:2:13: found a mistake in the TOML: invalid value, expected TOML 1.0",
    ),
}


@pytest.mark.parametrize(("text", "words"), DAEMON.values(), ids=DAEMON.keys())
def test_the_daemons_file(tmp_path: Path, text: str, words: str) -> None:
    assert ConfigFolder(tmp_path).problems_of(text)[-1] == words


RESPONDS = '[[subscribe]]\ntype = "slash_commands"\ncommand = "/deploy"\nrespond = true\n'

PLUGIN = {
    "developer that is no user": (
        '[developers]\n"a b" = "U0123"',
        'developers."a b": found "a b", expected the name of a Unix user',
        2,
    ),
    "developer of nobody in Slack": (
        '[developers]\nalice = "@alice"',
        'developers.alice: found "@alice", expected a member ID such as U0123ABCD '
        "(it is in Slack under their profile, ⋮, Copy member ID)",
        2,
    ),
    "a type that is missing": (
        "[[subscribe]]",
        "subscribe[0].type: found nothing, expected the type of envelope, for instance "
        '"events_api", "slash_commands" or "interactive"',
        1,
    ),
    "one bracket": (
        '[subscribe]\ntype = "events_api"',
        "subscribe: found a table, expected an array of tables, [[subscribe]] "
        "(with two brackets on each side: [[subscribe]])",
        1,
    ),
    "who may": (
        RESPONDS + 'allow = { usergroups = ["@ops"] }',
        'subscribe[0].allow.usergroups: found "@ops", expected the id of a user group, S… '
        "(names may change, ids don't)",
        5,
    ),
    "who may, and nobody named": (
        RESPONDS + "allow = {}",
        "subscribe[0].allow: found a table, expected users, usergroups or channels in it",
        5,
    ),
    "who may, misspelt": (
        RESPONDS + 'allow = { user = ["U1"] }',
        "subscribe[0].allow.user: found an unknown key, expected users, usergroups or channels "
        "(did you mean users?)",
        5,
    ),
    "a command without its slash": (
        '[[subscribe]]\ntype = "slash_commands"\ncommand = "deploy"',
        'subscribe[0].command: found "deploy", expected the command with its slash, "/deploy"',
        3,
    ),
    "a command that would steer a terminal": (
        '[[subscribe]]\ntype = "slash_commands"\ncommand = "\\u001b[2J"',
        'subscribe[0].command: found "\\x1b[2J", expected the command with its slash, "/\\x1b[2J"',
        3,
    ),
    "a command among events": (
        '[[subscribe]]\ntype = "events_api"\ncommand = "/deploy"',
        'subscribe[0].command: found command beside type = "events_api", '
        'expected type = "slash_commands" for this (Slack sends no such thing, so it would never match)',
        3,
    ),
    "an answer to events": (
        '[[subscribe]]\ntype = "events_api"\nrespond = true',
        'subscribe[0].respond: found true, expected false for type = "events_api" '
        "(Slack takes no answer to an event)",
        3,
    ),
    "an app that isn't configured": (
        '[[subscribe]]\ntype = "events_api"\napp = ["main", "mian"]',
        'subscribe[0].app: found "mian", expected an app that is configured: "main" or "other"',
        3,
    ),
    "a grant for an app that isn't configured": (
        '[slack]\napps = ["mian"]\nmethods = "chat.*"',
        'slack.apps: found "mian", expected an app that is configured: "main" or "other"',
        2,
    ),
    "methods without an app, of two": (
        '[slack]\nmethods = ["chat.*"]',
        "slack.apps: found nothing, expected the apps in whose name it may call these methods: "
        '"main" or "other"',
        1,
    ),
    "an empty list": (
        '[[subscribe]]\ntype = "events_api"\nchannel = []',
        "subscribe[0].channel: found an empty list, expected text in quotes, or a list of such "
        "(leave the key out if nothing is to be said)",
        3,
    ),
    "a list with a number in it": (
        '[[subscribe]]\ntype = "events_api"\nchannel = ["C1", 2]',
        "subscribe[0].channel[1]: found 2, expected text in quotes, or a list of such",
        3,
    ),
    "user and users": (
        'user = "a"\nusers = ["b"]',
        "users: found a list of 1, expected either user or users, not both",
        2,
    ),
    "nobody": (
        'user = "nobody"',
        'user: found "nobody", expected a user of the plugin\'s own '
        "(files and processes of users that a container doesn't know all seem to be this one)",
        1,
    ),
    "an order that isn't one": (
        '[delivery]\norder_by = "team"',
        'delivery.order_by: found "team", expected "channel", "thread", "user" or "none"',
        2,
    ),
    "a backoff that shrinks": (
        '[delivery]\nbackoff = { initial = "1m", max = "1s" }',
        'delivery.backoff.max: found "1s", expected at least as much as initial',
        2,
    ),
    "a backoff that is a duration": (
        '[delivery]\nbackoff = "1s"',
        'delivery.backoff: found "1s", expected a table, [delivery.backoff]',
        2,
    ),
    "true in quotes": (
        '[delivery]\ngaps = "true"',
        'delivery.gaps: found "true", expected true or false (without quotes)',
        2,
    ),
    "a key outside its table": (
        'respond = true\n[[subscribe]]\ntype = "x"',
        "respond: found an unknown key, expected user, users, group, subscribe, delivery, slack, developers, "
        "gateway or exec",
        1,
    ),
    "a section that is misspelt": (
        '[exce]\ncommand = ["/bin/true"]',
        "exce: found an unknown key, expected user, users, group, subscribe, delivery, slack, developers, "
        "gateway or exec (did you mean exec?)",
        1,
    ),
    "who may, beside it": (
        RESPONDS + 'alow = { users = ["U1"] }',
        "subscribe[0].alow: found an unknown key, expected type, event, not_event, command, callback_id, "
        "action_id, shortcut, app, respond, absent, channel, ignore_self or allow (did you mean allow?)",
        5,
    ),
    "a user below the first table": (
        '[slack]\nuser = "deploy"',
        "slack.user: found an unknown key, expected apps or methods "
        "(user stands at the top of the file, above its first [table])",
        2,
    ),
    "a program without its path": (
        '[exec]\ncommand = ["deploy"]',
        'exec.command: found "deploy", expected the program\'s absolute path and its arguments: '
        '["/usr/local/bin/deploy", "--quiet"]',
        2,
    ),
}


@pytest.mark.parametrize(("text", "words", "line"), PLUGIN.values(), ids=PLUGIN.keys())
def test_a_plugins_file(tmp_path: Path, text: str, words: str, line: int) -> None:
    assert ConfigFolder(tmp_path).problems_of(APP + ANOTHER, deploy=text) == [
        f"plugins.d/deploy.toml:{line}: {words}"
    ]


def test_every_mistake_in_every_file_is_told_at_once(tmp_path: Path) -> None:
    problems = ConfigFolder(tmp_path).problems_of(
        '[apps.main]\nconnections = 3\n[log]\nlevel = "x"', a="x = 1\ny = 2", b="= 1"
    )
    assert [problem.split(": ")[:2] for problem in problems] == [
        ["slackd.toml:1", "apps.main.app_token"],
        ["slackd.toml:2", "apps.main.connections"],
        ["slackd.toml:4", "log.level"],
        ["plugins.d/a.toml:1", "x"],
        ["plugins.d/a.toml:2", "y"],
        ["plugins.d/b.toml:1:1", "found a mistake in the TOML"],
    ]


def test_a_mistake_in_the_apps_makes_no_second_one_in_the_plugins(tmp_path: Path) -> None:
    problems = ConfigFolder(tmp_path).problems_of("[apps.main]", a='[slack]\napps = ["main"]')
    assert len(problems) == 1


def test_a_token_is_never_echoed_wherever_it_stands(tmp_path: Path) -> None:
    token = "xoxb-123456-abcdefghijkl"
    daemon = f"""
        "{token}" = 1
        [apps.""]
        app_token = "{token}"
        proxy = "{token}"
        api_url = "{token}"
        transport = "{token}"
        stall_timeout = "{token}"
        connections = "{token}"
        [log]
        level = "{"x" * 50}{token}"
        [control]
        socket = "{token}{"x" * 100}"
    """
    plugin = f"""
        user = "{token} {token}"
        [[subscribe]]
        type = "{token}"
        app = "{token}"
        command = "{token}"
        {token} = 1
    """
    problems = ConfigFolder(tmp_path).problems_of(dedent(daemon), a=dedent(plugin))
    assert len(problems) == 14
    assert not [problem for problem in problems if "123456" in problem or "abcdef" in problem]


def test_bytes_that_are_not_utf_8(tmp_path: Path) -> None:
    folder = ConfigFolder(tmp_path)
    folder.write("slackd.toml", b'[log]\nlevel = "\xff"\n')
    assert folder.problems() == ["slackd.toml:2: found a byte that is not UTF-8 (0xff), expected TOML in UTF-8"]


def test_brackets_without_end(tmp_path: Path) -> None:
    problems = ConfigFolder(tmp_path).problems_of("a = " + "[" * 100_000)
    assert problems == ["slackd.toml: found brackets nested too deeply, expected TOML"]


def test_a_number_of_too_many_digits(tmp_path: Path) -> None:
    problem, = ConfigFolder(tmp_path).problems_of("a = " + "1" * 5_000)  # fmt: skip
    assert problem.startswith("slackd.toml: found a mistake in the TOML: exceeds the limit")


def test_a_file_that_is_far_too_large(tmp_path: Path) -> None:
    problems = ConfigFolder(tmp_path).problems_of("#" * (1 << 20) + "\n")
    assert problems == ["slackd.toml: found more than 1048576 bytes, expected a configuration file"]


def test_no_file_at_all(tmp_path: Path) -> None:
    folder = ConfigFolder(tmp_path)
    (tmp_path / "slackd.toml").unlink()
    assert folder.problems() == ["slackd.toml: found nothing, expected a configuration file"]
