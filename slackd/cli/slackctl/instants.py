"""Instants as people write them: `10m` ago, `14:30`, `2026-05-04 14:30`, UNIX seconds."""

import re
import time
from datetime import datetime, timedelta
from datetime import time as time_of_day
from typing import Final

import click

_AGO: Final = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])(?:\s*ago)?")
_SECONDS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_UNIX: Final = re.compile(r"\d{9,11}(?:\.\d+)?")


class InstantParam(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic in newer releases of click
    """A click parameter that becomes UNIX seconds."""

    name = "when"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """As `click.ParamType` wants it."""
        if isinstance(value, float):
            return value
        found = read_instant(str(value), time.time())
        if found is None:
            self.fail(f"{value!r}: expected 10m (ago), 14:30, 2026-05-04 14:30, or UNIX seconds", param, ctx)
        return found


def read_instant(text: str, now: float) -> float | None:
    """UNIX seconds; None if the text is no instant. A time of day is the last one there was."""
    text = text.strip()
    ago = _AGO.fullmatch(text)
    if ago:
        found = now - float(ago[1]) * _SECONDS[ago[2]]
        return found if found >= 0 else None
    if _UNIX.fullmatch(text):
        return float(text)
    try:
        if re.fullmatch(r"\d\d?:\d\d(:\d\d)?", text):
            of_day = time_of_day.fromisoformat(text.zfill(5) if text.count(":") == 1 else text.zfill(8))
            today = datetime.combine(datetime.fromtimestamp(now).date(), of_day)
            # A day that the clocks are changed on has not 24 hours: it is the date that is one less.
            last = today if today.timestamp() <= now else today - timedelta(days=1)
            return last.timestamp()
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        return None
