"""Typed values out of TOML tables. Whatever is wrong becomes a `Problem` and reading goes on, so that an
operator sees every mistake at once; a value that is wrong is replaced by its default for the time being.
"""

from collections.abc import Container, Iterable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any, Final, TypeVar

from slackd.redaction import without_secrets
from slackd.slotted import frozen
from slackd.text import nearest_name
from slackd.toml_reader.lines import line_of
from slackd.toml_reader.problems import KeyPath, Problem, shown, spelled
from slackd.toml_reader.units import format_duration, format_size, parse_duration, parse_size

_Choice = TypeVar("_Choice", bound=Enum)

_ABSENT: Final = object()
SOCKET_PATH_LIMIT: Final = 107
"""Bytes of a Unix socket's path (`sun_path` in unix(7), without its NUL)."""


@frozen
class Document:
    """One TOML file, parsed, and where to put what is wrong with it.

    Attributes:
        problems: What makes the configuration unusable; shared by all files of one loading.
        warnings: What an operator should know and may keep; shared in the same way.
    """

    file: Path
    text: str
    content: Mapping[str, Any]
    problems: list[Problem]
    warnings: list[str]

    def wrong(self, key: KeyPath, found: str, expected: str, hint: str = "") -> None:
        """Note a problem with the value at `key`."""
        self.problems.append(Problem(self.file, key, found, expected, hint, line_of(self.text, key)))

    def warn(self, key: KeyPath, words: str) -> None:
        """Note something that works, and may not be what was meant."""
        line = line_of(self.text, key)
        where = f"{self.file}:{line}" if line else f"{self.file}"
        self.warnings.append(without_secrets(f"{where}: {spelled(key)}: {words}"))

    def root(self) -> "Table":
        """The file's outermost table."""
        return Table(self, (), self.content)


