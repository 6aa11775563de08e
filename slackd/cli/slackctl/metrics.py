"""`slackctl metrics`: what a scraper would read."""

import click

from slackd.cli.slackctl.client import client, socket_option


@click.command()
@socket_option
@click.argument("filters", nargs=-1, metavar="[WORD]...")
def metrics(socket: str | None, filters: tuple[str, ...]) -> None:
    """Print the metrics as Prometheus reads them; with WORDs only those whose names hold one of them."""
    text = client(socket).text("/metrics").decode()
    if filters:
        text = "".join(
            f"{line}\n" for line in text.splitlines() if any(word in _name(line) for word in filters)
        )
    click.echo(text, nl=False)


def _name(line: str) -> str:
    """The metric that a line is about: `# HELP name …`, `# TYPE name …`, `name{…} value`."""
    return line.split(" ", 3)[2] if line.startswith("#") else line.partition("{")[0].partition(" ")[0]
