"""`slackctl backup`: a consistent copy of the running journal."""

import sys
from pathlib import Path

import click

from slackd import SlackdError
from slackd.cli.slackctl.options import client, socket_option
from slackd.cli.slackctl.wording import size
from slackd.whole_file import written_whole


class CannotWrite(SlackdError):
    """The file can't be written; the message says why."""


@click.command()
@socket_option
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True))
@click.option("--force", is_flag=True, help="Replace a file that is there.")
def backup(socket: str | None, file: str, force: bool) -> None:
    """Copy the running journal into FILE (`-` is standard output), which nobody else may read.

    The copy is complete or isn't there. It needs as much space in the journal's folder as the journal has while
    it is made, and again where FILE is. To go back to it: stop slackd, slackctl restore FILE, start slackd.
    """
    pieces = client(socket).chunks("/v1/backup")
    if file == "-":
        for piece in pieces:
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()
        return
    path = Path(file)
    if path.exists() and not force:
        raise CannotWrite(f"{path} is there already; --force replaces it")
    try:
        with written_whole(path) as out:
            written = sum(out.write(piece) for piece in pieces)
    except OSError as error:
        raise CannotWrite(f"{path} cannot be written: {error.strerror}") from error
    click.echo(f"{size(written)} in {path}")
