"""A plugin's program as a process: how it is run, its output line by line, its end."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

from slackd.errors import SlackdError

STOP_PATIENCE: Final = 5.0
"""Seconds that a program has to end after SIGTERM."""

LONGEST_LINE: Final = 65_536
"""Bytes of its output without a line feed that are shown as one line."""

_INTERPRETERS: Final[Mapping[str, tuple[str, ...]]] = {
    ".py": (sys.executable, "-u"),
    ".js": ("node",),
    ".mjs": ("node",),
    ".cjs": ("node",),
    ".sh": ("bash",),
    ".go": ("go", "run"),
}
"""How a program is run that is not executable itself, by the end of its name."""


class LocalStackError(SlackdError):
    """The stack, or a plugin in it, did not come up; the message says what was waited for."""


def command_of(program: Path) -> tuple[str, ...]:
    """Return the command that runs this file.

    A Python file runs under this Python, so that it finds the same libraries.

    Raises:
        LocalStackError: The file is not there, or nothing here can run it.
    """
    if not program.is_file():
        what = "a folder, and no program" if program.is_dir() else "there is no such program"
        given = "; a command with arguments is given as a list" if " " in str(program) else ""
        raise LocalStackError(f"{program}: {what}{given}")
    interpreter = _INTERPRETERS.get(program.suffix)
    if interpreter is None:
        if os.access(program, os.X_OK):
            if not program.read_bytes()[:4].startswith((b"#!", b"\x7fELF")):
                raise LocalStackError(f"{program} cannot be run: it begins with no line such as #!/bin/bash")
            return (str(program.absolute()),)
        known = ", ".join(_INTERPRETERS)
        raise LocalStackError(f"{program}: not executable, and its name ends in none of {known}: chmod +x it")
    if shutil.which(interpreter[0]) is None:
        raise LocalStackError(f"{program}: {interpreter[0]} is not installed")
    return (*interpreter, str(program.absolute()))


def _ends_with_us() -> tuple[str, ...]:
    """What a command begins with so that it ends when its starter is killed: util-linux's `setpriv`."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "TERM", "--") if setpriv is not None else ()


class ProgramProcess(Protocol):
    """A started program, in a process group of its own: what of `asyncio.subprocess.Process` is used."""

    @property
    def pid(self) -> int:
        """Its process id, and its group's."""

    @property
    def returncode(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs."""

    @property
    def stdout(self) -> asyncio.StreamReader | None:
        """What it prints, on stderr too."""

    async def wait(self) -> int:
        """Wait for its end; returns its exit status."""


StartProcess = Callable[[Sequence[str], Mapping[str, str], Path], Awaitable[ProgramProcess]]
"""Starts a command, with all of its environment, in a folder; raises `OSError` if it cannot."""


async def start_process(command: Sequence[str], environment: Mapping[str, str], folder: Path) -> ProgramProcess:
    """Start a command, as `StartProcess` says.

    Returns:
        The process.
    """
    return await asyncio.create_subprocess_exec(
        *_ends_with_us(),
        *command,
        cwd=folder,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )


class Program:
    """One process. Every line that it prints goes to `say`.

    Args:
        command: What to run.
        environment: Added to this process's own.
        folder: Its working directory.
        say: Takes each line of its stdout and stderr, without the line feed.
        start: Starts it.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        say: Callable[[str], None],
        start: StartProcess = start_process,
    ) -> None:
        self._command, self._environment, self._folder, self._say = command, environment, folder, say
        self._start = start
        self._process: ProgramProcess | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def status(self) -> int | None:
        """Its exit status, negative for a signal; None while it runs or before its start."""
        return self._process.returncode if self._process is not None else None

    async def start(self) -> None:
        """Start it, in a process group of its own.

        Raises:
            LocalStackError: It cannot be run.
        """
        try:
            environment = {**os.environ, **self._environment}
            self._process = await self._start(self._command, environment, self._folder)
        except OSError as error:
            raise LocalStackError(f"{self._command[0]} cannot be run: {error.strerror}") from None
        self._reading = asyncio.create_task(self._read())

    async def wait(self) -> int:
        """Wait for its end; returns its exit status."""
        assert self._process is not None
        return await self._process.wait()

    async def runs_until(self, something: Coroutine[Any, Any, object]) -> bool:
        """Wait for something, at most until the program ends.

        Returns:
            Whether it came before the program's end. What it raises is raised here.
        """
        ending, coming = asyncio.create_task(self.wait()), asyncio.create_task(something)
        try:
            await asyncio.wait((ending, coming), return_when=asyncio.FIRST_COMPLETED)
            if coming.done():
                await coming
            return coming.done()
        finally:
            ending.cancel()
            coming.cancel()
            await asyncio.wait((ending, coming))

    async def stop(self, *, kill: bool = False) -> None:
        """End it and what it started: SIGTERM, and SIGKILL after `STOP_PATIENCE`, or at once with `kill`."""
        process = self._process
        if process is None:
            return
        if process.returncode is None:
            self._signal(signal.SIGKILL if kill else signal.SIGTERM)
            try:
                async with asyncio.timeout(STOP_PATIENCE):
                    await process.wait()
            except TimeoutError:
                self._signal(signal.SIGKILL)
                await process.wait()
        if self._reading is not None:
            # Something that it started may hold its output open.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._reading

    def _signal(self, number: int) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        line = b""
        while data := await self._process.stdout.read(LONGEST_LINE):
            *whole, line = (line + data).split(b"\n")
            if len(line) >= LONGEST_LINE:
                whole, line = [*whole, line], b""
            for each in whole:
                self._say(each.decode("utf-8", "replace"))
        if line:
            self._say(line.decode("utf-8", "replace"))
