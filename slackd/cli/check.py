"""What `slackd check-config` says: every problem, or what the files amount to."""

import json
import os
from collections.abc import Iterator, Mapping
from operator import attrgetter
from pathlib import Path
from typing import Any

from slackd.config import App, Config, InvalidConfig, PluginConfig, Problem, load
from slackd.config.environment import proxy_problems
from slackd.config.folders import folder_problems
from slackd.config.paths import SYSTEM_FILE
from slackd.config.references import missing, unseen
from slackd.config.values import PluginGateway, dials, is_posted
from slackd.connector.credentials import read_signing_secrets, read_tokens
from slackd.errors import ConfigError, CredentialError
from slackd.rolling_restart import preconditions
from slackd.toml_reader.problems import spelled
from slackd.toml_reader.units import format_duration, format_size


def checked(file: Path, environ: Mapping[str, str] = os.environ) -> Config:
    """Read the files and what they refer to, as a reload would.

    Args:
        file: `slackd.toml`. What stands in /etc/slackd is checked as the services' users; everything else as
            this user.
        environ: Of this process; the services have their own.

    Returns:
        The configuration, which a reload would accept.

    Raises:
        InvalidConfig: With every problem of one kind: of the files, else of the tokens and proxies.
    """
    config = load(file)
    if is_the_services(file) and os.geteuid() == 0:
        try:
            return preconditions.check(file).config
        except CredentialError as error:
            raise InvalidConfig(_token_problem(config, line) for line in str(error).splitlines()) from error
    apps, posted = (
        {name: app for name, app in config.apps.items() if not any(unseen(secrets(app), environ))}
        for secrets in (
            attrgetter("app_token", "bot_token"),
            attrgetter("signing_secret", "old_signing_secret"),
        )
    )
    refused = [*read_tokens(apps, environ).refused.values()]
    refused += read_signing_secrets(posted, environ).refused.values()
    problems = [_token_problem(config, str(error)) for error in refused]
    if not is_the_services(file):
        problems += proxy_problems(config, environ, Path("the environment"))
    if problems:
        raise InvalidConfig(problems)
    return config


def is_the_services(file: Path) -> bool:
    """Whether it is the configuration of the system's services, whose tokens are root's."""
    return SYSTEM_FILE.parent in file.parents


def _token_problem(config: Config, words: str) -> Problem:
    """`apps.NAME.KEY: what is wrong` as a problem of the file in which the app stands."""
    key, separator, found = words.partition(": ")
    path = tuple(key.split("."))
    if not separator or path[0] != "apps" or len(path) != 3:
        return Problem(config.file, (), words, "tokens that the connectors can use")
    is_signing = path[2].endswith("signing_secret")
    wanted = "the app's signing secret" if is_signing else "a token that this app alone has"
    return Problem(config.app_files.get(path[1], config.file), path, found, wanted)


def problems_as_json(error: InvalidConfig) -> str:
    """One JSON object for a program: `ok` false, and the problems."""
    return json.dumps({"ok": False, "problems": [_problem(problem) for problem in error.problems]})


def absence_as_json(error: ConfigError) -> str:
    """The same where no file was named and none is there, by the one that was looked for first."""
    absence = Problem(SYSTEM_FILE, (), "nothing", "a configuration file", hint=str(error))
    return problems_as_json(InvalidConfig([absence]))


def summary_as_json(config: Config) -> str:
    """One JSON object for a program: `ok` true, the apps, the plugins and the warnings."""
    return json.dumps(
        {
            "ok": True,
            "file": str(config.file),
            "digest": config.digest,
            "apps": {name: _app(app) for name, app in config.apps.items()},
            "plugins": {name: _plugin(plugin) for name, plugin in config.plugin_files.items()},
            "journal": str(config.journal.directory),
            "sockets": {
                "link": str(config.link_socket),
                "plugins": str(config.plugins.socket),
                "control": str(config.control.socket),
            },
            "warnings": list(warnings(config)),
        }
    )


