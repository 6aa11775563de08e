"""The supervisor of a foreground: whatever its children do meanwhile, none of them is left alive."""

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from slackd.cli.dev_supervisor import Child, DevSupervisor

PATIENCE = 30.0
FOREVER = ("-c", "import signal; signal.pause()")


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(dir="/tmp", prefix="slackd-s-"))
    yield made
    shutil.rmtree(made, ignore_errors=True)


async def pid_of(child: Child) -> int:
    async with asyncio.timeout(PATIENCE):
        while not child.pid:
            await asyncio.sleep(0.01)
    return child.pid


def end_unnoticed(pid: int) -> None:
    """Kill a process and wait until it is reaped, without a turn of the loop: asyncio has told nobody yet."""
    os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)
    assert not is_there(pid)


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_child_that_was_just_reaped_leaves_no_other_alive(folder: Path) -> None:
    async with asyncio.timeout(PATIENCE):
        async with DevSupervisor(folder, lambda text: None) as supervisor:
            pids = [await pid_of(supervisor.run(name, *FOREVER)) for name in ("first", "second")]
            end_unnoticed(pids[0])
    assert [pid for pid in pids if is_there(pid)] == []


async def test_a_child_that_was_just_reaped_can_be_killed_and_stopped(folder: Path) -> None:
    async with asyncio.timeout(PATIENCE):
        async with DevSupervisor(folder, lambda text: None) as supervisor:
            end_unnoticed(await pid_of(supervisor.run("killed", *FOREVER)))
            supervisor.kill("killed")
            end_unnoticed(await pid_of(supervisor.run("stopped", *FOREVER)))
            await supervisor.stop("stopped")


async def test_a_child_that_is_only_being_started_does_not_outlive_the_supervisor(folder: Path) -> None:
    async with asyncio.timeout(PATIENCE):
        async with DevSupervisor(folder, lambda text: None) as supervisor:
            child = supervisor.run("late", *FOREVER)
            while not child.starts:
                await asyncio.sleep(0)
            assert not child.pid
    assert not child.pid
