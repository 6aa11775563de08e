"""A measured broker, an honest plugin beside it, and attacks as processes of other users."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.integration.hostile.users import HONEST

ROOT = Path(__file__).parents[3]
PROGRAMS = Path(__file__).with_name("programs.py")
WITNESS = Path(__file__).with_name("witness.py")
PYTHON = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
"""The system's own interpreter: another user may not read the one that runs the tests."""
PATIENCE = 30.0


@contextlib.asynccontextmanager
async def process(
    *command: str, uid: int = 0, goes_first: bool = False
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A process group of this user, until the block ends; where it goes first, no other one delays it."""
    started = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=1 << 24,
        start_new_session=True,
        user=uid,
        group=uid,
        extra_groups=[],
    )
    try:
        if goes_first:
            _let_go_first(started.pid)
        yield started
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(started.pid, signal.SIGKILL)
        await started.wait()


def _let_go_first(pid: int) -> None:
    try:
        os.sched_setscheduler(pid, os.SCHED_RR, os.sched_param(1))
    except PermissionError:
        pytest.skip("nothing can be measured where nobody may go first on the processors (CAP_SYS_NICE)")


def _folder() -> Path:
    """In memory: a disk that others use, too, makes more of a difference than any attack."""
    parent = "/dev/shm" if os.access("/dev/shm", os.W_OK) else "/tmp"
    folder = Path(tempfile.mkdtemp(dir=parent, prefix="slackd-h-"))
    folder.chmod(0o755)
    shutil.copy(PROGRAMS, folder)
    return folder


async def _answer(running: asyncio.subprocess.Process) -> Any:
    assert running.stdout is not None
    async with asyncio.timeout(PATIENCE):
        line = await running.stdout.readline()
    assert line, "it has ended"
    return json.loads(line)


async def _ask(running: asyncio.subprocess.Process, question: str) -> Any:
    assert running.stdin is not None
    running.stdin.write(f"{question}\n".encode())
    return await _answer(running)


class MeasuredBroker:
    """Asks the broker's process, and the witness beside it."""

    def __init__(
        self, folder: Path, running: asyncio.subprocess.Process, witness: asyncio.subprocess.Process
    ) -> None:
        self._folder, self._running, self._witness = folder, running, witness
        self.metrics = 0

    async def ask(self, question: str) -> Any:
        return await _ask(self._running, question)

    async def answer(self) -> Any:
        return await _answer(self._running)

    async def measure(self, seconds: float) -> Any:
        """What the broker measured, and as `disturbed` the seconds that the machine let nobody go first."""
        await _ask(self._witness, "from now on")
        found = await self.ask(f"measure {seconds}")
        found["disturbed"] = await _ask(self._witness, "until now")
        return found

    async def shows(self, of_status: Callable[[Any], bool], name: str, uid: int) -> bool:
        """Whether the status shows what it should, at the latest after this program has run for a while."""
        if of_status(await self.ask("status")):
            return True
        async with self.program(name, uid), asyncio.timeout(PATIENCE):
            while not of_status(await self.ask("status")):
                await self.measure(0.2)
        return True

    @contextlib.asynccontextmanager
    async def program(self, name: str, uid: int, *, goes_first: bool = False) -> AsyncIterator[None]:
        """One of `programs.py`, as this user, until the block ends."""
        command = (PYTHON, str(self._folder / PROGRAMS.name), name, str(self._folder / "p.sock"))
        async with process(*command, uid=uid, goes_first=goes_first) as running:
            yield
            assert running.returncode is None, f"{name} has ended"


@contextlib.asynccontextmanager
async def measured_broker(*options: str) -> AsyncIterator[MeasuredBroker]:
    """A broker that is READY, with the honest plugin connected; `options` as in `measured_broker.py`."""
    folder = _folder()
    try:
        command = (sys.executable, "-m", "tests.integration.hostile.measured_broker", str(folder), *options)
        async with (
            process(*command, goes_first=True) as running,
            process(sys.executable, str(WITNESS)) as witness,
        ):
            broker = MeasuredBroker(folder, running, witness)
            broker.metrics = (await broker.answer())["metrics"]
            async with broker.program("honest", HONEST, goes_first=True):
                async with asyncio.timeout(PATIENCE):
                    while not (await broker.ask("status"))["plugins"][0]["sessions"]:
                        await asyncio.sleep(0.05)
                yield broker
    finally:
        shutil.rmtree(folder, ignore_errors=True)
