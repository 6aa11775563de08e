"""Reading a TOML file of this package into values: an error names file, place and what was expected."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from slackd import SlackdError
from slackd.text import nearest_name

DATA = Path(__file__).parent / "data"

AnswerValue = str | int | bool


class AdviceError(SlackdError):
    """An answer, a weight or a data file that advice can't be made from."""


@attrs.frozen
class When:
    """A condition on the answers: all of the named facts must have one of the listed values.

    Attributes:
        facts: Name of a fact, and the values that satisfy it.
    """

    facts: tuple[tuple[str, tuple[AnswerValue, ...]], ...] = ()

    def holds(self, facts: Mapping[str, AnswerValue]) -> bool:
        return all(facts[name] in values for name, values in self.facts)


@attrs.define
class DataTable:
    """One table of a data file, read key by key; `close` then refuses what was not asked for."""

    content: dict[str, Any]
    where: str
    _read: set[str] = attrs.field(factory=set)

    def _take(self, key: str) -> object:
        self._read.add(key)
        return self.content.get(key)

    def _wrong(self, key: str, expected: str) -> AdviceError:
        if key not in self.content:
            return AdviceError(f"{self.where}: {key} is missing; expected {expected}")
        return AdviceError(f"{self.where}: {key} = {self.content[key]!r}; expected {expected}")

    def has(self, key: str) -> bool:
        self._read.add(key)
        return key in self.content

    def text(self, key: str) -> str:
        value = self._take(key)
        if not isinstance(value, str):
            raise self._wrong(key, "a text")
        return value

    def optional(self, key: str) -> str | None:
        return self.text(key) if self.has(key) else None

    def whole(self, key: str) -> int:
        value = self._take(key)
        if not isinstance(value, int) or isinstance(value, bool):
            raise self._wrong(key, "a whole number")
        return value

    def number(self, key: str) -> float:
        value = self._take(key)
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise self._wrong(key, "a number")
        return float(value)

    def answer(self, key: str) -> AnswerValue:
        value = self._take(key)
        if not isinstance(value, str | int):
            raise self._wrong(key, "a text, a whole number, true or false")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._take(key)
        if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
            raise self._wrong(key, "a list of texts")
        return tuple(value)

    def when(self) -> When:
        """Read `when = { fact = value, fact = [value, value] }`; without one, it always holds."""
        content = self._take("when") if self.has("when") else {}
        if not isinstance(content, dict):
            raise self._wrong("when", "a table of facts")
        return When(
            tuple(
                (fact, tuple(values) if isinstance(values, list) else (values,))
                for fact, values in content.items()
            )
        )

    def table(self, key: str) -> DataTable:
        value = self._take(key)
        if not isinstance(value, dict):
            raise self._wrong(key, "a table")
        return DataTable(value, f"{self.where}, {key}")

    def tables(self, key: str) -> Iterator[DataTable]:
        """Read an array of tables; each must be closed by whoever asked."""
        value = self._take(key)
        if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
            raise self._wrong(key, f"[[{key}]] tables")
        for position, entry in enumerate(value, start=1):
            yield DataTable(entry, f"{self.where}, {key} {entry.get('id', position)}")

    def close(self) -> None:
        """Refuse keys that nobody asked for."""
        for key in self.content.keys() - self._read:
            raise AdviceError(f"{self.where}: unknown key {key!r}{nearest(key, self._read)}")


def nearest(found: str, known: Iterable[str]) -> str:
    """Give the end of an error's sentence: the known name that was probably meant, or all of them."""
    known = sorted(known)
    close = nearest_name(found, known)
    if close is not None:
        return f"; did you mean {close!r}?"
    return "; known are " + ", ".join(known)


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        AdviceError: It can't be read, or isn't TOML.
    """
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise AdviceError(f"{path}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise AdviceError(f"{path}: not TOML: {error}") from error


def open_data(name: str, folder: Path = DATA) -> DataTable:
    """Open one of the package's data files by its name, without `.toml`."""
    path = folder / f"{name}.toml"
    return DataTable(read_toml(path), path.name)
