"""Reading the files themselves. What they say decides who may speak as which plugin and where tokens are sent,
so a file that anybody could have written is not believed.
"""

import os
import stat
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from re import search
from typing import Final

import attrs

from slackd.config.paths import SYSTEM_FILE
from slackd.redaction import without_secrets
from slackd.slotted import frozen
from slackd.toml_reader.problems import Problem
from slackd.toml_reader.tables import Document

FILE_LIMIT: Final = 1 << 20
"""Bytes of one configuration file: a thousand times what is usual, and no way to fill the memory."""

Fingerprint = Callable[[bytes], object]
"""Is given all bytes that were read."""


@frozen
class Overlay:
    """Files that are read as if they stood on disk: the last good ones, or those that are to be written.

    Attributes:
        files: Their content, by absolute path.
        folders: Folders that have the files named here and no others, whatever stands on disk.
    """

    files: Mapping[Path, bytes] = attrs.field(factory=dict)
    folders: frozenset[Path] = frozenset()


class ConfigReader:
    """Reads files into documents, and remembers what was wrong with any of them.

    Args:
        fingerprint: Called with all bytes that are read.
        uid: Who reads, which decides whose files are trusted.
        overlay: Files to take in place of those on disk.

    Attributes:
        problems: What makes the configuration unusable.
        warnings: What an operator should know and may keep.
        read: The content of every file that could be read, by its path.
    """

    def __init__(self, fingerprint: Fingerprint, uid: int, overlay: Overlay | None = None) -> None:
        self.problems: list[Problem] = []
        self.warnings: list[str] = []
        self.read: dict[Path, bytes] = {}
        self._fingerprint = fingerprint
        self._uid = uid
        self._overlay = overlay or Overlay()

    def document(self, file: Path) -> Document | None:
        """Read and parse a TOML file.

        Returns:
            None where the file cannot be had or is no TOML; that is among the problems then.
        """
        data = self._overlay.files.get(file)
        if data is None:
            data = self._bytes(file)
        if data is None:
            return None
        self.read[file] = data
        self._fingerprint(b"%d %s\n" % (len(data), os.fsencode(file.name)))
        self._fingerprint(data)
        try:
            text = data.decode()
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            self._wrong(
                file, f"a byte that is not UTF-8 (0x{data[error.start]:02x})", "TOML in UTF-8", line=line
            )
            return None
        if text.startswith("\ufeff"):
            self._wrong(file, "a byte order mark", "TOML in UTF-8 without one", line=1)
            return None
        try:
            content = tomllib.loads(text)
        except RecursionError:
            self._wrong(file, "brackets nested too deeply", "TOML")
            return None
        except ValueError as error:
            # Also integers of more digits than Python reads, which is a plain ValueError.
            self._bad_syntax(file, text, str(error))
            return None
        return Document(file, text.replace("\r\n", "\n"), content, self.problems, self.warnings)

    def folder(self, folder: Path, each: str, *, must_exist: bool) -> Iterator[Path]:
        """The `*.toml` files of a folder by name; not the hidden and the masked (-> /dev/null) ones.

        Args:
            each: What has a file there: "plugin", "app".
            must_exist: Whether it is a problem that there is no such folder.
        """
        names = {file.name for file in self._overlay.files if file.parent == folder}
        if folder not in self._overlay.folders:
            names.update(self._listed(folder, f"a folder with a file NAME.toml for each {each}", must_exist))
        for name in sorted(names):
            if name.endswith(".toml") and not name.startswith("."):
                file = folder / name
                if not _is_masked(file):
                    yield file

    def _listed(self, folder: Path, expected: str, must_exist: bool) -> list[str]:
        try:
            about = os.stat(folder)
            names = os.listdir(folder)
        except FileNotFoundError:
            if must_exist:
                self._wrong(folder, "nothing", expected)
            return []
        except OSError as error:
            self._wrong(folder, _reason(error), expected)
            return []
        return names if self._trusted(folder, about) else []

    def _bytes(self, file: Path) -> bytes | None:
        try:
            link = os.lstat(file)
            # Not blocking: somebody may have put a FIFO there.
            descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except (OSError, ValueError) as error:
            hint = ""
            if isinstance(error, PermissionError):
                hint = f"it must be readable for uid {self._uid}"
            elif file.is_symlink():
                hint = f"it is a link to {os.readlink(file)}"
            self._wrong(file, _reason(error), "a configuration file", hint)
            return None
        try:
            about = os.fstat(descriptor)
            if not stat.S_ISREG(about.st_mode):
                self._wrong(file, _kind(about.st_mode), "a configuration file")
                return None
            if stat.S_ISLNK(link.st_mode) and not self._owned(file, link):
                return None
            if not self._trusted(file, about):
                return None
            with open(descriptor, "rb", closefd=False) as opened:
                data = opened.read(FILE_LIMIT + 1)
        except OSError as error:
            self._wrong(file, _reason(error), "a configuration file")
            return None
        finally:
            os.close(descriptor)
        if len(data) > FILE_LIMIT:
            self._wrong(file, f"more than {FILE_LIMIT} bytes", "a configuration file")
            return None
        return data

    def _trusted(self, path: Path, about: os.stat_result) -> bool:
        if about.st_mode & stat.S_IWOTH:
            mode = stat.S_IMODE(about.st_mode)
            self._wrong(path, f"mode {mode:04o}", "one that only its owner may write", f"chmod o-w {path}")
            return False
        if about.st_mode & stat.S_IWGRP and about.st_gid not in (0, os.getegid()):
            self.warnings.append(f"{path}: group {about.st_gid} may write it, and so decide what slackd does")
        return self._owned(path, about)

    def _owned(self, path: Path, about: os.stat_result) -> bool:
        if about.st_uid in (0, self._uid):
            return True
        if SYSTEM_FILE.parent in path.parents or path == SYSTEM_FILE.parent:
            self._wrong(
                path, f"a file of uid {about.st_uid}", "one of root's", f"chown --no-dereference root {path}"
            )
            return False
        self.warnings.append(f"{path}: belongs to uid {about.st_uid}, who so decides what slackd does")
        return True

    def _bad_syntax(self, file: Path, text: str, words: str) -> None:
        at = search(r" \(at (?:line (\d+), column (\d+)|end of document)\)", words)
        line, column = text.count("\n") + 1, None
        if at is not None:
            words = words[: at.start()]
            if at[1]:
                line, column = int(at[1]), int(at[2])
        found = f"a mistake in the TOML: {words[:1].lower()}{words[1:]}"
        self._wrong(file, found, "TOML 1.0", line=line if at else None, column=column)

    def _wrong(
        self,
        path: Path,
        found: str,
        expected: str,
        hint: str = "",
        *,
        line: int | None = None,
        column: int | None = None,
    ) -> None:
        self.problems.append(Problem(path, (), without_secrets(found), expected, hint, line, column))


def _is_masked(file: Path) -> bool:
    """As with systemd's units, a link to /dev/null switches off what a package brought."""
    try:
        return os.readlink(file) == os.devnull
    except OSError:
        return False


def _reason(error: OSError | ValueError) -> str:
    match error:
        case FileNotFoundError():
            return "nothing"
        case IsADirectoryError():
            return "a folder"
        case OSError(strerror=str(words)):
            return words[:1].lower() + words[1:]
        case _:
            return str(error)


def _kind(mode: int) -> str:
    names = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket"}
    return names.get(stat.S_IFMT(mode), "a device")
