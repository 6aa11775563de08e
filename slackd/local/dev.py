"""`slackctl dev`: an emulated Slack, slackd and a plugin in one terminal, started again at each save."""

import asyncio
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, TextIO

import attrs

from slackd.emulator import EmulatorError
from slackd.errors import SlackdError
from slackd.local.program import Program, command_of
from slackd.local.prompt import HELP, Act, PromptError, parse_line, view_values
from slackd.local.stack import LocalStack, LocalStackError, local_stack
from slackd.local.traffic import TrafficView

LOOK_EVERY: Final = 0.1
"""Seconds between two looks at files and traffic."""
_NOT_WATCHED: Final = frozenset({"debian", "node_modules", "__pycache__"})
_COLOURS: Final[Mapping[str, int]] = {"slack": 36, "answer": 32, "call": 35, "late": 33, "failed": 31, "own": 2}

Say = Callable[[str, str], None]
"""Prints a line of a kind: of `traffic.TrafficLine`, "plugin" or "own"."""


@attrs.frozen
class Project:
    """A plugin under development.

    Attributes:
        program: Its program.
        declaration: Its `plugins.d` file.
    """

    program: Path
    declaration: Path

    @property
    def name(self) -> str:
        """The plugin's name."""
        return self.declaration.stem


def find_project(place: Path) -> Project:
    """Return the plugin in a folder, or that of a program.

    Raises:
        LocalStackError: There is none, or more than one.
    """
    folder = place if place.is_dir() else place.parent
    declarations = sorted(each for each in folder.glob("*.toml") if each.name != "pyproject.toml")
    if place.is_file():
        beside = place.with_suffix(".toml")
        declarations = [beside] if beside in declarations else declarations
    if len(declarations) != 1:
        found = ", ".join(each.name for each in declarations) or "none"
        raise LocalStackError(f"{folder}: expected one plugins.d file NAME.toml, found {found}")
    if place.is_file():
        return Project(place, declarations[0])
    stem = declarations[0].stem
    programs = [each for each in sorted(folder.glob(f"{stem}*")) if each.is_file() and each.stem == stem]
    programs = [each for each in programs if each.suffix not in (".toml", ".md", ".conf")]
    if len(programs) != 1:
        found = ", ".join(each.name for each in programs) or "none"
        raise LocalStackError(f"{folder}: expected one program {stem} (.py, .js, .sh, .go), found {found}")
    return Project(programs[0], declarations[0])


def watched_files(folder: Path) -> Iterator[Path]:
    """Return the files whose change starts the plugin again."""
    for path, folders, files in os.walk(folder):
        folders[:] = [each for each in folders if each not in _NOT_WATCHED and not each.startswith(".")]
        yield from (Path(path, each) for each in files if not each.startswith(".") and not each.endswith("~"))


