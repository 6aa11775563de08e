"""`slackctl dev`: a plugin and its Slack in one terminal, started again at each save."""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import webbrowser
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from slackd.errors import SlackdError
from slackd.local.program import Program, command_of
from slackd.local.project import Project, apps_named_in, find_project, read_declaration, watched_files
from slackd.local.prompt import Act, help_text, parse_line
from slackd.local.scripts import script_command, with_local_script
from slackd.local.typed_lines import TypedLines
from slackd.local.world import World
from slackd.text import printable

LOOK_EVERY: Final = 0.1
"""Seconds between two looks at files and traffic."""
_STOPS: Final = frozenset({"stop", "quit", "restart", "help", "page", "p"})
"""What is obeyed before the program has connected."""
_COLOURS: Final[Mapping[str, int]] = {"slack": 36, "answer": 32, "call": 35, "late": 33, "failed": 31, "own": 2}

if TYPE_CHECKING:
    from slackd.emulator import EmulatedApp

Say = Callable[[str, str], None]
"""Prints a line of a kind: of `traffic.TrafficLine`, "plugin" or "own"."""


class DevSession:
    """One run of `slackctl dev`."""

    def __init__(self, project: Project, world: World, folder: Path, say: Say) -> None:
        self._project, self._world, self._folder, self._say = project, world, folder, say
        self._program: Program | None = None
        self._connecting: asyncio.Task[bool] | None = None
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
                    await self._look_at_program()
                    await self._obey_all(typed)
                    self._show_news()
                    now = self._stamps()
                    if now != stamps:
                        changed, stamps = {*(now.items() ^ stamps.items())}, now
                        self._say("own", f"{', '.join(sorted({path.name for path, _ in changed}))} changed")
                        await self._restart()
        finally:
            for number in (signal.SIGTERM, signal.SIGHUP):
                loop.remove_signal_handler(number)
            await self._stop_program()

    def _stamps(self) -> dict[Path, int]:
        found = {}
        for file in watched_files(self._project):
            try:
                found[file] = file.stat().st_mtime_ns
            except FileNotFoundError:
                continue
        return found

    async def _start(self) -> None:
        try:
            declaration = read_declaration(self._project.declaration)
            declaration = with_local_script(declaration, self._project.program)
            for line in await self._world.declare(self._project.name, declaration):
                self._say(line.kind, line.text)
            await self._start_program(declaration)
        except SlackdError as error:
            self._say("failed", str(error))

    async def _start_program(self, declaration: str) -> None:
        environment = dict(self._world.environment)
        socket = environment["SLACKD_PLUGINS_SOCKET"]
        script = script_command(self._project.name, declaration, self._folder, socket)
        command, more = script or (command_of(self._project.program), {})
        program = Program(
            command,
            environment | dict(more),
            self._project.declaration.parent.absolute(),
            lambda line: self._say("plugin", line),
        )
        await program.start()
        self._program = program
        self._connecting = asyncio.create_task(self._connect(program))

    async def _connect(self, program: Program) -> bool:
        """Whether the program has connected before it ended."""
        return await program.runs_until(self._world.wait_for_session(self._project.name))

    async def _stop_program(self) -> None:
        if self._connecting is not None:
            self._connecting.cancel()
            await asyncio.gather(self._connecting, return_exceptions=True)
            self._connecting = None
        if self._program is not None:
            await self._program.stop()
            self._program = None

    async def _restart(self) -> None:
        await self._stop_program()
        await self._start()

    def _show_news(self) -> None:
        for line in self._world.news():
            self._say(line.kind, line.text)

    async def _look_at_program(self) -> None:
        """Whether it has connected, or ended, since the last look."""
        if self._connecting is not None and self._connecting.done():
            connecting, self._connecting = self._connecting, None
            try:
                if await connecting:
                    self._say("own", f"{self._project.name} is connected")
            except SlackdError as error:
                self._say("failed", str(error))
        if self._program is not None and self._program.status is not None:
            self._say("failed", f"{self._project.name} ended (status {self._program.status}); save to start it")
            await self._stop_program()

    async def _obey_all(self, typed: TypedLines) -> None:
        """Do what was typed; what a person does waits until there is somebody to answer."""
        if self._connecting is not None and not typed.has(_STOPS):
            return
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
                self._say("own", help_text(shutil.get_terminal_size().columns))
            case "page":
                await self._open_page()
            case _:
                self._world.play(act)

    async def _open_page(self) -> None:
        """In a browser where there is a display for it; else its URL is what there is to say."""
        page = self._world.page
        self._say("own", page or "there is no page here: it happens in Slack")
        if page and ("DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ):
            await asyncio.to_thread(webbrowser.open, page)


def printer(project: Project) -> Say:
    """Return what prints the lines of a session: with colours where stdout is a terminal that has them."""
    coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"

    def say(kind: str, text: str) -> None:
        if kind == "plugin":
            text = f"{project.name}: {text}"
        elif kind != "own":
            text = "\n".join(printable(line) for line in text.split("\n"))
        shown, colour = text, _COLOURS.get(kind)
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
    apps = _apps_of(project)
    with TemporaryDirectory(prefix="slackd-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        async with local_stack(Path(folder), apps=apps, port=port) as stack:
            say("own", f"Slack: {stack.emulator.base_url}/   (p opens it; help, stop)")
            say("own", f"slackctl --socket {stack.control_socket} status")
            await DevSession(project, EmulatedWorld(stack), Path(folder), say).run(
                TypedLines(sys.stdin.fileno())
            )


def _apps_of(project: Project) -> "list[EmulatedApp]":
    """One for each app that the plugin's file names; none where one of any name will do."""
    from slackd.emulator import EmulatedApp

    with contextlib.suppress(SlackdError):  # what is wrong with the file is said when the plugin starts
        names = list(dict.fromkeys(apps_named_in(read_declaration(project.declaration))))
        if len(names) > 1:
            return [EmulatedApp.numbered(number, name=name) for number, name in enumerate(names, 1)]
    return []


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
            await DevSession(project, world, Path(folder), say).run(TypedLines(sys.stdin.fileno()))
