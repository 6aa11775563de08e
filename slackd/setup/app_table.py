"""Writing one app's keys, into its file of `apps.d` or its table in `slackd.toml`. Pure.

Every other byte stays as its owner wrote it.
"""

import json
import re
import tomllib
from collections.abc import Mapping

from slackd.errors import ConfigError

Value = str | int


def with_keys(text: str, values: Mapping[str, Value]) -> str:
    """Set keys at the top of a file of `apps.d`.

    Args:
        text: The file as it is; "" for a new one.
        values: The keys to set; keys that are there and not named stay.

    Returns:
        The file as it is to be.

    Raises:
        ConfigError: A key stands there in a form that this does not change.
    """
    lines = _lines_of(text)
    end = next((at for at, line in enumerate(lines) if line.lstrip().startswith("[")), len(lines))
    lines[:end] = _changed(lines[:end], values)
    made = "".join(lines)
    try:
        good = tomllib.loads(made) == tomllib.loads(text) | dict(values)
    except ValueError:
        good = False
    if not good:
        rest = "".join(_line(key, value) for key, value in values.items())
        raise ConfigError(
            f"the app's file has a form that only its owner can change; put this there:\n\n{rest}"
        )
    return made


def with_app(text: str, name: str, values: Mapping[str, Value]) -> str:
    """Set keys of `[apps.NAME]` in `slackd.toml`; keys that are there and not named stay.

    Returns:
        The file as it is to be.

    Raises:
        ConfigError: The table is written in a way that this does not change (`apps = {…}`, say); the message
            has the lines to put there by hand.
    """
    lines = _lines_of(text)
    start = _header(lines, name)
    if start is None:
        separator = ["\n"] if lines and lines[-1].strip() else []
        lines += [*separator, f"[apps.{name}]\n", *(_line(key, value) for key, value in values.items())]
    else:
        end = next(
            (at for at in range(start + 1, len(lines)) if lines[at].lstrip().startswith("[")), len(lines)
        )
        lines[start + 1 : end] = _changed(lines[start + 1 : end], values)
    made = "".join(lines)
    _verify(text, made, name, values)
    return made


def _lines_of(text: str) -> list[str]:
    # Not splitlines(): to TOML, U+2028 and its like end no line.
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    return lines


def _header(lines: list[str], name: str) -> int | None:
    header = re.compile(rf"\s*\[\s*apps\s*\.\s*[\"']?{re.escape(name)}[\"']?\s*\]\s*(#.*)?$")
    return next((at for at, line in enumerate(lines) if header.match(line.rstrip("\n"))), None)


def _changed(body: list[str], values: Mapping[str, Value]) -> list[str]:
    body, missing = list(body), dict(values)
    for at, line in enumerate(body):
        found = re.match(r"\s*([A-Za-z0-9_-]+)\s*=", line)
        if found and found[1] in missing:
            body[at] = _line(found[1], missing.pop(found[1]))
    last = next((at for at in range(len(body), 0, -1) if body[at - 1].strip()), 0)
    body[last:last] = [_line(key, value) for key, value in missing.items()]
    return body


def _line(key: str, value: Value) -> str:
    # JSON's escapes of a basic string are TOML's.
    return f"{key} = {json.dumps(value, ensure_ascii=False)}\n"


def _verify(before: str, after: str, name: str, values: Mapping[str, Value]) -> None:
    """What was meant, and nothing else, has changed; read by the parser, not by the patterns above."""
    expected = tomllib.loads(before)
    try:
        expected.setdefault("apps", {}).setdefault(name, {}).update(values)
        good = tomllib.loads(after) == expected
    except (ValueError, AttributeError):
        good = False
    if not good:
        lines = "".join(_line(key, value) for key, value in values.items())
        raise ConfigError(
            f"apps.{name} stands in the configuration in a form that only its owner can change. "
            f"Nothing was written; put this there:\n\n[apps.{name}]\n{lines}"
        )
