"""A whole broker in this process, on a real plugin socket and a real journal; its neighbours are ours."""

import asyncio
import contextlib
import json
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import attrs

from slackd.broker.daemon import BrokerDaemon, Sockets
from slackd.config import App, Config, Control, JournalConfig, Log, PluginConfig, Plugins, Subscription
from slackd.config.values import SecretKind, SecretSource
from slackd.envelope import Arrival
from slackd.link import BrokerEnd, SendToBroker
from slackd.link.memory import MemoryLink, join
from slackd.link.messages import Call, Deliver, FromBroker, Hello, Refused, Returned, Settled
from slackd.systemd.sockets import bind

PATIENCE = 30.0
"""Seconds for anything that takes well under one on an idle machine."""
LONG = 2.9
"""An answer deadline that a loaded machine keeps."""


class FakeConnector:
    """A connector's end of the link: what was settled and refused, and the calls it was asked for."""

    def __init__(self, number: int = 1) -> None:
        self.number = number
        self.settled: dict[int, str | None] = {}
        self.acknowledged_as: dict[int, str | None] = {}
        self.refused: dict[int, str] = {}
        self.calls: list[Call] = []
        self.answer: Callable[[Call], Returned | None] = lambda call: Returned(call.number, {"ok": True})
        self._arrivals = 0
        self._send: SendToBroker | None = None
        self._news = asyncio.Event()

    def link_up(self, send: SendToBroker) -> None:
        self._send = send
        send(Hello(1, self.number, 1, "digest", apps={"main": 1}))

    def link_down(self) -> None:
        self._send = None

    def from_broker(self, messages: Sequence[FromBroker]) -> None:
        for message in messages:
            match message:
                case Settled(settlements):
                    for each in settlements:
                        assert each.number not in self.settled, "it is settled twice"
                        self.settled[each.number] = each.payload
                        self.acknowledged_as[each.number] = each.envelope_id
                case Refused(refusals):
                    self.refused |= {each.number: each.reason for each in refusals}
                case Call():
                    self.calls.append(message)
                    returned = self.answer(message)
                    if returned is not None:
                        self.say(returned)
        self._news.set()

    def say(self, message: Any) -> None:
        assert self._send is not None
        self._send(message)

    def deliver(self, *texts: str) -> list[int]:
        """Deliver these together; returns their numbers."""
        first = self._arrivals + 1
        self._arrivals += len(texts)
        now = time.monotonic()
        arrivals = [Arrival(n, "main", "c1", now, text) for n, text in enumerate(texts, first)]
        self.say(Deliver(tuple(arrivals)))
        return [each.number for each in arrivals]

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait until this has come true."""
        async with asyncio.timeout(PATIENCE):
            while not true():
                self._news.clear()
                await self._news.wait()

    async def acknowledgement(self, number: int) -> Any:
        """What an arrival is acknowledged with, as soon as it is."""
        await self.until(lambda: number in self.settled or number in self.refused)
        assert number not in self.refused, self.refused
        payload = self.settled[number]
        return None if payload is None else json.loads(payload)


class Program:
    """A plugin's program on a raw socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def say(self, **message: Any) -> None:
        await self.raw(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")

    async def raw(self, data: bytes) -> None:
        self.writer.write(data)
        async with asyncio.timeout(PATIENCE):
            await self.writer.drain()

    async def hear(self) -> Any:
        """The next thing it is told; None at the end."""
        try:
            async with asyncio.timeout(PATIENCE):
                line = await self.reader.readline()
        except ConnectionError:  # What we wrote after the door was shut.
            return None
        return json.loads(line) if line else None

    async def handed(self) -> Any:
        """The next delivery: what was said about it, with its id."""
        heard = await self.hear()
        assert heard is not None, "the connection has ended"
        assert heard.get("method") == "envelope", heard
        return {"id": heard["id"], **heard["params"]}

    async def answer(self, delivery: Any, response: Any = None) -> None:
        await self.say(id=delivery["id"], result={} if response is None else {"response": response})

    async def nack(self, delivery: Any, **data: Any) -> None:
        await self.say(id=delivery["id"], error={"code": -32050, "message": "no", "data": data})

    async def refused_with(self) -> int:
        """The code of the error that comes before the door."""
        heard = await self.hear()
        assert await self.hear() is None
        return int(heard["error"]["code"])

    async def goes(self) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()


@attrs.define
class House:
    """A broker that is READY, its connector, and the programs that connect."""

    daemon: BrokerDaemon
    connector: FakeConnector
    folder: Path
    end: BrokerEnd
    link: MemoryLink
    stop: asyncio.Event
    running: asyncio.Task[None]
    programs: list[Program] = attrs.field(factory=list)

    async def connect(self) -> Program:
        """A connection that has said nothing."""
        reader, writer = await asyncio.open_unix_connection(str(self.folder / "p.sock"), limit=1 << 25)
        program = Program(reader, writer)
        self.programs.append(program)
        return program

    async def program(self, name: str = "bot", **params: Any) -> Program:
        """A session of a plugin."""
        program = await self.connect()
        await program.say(id=0, method="initialize", params={"protocol": 1, "plugin": name, **params})
        heard = await program.hear()
        assert heard is not None
        assert "result" in heard, heard
        return program

    async def dead_letters(self) -> list[str]:
        """Reasons of all dead letters, as soon as there is one."""
        async with asyncio.timeout(PATIENCE):
            while not (found := await self.daemon.journal.dead_letters(0, 100)):
                await asyncio.sleep(0.01)
        return [each.reason.value for each in found]

    async def nothing_is_open(self) -> None:
        async with asyncio.timeout(PATIENCE):
            while any(each.deliveries for each in (await self.daemon.journal.backlogs()).values()):
                await asyncio.sleep(0.01)


def plugin(name: str = "bot", *subscriptions: Subscription, **options: Any) -> PluginConfig:
    """A plugin that hears every event and answers every command, view and menu, unless it says otherwise."""
    usual = (Subscription("events_api"), Subscription("slash_commands", respond=True, command=(f"/{name}",)))
    menus = Subscription("interactive", respond=True, callback_id=(f"{name}*",))
    return PluginConfig(
        name, Path(f"/etc/{name}.toml"), subscriptions=subscriptions or (*usual, menus), **options
    )


@contextlib.asynccontextmanager
async def house(
    *plugins: PluginConfig, folder: Path | None = None, rules: dict[str, Any] | None = None
) -> AsyncIterator[House]:
    """A broker that is READY, until the block ends; then it stops cleanly."""
    home = folder or Path(tempfile.mkdtemp(dir="/tmp", prefix="slackd-b-"))
    config = Config(
        file=home / "slackd.toml",
        apps={"main": App("main", SecretSource(SecretKind.ENV, "NOT_THERE"))},
        journal=JournalConfig(home / "journal"),
        plugins=attrs.evolve(Plugins(home, home / "p.sock", answer_deadline=LONG), **(rules or {})),
        control=Control(home / "c.sock"),
        log=Log(),
        link_socket=home / "l.sock",
        plugin_files={each.name: each for each in plugins or (plugin(),)},
    )
    listener = bind(home / "p.sock", 0o600)
    daemon, stop = BrokerDaemon(config, foreground=True), asyncio.Event()
    ready: asyncio.Future[BrokerEnd] = asyncio.get_running_loop().create_future()
    sockets = Sockets(None, listener.socket)
    running = asyncio.create_task(daemon.run(stop, sockets, ready.set_result))
    try:
        async with asyncio.timeout(PATIENCE):
            first: set[asyncio.Future[Any]] = {running, ready}
            await asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        connector = FakeConnector()
        made = House(daemon, connector, home, ready.result(), join(connector, ready.result()), stop, running)
        try:
            yield made
            assert stop.is_set() or not running.done(), "the broker has ended"
        finally:
            for each in made.programs:
                each.writer.close()
    finally:
        stop.set()
        async with asyncio.timeout(PATIENCE):
            await running
        listener.close()
        if folder is None:
            shutil.rmtree(home, ignore_errors=True)
