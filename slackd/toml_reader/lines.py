"""On which line of a TOML text a key stands. `tomllib` doesn't say, so this looks for it, and only once
something is wrong. A key that isn't found (dotted oddly, hidden in a multi-line string) gets its table's line,
or none: a missing line number is no harm, a wrong one costs little.
"""

import re
import tomllib
from typing import Final

from slackd.toml_reader.problems import KeyPath

_HEADER: Final = re.compile(r"\s*(\[\[?)\s*(.+?)\s*\]\]?\s*(?:#.*)?$")
_KEY: Final = re.compile(
    r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*="""
)
_MULTILINE: Final = re.compile(r'"""|\'\'\'')


def line_of(text: str, key: KeyPath) -> int | None:
    """The line, counted from 1, of the key or of the nearest table around it; None where neither is found."""
    best: tuple[int, int] | None = None
    for found, number in _keys(text):
        depth = _common(found, key)
        if depth == len(found) and depth and (best is None or depth > best[0]):
            best = (depth, number)
    return best[1] if best else None


def _keys(text: str) -> list[tuple[KeyPath, int]]:
    table: KeyPath = ()
    counts: dict[KeyPath, int] = {}
    found: list[tuple[KeyPath, int]] = []
    quote = ""
    for number, line in enumerate(text.split("\n"), 1):
        if quote:
            quote = "" if quote in line else quote
            continue
        if header := _HEADER.match(line):
            name = _parts(header[2])
            if header[1] == "[[":
                counts[name] = counts.get(name, -1) + 1
            table = _indexed(name, counts)
            found.append((table, number))
        elif key := _KEY.match(line):
            found.append((table + _parts(key[1]), number))
        quotes = _MULTILINE.findall(line)
        if len(quotes) % 2:
            quote = quotes[-1]
    return found


def _parts(dotted: str) -> KeyPath:
    try:
        value: object = tomllib.loads(f"{dotted} = 0")
    except tomllib.TOMLDecodeError:
        return ()
    parts: list[str | int] = []
    while isinstance(value, dict):
        name, value = next(iter(value.items()))
        parts.append(name)
    return tuple(parts)


def _indexed(name: KeyPath, counts: dict[KeyPath, int]) -> KeyPath:
    """The table's name with the position of each array of tables it lies in."""
    result: list[str | int] = []
    for end in range(1, len(name) + 1):
        result.append(name[end - 1])
        if (count := counts.get(name[:end])) is not None:
            result.append(count)
    return tuple(result)


def _common(one: KeyPath, other: KeyPath) -> int:
    depth = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        depth += 1
    return depth
