"""Programs as the foreground supervisor keeps them running, with what they say to the service manager."""

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path

from slackd.cli.dev_supervisor import DevSupervisor
from tests.integration.cli.daemon_process import clean_environment

PATIENCE = 60.0
"""Seconds for anything that takes well under one on an idle machine."""


class Program:
    """One program, over all its starts.

    Attributes:
        arguments: What Python runs.
        kills: When each process was killed by `kill` (monotonic seconds), by its pid.
        outages: From each kill to the READY=1 after it (monotonic seconds).
        ready: Set while the present process has said READY=1 (the daemon's processes say it).
    """

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        folder: Path,
        environ: Mapping[str, str],
        *,
        with_sockets: bool = False,
    ) -> None:
        self.name, self.arguments, self.with_sockets = name, arguments, with_sockets
        self.kills: dict[int, float] = {}
        self.outages: list[tuple[float, float]] = []
        self._down_since: float | None = None
        self.ready = asyncio.Event()
        self.log = folder / f"{name}.log"
        self._notify = folder / f"{name}.notify"
        self.environ = clean_environment() | {"NOTIFY_SOCKET": str(self._notify)} | dict(environ)
        self._supervisor: DevSupervisor | None = None

    @property
    def pid(self) -> int:
        """Of the present process; 0 while there is none."""
        return self._started.children[self.name].pid

    @property
    def starts(self) -> int:
        """How often it was started."""
        return self._started.children[self.name].starts

    @property
    def _started(self) -> DevSupervisor:
        assert self._supervisor is not None
        return self._supervisor

    def kill(self) -> None:
        """`kill -9`; it is started again."""
        self.ready.clear()
        self.kills[self.pid] = self._down_since = time.monotonic()
        self._started.kill(self.name)

    async def stop(self) -> int:
        """SIGTERM, and wait; it isn't started again. Returns the exit status."""
        return await self._started.stop(self.name)

    def terminate(self) -> None:
        """SIGTERM; when it has ended, it is started again."""
        self.ready.clear()
        os.kill(self.pid, signal.SIGTERM)

    async def wait_ready(self) -> None:
        """The present process has said READY=1."""
        async with asyncio.timeout(PATIENCE):
            await self.ready.wait()

    def tail(self, lines: int = 200) -> str:
        """The end of what all its processes have logged."""
        if not self.log.exists():
            return ""
        with self.log.open(errors="replace") as log:
            return "".join(deque(log, lines))

    def start(self, supervisor: DevSupervisor) -> None:
        """Keep it running from now on."""
        self._supervisor = supervisor
        supervisor.run(self.name, *self.arguments, environ=self.environ, with_sockets=self.with_sockets)

    @contextlib.contextmanager
    def heard(self) -> Iterator[None]:
        """Hear what it says to the service manager."""
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(str(self._notify))
            manager.setblocking(False)
            loop.add_reader(manager, self._hear, manager)
            try:
                yield
            finally:
                loop.remove_reader(manager)

    def _hear(self, manager: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            if "READY=1" in manager.recv(4096).decode().splitlines():
                self.ready.set()
                if self._down_since is not None:
                    self.outages.append((self._down_since, time.monotonic()))
                    self._down_since = None


@contextlib.asynccontextmanager
async def running(programs: Sequence[Program], folder: Path) -> AsyncIterator[list[str]]:
    """Keep them all running, the broker's sockets in `folder`; yields what the supervisor says of their ends.

    When the block ends badly, the end of every log is printed.
    """
    said: list[str] = []
    with contextlib.ExitStack() as ears:
        for program in programs:
            ears.enter_context(program.heard())
        async with DevSupervisor(folder, said.append) as supervisor:
            for program in programs:
                program.start(supervisor)
            try:
                yield said
            except BaseException:
                for program in programs:
                    print(f"\n----- the end of {program.name}'s log -----\n{program.tail()}")
                raise
