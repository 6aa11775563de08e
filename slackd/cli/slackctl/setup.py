"""`slackctl setup`: an app's tokens tried and put into place, and slackd started."""

import asyncio
import grp
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TextIO

import attrs
import click

from slackd.cli.slackctl.reload import UNIT, reload_service
from slackd.cli.streams import is_terminal
from slackd.config import Config, load
from slackd.config.daemon_file import APP_NAME, APP_NAME_EXPECTED
from slackd.config.files import Overlay
from slackd.config.load import APPS_FOLDER
from slackd.config.paths import SYSTEM_FILE
from slackd.config.values import App
from slackd.connector.credentials import APP_TOKEN, BOT_TOKEN, Secret, check_kind
from slackd.errors import ConfigError, CredentialError, SlackdError
from slackd.rolling_restart.preconditions import ENCRYPTED, PLAIN, check
from slackd.rolling_restart.systemd import UnitFailed, systemctl
from slackd.setup.app_table import Value, with_app, with_keys
from slackd.setup.manifest import DELAYED_EVENTS, manifest, unknown
from slackd.setup.trial import try_tokens
from slackd.setup.vault import Before, Kept, replace, store

_READERS: Final = "slackd"
"""The group that may read the configuration: the broker's, and the connectors are in it."""


@click.command("setup")
@click.option("--config", "config_file", type=click.Path(dir_okay=False, path_type=Path), default=SYSTEM_FILE)
@click.option(
    "--app", "name", default="main", show_default=True, help=f"The app's name here: {APP_NAME_EXPECTED}."
)
@click.option(
    "--app-token-file", type=click.File(), help="A file with the xapp- token; - reads standard input."
)
@click.option(
    "--bot-token-file", type=click.File(), help="A file with the xoxb- token; - reads standard input."
)
@click.option("--api-url", help="Where the Web API is, if not at Slack (an emulator, say).")
@click.option("--proxy", help="The proxy to go out through: http://[USER:PASSWORD@]HOST:PORT.")
@click.option(
    "--ca-file", type=click.Path(exists=True, dir_okay=False, resolve_path=True), help="More authorities."
)
@click.option("--no-trial", is_flag=True, help="Don't ask Slack whether the tokens are good.")
@click.option("--no-start", is_flag=True, help="Don't enable and start, or reload, slackd.")
@click.option(
    "--manifest", "manifest_only", is_flag=True, help="Print the app manifest (JSON), and stop there."
)
def setup(
    config_file: Path,
    name: str,
    app_token_file: TextIO | None,
    bot_token_file: TextIO | None,
    api_url: str | None,
    proxy: str | None,
    ca_file: str | None,
    no_trial: bool,
    no_start: bool,
    manifest_only: bool,
) -> None:
    """Put an app's tokens into place and start slackd.

    Prints the manifest to make the app with at Slack, then asks for what no option gives. Tokens are also taken
    from $SLACKD_APP_TOKEN and $SLACKD_BOT_TOKEN; they are never taken from the command line, where everybody
    could read them. Everything is checked before anything is written: the app in /etc/slackd/apps.d/NAME.toml,
    the tokens beside it. Running it again changes what is given and nothing else.
    """
    try:
        if not APP_NAME.fullmatch(name):
            raise ConfigError(f"--app {name}: expected {APP_NAME_EXPECTED}")
        config_file = config_file.absolute()
        config = load(config_file)
        if manifest_only:
            print_manifest(config, name)
            return
        if os.geteuid() != 0:
            raise CredentialError("tokens are root's: run this as root")
        _show_manifest(config, name)
        known = config.apps.get(name)
        tokens = _tokens(name, app_token_file, bot_token_file, known=known is not None)
        if known is None and f"{name}-app" not in tokens:
            raise ConfigError(
                f"app {name} is new and no app token was given: --app-token-file, or $SLACKD_APP_TOKEN"
            )
        values: dict[str, Value] = {
            key: value for key, value in (("api_url", api_url), ("proxy", proxy), ("ca_file", ca_file)) if value
        }
        values |= {f"{each.removeprefix(f'{name}-')}_token": f"credential:{each}" for each in tokens}
        change = _planned(config, name, values)
        app = _checked(config_file, change, tokens).apps[name]
        if not no_trial and tokens:
            _try(app, tokens.get(f"{name}-app"), tokens.get(f"{name}-bot"))
        before = Before(change.file, *(folder / each for each in tokens for folder in (PLAIN, ENCRYPTED)))
        _write(change, tokens)
        if not no_start:
            _start(before)
    except SlackdError as error:
        click.echo(f"slackctl setup: {error}", err=True)
        sys.exit(1)


@attrs.frozen
class _Kind:
    """A token that is asked for."""

    prefixes: tuple[str, ...]
    name: str
    expected: str
    variable: str
    question: str

    def checked(self, given: str) -> Secret:
        """Raises `CredentialError` if it is of another kind."""
        token = Secret(given.strip())
        check_kind(token, self.prefixes, self.name, self.expected)
        return token


