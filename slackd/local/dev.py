"""`slackctl dev`: a plugin and its Slack in one terminal, started again at each save."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from slackd.errors import SlackdError
from slackd.local.program import Program, command_of
from slackd.local.project import Project, find_project, watched_files
from slackd.local.prompt import HELP, Act, parse_line
from slackd.local.typed_lines import TypedLines
from slackd.local.world import World

LOOK_EVERY: Final = 0.1
"""Seconds between two looks at files and traffic."""
_COLOURS: Final[Mapping[str, int]] = {"slack": 36, "answer": 32, "call": 35, "late": 33, "failed": 31, "own": 2}

Say = Callable[[str, str], None]
"""Prints a line of a kind: of `traffic.TrafficLine`, "plugin" or "own"."""


class DevSession:
    """One run of `slackctl dev`."""

    def __init__(self, project: Project, world: World, say: Say) -> None:
        self._project, self._world, self._say = project, world, say
        self._program: Program | None = None
        self._stopping = asyncio.Event()

    async def run(self, typed: TypedLines) -> None:
        """Serve until the author stops, or the input ends."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._stopping.set)
        stamps = self._stamps()
        try:
            await self._start()
            with typed.reading():
                while not self._stopping.is_set():
                    await asyncio.sleep(LOOK_EVERY)
                    await self._obey_all(typed)
                    self._show_news()
                    self._look_at_program()
                    now = self._stamps()
                    if now != stamps:
                        changed, stamps = {*(now.items() ^ stamps.items())}, now
                        self._say("own", f"{', '.join(sorted({path.name for path, _ in changed}))} changed")
                        await self._restart()
        finally:
            for number in (signal.SIGTERM, signal.SIGHUP):
                loop.remove_signal_handler(number)
            if self._program is not None:
                await self._program.stop()

    def _stamps(self) -> dict[Path, int]:
        found = {}
        for file in watched_files(self._project.declaration.parent):
            try:
                found[file] = file.stat().st_mtime_ns
            except FileNotFoundError:
                continue
        return found

    async def _start(self) -> None:
        try:
            declaration = self._project.declaration.read_text(encoding="utf-8")
            for line in await self._world.declare(self._project.name, declaration):
                self._say(line.kind, line.text)
            await self._start_program()
        except SlackdError as error:
            self._say("failed", str(error))
        except (OSError, UnicodeDecodeError) as error:
            self._say("failed", f"{self._project.declaration}: {error}")

    async def _start_program(self) -> None:
        program = Program(
            command_of(self._project.program),
            self._world.environment,
            self._project.declaration.parent.absolute(),
            lambda line: self._say("plugin", line),
        )
        await program.start()
        self._program = program
        if await program.runs_until(self._world.wait_for_session(self._project.name)):
            self._say("own", f"{self._project.name} is connected")

    async def _restart(self) -> None:
        if self._program is not None:
            await self._program.stop()
            self._program = None
        await self._start()

    def _show_news(self) -> None:
        for line in self._world.news():
            self._say(line.kind, line.text)

    def _look_at_program(self) -> None:
        if self._program is not None and self._program.status is not None:
            self._say("failed", f"{self._project.name} ended (status {self._program.status}); save to start it")
            self._program = None

    async def _obey_all(self, typed: TypedLines) -> None:
        for line in typed.take():
            if self._stopping.is_set():
                return
            try:
                act = parse_line(line)
                if act is not None:
                    await self._do(act)
            except SlackdError as error:
                self._say("failed", str(error))
        if typed.ended and not self._stopping.is_set():
            await self._world.settle()
            self._show_news()
            self._stopping.set()

    async def _do(self, act: Act) -> None:
        match act.what:
            case "stop":
                self._stopping.set()
            case "restart":
                await self._restart()
            case "help":
                self._say("own", HELP)
            case _:
                self._world.play(act)


def printer(project: Project) -> Say:
    """Return what prints the lines of a session: with colours where stdout is a terminal that has them."""
    coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"

    def say(kind: str, text: str) -> None:
        shown = f"{project.name}: {text}" if kind == "plugin" else text
        colour = _COLOURS.get(kind)
        print(f"\x1b[{colour}m{shown}\x1b[0m" if coloured and colour else shown, flush=True)

    return say


async def develop(place: Path, port: int) -> None:
    """Run a plugin with an emulated Slack until its author stops.

    Args:
        place: The plugin's folder, or its program.
        port: The emulated Slack's port on loopback; 0 takes a free one.

    Raises:
        SlackdError: There is no plugin, or the port is taken.
        ImportError: The emulator is not installed.
    """
    from slackd.local.emulated_world import EmulatedWorld
    from slackd.local.stack import local_stack

    project = find_project(place)
    say = printer(project)
    with TemporaryDirectory(prefix="slackd-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        async with local_stack(Path(folder), port=port) as stack:
            say("own", f"Slack: {stack.emulator.base_url}/   (help, stop)")
            say("own", f"slackctl --socket {stack.control_socket} status")
            await DevSession(project, EmulatedWorld(stack), say).run(TypedLines(sys.stdin.fileno()))


async def develop_as(place: Path, control: Path, app: str, user: str) -> None:
    """Run a plugin for one person of a real app until its author stops.

    Args:
        place: The plugin's folder, or its program.
        control: The control socket of the slackd that serves the app.
        app: The app's name in slackd's configuration.
        user: The person's id.

    Raises:
        SlackdError: There is no plugin, or slackd doesn't let it.
    """
    from slackd.local.intercepted_world import InterceptedWorld

    project = find_project(place)
    say = printer(project)
    with TemporaryDirectory(prefix="slackd-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        wanted = {"plugin": project.name, "app": app, "user": user}
        world = InterceptedWorld(control, wanted, Path(folder) / "plugins.sock")
        async with world.in_force():
            say(
                "own",
                f"what {user} does in {app} comes here, all else to {project.name} as before (help, stop)",
            )
            await DevSession(project, world, say).run(TypedLines(sys.stdin.fileno()))
