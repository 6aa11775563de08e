"""A plugin under development: which files are it, and which of them are watched."""

import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import attrs

from slackd.config.daemon_file import APP_NAME
from slackd.local.program import LocalStackError

_OWNERS: Final = re.compile(r"^(?:user|users|group)\s*=\s*(?:\[[^\]]*\])?.*$", re.MULTILINE)
_FIRST_TABLE: Final = re.compile(r"^\s*\[", re.MULTILINE)
PLUGINS_FOLDER: Final = "plugins.d"
_OTHERS: Final = frozenset({"pyproject.toml", "slackd.toml"})
"""Files that may stand beside a plugin and are no plugin's."""
_SOURCES: Final = frozenset(
    {".toml", ".py", ".js", ".mjs", ".cjs", ".ts", ".sh", ".bash", ".go", ".jq", ".rb", ".pl"}
)
"""Ends of names of what is written by hand. A plugin may write other files beside itself, at every envelope."""
_NOT_WATCHED: Final = frozenset({"debian", "node_modules", "__pycache__"})


@attrs.frozen
class Project:
    """A plugin under development.

    Attributes:
        program: Its program.
        declaration: Its `plugins.d` file.
    """

    program: Path
    declaration: Path

    @property
    def name(self) -> str:
        """The plugin's name."""
        return self.declaration.stem


def find_project(place: Path) -> Project:
    """Return the plugin in a folder, or that of a program.

    Raises:
        LocalStackError: There is none, or more than one.
    """
    folder = place if place.is_dir() else place.parent
    declarations = declarations_of(place)
    if len(declarations) != 1:
        found = ", ".join(each.name for each in declarations) or "none"
        raise LocalStackError(f"{folder}: expected one plugins.d file NAME.toml, found {found}")
    if place.is_file():
        return Project(place, declarations[0])
    stem = declarations[0].stem
    programs = [each for each in sorted(folder.iterdir()) if each.is_file() and each.stem == stem]
    programs = [each for each in programs if each.suffix not in (".toml", ".md", ".conf")]
    if len(programs) != 1:
        found = ", ".join(each.name for each in programs) or "none"
        raise LocalStackError(f"{folder}: expected one program {stem} (.py, .js, .sh, .go), found {found}")
    return Project(programs[0], declarations[0])


def declarations_of(place: Path) -> list[Path]:
    """Look for the `plugins.d` file of a program, or those of a folder's plugins.

    Returns:
        The program's own (`NAME.toml` beside it, or in `plugins.d`) alone, if it has one; else all that are in
        the folder.
    """
    folder = place if place.is_dir() else place.parent
    if place.is_file():
        own = f"{place.stem}.toml"
        for beside in (folder / own, folder / PLUGINS_FOLDER / own):
            if beside.is_file():
                return [beside]
    return sorted(each for each in folder.glob("*.toml") if each.name not in _OTHERS)


def read_declaration(file: Path) -> str:
    """Return the text of a plugin's file.

    Raises:
        LocalStackError: It cannot be read, or is no text.
    """
    if file.suffix != ".toml":
        raise LocalStackError(f"{file}: a plugin's file is called NAME.toml")
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise LocalStackError(f"{file}: byte {error.start + 1} is not UTF-8, as TOML is") from None
    except OSError as error:
        raise LocalStackError(f"{file} cannot be read: {error.strerror}") from None


def watched_files(project: Project) -> Iterator[Path]:
    """Return the files whose change starts the plugin again: its program, its file, and other sources."""
    yield project.program
    for path, folders, files in os.walk(project.declaration.parent):
        folders[:] = [each for each in folders if each not in _NOT_WATCHED and not each.startswith(".")]
        found = (Path(path, each) for each in files if not each.startswith("."))
        yield from (each for each in found if each.suffix in _SOURCES)


def without_owner(declaration: str) -> str:
    """Return a plugin's file without its `user`, `users` and `group`: here the caller may be any plugin.

    Every line stays where it is, for the errors that name it.
    """
    first = _FIRST_TABLE.search(declaration)
    end = first.start() if first is not None else len(declaration)
    return _OWNERS.sub(lambda owner: "\n" * owner[0].count("\n"), declaration[:end]) + declaration[end:]


def apps_named_in(declaration: str) -> Iterator[str]:
    """Return the apps that a plugin's file names, globs left out; none where it is no TOML."""
    try:
        rules = tomllib.loads(declaration)
    except ValueError:
        return
    tables = [(rules.get("slack"), "apps")]
    subscriptions = rules.get("subscribe")
    if isinstance(subscriptions, list):
        tables += [(each, "app") for each in subscriptions]
    for table, key in tables:
        given = table.get(key, ()) if isinstance(table, dict) else ()
        names = given if isinstance(given, list) else [given]
        yield from (name for name in names if isinstance(name, str) and APP_NAME.fullmatch(name))
