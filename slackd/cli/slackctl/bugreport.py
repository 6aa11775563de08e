"""`slackctl bugreport`: a bundle to attach to a ticket, without secrets and without what people wrote."""

import errno
import io
import json
import os
import platform
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Mapping
from importlib.metadata import distributions
from pathlib import Path
from typing import BinaryIO, Final

import click

from slackd import __version__
from slackd.cli.slackctl.options import client, socket_option
from slackd.config import find_file, load
from slackd.errors import SlackdError
from slackd.redaction import without_secrets
from slackd.whole_file import written_whole

_UNITS: Final = ("slackd*",)
_LOG_LINES: Final = 2_000
_LIBRARIES: Final = ("aiohttp", "attrs", "click", "slack_sdk", "tenacity", "uvloop", "msgspec")


class BundleUnwritable(SlackdError):
    """The bundle can't be written; the message says why."""


@click.command()
@socket_option
@click.option(
    "--output", type=click.Path(path_type=Path, dir_okay=False), help="The file; else a name with the time."
)
def bugreport(socket: str | None, output: Path | None) -> None:
    """Write a .tar.gz with versions, status, metrics, configuration, units and the last lines of the log.

    Tokens, passwords and one-use URLs are blanked in all of it; envelopes are not in it. Look through it before
    you send it.
    """
    control = client(socket)
    parts: dict[str, Callable[[], str]] = {
        "versions.txt": _versions,
        "status.json": lambda: json.dumps(control.get("/v1/status"), indent=2, ensure_ascii=False),
        "inflight.json": lambda: json.dumps(control.get("/v1/inflight"), indent=2),
        "gaps.json": lambda: json.dumps(control.get("/v1/gaps"), indent=2),
        "metrics.txt": lambda: control.text("/metrics").decode(),
        "configuration.txt": _configuration,
        "units.txt": lambda: _output("systemctl", "--no-pager", "status", *_UNITS),
        "journal.txt": lambda: _output("journalctl", "--no-pager", "-n", str(_LOG_LINES), "-u", "slackd*"),
    }
    file = output or Path(time.strftime("slackd-bugreport-%Y%m%d-%H%M%S.tar.gz"))
    if os.path.lexists(file):
        raise BundleUnwritable(f"{file}: {os.strerror(errno.EEXIST)}")
    try:
        with written_whole(file) as written:
            _write(written, parts)
    except OSError as error:
        raise BundleUnwritable(f"{file}: {error.strerror}") from error
    click.echo(f"{file}: secrets are blanked; look through it before you send it")


def _write(written: BinaryIO, parts: Mapping[str, Callable[[], str]]) -> None:
    with tarfile.open(fileobj=written, mode="w:gz") as bundle:
        for name, make in parts.items():
            try:
                text = make()
            except (SlackdError, OSError, subprocess.SubprocessError) as error:
                text = f"not to be had: {error}"
            content = without_secrets(text).encode("utf-8", "replace")
            entry = tarfile.TarInfo(f"slackd-bugreport/{name}")
            entry.size, entry.mtime = len(content), int(time.time())
            bundle.addfile(entry, io.BytesIO(content))


def _versions() -> str:
    libraries = {each.name: each.version for each in distributions() if each.name in _LIBRARIES}
    lines = [f"slackd {__version__}", f"python {sys.version}", platform.platform()]
    return "\n".join([*lines, *(f"{name} {version}" for name, version in sorted(libraries.items()))]) + "\n"


def _configuration() -> str:
    file = find_file(None, os.environ)
    try:
        plugins = load(file).plugins.directory
    except SlackdError:  # what is wrong with it is in the texts
        plugins = file.parent / "plugins.d"
    folders = [file.parent / "apps.d", plugins]
    files = [file, *(each for folder in folders for each in sorted(folder.glob("*.toml")))]
    return "\n".join(f"# {each}\n{_text_of(each)}" for each in files)


def _text_of(file: Path) -> str:
    try:
        # What is no file, a FIFO say, is never at its end.
        return file.read_text(encoding="utf-8", errors="replace") if file.is_file() else "not a file\n"
    except OSError as error:
        return f"not to be had: {error.strerror}\n"


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False).stdout
