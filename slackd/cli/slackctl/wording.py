"""Numbers as people read them, and text of others as a terminal may have it."""

import json
from datetime import datetime
from typing import Any

from slackd.text import printable

NOTHING = "–"


def for_people(value: Any) -> Any:
    """What slackd answered, with no text in it that a terminal would obey: much of it was written by plugins
    and by people in Slack."""
    match value:
        case str():
            return printable(value)
        case list():
            return [for_people(each) for each in value]
        case dict():
            return {for_people(name): for_people(each) for name, each in value.items()}
    return value


def for_programs(value: Any, *, indent: int | None = None) -> str:
    """The same as JSON, in printable ASCII alone."""
    # JSON itself leaves DEL as it is.
    return json.dumps(value, indent=indent).replace("\x7f", "\\u007f")


def duration(seconds: float | None) -> str:
    """`340 ms`, `12 s`, `5 min`, `3 h 20 min`, `4 d 2 h`."""
    if seconds is None:
        return NOTHING
    if seconds < 1:
        return f"{seconds * 1000:.1f} ms" if seconds < 0.01 else f"{seconds * 1000:.0f} ms"
    if seconds < 120:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = int(seconds // 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes and hours < 10 else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours and days < 10 else f"{days} d"


def age(seconds: float | None) -> str:
    """A duration in one unit, which may be next to nothing: `now`, `12 s`, `5 min`, `3 h`, `4 d`."""
    if seconds is None:
        return NOTHING
    for unit, least in (("d", 172_800), ("h", 7_200), ("min", 120)):
        if seconds >= least:
            return f"{seconds // (least // 2):.0f} {unit}"
    return "now" if seconds < 1 else f"{seconds:.0f} s"


def size(count: float | None) -> str:
    """So many bytes: `812 B`, `4.7 MiB`, `1.2 GiB`."""
    if count is None:
        return NOTHING
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} TiB"


def number(count: int | None) -> str:
    """`1,204`."""
    return NOTHING if count is None else f"{count:,}"


def moment(unix: float | None) -> str:
    """Local time, with the date where it isn't today's."""
    if unix is None:
        return NOTHING
    when = datetime.fromtimestamp(unix)
    today = when.date() == datetime.now().date()
    return when.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M:%S")


def count(how_many: int, noun: str) -> str:
    """`1 envelope`, `1,204 envelopes`."""
    return f"1 {noun}" if how_many == 1 else f"{how_many:,} {noun}s"
