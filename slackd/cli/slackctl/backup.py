"""`slackctl backup`: a consistent copy of the running journal."""

import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click

from slackd import SlackdError
from slackd.cli.slackctl.options import client, socket_option
from slackd.cli.slackctl.wording import size


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
        written = _write(path, pieces)
    except OSError as error:
        raise CannotWrite(f"{path} cannot be written: {error.strerror}") from error
    click.echo(f"{size(written)} in {path}")


def _write(path: Path, pieces: Iterator[bytes]) -> int:
    """Under another name until it is complete and on the disk."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    written = 0
    try:
        with os.fdopen(descriptor, "wb") as out:
            for piece in pieces:
                written += out.write(piece)
            out.flush()
            os.fsync(out.fileno())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
    return written
