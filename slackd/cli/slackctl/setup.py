"""`slackctl setup`: an app's tokens tried and put into place, and slackd started."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final, TextIO

import attrs
import click

from slackd.config import Config, load
from slackd.config.paths import SYSTEM_FILE
from slackd.config.values import App
from slackd.connector.credentials import APP_TOKEN, BOT_TOKEN, Secret, check_kind
from slackd.errors import ConfigError, CredentialError, SlackdError
from slackd.rolling_restart.systemd import systemctl
from slackd.setup.app_table import Value, with_app
from slackd.setup.manifest import DELAYED_EVENTS, manifest, unknown
from slackd.setup.trial import try_tokens
from slackd.setup.vault import Kept, store

UNIT: Final = "slackd.service"


@click.command("setup")
@click.option("--config", "config_file", type=click.Path(dir_okay=False, path_type=Path), default=SYSTEM_FILE)
@click.option("--app", "name", default="main", show_default=True, help="The app's name in the configuration.")
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
@click.option("--manifest", "manifest_only", is_flag=True, help="Print the app manifest, and stop there.")
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

    Asks for what no option gives. Tokens are also taken from $SLACKD_APP_TOKEN and $SLACKD_BOT_TOKEN; they are
    never taken from the command line, where everybody could read them. Running it again changes what is given
    and nothing else.
    """
    try:
        config = load(config_file)
        if manifest_only:
            _print_manifest(config, name)
            return
        if os.geteuid() != 0:
            raise CredentialError("tokens are root's: run this as root")
        known = config.apps.get(name)
        app_token = _token(app_token_file, _APP, known=known is not None)
        bot_token = _token(bot_token_file, _BOT, known=known is not None)
        if known is None and not app_token:
            raise ConfigError(
                f"app {name} is new and no app token was given: --app-token-file, or $SLACKD_APP_TOKEN"
            )
        values: dict[str, Value] = {
            key: value for key, value in (("api_url", api_url), ("proxy", proxy), ("ca_file", ca_file)) if value
        }
        if app_token:
            values["app_token"] = f"credential:{name}-app"
        if bot_token:
            values["bot_token"] = f"credential:{name}-bot"
        text = with_app(config_file.read_text(), name, values)
        app = _checked(config_file, text).apps[name]
        if not no_trial:
            _try(app, app_token, bot_token)
        for token, kind in ((app_token, "app"), (bot_token, "bot")):
            if token:
                _say_kept(f"{name}-{kind}", store(f"{name}-{kind}", token))
        _replace(config_file, text)
        click.echo(f"{config_file}: [apps.{name}] is in place")
        _print_manifest(load(config_file), name)
        if not no_start:
            _start()
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


def _token(file: TextIO | None, kind: _Kind, *, known: bool) -> Secret | None:
    if file is not None:
        return kind.checked(file.read())
    if os.environ.get(kind.variable):
        return kind.checked(os.environ[kind.variable])
    return _ask(kind, known=known) if sys.stdin.isatty() else None


def _ask(kind: _Kind, *, known: bool) -> Secret | None:
    """What a person types, or None for nothing; asked again until it is of its kind."""
    question = kind.question + (" (empty: stays as it is)" if known else "")
    while given := click.prompt(question, hide_input=True, default="", show_default=False).strip():
        try:
            return kind.checked(given)
        except CredentialError as error:
            click.echo(str(error), err=True)
    return None


def _checked(file: Path, text: str) -> Config:
    """The configuration as it would be with this text, which must be right before anything is written."""
    with tempfile.NamedTemporaryFile("w", dir=file.parent, prefix=".slackd-setup-", suffix=".toml") as beside:
        beside.write(text)
        beside.flush()
        return load(beside.name)


def _try(app: App, app_token: Secret | None, bot_token: Secret | None) -> None:
    trial = asyncio.run(try_tokens(app, app_token, bot_token))
    for line in trial.found:
        click.echo(line)
    if trial.unreachable:
        click.echo(f"warning: Slack could not be asked ({trial.unreachable}); the tokens are untried", err=True)


def _say_kept(name: str, kept: Kept) -> None:
    how = "encrypted to this host" if kept is Kept.ENCRYPTED else "readable by root alone, not encrypted"
    click.echo(f"credential {name}: {how}")


def _replace(file: Path, text: str) -> None:
    """Write the file anew with the mode and owner that it has."""
    about = file.stat()
    descriptor, beside = tempfile.mkstemp(dir=file.parent, prefix=".slackd-setup-")
    try:
        with os.fdopen(descriptor, "w") as opened:
            os.fchmod(descriptor, about.st_mode & 0o7777)
            os.fchown(descriptor, about.st_uid, about.st_gid)
            opened.write(text)
            opened.flush()
            os.fsync(descriptor)
        os.rename(beside, file)
    except BaseException:
        os.unlink(beside)
        raise


def _print_manifest(config: Config, name: str) -> None:
    plugins = tuple(config.plugin_files.values())
    click.echo("\nThe app's manifest (App Manifest in the app's settings):\n")
    click.echo(json.dumps(manifest(name, plugins), indent=2))
    for thing in unknown(name, plugins):
        click.echo(f"note: what scope {thing} needs is not known here; add it by hand")
    click.echo(f"\n{DELAYED_EVENTS}\n")


def _start() -> None:
    systemctl("enable", "--quiet", UNIT)
    active = subprocess.run(["systemctl", "--quiet", "is-active", UNIT], check=False).returncode == 0
    systemctl("reload" if active else "start", UNIT)
    click.echo("slackd was reloaded" if active else "slackd is started: slackctl status")
