"""Folders that a start would write to: a reload looks at them first, lest it end what works for what can't."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from slackd.config.values import Config
from slackd.toml_reader.problems import KeyPath, Problem

_SYSTEMD_MAKES: Final = Path("/var/lib")
"""Where `StateDirectory=` makes a unit's folder before its process starts."""


def folder_problems(config: Config, *, by_systemd: bool) -> Iterator[Problem]:
    """Look, with the rights that this process has now, whether it could write where it would have to.

    Args:
        config: What would be started with.
        by_systemd: The process is a unit's: it is given its sockets, and its state folder is made for it.

    Yields:
        One problem a folder.
    """
    journal = config.journal.directory
    if not (by_systemd and _SYSTEMD_MAKES in journal.parents and not os.path.lexists(journal)):
        yield from _problem(config, ("journal", "directory"), journal)
    if by_systemd:
        return
    sockets = {"plugins": config.plugins.socket, "control": config.control.socket}
    for section, socket in sockets.items():
        yield from _problem(config, (section, "socket"), socket.parent)


def _problem(config: Config, key: KeyPath, folder: Path) -> Iterator[Problem]:
    there = folder
    while not os.path.lexists(there) and there != there.parent:
        there = there.parent
    if not os.path.isdir(there):
        reason = f"{there} is no folder"
    elif not os.access(there, os.W_OK | os.X_OK, effective_ids=True):
        reason = f"{there} can't be written" if there != folder else "it can't be written"
    else:
        return
    expected = "a folder that slackd's user may write, or make"
    yield Problem(config.file, key, f"{folder}, where {reason}", expected)
