"""From `slackd.toml` and the files of its plugins to one `Config`, or to every problem at once."""

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from slackd.config.conflicts import conflicts
from slackd.config.daemon_file import DaemonFile, parse_daemon_file
from slackd.config.files import ConfigReader
from slackd.config.paths import places
from slackd.config.plugin_file import PLUGIN_NAME, PLUGIN_NAME_EXPECTED, parse_plugin_file
from slackd.config.problems import InvalidConfig, Problem, shown
from slackd.config.tables import Document
from slackd.config.values import Config, PluginConfig


def load(
    path: str | os.PathLike[str], *, environ: Mapping[str, str] | None = None, uid: int | None = None
) -> Config:
    """Read the configuration file and the plugins' files that belong to it.

    Args:
        path: The file, usually `/etc/slackd/slackd.toml`.
        environ: Where defaults of paths come from; the process's own environment if None.
        uid: Who reads, for defaults of paths and for whose files are trusted; the process's own if None.

    Raises:
        InvalidConfig: With every problem in any of the files; a `ConfigError`.
    """
    environ = os.environ if environ is None else environ
    uid = os.geteuid() if uid is None else uid
    file = Path(path).absolute()
    fingerprint = hashlib.sha256()
    reader = ConfigReader(fingerprint.update, uid)
    standing = places(file, environ, uid)
    document = reader.document(file)
    # After a mistake in the TOML itself the plugins' files are read all the same: they may have some too.
    settings = parse_daemon_file(
        (document or Document(file, "", {}, reader.problems, reader.warnings)).root(), standing
    )
    plugins = dict(_plugins(reader, settings, given=settings.plugins.directory != file.parent / "plugins.d"))
    if reader.problems:
        raise InvalidConfig(reader.problems)
    return Config(
        file=file,
        apps=settings.apps,
        journal=settings.journal,
        plugins=settings.plugins,
        control=settings.control,
        log=settings.log,
        link_socket=settings.link_socket,
        plugin_files=plugins,
        gateway=settings.gateway,
        digest=fingerprint.hexdigest(),
        warnings=tuple(reader.warnings),
    )


def _plugins(reader: ConfigReader, settings: DaemonFile, *, given: bool) -> Iterator[tuple[str, PluginConfig]]:
    documents: dict[Path, Document] = {}
    plugins: list[PluginConfig] = []
    for file in reader.folder(settings.plugins.directory, must_exist=given):
        name = file.name.removesuffix(".toml")
        if not PLUGIN_NAME.fullmatch(name):
            reader.problems.append(
                Problem(file, (), f"a file for a plugin named {shown(name)}", PLUGIN_NAME_EXPECTED)
            )
            continue
        document = reader.document(file)
        if document is not None:
            documents[file] = document
            plugins.append(parse_plugin_file(name, document.root(), settings.apps, settings.named))
    for conflict in conflicts(plugins):
        documents[conflict.second.file].wrong(
            ("subscribe", conflict.position, "respond"),
            f"an answer to {conflict.thing}, which {conflict.first.file} gives too",
            "respond = true in one of the two files",
        )
    yield from ((plugin.name, plugin) for plugin in plugins)
