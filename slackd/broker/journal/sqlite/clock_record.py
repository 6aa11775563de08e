"""How the clocks stood, as a row: by it the next broker tells a jump of the clock from time that passed."""

import sqlite3
import time
from contextlib import suppress
from json import dumps, loads
from pathlib import Path

from slackd.broker.journal.ages import ClockRecord

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
        unix, up, boot, ahead, since = loads(row[0])
        return ClockRecord(float(unix), float(up), str(boot), max(0.0, float(ahead)), float(since))
    except (TypeError, ValueError, RecursionError):
        return None


def write(cursor: sqlite3.Cursor, record: ClockRecord) -> None:
    """Write it into the transaction that is open."""
    value = dumps([record.unix, record.uptime, record.boot, record.ahead, record.since])
    cursor.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (_NAME, value))
