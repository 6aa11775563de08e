"""How the clocks stood, as a row: by it the next broker tells a jump of the clock from time that passed."""

import logging
import math
import sqlite3
import time
from collections.abc import Callable
from contextlib import suppress
from json import dumps, loads
from pathlib import Path

import attrs

from slackd.broker.journal.ages import AgeClock, ClockAhead, ClockRecord

log = logging.getLogger(__name__)

KEEP_EVERY = 60.0
"""Seconds between two records of how the clocks stand."""

_NAME = "clock"
_BOOT = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """Names this boot of the machine, "" where nobody knows."""
    with suppress(OSError):
        return _BOOT.read_text().strip()
    return ""


def uptime() -> float:
    """Seconds since the machine started, those asleep included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def read(connection: sqlite3.Connection) -> ClockRecord | None:
    """The last record, None if there is none, or none that makes sense."""
    row = connection.execute("SELECT value FROM meta WHERE name = ?", (_NAME,)).fetchone()
    try:
        unix, up, boot, ahead, since, drift = loads(row[0])
        numbers = [float(each) for each in (unix, up, ahead, since, drift)]
        if not all(map(math.isfinite, numbers)):
            return None
        unix, up, ahead, since, drift = numbers
        return ClockRecord(unix, up, str(boot), max(0.0, ahead), since, drift)
    except (TypeError, ValueError, RecursionError):
        return None


def write(cursor: sqlite3.Cursor, record: ClockRecord) -> None:
    """Write it into the transaction that is open."""
    value = dumps(attrs.astuple(record))
    cursor.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (_NAME, value))


class ClockKeeper:
    """Reads the clocks for retention, says when one jumped, and keeps the record in the file.

    Args:
        clock: UNIX seconds.
        uptime: Of the machine, seconds.
        longest: Seconds after which nothing is kept for its age.
    """

    def __init__(self, clock: Callable[[], float], uptime: Callable[[], float], longest: float) -> None:
        self._clock, self._uptime = clock, uptime
        self._ages = AgeClock(None, longest)
        self._boot = boot_id()
        self._kept_at = -math.inf

    def load(self, connection: sqlite3.Connection) -> None:
        """Begin with what the last broker kept.

        Raises:
            sqlite3.Error: The record can't be read.
        """
        self._ages.record = read(connection)

    def look(self) -> bool:
        """Whether a clock jumped since the last look."""
        jump = self._ages.look(self._clock(), self._uptime(), self._boot)
        if jump is not None:
            words = "the clock went %s by %.0f s that nobody saw pass; ages in the journal leave %.0f s out"
            way = "ahead" if jump.seconds > 0 else "back"
            extra = {"event": "clock-jumped"}
            log.warning(words, way, abs(jump.seconds), self._ages.ahead, extra=extra)
        return jump is not None

    def ahead_now(self) -> ClockAhead:
        """As `Journal.clock_ahead`; any thread may ask."""
        return self._ages.ahead_at(self._clock(), self._uptime(), self._boot)

    def now(self) -> float:
        """What retention takes for now, UNIX seconds."""
        return self._ages.now(self._clock())

    def is_due(self) -> bool:
        """The record in the file is old."""
        return time.monotonic() - self._kept_at >= KEEP_EVERY

    def keep(self, cursor: sqlite3.Cursor) -> None:
        """Write the record into the transaction that is open."""
        if self._ages.record is not None:
            write(cursor, self._ages.record)
            self._kept_at = time.monotonic()
