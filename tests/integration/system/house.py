"""The whole house as real processes: a broker, two connectors and plugins, against an emulated Slack."""

import asyncio
import contextlib
import json
import os
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import attrs

from slackd.control_client import ControlClient
from slackd.emulator import EmulatorClient
from tests.integration.system.programs import PATIENCE, Program, running

PIPE_SIZE = 64 * 1024
"""Bytes that a pipe holds."""
RECORDER = Path(__file__).with_name("recorder.py")

COMMAND = "from slackd.cli.daemon import main; main()"
"""As the installed command does; `-m` would import for a hundredth of the start what looks for modules."""
EVERYTHING = """
[[subscribe]]
type = "events_api"
event = "*"
[[subscribe]]
type = "slash_commands"
command = "*"
respond = true
[[subscribe]]
type = "interactive"
"""
"""A plugin's file: all that comes is for it."""


@attrs.frozen
class Handling:
    """One time that a plugin had something in its hands.

    Attributes:
        at: Monotonic seconds.
        delivery: slackd's id, which grows in the journal's order.
    """

    at: float
    pid: int
    key: str
    delivery: int
    attempt: int
    channel: str


class Record:
    """What a recording plugin tells, over all its processes, in the order in which they told it."""

    def __init__(self, fifo: Path) -> None:
        self.fifo = fifo
        self.handlings: list[Handling] = []
        self.gaps: list[list[Any]] = []
        self.counted, self.counted_at = 0, 0.0
        self._news = asyncio.Event()
        self._rest = b""
        os.mkfifo(fifo)
        # Open both ways, so that it doesn't end with a plugin.
        self._descriptor = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
        asyncio.get_running_loop().add_reader(self._descriptor, self._read)

    @property
    def keys(self) -> set[str]:
        """Whatever was handled."""
        return {each.key for each in self.handlings}

    async def until(self, true: Callable[[], Any], what: str, patience: float = PATIENCE) -> None:
        """Wait until the record says so."""
        try:
            async with asyncio.timeout(patience):
                while not true():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"waited {patience} s in vain for {what}") from None

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._descriptor)
        os.close(self._descriptor)

    def _read(self) -> None:
        *lines, self._rest = (self._rest + os.read(self._descriptor, PIPE_SIZE)).split(b"\n")
        for line in lines:
            said = json.loads(line)
            if "gap" in said:
                self.gaps.append(said["gap"])
            elif "count" in said:
                self.counted, self.counted_at = said["count"], said["at"]
            else:
                self.handlings.append(Handling(**said))
        self._news.set()


class House:
    """Where everything stands, and what runs in it."""

    def __init__(self, path: Path, slack: EmulatorClient, *, together: bool = False) -> None:
        self.path, self.slack = path, slack
        self.config, self.run = path / "slackd.toml", path / "run"
        self.run.mkdir()
        # One process makes its sockets itself.
        self.sockets = "own" if together else "run"
        self.programs: list[Program] = []
        self.records: dict[str, Record] = {}
        self.ended: list[str] = []
        self.slack_ready_at = 0.0
        self.environ = {
            f"{kind}_{app.name}": token
            for app in slack.apps
            for kind, token in (("APP", app.app_token), ("BOT", app.bot_token))
        }

    def configure(
        self,
        plugins: Mapping[str, str],
        app: str = "",
        journal: Path | None = None,
        more: str = "",
        rules: str = "",
    ) -> None:
        """Write the daemon's file (every app has these lines, `[plugins]` these rules) and one a plugin."""
        apps = "".join(
            f'[apps.{each.name}]\napp_token = "env:APP_{each.name}"\nbot_token = "env:BOT_{each.name}"\n'
            f'api_url = "{self.slack.api_url}"\n{app}\n'
            for each in self.slack.apps
        )
        self.config.write_text(
            f"""
            {apps}
            [journal]
            directory = "{journal or self.path / "state"}"
            [plugins]
            socket = "{self.sockets}/plugins.sock"
            {rules}
            [control]
            socket = "{self.sockets}/control.sock"
            [link]
            socket = "{self.sockets}/link.sock"
            {more.replace("{path}", str(self.path))}
            """
        )
        self.config.chmod(0o600)
        (self.path / "plugins.d").mkdir(exist_ok=True)
        for name, text in plugins.items():
            (self.path / "plugins.d" / f"{name}.toml").write_text(text)

    def socket(self, name: str) -> Path:
        return self.path / self.sockets / f"{name}.sock"

    def program(self, name: str) -> Program:
        return next(each for each in self.programs if each.name == name)

    @property
    def broker(self) -> Program:
        return self.program("broker")

    def daemon(self, name: str, *arguments: str) -> Program:
        """A process of the daemon's; the broker finds its sockets in its hands."""
        arguments = ("-c", COMMAND, *arguments, "--config", str(self.config))
        # The gateway has no token, and so none in its environment.
        environ = {} if name == "gateway" else self.environ
        return Program(name, arguments, self.run, environ, with_sockets=name == "broker")

    def recorder(self, name: str, seconds: float = 0.0, script: Path = RECORDER) -> Program:
        """A recording plugin."""
        self.records[name] = record = Record(self.path / f"{name}.fifo")
        arguments = [str(script), name, str(self.socket("plugins")), str(record.fifo), str(seconds)]
        return Program(name, arguments, self.run, self.environ)

    async def ask(self, path: str) -> dict[str, Any]:
        """The broker's control API."""
        client = ControlClient(self.socket("control"))
        answer: dict[str, Any] = await asyncio.to_thread(client.get, path)
        return answer

    async def gaps(self) -> list[dict[str, Any]]:
        """The gaps, as soon as there are any: they are looked for once a second."""
        async with asyncio.timeout(PATIENCE):
            while not (gaps := (await self.ask("/v1/gaps"))["gaps"]):
                await asyncio.sleep(0.05)
        return list(gaps)

    async def until_status(self, true: Callable[[dict[str, Any]], Any], what: str) -> dict[str, Any]:
        """Look at the status until it says so."""
        status: dict[str, Any] = {}
        try:
            async with asyncio.timeout(PATIENCE):
                while not true(status := await self.ask("/v1/status")):
                    await asyncio.sleep(0.05)
        except TimeoutError:
            raise AssertionError(f"waited in vain for {what}; the status is {status}") from None
        return status


