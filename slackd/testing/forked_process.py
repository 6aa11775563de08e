"""Programs in Python start in milliseconds: each is forked from one Python that has imported the SDK.

A test of the kit starts its program anew, and half of a test's time would be the imports of that program. What
differs from a Python of its own is said in `docs/plugins.md`; where more would, the program gets one.
"""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from slackd.local.program import ProgramProcess, start_process

READ_AT_THE_START: Final = ("PYTHON", "LD_", "LC_", "LANG", "MALLOC_", "GLIBC_", "COVERAGE_", "HOME")
"""Beginnings of the names of variables that a Python, or its C library, looks at when it starts."""
OF_PLUGINS: Final = ("slackd.plugin", "slackd.plugin.runner")
"""What plugins import, asyncio among it."""
OF_APPS: Final = ("slack_bolt", "slack_bolt.adapter.socket_mode")
"""What most apps in Python import that speak to Slack themselves."""
_OWN_MODULES: Final = frozenset({*sys.stdlib_module_names, "slackd"})


class ForkedProcess:
    """A program that was forked, as `asyncio.subprocess.Process` would show it.

    Attributes:
        pid: Its process, and its process group.
        returncode: Its exit status, negative for a signal; None while it runs.
        stdout: What it prints, on stderr too.
    """

    def __init__(self, pid: int, stdout: asyncio.StreamReader, reports: asyncio.StreamReader) -> None:
        self.pid, self.stdout = pid, stdout
        self.returncode: int | None = None
        self._ending = asyncio.create_task(self._wait_for_end(reports))

    async def wait(self) -> int:
        """Wait for its end; returns its exit status."""
        return await asyncio.shield(self._ending)

    async def _wait_for_end(self, reports: asyncio.StreamReader) -> int:
        word, _, status = (await reports.readline()).decode().partition(" ")
        if word != "ended":
            # The server was killed, and nobody is left who could say how the program ends.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)
        self.returncode = int(status) if word == "ended" else -signal.SIGKILL
        return self.returncode


class PythonForks:
    """Starts programs as forks of one Python, which it starts for the first of them.

    Args:
        imports: What that has imported, where it is installed.
        of_apps: The programs call Slack themselves, where `SLACK_API_URL` says.
    """

    def __init__(self, imports: Sequence[str], *, of_apps: bool = False) -> None:
        self._imports, self._of_apps = imports, of_apps
        self._control: socket.socket | None = None
        self._server: asyncio.subprocess.Process | None = None
        self._environment: dict[str, str] = {}

    async def start(
        self, command: Sequence[str], environment: Mapping[str, str], folder: Path
    ) -> ProgramProcess:
        """Start a program; the last word of the command is its file.

        It gets a Python of its own where its environment, or a module beside it, would make that differ from
        the one that is forked, and where the latter is gone.

        Returns:
            The process.

        Raises:
            OSError: It cannot be run.
        """
        program = command[-1]
        if not _hides_modules(Path(program)) and await self._is_served(environment):
            with contextlib.suppress(OSError):
                if forked := await self._fork(program, environment, folder):
                    return forked
        return await start_process(command, environment, folder)

    async def close(self) -> None:
        """End the Python that is forked, and what still runs of its forks."""
        if self._control is not None:
            self._control.close()
        if self._server is not None:
            await self._server.wait()

    async def _is_served(self, environment: Mapping[str, str]) -> bool:
        if self._server is None:
            await self._start_server()
        return _read_at_the_start(environment) == self._environment

    async def _start_server(self) -> None:
        """With the tests' own environment, whatever the first program is given besides."""
        self._environment = _read_at_the_start(os.environ)
        self._control, theirs = socket.socketpair()
        with theirs:
            self._server = await asyncio.create_subprocess_exec(
                *(sys.executable, "-u", "-m", "slackd.testing.fork_server", str(theirs.fileno())),
                *self._imports,
                pass_fds=(theirs.fileno(),),
                cwd="/",
                stdin=asyncio.subprocess.DEVNULL,
                start_new_session=True,
            )

    async def _fork(self, program: str, environment: Mapping[str, str], folder: Path) -> ForkedProcess | None:
        """Ask for a fork, and wait until it is there; None if the server is gone."""
        assert self._control is not None
        asked = {
            "program": program,
            "folder": str(folder),
            "environment": dict(environment),
            "is_app": self._of_apps,
        }
        request = os.memfd_create("slackd-fork-request")
        stdout, output = os.pipe()
        reports, report = os.pipe()
        read = [await _reader(each) for each in (stdout, reports)]
        try:
            os.write(request, json.dumps(asked).encode())
            os.lseek(request, 0, os.SEEK_SET)
            socket.send_fds(self._control, [b"f"], [request, output, report])
        finally:
            for each in (request, output, report):
                os.close(each)
        word, _, pid = (await read[1].readline()).decode().partition(" ")
        return ForkedProcess(int(pid), *read) if word == "started" else None


async def _reader(descriptor: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", buffering=0)
    )
    return reader


def _read_at_the_start(environment: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if name.startswith(READ_AT_THE_START)}


def _hides_modules(program: Path) -> bool:
    """`import json` finds a `json.py` beside the program."""
    beside = program.resolve().parent.iterdir()
    return any(each.stem in _OWN_MODULES and each.suffix in ("", ".py", ".so") for each in beside)
