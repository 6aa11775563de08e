"""A unit's process that cannot start is not started again and again without a pause."""

import subprocess
import sys

import pytest

PROGRAM = """
import asyncio, os, sys, time
from slackd.cli import process
from slackd.errors import JournalDamaged, JournalError

async def main(stop):
    raise {error}

time.sleep = lambda seconds: print(f"waits {{seconds:g}} s", flush=True)
moments = iter([0.0, {lasted}])
time.monotonic = lambda: next(moments, {lasted})
if {is_unit}:
    os.environ["SYSTEMD_EXEC_PID"] = str(os.getpid())
process.run_to_the_end(main)
"""


@pytest.mark.parametrize(
    ("error", "lasted", "is_unit", "waits", "status"),
    [
        ("JournalError('the disk is full')", 0.3, True, True, 1),
        ("ZeroDivisionError()", 0.3, True, True, 1),
        ("JournalError('the disk is full')", 60.0, True, False, 1),
        ("JournalError('the disk is full')", 0.3, False, False, 1),
        ("JournalDamaged('x')", 0.3, True, False, 78),
    ],
    ids=["it-fails", "a-mistake-of-ours", "it-has-run", "by-hand", "systemd-does-not-start-it-again"],
)
def test_who_fails_at_once_waits_before_systemd_starts_it_again(
    error: str, lasted: float, is_unit: bool, waits: bool, status: int
) -> None:
    program = PROGRAM.format(error=error, lasted=lasted, is_unit=is_unit)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stderr
    assert ("waits 2 s" in done.stdout) is waits
