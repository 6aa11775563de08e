"""What systemd does for slackd, for a foreground: holds the broker's sockets, and starts again what dies.

A broker that is killed leaves its sockets open here, so whoever connects meanwhile waits instead of failing.
"""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from slackd.slotted import define

RESTART_AFTER = 0.01
"""Seconds, as `RestartSec=` in the broker's unit."""
STOP_PATIENCE = 20.0
"""Seconds in which a process may end by itself, as `TimeoutStopSec=` in the units."""

# Puts the sockets where sd_listen_fds(3) expects them, then becomes the process that wants them.
_HAND_OVER = """
import os, sys
count = int(sys.argv[1])
given = [os.dup2(int(each), 100 + place) for place, each in enumerate(sys.argv[2 : 2 + count])]
for place, descriptor in enumerate(given):
    os.dup2(descriptor, 3 + place, inheritable=True)
    os.close(descriptor)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.argv[2 + count], sys.argv[2 + count :])
"""


@define
class Child:
    """One process that is kept running.

    Attributes:
        command: What to run, an absolute path first.
        with_sockets: It serves the supervisor's sockets.
        starts: How often it was started.
    """

    name: str
    command: Sequence[str]
    environ: Mapping[str, str]
    with_sockets: bool = False
    process: asyncio.subprocess.Process | None = None
    starts: int = 0
    stopping: bool = False

    @property
    def pid(self) -> int:
        """The running process; 0 while there is none."""
        return self.process.pid if self.process is not None and self.process.returncode is None else 0


class DevSupervisor:
    """Holds the broker's sockets in `folder` and keeps processes running while it is entered.

    Args:
        folder: For the sockets (link.sock, plugins.sock, control.sock) and a log for each process.
        say: Called with words on every process that ended and was started again.
    """

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self._folder, self._say = folder, say
        self._sockets: dict[str, socket.socket] = {}
        self._tasks = asyncio.TaskGroup()
        self.children: dict[str, Child] = {}

    async def __aenter__(self) -> "DevSupervisor":
        for name, mode in (("link", 0o600), ("plugins", 0o666), ("control", 0o600)):
            listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            path = self._folder / f"{name}.sock"
            listening.bind(str(path))
            path.chmod(mode)
            listening.listen(4096)
            self._sockets[name] = listening
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            for child in self.children.values():
                child.stopping = True
                self.kill(child.name)
            await self._tasks.__aexit__(kind, error, trace)
        finally:
            for listening in self._sockets.values():
                listening.close()

    def run(
        self,
        name: str,
        *arguments: str,
        environ: Mapping[str, str] | None = None,
        with_sockets: bool = False,
    ) -> Child:
        """Keep `python ARGUMENTS` running under this name.

        Returns:
            The program, over all its starts.
        """
        child = Child(name, (sys.executable, *arguments), {**os.environ, **(environ or {})}, with_sockets)
        self.children[name] = child
        self._tasks.create_task(self._keep(child))
        return child

    def kill(self, name: str) -> None:
        """`kill -9`; it is started again. Nothing happens to one that has just ended by itself."""
        process = self.children[name].process
        if process is not None and process.returncode is None:
            # It may be reaped already, and asyncio not have said so yet.
            with contextlib.suppress(ProcessLookupError):
                process.kill()

    async def stop(self, name: str) -> int:
        """SIGTERM, and wait for the end; returns the exit status, negative for a signal."""
        child = self.children[name]
        child.stopping = True
        process = child.process
        if process is None:
            return 0
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        try:
            async with asyncio.timeout(STOP_PATIENCE):
                return await process.wait()
        except TimeoutError:
            self.kill(name)
            return await process.wait()

    async def _keep(self, child: Child) -> None:
        while not child.stopping:
            child.starts += 1
            with (self._folder / f"{child.name}.log").open("ab") as log:
                child.process = await self._spawn(child, log.fileno())
            self._end_if_stopped_meanwhile(child)
            status = await child.process.wait()
            if not child.stopping:
                self._say(f"{child.name} ended ({_words(status)}) and is started again")
                await asyncio.sleep(RESTART_AFTER)

    def _end_if_stopped_meanwhile(self, child: Child) -> None:
        # Whoever stopped it while it was being started found no process to end.
        if child.stopping:
            self.kill(child.name)

    async def _spawn(self, child: Child, log: int) -> asyncio.subprocess.Process:
        if not child.with_sockets:
            return await asyncio.create_subprocess_exec(
                *child.command, env=child.environ, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log
            )
        descriptors = [each.fileno() for each in self._sockets.values()]
        hand_over = (
            sys.executable,
            "-I",
            "-S",
            "-c",
            _HAND_OVER,
            str(len(descriptors)),
            *map(str, descriptors),
        )
        names = {"LISTEN_FDS": str(len(descriptors)), "LISTEN_FDNAMES": ":".join(self._sockets)}
        return await asyncio.create_subprocess_exec(
            *hand_over,
            *child.command,
            env={**child.environ, **names},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=descriptors,
        )


def _words(status: int) -> str:
    return signal.Signals(-status).name if status < 0 else f"status {status}"
