"""`slackctl metrics`: what a scraper would read."""

from collections.abc import Iterable

import click

from slackd import SlackdError
from slackd.cli.slackctl.options import client, socket_option
from slackd.text import nearest_name


class NoSuchMetric(SlackdError):
    """No metric's name holds a word that was given."""


@click.command()
@socket_option
@click.argument("filters", nargs=-1, metavar="[WORD]...")
def metrics(socket: str | None, filters: tuple[str, ...]) -> None:
    """Print the metrics as Prometheus reads them; with WORDs only those whose names hold one of them."""
    lines = client(socket).text("/metrics").decode().splitlines()
    names = {_name(line) for line in lines}
    wanted = {name for name in names if not filters or any(word in name for word in filters)}
    for line in lines:
        if _name(line) in wanted:
            click.echo(line)
    unknown = [word for word in filters if not any(word in name for name in names)]
    if unknown:
        raise NoSuchMetric("; ".join(_said_of(word, names) for word in unknown))


def _said_of(unknown: str, names: Iterable[str]) -> str:
    words = {word for name in names for word in (name, *name.split("_"))}
    near = nearest_name(unknown, words)
    return f"no metric has {unknown!r} in its name{f'; did you mean {near!r}?' if near else ''}"


def _name(line: str) -> str:
    """The metric that a line is about: `# HELP name …`, `# TYPE name …`, `name{…} value`."""
    return line.split(" ", 3)[2] if line.startswith("#") else line.partition("{")[0].partition(" ")[0]
