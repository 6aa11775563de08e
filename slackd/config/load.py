"""From `slackd.toml`, `apps.d` and `plugins.d` to one `Config`, or to every problem at once.

`load` is for whoever asks whether the files are good: `check-config`, a reload, `slackctl setup`. A process
that starts uses `load_for_start`: it does not let one plugin's mistake take everybody out.
"""

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import attrs

from slackd.config.conflicts import conflicts
from slackd.config.daemon_file import DaemonFile, parse_daemon_file
from slackd.config.files import ConfigReader, Overlay
from slackd.config.paths import places
from slackd.config.plugin_file import PLUGIN_NAME, PLUGIN_NAME_EXPECTED, parse_plugin_file
from slackd.config.values import Config, PluginConfig
from slackd.slotted import frozen
from slackd.toml_reader.problems import InvalidConfig, Problem, shown
from slackd.toml_reader.tables import Document

APPS_FOLDER: Final = "apps.d"
"""The folder beside `slackd.toml` with a file NAME.toml for each app that does not stand in it."""
_PLUGINS_FOLDER: Final = "plugins.d"


@frozen
class _Reading:
    """All files read, with what is wrong in which.

    Attributes:
        config: What the files say; values that are wrong stand at their defaults.
        daemon_problems: In `slackd.toml`, `apps.d`, or the plugins' folder itself.
        plugin_problems: In the plugins' files.
    """

    config: Config
    daemon_problems: tuple[Problem, ...]
    plugin_problems: tuple[Problem, ...]


def load(
    path: str | os.PathLike[str],
    *,
    environ: Mapping[str, str] | None = None,
    uid: int | None = None,
    overlay: Overlay | None = None,
) -> Config:
    """Read the configuration file, and the apps' and plugins' files that belong to it.

    Args:
        path: The file, usually `/etc/slackd/slackd.toml`.
        environ: Where defaults of paths come from; the process's own environment if None.
        uid: Who reads, for defaults of paths and for whose files are trusted; the process's own if None.
        overlay: Files to take in place of those on disk.

    Returns:
        The configuration, in which nothing is wrong.

    Raises:
        InvalidConfig: With every problem in any of the files; a `ConfigError`.
    """
    reading = _read(path, environ, uid, overlay, without_broken_plugins=False)
    if problems := (*reading.daemon_problems, *reading.plugin_problems):
        raise InvalidConfig(problems)
    return reading.config


def load_for_start(
    path: str | os.PathLike[str],
    *,
    environ: Mapping[str, str] | None = None,
    uid: int | None = None,
    overlay: Overlay | None = None,
) -> Config:
    """Read the same, and leave out the plugins whose files can't be used; `Config.left_out` says which and why.

    Returns:
        The configuration without those plugins.

    Raises:
        InvalidConfig: The daemon's own files cannot be used.
    """
    reading = _read(path, environ, uid, overlay, without_broken_plugins=True)
    if reading.daemon_problems:
        raise InvalidConfig(reading.daemon_problems)
    left_out: dict[str, list[str]] = {}
    for problem in reading.plugin_problems:
        left_out.setdefault(problem.file.name.removesuffix(".toml"), []).append(str(problem))
    words = (f"plugin {name} is left out: {'; '.join(found)}" for name, found in left_out.items())
    return attrs.evolve(reading.config, left_out=tuple(words))


def _read(
    path: str | os.PathLike[str],
    environ: Mapping[str, str] | None,
    uid: int | None,
    overlay: Overlay | None,
    *,
    without_broken_plugins: bool,
) -> _Reading:
    environ = os.environ if environ is None else environ
    uid = os.geteuid() if uid is None else uid
    file = Path(path).absolute()
    fingerprint = hashlib.sha256()
    reader = ConfigReader(fingerprint.update, uid, overlay)
    document = reader.document(file)
    app_files = (
        reader.document(each) for each in reader.folder(file.parent / APPS_FOLDER, "app", must_exist=False)
    )
    # After a mistake in the TOML itself the other files are read all the same: they may have some too.
    settings = parse_daemon_file(
        (document or Document(file, "", {}, reader.problems, reader.warnings)).root(),
        places(file, environ, uid),
        [each.root() for each in app_files if each is not None],
    )
    daemon_files = dict(reader.read)
    given = settings.plugins.directory != file.parent / _PLUGINS_FOLDER
    files = list(reader.folder(settings.plugins.directory, "plugin", must_exist=given))
    daemon_problems = tuple(reader.problems)
    plugins = _plugins(reader, settings, files, without_broken=without_broken_plugins)
    config = Config(
        file=file,
        apps=settings.apps,
        journal=settings.journal,
        plugins=settings.plugins,
        control=settings.control,
        log=settings.log,
        link_socket=settings.link_socket,
        gateway=settings.gateway,
        receiver=settings.receiver,
        plugin_files={plugin.name: plugin for plugin in plugins},
        app_files=settings.app_files,
        digest=fingerprint.hexdigest(),
        warnings=tuple(reader.warnings),
        daemon_files=daemon_files,
    )
    return _Reading(config, daemon_problems, tuple(reader.problems[len(daemon_problems) :]))


def _plugins(
    reader: ConfigReader, settings: DaemonFile, files: Sequence[Path], *, without_broken: bool
) -> list[PluginConfig]:
    documents: dict[Path, Document] = {}
    plugins: list[PluginConfig] = []
    for file in files:
        name = file.name.removesuffix(".toml")
        if not PLUGIN_NAME.fullmatch(name):
            found = f"a file for a plugin named {shown(name)}"
            reader.problems.append(Problem(file, (), found, PLUGIN_NAME_EXPECTED))
            continue
        document = reader.document(file)
        if document is None:
            continue
        documents[file] = document
        before = len(reader.problems)
        plugin = parse_plugin_file(name, document.root(), settings.apps, settings.named)
        if not without_broken or len(reader.problems) == before:
            plugins.append(plugin)
    refused: set[str] = set()
    for conflict in conflicts(plugins):
        if without_broken and conflict.first.name in refused:
            # Nobody else answers what the first one, left out itself, would have.
            continue
        documents[conflict.second.file].wrong(
            ("subscribe", conflict.position, "respond"),
            f"an answer to {conflict.thing}, which {conflict.first.file} gives too",
            "respond = true in one of the two files",
        )
        refused.add(conflict.second.name)
    return [plugin for plugin in plugins if not (without_broken and plugin.name in refused)]
