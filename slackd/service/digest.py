"""What a process is made of, as one fingerprint: a reload restarts nothing that wouldn't change."""

import hashlib
import json
import os
from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from typing import Final

import attrs

import slackd
from slackd.config.values import Config


class Wing(Enum):
    """The two kinds of process."""

    BROKER = "broker"
    CONNECTOR = "connector"


_OTHERS_CODE: Final = {
    Wing.BROKER: frozenset({"connector", "emulator", "advise", "plugin"}),
    Wing.CONNECTOR: frozenset({"broker", "emulator", "advise", "plugin"}),
}
"""Folders of the package that a wing never imports from."""


def process_digest(wing: Wing, config: Config, credentials: Path | None = None) -> str:
    """The fingerprint of a wing's code, of what it reads of the configuration, and of its credentials.

    Args:
        credentials: The folder of the connector's credentials; only a hash of them goes in.
    """
    whole = hashlib.sha256()
    parts = (code_digest(wing), _config_digest(wing, config), folder_digest(credentials))
    whole.update("\n".join(parts).encode())
    return whole.hexdigest()


def code_digest(wing: Wing, package: Path | None = None) -> str:
    """The fingerprint of the installed files that a wing may run."""
    package = Path(slackd.__file__).parent if package is None else package
    return _digest(package, _files(package, _OTHERS_CODE[wing]))


def folder_digest(folder: Path | None) -> str:
    """The fingerprint of a folder's files by name and content; "" where there is no folder."""
    if folder is None or not folder.is_dir():
        return ""
    return _digest(folder, _files(folder, frozenset()))


def _config_digest(wing: Wing, config: Config) -> str:
    if wing is Wing.BROKER:
        return config.digest
    # Plugins' files and the journal's limits are no business of a connector's.
    apps = {name: attrs.asdict(app) for name, app in config.apps.items()}
    said = json.dumps([apps, config.log.level, str(config.link_socket)], sort_keys=True, default=str)
    return hashlib.sha256(said.encode()).hexdigest()


def _files(folder: Path, left_out: frozenset[str]) -> Iterable[Path]:
    for place, folders, files in os.walk(folder):
        skipped = left_out if Path(place) == folder else frozenset()
        folders[:] = sorted(name for name in folders if name not in skipped and name != "__pycache__")
        yield from (Path(place, name) for name in sorted(files))


def _digest(folder: Path, files: Iterable[Path]) -> str:
    whole = hashlib.sha256()
    for file in files:
        data = file.read_bytes()
        whole.update(b"%d %s\n" % (len(data), os.fsencode(file.relative_to(folder))))
        whole.update(data)
    return whole.hexdigest()
