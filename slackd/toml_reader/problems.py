"""What is wrong with a configuration, in words: file, line, key, what was found, what was expected.

Nothing here repeats what looks like a token: a secret that was pasted into the wrong place must not reach a
terminal, a log or a ticket as well.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from slackd.errors import ConfigError
from slackd.redaction import without_secrets
from slackd.slotted import frozen

KeyPath = tuple[str | int, ...]
"""Where a value stands: `("apps", "main", "connections")`, `("subscribe", 0, "event")`."""

_SHOWN: Final = 60


def shown(value: Any) -> str:
    """A TOML value as an error may show it: short, on one line, without secrets."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            # Cut only what has been blanked, or half a token would escape the pattern.
            text = without_secrets(value).encode("unicode_escape", "backslashreplace").decode()
            return f'"{text[:_SHOWN]}…"' if len(text) > _SHOWN else f'"{text}"'
        case int():
            return str(value) if abs(value) < 10**18 else "a very large number"
        case float():
            return str(value)
        case dict():
            return "a table"
        case list():
            return "an empty list" if not value else f"a list of {len(value)}"
        case _:
            return f"a {type(value).__name__} ({value})"


_BARE: Final = re.compile(r"[A-Za-z0-9_-]+")


def spelled(key: KeyPath) -> str:
    """A key path as a person would look for it: `subscribe[0].event`, counting from the first as 0."""
    text = ""
    for part in key:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = part if _BARE.fullmatch(part) else '"' + part.encode("unicode_escape").decode() + '"'
            text += f".{name}" if text else name
    return without_secrets(text)


@frozen
class Problem:
    """One thing that is wrong.

    Attributes:
        file: The file (or folder) that holds it.
        key: Where in it; empty for the file as a whole.
        line: Counted from 1, where it could be found.
        found: What stands there, in words, without secrets.
        expected: What should stand there, in words.
        hint: What to do about it, where that isn't plain from `expected`.
    """

    file: Path
    key: KeyPath
    found: str
    expected: str
    hint: str = ""
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        where = str(self.file)
        if self.line is not None:
            where += f":{self.line}"
            if self.column is not None:
                where += f":{self.column}"
        if self.key:
            where += f": {spelled(self.key)}"
        hint = f" ({self.hint})" if self.hint else ""
        return without_secrets(f"{where}: found {self.found}, expected {self.expected}{hint}")


class InvalidConfig(ConfigError):
    """A configuration that cannot be used, with every problem that was found in it."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(f"The configuration cannot be used: {count}.\n{lines}")