def summary(config: Config) -> str:
    """The same for a person."""
    counts = f"{_count(len(config.apps), 'app')}, {_count(len(config.plugin_files), 'plugin')}"
    lines = [f"{config.file} is good: {counts}."]
    lines += [f"  app {name}: {_app_in_words(app)}" for name, app in config.apps.items()]
    lines += [f"  plugin {name}: {_plugin_in_words(plugin)}" for name, plugin in config.plugin_files.items()]
    limits = f"{format_duration(config.journal.max_age)} or {format_size(config.journal.max_bytes)}"
    lines.append(f"  journal in {config.journal.directory}, up to {limits}")
    lines += [f"warning: {words}" for words in warnings(config)]
    return "\n".join(lines)


def warnings(config: Config) -> Iterator[str]:
    """What works, and may not be what was meant."""
    yield from config.warnings
    yield from missing(config)
    if not is_the_services(config.file):
        # Another machine, or user, may be the one that starts it: no reason to refuse the files.
        yield from map(str, folder_problems(config, by_systemd=False))
    if is_the_services(config.file) and os.geteuid() != 0:
        yield f"{config.file}: tokens were not checked, since they are root's: sudo slackd check-config"
    if not config.apps:
        yield f"{config.file}: no app is configured, so nothing connects to Slack (slackctl setup adds one)"
    for plugin in config.plugin_files.values():
        if not plugin.users and plugin.group is None and plugin.gateway is None:
            yield (
                f"{plugin.file}: names neither user nor group: "
                "it may connect to `slackd run`, as the user that runs it, and to no service"
            )
        if not plugin.subscriptions and not plugin.methods:
            yield f"{plugin.file}: subscribes to nothing and may call nothing"


def _problem(problem: Problem) -> dict[str, Any]:
    return {
        "file": str(problem.file),
        "line": problem.line,
        "column": problem.column,
        "key": spelled(problem.key),
        "found": problem.found,
        "expected": problem.expected,
        "hint": problem.hint,
    }


def _app(app: App) -> dict[str, Any]:
    return {
        "transport": app.transport,
        "connections": app.connections,
        "app_token": str(app.app_token),
        "bot_token": str(app.bot_token) if app.bot_token else None,
        "api_url": app.api_url,
    }


def _plugin(plugin: PluginConfig) -> dict[str, Any]:
    return {
        "file": str(plugin.file),
        "users": list(plugin.users),
        "group": plugin.group,
        "subscriptions": len(plugin.subscriptions),
        "responds": any(subscription.respond for subscription in plugin.subscriptions),
        "apps": list(plugin.apps),
        "methods": list(plugin.methods),
        "developers": {account: list(people) for account, people in plugin.developers.items()},
        "gateway": None if plugin.gateway is None else _gateway_in_words(plugin.gateway),
    }


def _app_in_words(app: App) -> str:
    bot = f"bot token in {app.bot_token}" if app.bot_token else "no bot token"
    parts = [app.transport]
    if dials(app):
        parts += [
            f"{_count(app.connections, 'connection')} for each connector",
            f"app token in {app.app_token}",
        ]
    if is_posted(app):
        parts += [f"posted to at {app.request_path}", f"signing secret in {app.signing_secret}"]
    return ", ".join([*parts, bot])


def _plugin_in_words(plugin: PluginConfig) -> str:
    who = [f"user {user}" for user in plugin.users] + ([f"group {plugin.group}"] if plugin.group else [])
    parts = [", ".join(who) or "your own user", _count(len(plugin.subscriptions), "subscription")]
    if any(subscription.respond for subscription in plugin.subscriptions):
        parts.append("answers")
    if plugin.gateway is not None:
        parts.append(f"behind the gateway ({_gateway_in_words(plugin.gateway)})")
    if plugin.developers:
        parts.append(f"developed by {', '.join(plugin.developers)}")
    if plugin.methods:
        parts.append(f"calls {', '.join(plugin.methods)}")
    return "; ".join(parts)


def _gateway_in_words(gateway: PluginGateway) -> str:
    return "Socket Mode" if gateway.socket_mode else gateway.request_url or "the Web API alone"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
