"""The data files of this package: where they are, and what their conditions mean."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs

from slackd import SlackdError
from slackd.text import nearest_name
from slackd.toml_reader.tables import Document, Table

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
        """Whether these facts, by name, satisfy all of it."""
        return all(facts[name] in values for name, values in self.facts)


def nearest(found: str, known: Iterable[str]) -> str:
    """Give the end of an error's sentence: the known name that was probably meant, or all of them.

    Returns:
        Words to append to an error.
    """
    known = sorted(known)
    close = nearest_name(found, known)
    if close is not None:
        return f"; did you mean {close!r}?"
    return "; known are " + ", ".join(known)


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Returns:
        The file's tables.

    Raises:
        AdviceError: It can't be read, or isn't TOML.
    """
    try:
        with path.open("rb") as file:
            return tomllib.load(file)
    except OSError as error:
        raise AdviceError(f"{path}: {error.strerror}") from error
    except ValueError as error:  # not TOML, not UTF-8, or a number with thousands of digits
        raise AdviceError(f"{path}: not TOML: {error}") from error
    except RecursionError:
        raise AdviceError(f"{path}: brackets nested too deeply; expected TOML") from None


class DataFile:
    """One data file, read as configuration is: key by key, with every mistake noted.

    Attributes:
        table: The file's outermost table.
    """

    def __init__(self, name: str, folder: Path = DATA) -> None:
        """Open the file by its name, without `.toml`.

        Raises:
            AdviceError: It can't be read, or isn't TOML.
        """
        self.path = folder / f"{name}.toml"
        content = read_toml(self.path)
        document = Document(self.path, self.path.read_text(encoding="utf-8"), content, [], [])
        self.table = document.root()

    def close(self) -> None:
        """Refuse what is wrong, and keys that nobody asked for.

        Raises:
            AdviceError: It names every problem with file, line, key and what was expected.
        """
        self.table.finish()
        if self.table.document.problems:
            raise AdviceError("\n".join(map(str, self.table.document.problems)))


def each(table: Table, name: str) -> Iterator[Table]:
    """Each table of an array, which knows afterwards what was asked of it."""
    for entry in table.tables(name):
        yield entry
        entry.finish()


def text_of(table: Table, name: str) -> str:
    """A text that must be there."""
    table.needs(name, "a text")
    return table.text(name, "") or ""


def when_of(table: Table) -> When:
    """Read `when = { fact = value, fact = [value, value] }`; without one, it always holds.

    Returns:
        The condition.
    """
    facts = table.table("when")
    return When(tuple((name, facts.values(name)) for name in facts.names()))