_APP: Final = _Kind(
    APP_TOKEN, "app token", "an app-level token", "SLACKD_APP_TOKEN", "App-level token (xapp-…)"
)
_BOT: Final = _Kind(BOT_TOKEN, "bot token", "a bot token", "SLACKD_BOT_TOKEN", "Bot token (xoxb-…)")


@attrs.frozen
class _Change:
    """A file that is to be written.

    Attributes:
        text: The whole of it.
        new: There is no such file yet.
    """

    file: Path
    text: str
    new: bool


def _tokens(name: str, app_file: TextIO | None, bot_file: TextIO | None, *, known: bool) -> dict[str, Secret]:
    """The tokens that are given, by the names of their credentials."""
    asked = (
        (f"{name}-app", _token(app_file, _APP, known=known)),
        (f"{name}-bot", _token(bot_file, _BOT, known=known)),
    )
    return {credential: token for credential, token in asked if token is not None}


def _token(file: TextIO | None, kind: _Kind, *, known: bool) -> Secret | None:
    if file is not None:
        return kind.checked(file.read())
    if os.environ.get(kind.variable):
        return kind.checked(os.environ[kind.variable])
    return _ask(kind, known=known) if is_terminal(sys.stdin) else None


def _ask(kind: _Kind, *, known: bool) -> Secret | None:
    """What a person types, or None for nothing; asked again until it is of its kind."""
    question = kind.question + (" (empty: stays as it is)" if known else "")
    while given := click.prompt(question, hide_input=True, default="", show_default=False).strip():
        try:
            return kind.checked(given)
        except CredentialError as error:
            click.echo(str(error), err=True)
    return None


def _planned(config: Config, name: str, values: Mapping[str, Value]) -> _Change:
    """The app's own file of apps.d; or `slackd.toml`, where its owner wrote the app there."""
    file = config.app_files.get(name, config.file.parent / APPS_FOLDER / f"{name}.toml")
    text = file.read_text() if file.exists() else ""
    if file == config.file:
        return _Change(file, with_app(text, name, values), new=False)
    return _Change(file, with_keys(text, values), new=not file.exists())


def _checked(config_file: Path, change: _Change, tokens: Mapping[str, Secret]) -> Config:
    """All as the reload would check it, with what is about to be written."""
    given = {name: token.reveal().encode() for name, token in tokens.items()}
    overlay = Overlay({change.file: change.text.encode()})
    return check(config_file, overlay=overlay, tokens=given).config


def _try(app: App, app_token: Secret | None, bot_token: Secret | None) -> None:
    click.echo("asking Slack …")
    trial = asyncio.run(try_tokens(app, app_token, bot_token))
    for line in trial.found:
        click.echo(line)
    if trial.unreachable:
        click.echo(f"warning: Slack could not be asked ({trial.unreachable}); the tokens are untried", err=True)


def _write(change: _Change, tokens: Mapping[str, Secret]) -> None:
    for name, token in tokens.items():
        kept = store(name, token)
        how = "encrypted to this host" if kept is Kept.ENCRYPTED else "readable by root alone, not encrypted"
        click.echo(f"credential {name}: {how}")
    try:
        if change.new:
            change.file.parent.mkdir(mode=0o755, exist_ok=True)
            # It may hold a proxy's password.
            replace(change.file, change.text.encode(), mode=0o640, gid=_readers())
        elif change.file.read_text() != change.text:
            about = change.file.stat()
            mode = about.st_mode & 0o7777
            replace(change.file, change.text.encode(), mode=mode, uid=about.st_uid, gid=about.st_gid)
    except OSError as error:
        raise ConfigError(f"{change.file} can't be written: {error.strerror}") from error
    click.echo(f"{change.file} is in place")


def _readers() -> int:
    try:
        return grp.getgrnam(_READERS).gr_gid
    except KeyError:
        return -1


def print_manifest(config: Config, name: str) -> None:
    """Print the JSON alone on standard output, and on stderr what must be added by hand."""
    plugins = tuple(config.plugin_files.values())
    click.echo(json.dumps(manifest(name, plugins), indent=2))
    for thing in unknown(name, plugins):
        click.echo(f"note: what scope {thing} needs is not known here; add it by hand", err=True)


def _show_manifest(config: Config, name: str) -> None:
    click.echo(
        "The app's manifest, for https://api.slack.com/apps (new: From a manifest; else: App Manifest):\n"
    )
    print_manifest(config, name)
    click.echo(f"\n{DELAYED_EVENTS}\n")


def _start(before: Before) -> None:
    """Start slackd, or bring the change in; what was there before comes back where that fails."""
    systemctl("enable", "--quiet", UNIT)
    if subprocess.run(["systemctl", "--quiet", "is-active", UNIT], check=False).returncode:
        systemctl("start", UNIT)
        click.echo("slackd is started: slackctl status")
        return
    click.echo("reloading …")
    good, words = reload_service()
    click.echo(words, err=not good)
    if good:
        return
    before.restore()
    again, _ = reload_service()
    rest = "" if again else f", and the reload back to it failed, too: systemctl status {UNIT}"
    raise UnitFailed(f"the reload failed, so what was there before is in place again{rest}")
