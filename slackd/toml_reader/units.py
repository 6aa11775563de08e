"""Durations and sizes as people write them ("30s", "2h30m", "1GiB"), as seconds and bytes.

A bare number is refused: nobody reading `stall_timeout = 30` knows whether it is seconds or milliseconds.
"""

import re
from typing import Final

_MILLISECONDS: Final = {
    "w": 604_800_000,
    "d": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1_000,
    "ms": 1,
}
_BYTES: Final = {
    "TiB": 1 << 40,
    "GiB": 1 << 30,
    "MiB": 1 << 20,
    "KiB": 1 << 10,
    "TB": 10**12,
    "GB": 10**9,
    "MB": 10**6,
    "kB": 10**3,
    "B": 1,
}
_BYTES_BY_NAME: Final = {name.lower(): factor for name, factor in _BYTES.items()}

_NUMBER: Final = r"([0-9]{1,15}(?:\.[0-9]{1,9})?)"
_BILLION: Final = 10**9
"""Parts of one that a number as people write it may name: it is counted in them, and nothing is rounded."""
_DURATION_PART: Final = re.compile(_NUMBER + r" ?(ms|[wdhms])", re.ASCII)
_SIZE: Final = re.compile(_NUMBER + r" ?([kmgt]?i?b)", re.ASCII | re.IGNORECASE)


def parse_duration(text: str) -> float | None:
    """Read a duration such as "1.5s", "5m", "7d", "2h30m".

    Units go from large to small and each stands once, so "30m2h" and "1s1s" are none.

    Returns:
        Seconds; None where the text is no duration.
    """
    order = list(_MILLISECONDS)
    total, position, last = 0, 0, -1
    while position < len(text):
        part = _DURATION_PART.match(text, position)
        if part is None or order.index(part[2]) <= last:
            return None
        last = order.index(part[2])
        total += _billionths(part[1]) * _MILLISECONDS[part[2]]
        position = part.end()
        while text.startswith(" ", position) and position + 1 < len(text):
            position += 1
    return total / (1000 * _BILLION) if position else None


def parse_size(text: str) -> int | None:
    """Read a size such as "500MB", "1GiB", "1.5 GiB".

    Returns:
        Bytes, without fractions; None where the text is no size.
    """
    match = _SIZE.fullmatch(text)
    if match is None or match[2].lower() not in _BYTES_BY_NAME:
        return None
    return _billionths(match[1]) * _BYTES_BY_NAME[match[2].lower()] // _BILLION


def _billionths(number: str) -> int:
    """A number of `_NUMBER` in parts of `_BILLION`."""
    whole, _, fraction = number.partition(".")
    return int(whole + fraction.ljust(9, "0"))


def format_duration(seconds: float) -> str:
    """The shortest text that `parse_duration` reads as the same number of milliseconds."""
    left = round(seconds * 1000)
    parts = []
    for unit in ("d", "h", "m", "s", "ms"):
        count, left = divmod(left, _MILLISECONDS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def format_size(count: int) -> str:
    """The shortest text that `parse_size` reads as the same number of bytes."""
    if count:
        for name, factor in sorted(_BYTES.items(), key=lambda unit: -unit[1]):
            if count % factor == 0:
                return f"{count // factor}{name}"
    return "0B"