class Table:
    """One table of a document. Each key is asked for by its type; `finish` names those nobody asked for.

    Every such method returns the value, and its default where the key is absent or what stands there is wrong;
    what is wrong is noted in the document, with what was expected.
    """

    def __init__(self, document: Document, key: KeyPath, content: Mapping[str, Any]) -> None:
        self.document = document
        self.key = key
        self._content = content
        self._known: list[str] = []

    def __contains__(self, name: str) -> bool:
        return name in self._content

    def names(self) -> tuple[str, ...]:
        """The keys that stand here, in the file's order."""
        return tuple(self._content)

    def wrong(self, name: str, expected: str, hint: str = "") -> None:
        """Note that the value of `name` is not what was expected."""
        found = shown(self._content[name]) if name in self._content else "nothing"
        self.document.wrong((*self.key, name), found, expected, hint)

    def needs(self, name: str, expected: str) -> None:
        """Note it if `name` does not stand here."""
        if name not in self._content:
            self._take(name)
            self.wrong(name, expected)

    def text(self, name: str, default: str | None, expected: str = "text in quotes") -> str | None:
        """A string, which may be empty."""
        value = self._take(name)
        if value is _ABSENT:
            return default
        if not isinstance(value, str):
            self.wrong(name, expected)
            return default
        return value

    def texts(self, name: str, expected: str = "text in quotes, or a list of such") -> tuple[str, ...]:
        """A string or a list of them, none of them empty; () where the key is absent."""
        value = self._take(name)
        if value is _ABSENT:
            return ()
        if value == [] or value == "":
            self.wrong(name, expected, "leave the key out if nothing is to be said")
            return ()
        values = value if isinstance(value, list) else [value]
        for position, item in enumerate(values):
            if not isinstance(item, str) or not item:
                at = (*self.key, name, position) if isinstance(value, list) else (*self.key, name)
                self.document.wrong(at, shown(item), expected)
                return ()
        return tuple(values)

    def flag(self, name: str, default: bool) -> bool:
        """true or false."""
        value = self._take(name)
        if value is _ABSENT:
            return default
        if not isinstance(value, bool):
            self.wrong(name, "true or false", "without quotes" if isinstance(value, str) else "")
            return default
        return value

    def whole(self, name: str, default: int, least: int, most: int) -> int:
        """A whole number between two bounds, both allowed."""
        value = self._take(name)
        if value is _ABSENT:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            bounds = f"{least} or {most}" if most - least == 1 else f"a whole number from {least} to {most}"
            self.wrong(name, bounds)
            return default
        return value

    def number(self, name: str, default: float) -> float:
        """A number, whole or not."""
        value = self._take(name)
        if value is _ABSENT:
            return default
        if isinstance(value, bool) or not isinstance(value, int | float):
            self.wrong(name, "a number")
            return default
        return float(value)

    def answer(self, name: str, default: str | int) -> str | int:
        """A text, a number, true or false."""
        value = self._take(name)
        if value is _ABSENT:
            return default
        if not isinstance(value, str | int):
            self.wrong(name, "a text, a whole number, true or false")
            return default
        return value

    def values(self, name: str) -> tuple[str | int, ...]:
        """A text, a number, true or false, or a list of such."""
        value = self._take(name)
        found = value if isinstance(value, list) else [value]
        if not all(isinstance(each, str | int) for each in found):
            self.wrong(name, "a text, a whole number, true or false, or a list of such")
            return ()
        return tuple(found)

    def duration(self, name: str, default: float, least: float, most: float) -> float:
        """Seconds, written with a unit, between two bounds, both allowed."""
        value = self._take(name)
        if value is _ABSENT:
            return default
        expected = f'a duration from "{format_duration(least)}" to "{format_duration(most)}"'
        if isinstance(value, int | float) and not isinstance(value, bool):
            self.wrong(name, expected, f'with its unit, in quotes: "{value:g}s" if seconds are meant')
            return default
        seconds = parse_duration(value) if isinstance(value, str) else None
        if seconds is None:
            self.wrong(name, expected, 'units are w, d, h, m, s and ms, as in "90s" or "2h30m"')
            return default
        if not least <= seconds <= most:
            self.wrong(name, expected)
            return default
        return seconds

    def size(self, name: str, default: int, least: int, most: int) -> int:
        """Bytes, written with a unit, between two bounds, both allowed."""
        value = self._take(name)
        if value is _ABSENT:
            return default
        expected = f'a size from "{format_size(least)}" to "{format_size(most)}"'
        if isinstance(value, int | float) and not isinstance(value, bool):
            self.wrong(name, expected, 'with its unit, in quotes: "1GiB" or "500MB"')
            return default
        count = parse_size(value) if isinstance(value, str) else None
        if count is None:
            self.wrong(name, expected, "units are B, kB, MB, GB, TB and KiB, MiB, GiB, TiB")
            return default
        if not least <= count <= most:
            self.wrong(name, expected)
            return default
        return count

    def choice(self, name: str, default: _Choice) -> _Choice:
        """One of the names that an enumeration has."""
        value = self._take(name)
        if value is _ABSENT:
            return default
        kind = type(default)
        for member in kind:
            if member.value == value and isinstance(value, str):
                return member
        self.wrong(name, one_of(str(member.value) for member in kind))
        return default

    def path(self, name: str, default: Path | None) -> Path | None:
        """A path; a relative one counts from the folder of the file that names it."""
        value = self._take(name)
        if value is _ABSENT:
            return default
        if not isinstance(value, str) or not value or not value.isprintable():
            self.wrong(name, "a path in quotes")
            return default
        if value.startswith(("~", "$")):
            self.wrong(name, "a path in quotes", "~ and variables are not expanded here: write the path out")
            return default
        return self.document.file.parent / value

    def socket(self, name: str, default: Path) -> Path:
        """The path of a Unix socket, short enough for the kernel."""
        path = self.path(name, default) or default
        if len(bytes(path)) > SOCKET_PATH_LIMIT:
            expected = f"a path of at most {SOCKET_PATH_LIMIT} bytes (the kernel's limit for sockets)"
            # Also one that is nobody's choice: made of $XDG_RUNTIME_DIR, say.
            found = shown(str(path)) if name in self else f"the default path {shown(str(path))}"
            self.document.wrong((*self.key, name), found, expected)
        return path

    def table(self, name: str) -> "Table":
        """A table; an empty one where the key is absent."""
        value = self._take(name)
        if value is not _ABSENT and not isinstance(value, dict):
            self.wrong(name, f"a table, [{spelled((*self.key, name))}]")
        return Table(self.document, (*self.key, name), value if isinstance(value, dict) else {})

    def each(self) -> list[tuple[str, "Table"]]:
        """Every key that stands here, as a table of its own."""
        tables = [(name, self.table(name)) for name in self._content]
        return [(name, table) for name, table in tables if isinstance(self._content[name], dict)]

    def tables(self, name: str) -> list["Table"]:
        """An array of tables, `[[name]]`; empty where the key is absent."""
        value = self._take(name)
        if value is _ABSENT:
            return []
        header = f"[[{spelled((*self.key, name))}]]"
        if not isinstance(value, list):
            hint = f"with two brackets on each side: {header}" if isinstance(value, dict) else ""
            self.wrong(name, f"an array of tables, {header}", hint)
            return []
        result = []
        for position, item in enumerate(value):
            key = (*self.key, name, position)
            if isinstance(item, dict):
                result.append(Table(self.document, key, item))
            else:
                self.document.wrong(key, shown(item), f"a table, {header}")
        return result

    @property
    def is_empty(self) -> bool:
        """Nothing stands here."""
        return not self._content

    def finish(self, *also: str, above: Container[str] = ()) -> None:
        """Note every key that nobody asked for, with the nearest of those that were.

        Args:
            also: Keys that are asked for only where they stand.
            above: Keys of the file's outermost table, whose lines may have come to stand in this one.
        """
        known = list(dict.fromkeys((*self._known, *also)))
        for name in self._content:
            if name in known:
                continue
            nearest = nearest_name(name.lower(), known)
            hint = f"did you mean {nearest}?" if nearest else ""
            if name in above:
                hint = f"{name} stands at the top of the file, above its first [table]"
            self.document.wrong((*self.key, name), "an unknown key", one_of(known, quoted=False), hint)

    def _take(self, name: str) -> Any:
        if name not in self._known:
            self._known.append(name)
        return self._content.get(name, _ABSENT)


def one_of(names: Iterable[str], *, quoted: bool = True) -> str:
    """The names as a sentence has them: `"a"`, `"a" or "b"`, `"a", "b" or "c"`."""
    words = [f'"{name}"' if quoted else name for name in names]
    return " or ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
