"""New plugins: a folder with program, declaration, test and package, from templates. Pure.

The templates are the examples of the documents, too: what is written here is what is tested there.
"""

import re
import sys
from collections.abc import Mapping
from email.utils import formatdate
from pathlib import Path
from typing import Final

import attrs

from slackd import SlackdError

TEMPLATES: Final = Path(__file__).parent / "templates"
IMPORTED: Final = sys.stdlib_module_names | {
    *("slackd", "pytest", "conftest", "pluggy", "aiohttp", "attr", "attrs", "click", "rich", "h11", "tenacity")
}
"""Modules that a plugin or its tests import: a program of that name would hide it."""
NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,40}")


class ScaffoldError(SlackdError):
    """A new plugin cannot be made so; the message says what was expected."""


@attrs.frozen
class Language:
    """What differs between languages.

    Attributes:
        suffix: The end of the program's name.
        depends: Debian packages that it needs to run, after ", ".
        build_depends: Debian packages that it needs to be built, after ", ".
        architecture: Of its Debian package.
        build: Recipe of `debian/rules` that builds it, or "".
    """

    suffix: str
    depends: str = ""
    build_depends: str = ""
    architecture: str = "all"
    build: str = ""


LANGUAGES: Final[Mapping[str, Language]] = {
    "python": Language(".py", ", python3-slackd-plugin"),
    "bash": Language(".sh", ", socat, jq"),
    "node": Language(".js", ", nodejs"),
    "go": Language(
        ".go",
        "",
        ", golang-go",
        "any",
        "\noverride_dh_auto_build:\n"
        "\tGOCACHE=$(CURDIR)/.gocache GO111MODULE=off go build -o @NAME@ @PROGRAM@\n"
        "\n# dwz does not understand what Go's compiler writes.\noverride_dh_dwz:\n",
    ),
}


def render(
    name: str,
    language: str,
    *,
    command: str | None = None,
    reply: str = "You said:",
    author: str = "Somebody <somebody@example.com>",
    when: float = 0.0,
) -> dict[str, str]:
    """Return the new plugin's files: text by path below its folder.

    Args:
        name: The plugin's name; also its package's, its command's and its program's.
        language: One of `LANGUAGES`.
        command: Its slash command; `/NAME` if none is given.
        reply: How its answer to that begins.
        author: For the Debian package.
        when: UNIX time, for the package's changelog.

    Raises:
        ScaffoldError: The name or the language cannot be used.
    """
    if NAME.fullmatch(name) is None:
        raise ScaffoldError(
            f"{name!r} is no name for a plugin: at most 41 lower-case letters, digits, - and _, "
            "a letter or digit first"
        )
    if language not in LANGUAGES:
        raise ScaffoldError(f"no templates for {language!r}: expected {', '.join(LANGUAGES)}")
    if language == "python" and name in IMPORTED:
        raise ScaffoldError(
            f"{name!r} is no name for a plugin in Python: {name}.py would be imported in place of the module "
            f"{name}; {name}-bot would do"
        )
    of = LANGUAGES[language]
    program = name + of.suffix
    values = {
        "BUILD": of.build,
        "BUILT": name if of.build else program,
        "BUILD_DEPENDS": of.build_depends,
        "DEPENDS": of.depends,
        "ARCHITECTURE": of.architecture,
        "COMMAND": command or f"/{name}",
        "REPLY": reply,
        "AUTHOR": author,
        "DATE": formatdate(when),
        "TEST": name.replace("-", "_"),
        "PROGRAM": program,
        "NAME": name,
    }
    return {
        _filled(str(file.relative_to(folder).with_suffix("")), values): _filled(
            file.read_text(encoding="utf-8"), values
        )
        for folder in (TEMPLATES / language, TEMPLATES / "common")
        for file in sorted(folder.rglob("*.in"))
    }


def is_executable(path: str, text: str) -> bool:
    """Whether a file of a new plugin is to be executable: its scripts and its program."""
    return path == "debian/rules" or (text.startswith("#!") and "/" not in path)


def _filled(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    return text