@contextlib.asynccontextmanager
async def home(slack: EmulatorClient, *, together: bool = False) -> AsyncIterator[House]:
    """A place with a path short enough for sockets, and nothing in it yet."""
    with tempfile.TemporaryDirectory(prefix="slackd-", dir="/tmp") as path:
        house = House(Path(path), slack, together=together)
        try:
            yield house
        finally:
            for record in house.records.values():
                record.close()


@contextlib.asynccontextmanager
async def living(
    slack: EmulatorClient,
    plugins: Mapping[str, str] | None = None,
    *,
    recorders: Mapping[str, float] | None = None,
    recorder: Path = RECORDER,
    together: bool = False,
    app: str = "",
    journal: Path | None = None,
    more: str = "",
    rules: str = "",
    gateway: bool = False,
    prepare: Callable[[Path], Awaitable[None]] | None = None,
    environ: Mapping[str, str] | None = None,
) -> AsyncIterator[House]:
    """A house in which everything runs and is READY.

    Args:
        plugins: Text of each plugin's file; else one recorder that gets everything.
        recorders: Which of them run, as recorders, and how long their handlers take at most (seconds).
        recorder: Their program.
        together: `slackd run` in place of three processes.
        more: Further sections of the daemon's file; `{path}` in it is where the house stands.
        rules: Further lines of its `[plugins]`.
        gateway: Whether the gateway runs, as a process of its own unless all is together.
        prepare: Is given the journal's folder before anything runs.
        environ: More of the environment, of every program.
    """
    async with home(slack, together=together) as house:
        house.environ |= environ or {}
        plugins = {"recorder": EVERYTHING} if plugins is None else plugins
        house.configure(plugins, app, journal, more, rules)
        for name, seconds in (dict.fromkeys(plugins, 0.0) if recorders is None else recorders).items():
            house.programs.append(house.recorder(name, seconds, recorder))
        if together:
            house.programs.append(house.daemon("slackd", "run"))
        else:
            house.programs += [
                house.daemon("broker", "broker"),
                house.daemon("connector-1", "connector", "1"),
                house.daemon("connector-2", "connector", "2"),
            ]
            if gateway:
                house.programs.append(house.daemon("gateway", "gateway"))
        if prepare is not None:
            await prepare(house.path / "state")
        async with running(house.programs, house.run) as house.ended:
            await slack.wait_until_ready(2, timeout=PATIENCE)
            house.slack_ready_at = time.monotonic()
            for program in house.programs:
                if program.name not in house.records:
                    await program.wait_ready()
            await house.until_status(
                lambda status: all(
                    each["sessions"] for each in status["plugins"] if each["name"] in house.records
                ),
                "every plugin's session",
            )
            yield house
