"""Whether the configuration on disk can be used, looked at while a process runs with an earlier one.

A mistake that somebody saved and nobody reloaded is found here, before a crash or a reboot finds it.
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from slackd.config.last_good import read_copy
from slackd.config.load import APPS_FOLDER, load
from slackd.config.values import Config
from slackd.toml_reader.problems import InvalidConfig, Problem

_Signature = tuple[tuple[str, int, int, int, int], ...]


class DiskCheck:
    """Reads the files of a running configuration again whenever one of them has changed.

    Args:
        config: The configuration that the process runs with.
        kept_in: The folder of the last good copy, or None.
        environ: As in `load`.
    """

    def __init__(self, config: Config, kept_in: Path | None, environ: Mapping[str, str] | None = None) -> None:
        self._config, self._kept_in, self._environ = config, kept_in, environ
        self._seen: _Signature | None = None
        self.found: tuple[str, ...] = ()
        """What the last look found, but what this start has left out already: one line a problem, with what the
        next start would do."""

    def look(self) -> tuple[str, ...]:
        """Read what is on disk if it has changed since the last look; blocks for as long as that takes.

        Returns:
            One line a problem, with what the next start would do; nothing where all is good.
        """
        signature = tuple(self._signature())
        if signature == self._seen:
            return self.found
        try:
            load(self._config.file, environ=self._environ)
        except InvalidConfig as error:
            known = "\n".join((self._config.fallback, *self._config.left_out))
            self.found = tuple(self._words(each) for each in error.problems if str(each) not in known)
        else:
            self.found = ()
        self._seen = signature
        return self.found

    def _words(self, problem: Problem) -> str:
        of_plugins = problem.file.parent == self._config.plugins.directory
        if of_plugins and problem.file != self._config.file:
            then = f"leave plugin {problem.file.name.removesuffix('.toml')} out"
        elif self._kept_in is not None and read_copy(self._config.file, self._kept_in) is not None:
            then = "go on with the last good configuration"
        else:
            then = "fail"
        return f"what is on disk can't be used: the next start will {then}: {problem}"

    def _signature(self) -> Iterator[tuple[str, int, int, int, int]]:
        yield from _about(self._config.file)
        for folder in (self._config.file.parent / APPS_FOLDER, self._config.plugins.directory):
            yield from _about(folder)
            try:
                names = sorted(os.listdir(folder))
            except OSError:
                continue
            for name in names:
                yield from _about(folder / name)


def _about(path: Path) -> Iterator[tuple[str, int, int, int, int]]:
    try:
        status = os.stat(path)
    except OSError as error:
        yield (str(path), error.errno or 0, 0, 0, 0)
    else:
        # The time of the last change of the inode is also that of a change of mode or owner.
        yield (str(path), status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