class DevSession:
    """One run of `slackctl dev`."""

    def __init__(self, project: Project, stack: LocalStack, say: Say) -> None:
        self._project, self._stack, self._say = project, stack, say
        self._program: Program | None = None
        self._stopping = asyncio.Event()
        self._user: str | None = None
        self._channel: str | None = None
        self._declared: str | None = None
        self._typed_ts = ""

    async def run(self, lines: TextIO) -> None:
        """Serve until the author stops, or the input ends."""
        traffic, stamps = TrafficView(), self._stamps()
        await self._start()
        loop = asyncio.get_running_loop()
        typed: asyncio.Queue[str] = asyncio.Queue()
        loop.add_reader(lines, lambda: typed.put_nowait(lines.readline()))
        try:
            while not self._stopping.is_set():
                await asyncio.sleep(LOOK_EVERY)
                while not typed.empty() and not self._stopping.is_set():
                    await self._obey(typed.get_nowait())
                for line in traffic.look(self._stack.emulator.ledger):
                    self._say(line.kind, line.text)
                self._look_at_program()
                now = self._stamps()
                if now != stamps:
                    changed, stamps = {*(now.items() ^ stamps.items())}, now
                    self._say("own", f"{', '.join(sorted({path.name for path, _ in changed}))} changed")
                    await self._restart()
        finally:
            loop.remove_reader(lines)
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
        declaration = self._project.declaration.read_text(encoding="utf-8")
        try:
            if declaration != self._declared:
                await self._stack.restart({self._project.name: declaration})
                self._declared = declaration
            await self._start_program()
        except SlackdError as error:
            self._say("failed", str(error))

    async def _start_program(self) -> None:
        program = Program(
            command_of(self._project.program),
            self._stack.environment,
            self._project.declaration.parent,
            lambda line: self._say("plugin", line),
        )
        await program.start()
        self._program = program
        waiting = asyncio.create_task(self._stack.wait_for_session(self._project.name))
        ending = asyncio.create_task(program.wait())
        done, pending = await asyncio.wait((waiting, ending), return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        if waiting in done:
            await waiting
            self._say("own", f"{self._project.name} is connected")

    async def _restart(self) -> None:
        if self._program is not None:
            await self._program.stop()
            self._program = None
        await self._start()

    def _look_at_program(self) -> None:
        if self._program is not None and self._program.status is not None:
            self._say("failed", f"{self._project.name} ended (status {self._program.status}); save to start it")
            self._program = None

    async def _obey(self, line: str) -> None:
        if not line:
            self._stopping.set()
            return
        try:
            act = parse_line(line)
            if act is not None:
                await self._do(act)
        except (PromptError, EmulatorError) as error:
            self._say("failed", str(error))

    async def _do(self, act: Act) -> None:
        match act.what:
            case "stop":
                self._stopping.set()
            case "restart":
                await self._restart()
            case "help":
                self._say("own", HELP)
            case "as":
                self._user = act.arguments[0]
            case "in":
                self._channel = act.arguments[0]
            case _:
                self._play(act)

    def _play(self, act: Act) -> None:
        emulator, here = self._stack.emulator, self._here(act.what)
        match act.what:
            case "react":
                emulator.react(act.arguments[0], self._latest_message(), **here)
            case "submit_view":
                view = emulator.surfaces_of().find_view()
                if view is None:
                    raise PromptError("no modal is open")
                callback_id = act.arguments[0] if act.arguments else None
                emulator.submit_view(view_values(view, act.fields), callback_id=callback_id, **here)
            case "close_view":
                callback_id = act.arguments[0] if act.arguments else None
                emulator.close_view(callback_id=callback_id, **here)
            case "fault":
                emulator.fault(act.arguments[0], **act.fields)
            case _:
                play = getattr(emulator, act.what)
                entry = play(*act.arguments, **act.fields, **here)
                self._typed_ts = json.loads(entry.payload or "{}").get("event", {}).get("ts", self._typed_ts)

    def _here(self, what: str) -> dict[str, Any]:
        places = {"user": self._user, "channel": self._channel}
        if what in ("shortcut", "submit_view", "close_view", "options"):
            places.pop("channel")
        return {name: value for name, value in places.items() if value is not None}

    def _latest_message(self) -> str:
        calls = self._stack.emulator.ledger.calls_of("chat.postMessage")
        latest = max([self._typed_ts, *(str(call.answer["ts"]) for call in calls if call.ok)])
        if not latest:
            raise PromptError("there is no message yet to react to")
        return latest


async def develop(place: Path, port: int) -> None:
    """Run a plugin until its author stops.

    Args:
        place: The plugin's folder, or its program.
        port: The emulated Slack's port on loopback; 0 takes a free one.

    Raises:
        SlackdError: There is no plugin, or the port is taken.
    """
    project = find_project(place)
    coloured = sys.stdout.isatty() and "NO_COLOR" not in os.environ

    def say(kind: str, text: str) -> None:
        shown = f"{project.name}: {text}" if kind == "plugin" else text
        colour = _COLOURS.get(kind)
        print(f"\x1b[{colour}m{shown}\x1b[0m" if coloured and colour else shown, flush=True)

    with TemporaryDirectory(prefix="slackd-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        async with local_stack(Path(folder), port=port) as stack:
            say("own", f"Slack: {stack.emulator.base_url}/   (help, stop)")
            say("own", f"slackctl --socket {stack.control_socket} status")
            await DevSession(project, stack, say).run(sys.stdin)
