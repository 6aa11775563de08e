"""`slackctl journal` and `slackctl restore`: what is done to a journal while slackd is stopped."""

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import attrs
import click

from slackd.cli.slackctl.options import json_option
from slackd.errors import ConfigError, JournalError

NOT_WELL: Final = 1
"""Exit status of `check` when something is wrong."""
F = TypeVar("F", bound=Callable[..., Any])


def _directory_option(function: F) -> F:
    return click.option(
        "--directory",
        metavar="PATH",
        type=click.Path(path_type=Path),
        help="The journal's folder; else the one that the configuration names.",
    )(function)


@click.group()
def journal() -> None:
    """Look through the journal, or rescue it, while slackd is stopped."""


@journal.command()
@_directory_option
@json_option
def check(directory: Path | None, as_json: bool) -> None:
    """Look through the whole journal; changes nothing.

    The exit status is 0 if all is well, and 1 if something is wrong.
    """
    config, tools = _tools(directory)
    found = tools.check(config)
    if as_json:
        click.echo(json.dumps({"ok": not found.problems, **attrs.asdict(found)}))
    else:
        click.echo(f"{config.directory}: {_listed(found.holds) or 'nothing that can be counted'}")
        for problem in found.problems:
            click.echo(f"  {problem}")
        if found.problems:
            click.echo("slackctl journal rescue keeps what can be kept; slackctl restore puts a backup there")
        else:
            click.echo("all is well")
    if found.problems:
        raise SystemExit(NOT_WELL)


@journal.command()
@_directory_option
@json_option
def rescue(directory: Path | None, as_json: bool) -> None:
    """Make a new journal of what can be read of a damaged one, and put it in its place.

    The old files stay beside it, under another name.
    """
    config, tools = _tools(directory)
    done = tools.rescue(config)
    if as_json:
        click.echo(json.dumps({**attrs.asdict(done), "damaged": str(done.damaged)}))
        return
    click.echo(f"kept: {_listed(done.kept) or 'nothing'}")
    if done.lost:
        click.echo(f"seen, and of no use: {_listed(done.lost)}")
    if done.unreadable:
        click.echo(f"{done.unreadable} places could not be read: nobody knows what stood there")
    click.echo(f"the old files are {done.damaged}*: remove them when all is well")
    click.echo("start slackd; programs get again what was open")


@click.command()
@_directory_option
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def restore(directory: Path | None, file: Path) -> None:
    """Put FILE, which `slackctl backup` made, in the journal's place, while slackd is stopped.

    The journal that is there is kept under another name. What came after the backup is unknown to slackd then.
    """
    config, tools = _tools(directory)
    done = tools.restore(config, file)
    click.echo(f"{done.path}: {_listed(done.holds) or 'empty'}")
    if done.before is not None:
        click.echo(f"the journal before it is {done.before}*: remove it when all is well")
    click.echo("start slackd; what was open at the time of the backup is delivered again")


def _tools(directory: Path | None) -> tuple[Any, Any]:
    from slackd.broker.journal.engines import engine_of
    from slackd.broker.journal.offline import OfflineTools

    config = _config(directory)
    engine = engine_of(config)
    if not isinstance(engine, OfflineTools):
        raise JournalError(
            f'[journal] engine = "{config.engine.value}" has no tools of slackd\'s for this',
            hint="use those of the database that it is kept in",
        )
    return config, engine


def _config(directory: Path | None) -> Any:
    from slackd.config.load import load_for_start
    from slackd.config.paths import find_file, places
    from slackd.config.values import JournalConfig

    if directory is not None:
        return JournalConfig(directory)
    file = find_file(None, os.environ)
    try:
        return load_for_start(file).journal
    except ConfigError as error:
        default = places(file, os.environ, os.geteuid()).state
        words = f"name the journal's folder (--directory {default}, where nothing else is said)"
        raise ConfigError(f"{error}\n{words}") from error


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)
