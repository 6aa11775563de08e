"""`slackctl doctor`: looks at everything that an installation stands on, and says what to do."""

import asyncio
import json
import os
import shutil
import sys
import textwrap
import time
from collections.abc import Iterator, Sequence

import aiohttp
import click

from slackd.cli.slackctl.options import client, socket_option
from slackd.cli.slackctl.tables import RECOGNISABLE, WIDEST
from slackd.cli.slackctl.without_broker import in_words, look_at_units
from slackd.cli.slackctl.wording import count
from slackd.cli.streams import is_terminal
from slackd.config import Config, InvalidConfig, find_file, load
from slackd.config.paths import systemd_runs
from slackd.connector.credentials import Tokens, read_tokens
from slackd.connector.http_session import slack_session
from slackd.connector.proxy import place_of, proxy_for
from slackd.connector.slackapi import SlackApi
from slackd.connector.trust import tls_context
from slackd.control_client import Unreachable
from slackd.errors import SlackdError
from slackd.redaction import without_secrets
from slackd.rolling_restart.preconditions import as_systemd_would, read_credential_folders
from slackd.setup.doctor import (
    Diagnosis,
    Health,
    of_answer,
    of_clock,
    of_delayed_events,
    of_disk,
    of_journal_folder,
    of_refused_tokens,
    of_scopes,
)

_WITHIN = aiohttp.ClientTimeout(total=15)
_MARKS = {Health.GOOD: ("✓", "green"), Health.LOOK: ("!", "yellow"), Health.BAD: ("✗", "red")}


@click.command()
@socket_option
@click.option("--config", "config_file", metavar="FILE", help="The configuration, if it is elsewhere.")
@click.option("--offline", is_flag=True, help="Ask Slack nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array, for programs.")
def doctor(socket: str | None, config_file: str | None, offline: bool, as_json: bool) -> None:
    """Look at configuration, units, disk, tokens, scopes, clock and the way to Slack; say what to do.

    As root it tries the tokens. The exit status is 1 if something is bad.
    """
    found = list(_look(socket, config_file, offline=offline))
    if as_json:
        rows = [{"health": each.health.value, **_words(each)} for each in found]
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        for each in found:
            mark, colour = _MARKS[each.health]
            text = _wrapped(f"{each.about}: {without_secrets(each.text)}", "  ")
            click.echo(f"{click.style(mark, fg=colour)} {text}")
            if each.hint:
                click.echo(f"  → {_wrapped(without_secrets(each.hint), '    ')}")
    sys.exit(any(each.health is Health.BAD for each in found))


def _wrapped(text: str, indent: str) -> str:
    """Lines that go on below their first word where somebody reads them; whole for a pipe."""
    if not is_terminal(sys.stdout):
        return text
    width = max(min(shutil.get_terminal_size().columns, WIDEST) - len(indent), RECOGNISABLE)
    lines = textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
    return f"\n{indent}".join(lines)


def _words(diagnosis: Diagnosis) -> dict[str, str]:
    return {
        "about": diagnosis.about,
        "text": without_secrets(diagnosis.text),
        "hint": without_secrets(diagnosis.hint),
    }


def _look(socket: str | None, config_file: str | None, *, offline: bool) -> Iterator[Diagnosis]:
    try:
        config = load(find_file(config_file, os.environ))
    except InvalidConfig as error:
        for problem in error.problems:
            yield Diagnosis(Health.BAD, "configuration", str(problem), "slackd check-config")
        return
    except SlackdError as error:
        yield Diagnosis(Health.BAD, "configuration", str(error), "slackctl setup")
        return
    plugins = count(len(config.plugin_files), "plugin")
    text = f"{config.file}, and the plugins.d files of {plugins}"
    yield Diagnosis(Health.GOOD, "configuration", text)
    yield from (Diagnosis(Health.LOOK, "configuration", words) for words in config.warnings)
    yield from _units()
    yield from _broker(socket)
    yield from _disk(config)
    if not offline:
        yield from asyncio.run(_slack(config, _tokens(config)))
    yield from (of_delayed_events(name) for name in config.apps)


def _units() -> Iterator[Diagnosis]:
    if not systemd_runs():
        return
    for words in in_words(look_at_units()):
        if " is failed" in words:
            yield Diagnosis(Health.BAD, "units", words, "systemctl restart slackd")
        else:
            yield Diagnosis(Health.GOOD, "units", words)


def _broker(socket: str | None) -> Iterator[Diagnosis]:
    try:
        status = client(socket).get("/v1/status")
    except Unreachable as error:
        hint = "systemctl start slackd" if systemd_runs() else ""
        yield Diagnosis(Health.BAD, "slackd", str(error), hint)
        return
    except SlackdError as error:
        yield Diagnosis(Health.LOOK, "slackd", str(error))
        return
    if not status["reasons"]:
        yield Diagnosis(Health.GOOD, "slackd", f"is {status['health']}")
    for reason in status["reasons"]:
        health = Health.BAD if reason["level"] == "failing" else Health.LOOK
        yield Diagnosis(health, str(reason["about"]), str(reason["text"]), str(reason["hint"]))


def _disk(config: Config) -> Iterator[Diagnosis]:
    directory = config.journal.directory
    try:
        yield of_disk(shutil.disk_usage(directory).free, str(directory))
        yield from of_journal_folder(directory.stat().st_mode, str(directory))
    except FileNotFoundError:
        text = f"{directory} is not there yet"
        yield Diagnosis(Health.LOOK, "disk", text, "slackd makes it when it starts")
    except OSError as error:
        text = f"{directory} cannot be looked at: {error.strerror}"
        yield Diagnosis(Health.LOOK, "disk", text, "run it as root")


def _tokens(config: Config) -> Tokens:
    """The apps' tokens, where whoever asks may read them."""
    try:
        with as_systemd_would(read_credential_folders()) as folder:
            return read_tokens(config.apps, {**os.environ, "CREDENTIALS_DIRECTORY": str(folder)})
    except (SlackdError, OSError):
        return read_tokens(config.apps)


async def _slack(config: Config, tokens: Tokens) -> Sequence[Diagnosis]:
    found: list[Diagnosis] = []
    for name, app in config.apps.items():
        proxy = proxy_for(app.api_url, app.proxy)
        way = f"through the proxy {place_of(proxy)}" if proxy else "directly"
        found.append(Diagnosis(Health.GOOD, f"app {name}", f"goes to {app.api_url} {way}"))
        if name in tokens.refused:
            found.append(of_refused_tokens(name, tokens.refused[name], is_root=os.geteuid() == 0))
            continue
        secrets, tls = tokens.usable[name], tls_context(app.ca_file)
        async with slack_session(tls, timeout=_WITHIN) as session:
            if secrets.bot_token is not None:
                answer = await SlackApi(secrets.bot_token, app.api_url, session, proxy, tls).call("auth.test")
                found += [*of_answer(name, "bot token", answer), *of_clock(answer.date, time.time())]
                found += of_scopes(name, tuple(config.plugin_files.values()), answer.scopes)
                if answer.body is None:
                    continue  # what has no way to Slack has none for the other token either
            if secrets.app_token is not None:
                opened = SlackApi(secrets.app_token, app.api_url, session, proxy, tls)
                found += of_answer(name, "app token", await opened.call("apps.connections.open"))
    return found
