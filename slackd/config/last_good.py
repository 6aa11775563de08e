"""The last good configuration: what a process goes on with when the daemon's files on disk can't be used.

Each process that started keeps a copy of `slackd.toml` and of the files of `apps.d` in its own state folder,
the broker beside the journal. After a crash, a file that somebody broke meanwhile is no outage: the process
starts with the copy, and says so at every start, in its log and its status. The plugins' files are read from
disk all the same, each by itself (`load.load_for_start`).

The copy may hold a proxy's password, so nobody else may read it.
"""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

import attrs

from slackd.config.files import Overlay
from slackd.config.load import APPS_FOLDER, load_for_start
from slackd.config.paths import places
from slackd.config.values import Config
from slackd.toml_reader.problems import InvalidConfig
from slackd.whole_file import written_whole

_JOURNAL_DIRECTORY = re.compile(
    rb"^\s*\[journal\][^\[]*?^\s*directory\s*=\s*[\"']([^\"'\n]+)[\"']", re.MULTILINE
)


def start_config(
    file: Path, folder: Path, *, environ: Mapping[str, str] | None = None, uid: int | None = None
) -> Config:
    """Read the configuration to start with: the one on disk, or the last good one.

    Args:
        file: `slackd.toml`.
        folder: Where this process keeps its copy.
        environ: As in `load`.
        uid: As in `load`.

    Returns:
        The configuration; `left_out` and `fallback` say what of the disk is not in it.

    Raises:
        InvalidConfig: The daemon's files can't be used, and there is no copy that can.
    """
    try:
        return load_for_start(file, environ=environ, uid=uid)
    except InvalidConfig as error:
        kept = read_copy(file, folder)
        if kept is None:
            raise
        try:
            config = load_for_start(file, environ=environ, uid=uid, overlay=kept)
        except InvalidConfig:
            # A release that refuses what an older one took: what stands on disk is what people look at.
            raise error from None
        problems = "; ".join(str(problem) for problem in error.problems)
        words = f"the last good configuration goes on (digest {config.digest[:12]}), since {problems}"
        return attrs.evolve(config, fallback=words)


def copy_file(file: Path, folder: Path) -> Path:
    """Name the copy's place.

    Args:
        file: `slackd.toml`; each has a copy of its own, since a person may have several.
        folder: Where the process keeps its copies.

    Returns:
        The file's path, whether it exists or not.
    """
    return folder / f"last-good-config-{hashlib.sha256(os.fsencode(file)).hexdigest()[:12]}.json"


def state_folder(file: Path, environ: Mapping[str, str], uid: int) -> Path:
    """Find the folder of a broker's copy: the journal's, as far as a broken file shows which that is.

    Args:
        file: `slackd.toml`, which may be broken.
        environ: As in `load`.
        uid: As in `load`.

    Returns:
        The folder; it may not exist yet.
    """
    try:
        named = _JOURNAL_DIRECTORY.search(file.read_bytes())
    except OSError:
        named = None
    return file.parent / os.fsdecode(named[1]) if named else places(file, environ, uid).state


def keep_copy(config: Config, folder: Path) -> None:
    """Keep the daemon's files that this process started with; nothing is written where they are kept already.

    Raises:
        OSError: The copy cannot be written.
    """
    if config.file not in config.daemon_files or config.fallback:
        return
    files = {str(path): content.decode() for path, content in config.daemon_files.items()}
    text = json.dumps({"file": str(config.file), "files": files}, sort_keys=True)
    target = copy_file(config.file, folder)
    try:
        if target.read_text() == text:
            return
    except (OSError, ValueError):
        pass
    with written_whole(target) as opened:
        opened.write(text.encode())


def read_copy(file: Path, folder: Path) -> Overlay | None:
    """Read the copy that was kept for this `slackd.toml`.

    Returns:
        The files; None where no copy is kept or it can't be read.
    """
    try:
        kept = json.loads(copy_file(file, folder).read_text())
        if kept["file"] != str(file):
            return None
        files = {Path(name): str(text).encode() for name, text in kept["files"].items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
    return Overlay(files, frozenset({file.parent / APPS_FOLDER}))
