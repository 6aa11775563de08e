"""What is measured: slackd, Bolt for Python and the minimal pipeline, each as processes against one Slack."""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Protocol

import attrs

from slackd.emulator import Emulator, EmulatorClient, EmulatorSettings
from tests.bench.hops import AnsweringPlugin
from tests.integration.system.house import House, Record, home, living

HERE = Path(__file__).parent
CONNECTIONS = 2
PATIENCE = 60.0
TICKS = os.sysconf("SC_CLK_TCK")
SLACK = EmulatorSettings(repeat_same_envelope_after=None, ack_deadline=30.0)


def plugin_file(command: str = "") -> str:
    """Every message; and a command, if one is named."""
    text = '[[subscribe]]\ntype = "events_api"\nevent = "message"\n[delivery]\nwindow = 1000\n'
    more = f'[[subscribe]]\ntype = "slash_commands"\ncommand = "{command}"\nrespond = true\n'
    return more + text if command else text


class Counted(Protocol):
    """Who says how much was handled."""

    @property
    def counted(self) -> int:
        """So much."""

    @property
    def counted_at(self) -> float:
        """When the last was (monotonic seconds)."""

    async def until(self, true: Callable[[], bool], what: str, patience: float) -> None:
        """Wait until it says so."""


@attrs.define
class Peer:
    """Something that handles events, while it runs.

    Attributes:
        slack: Where they come from.
        records: What its programs say they have handled.
        pids: Its processes, but for plugins that slackd doesn't bring.
        started_in: Seconds from its start to READY.
        house: Its house, if it is slackd.
    """

    slack: EmulatorClient
    records: Sequence[Counted]
    pids: Sequence[int]
    started_in: float = 0.0
    house: House | None = None

    @property
    def handled(self) -> int:
        """Events that every program has handled."""
        return min(record.counted for record in self.records)

    async def until_handled(self, count: int) -> float:
        """Wait for it; returns when the last was handled (monotonic seconds)."""
        for record in self.records:
            await record.until(lambda: self.handled >= count, f"{count} to be handled", PATIENCE)
        return max(record.counted_at for record in self.records)

    def cpu(self) -> float:
        """Seconds of CPU that its processes have used."""
        return sum(map(_cpu, self.pids))

    def pss(self) -> int:
        """Bytes of memory that are its processes' own, with their share of what they share."""
        return sum(map(_pss, self.pids))


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _pss(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) * 1024


@contextlib.asynccontextmanager
async def slackd(
    every: int = 100, command: str = "", environ: Mapping[str, str] | None = None
) -> AsyncIterator[Peer]:
    """A broker, two connectors, and a plugin; with `PYTHONPATH` in `environ`, of another release or with other
    libraries."""
    recorders, recorder = {"counter": float(every)}, HERE / "counter.py"
    files = {"counter": plugin_file(command)}
    async with Emulator(settings=SLACK).serving() as slack:
        began = time.monotonic()
        async with living(slack, files, recorders=recorders, recorder=recorder, environ=environ) as house:
            yield Peer(slack, [house.records["counter"]], _pids(house), house.slack_ready_at - began, house)


@contextlib.asynccontextmanager
async def with_plugins(plugins: int, *, connected: bool = True) -> AsyncIterator[Peer]:
    """A broker, two connectors, and so many plugins that all match; these are in this process and do nothing
    but answer, or (not `connected`) don't come."""
    names = [f"plugin{number}" for number in range(plugins)]
    async with (
        Emulator(settings=SLACK).serving() as slack,
        living(slack, dict.fromkeys(names, plugin_file()), recorders={}) as house,
    ):
        loop, answering = asyncio.get_running_loop(), []
        for name in names if connected else ():
            _, plugin = await loop.create_unix_connection(
                partial(Answering, name), str(house.socket("plugins"))
            )
            answering.append(plugin)
        if connected:
            await house.until_status(lambda status: all(each["sessions"] for each in status["plugins"]), "them")
        yield Peer(slack, answering, _pids(house), house=house)


class Answering(AnsweringPlugin):
    """A plugin in this process, as a `Counted`."""

    @property
    def counted(self) -> int:
        """Deliveries that it has answered."""
        return self.handled

    @property
    def counted_at(self) -> float:
        """It is asked as soon as the last was answered."""
        return time.monotonic()

    async def until(self, true: Callable[[], bool], what: str, patience: float) -> None:
        """Wait until it has."""
        async with asyncio.timeout(patience):
            while not true():
                await asyncio.sleep(0.005)


def _pids(house: House) -> list[int]:
    return [house.program(name).pid for name in ("broker", "connector-1", "connector-2")]


@contextlib.asynccontextmanager
async def bolt(every: int = 100, command: str = "") -> AsyncIterator[Peer]:
    """Bolt for Python with asyncio, and as many connections."""
    async with Emulator(settings=SLACK).serving() as slack, home(slack) as house:
        record = house.records["bolt"] = Record(house.path / "bolt.fifo")
        app = slack.apps[0]
        tokens = {"APP": app.app_token, "BOT": app.bot_token, "COMMAND": command}
        arguments = [
            str(HERE / "bolt_counter.py"),
            str(record.fifo),
            str(every),
            slack.api_url,
            str(CONNECTIONS),
        ]
        began = time.monotonic()
        async with processes(house.path, [arguments], tokens) as pids:
            await slack.wait_until_ready(CONNECTIONS, timeout=PATIENCE)
            yield Peer(slack, [record], pids, time.monotonic() - began)


@contextlib.asynccontextmanager
async def minimal(every: int = 100) -> AsyncIterator[Peer]:
    """The least that keeps the promises; its plugin isn't counted as slackd's isn't."""
    async with Emulator(settings=SLACK).serving() as slack, home(slack) as house:
        record = house.records["minimal"] = Record(house.path / "minimal.fifo")
        program, folder = str(HERE / "minimal.py"), str(house.path)
        began = time.monotonic()
        async with processes(house.path, [[program, "broker", folder]], {}) as brokers:
            await _until_there(house.path / "plugin.sock")
            token = {"APP": slack.apps[0].app_token}
            connector = [program, "connector", folder, slack.api_url]
            plugin = [program, "plugin", folder, str(record.fifo), str(every)]
            async with processes(house.path, [plugin], token):
                await _until_there(house.path / "link.sock")
                async with processes(house.path, [connector, connector], token) as connectors:
                    await slack.wait_until_ready(CONNECTIONS, timeout=PATIENCE)
                    yield Peer(slack, [record], [*brokers, *connectors], time.monotonic() - began)


async def _until_there(path: Path) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await asyncio.to_thread(path.exists):
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def processes(
    folder: Path, programs: Sequence[Sequence[str]], environ: Mapping[str, str]
) -> AsyncIterator[list[int]]:
    with (folder / "programs.log").open("ab") as log:
        processes = [
            await asyncio.create_subprocess_exec(
                sys.executable, *each, env={**os.environ, **environ}, stdout=log, stderr=log
            )
            for each in programs
        ]
        try:
            yield [each.pid for each in processes]
        finally:
            for each in processes:
                with contextlib.suppress(ProcessLookupError):
                    each.kill()
                await each.wait()
