"""A whole broker in this process, on real Unix sockets; its connectors and plugins do as the test says."""

import asyncio
import contextlib
import json
import shutil
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

from slackd.broker.daemon import BrokerDaemon, Sockets
from slackd.config import PluginConfig, Subscription
from slackd.control_client import ControlClient
from slackd.link import BrokerEnd
from slackd.link.memory import MemoryLink, join
from slackd.link.messages import AppTrouble, Changed, ConnectionState, Hello, Trouble
from slackd.systemd.sockets import bind
from tests.support.broker import PATIENCE, broker_config, running_broker
from tests.support.connector import StandInConnector
from tests.support.slack_texts import event


def message(number: int, channel: str = "C1", text: str = "hello") -> str:
    """An event's envelope, as Slack sends it."""
    inner = {"type": "message", "channel_type": "channel", "channel": channel, "user": "U1", "text": text}
    return event(number, inner)


class ConnectedConnector(StandInConnector):
    """Each app that it keeps has one READY connection, unless it says otherwise."""

    def __init__(self, number: int, apps: Sequence[str]) -> None:
        super().__init__(number, apps)
        self.states = {app: self._state(app, "ready") for app in apps}
        self.changes = 0

    def hello(self) -> Hello:
        pid, digest = 4_000 + self.number, f"digest-{self.number}"
        apps = dict.fromkeys(self.apps, 1)
        return Hello(1, self.number, pid, digest, states=tuple(self.states.values()), apps=apps)

    def is_in_trouble(self, app: str, reason: str, hint: str) -> None:
        """Slack refuses this app."""
        self.say(Trouble(AppTrouble(app, reason, hint)))

    def enters(
        self, app: str, phase: str, cue: str, *, ghost_for: float | None = None, counted: int = 0
    ) -> None:
        """Its connection of this app changes its phase now; Slack counts so many at its hello."""
        now = time.monotonic()
        ready_since = now if phase == "ready" else self.states[app].ready_since
        self.states[app] = attrs.evolve(
            self.states[app], phase=phase, since=now, ready_since=ready_since, num_connections=counted
        )
        self.changes += 1
        ghost_until = None if ghost_for is None else now + ghost_for
        self.say(Changed(self.changes, self.states[app], cue, now, ghost_until))

    async def deliver_and_wait(self, *texts: str, app: str = "main") -> None:
        """Deliver these, and wait until all are settled or refused."""
        numbers = set(self.deliver(*texts, app=app, connection=f"c{self.number}"))
        await self.until(lambda: numbers <= self.settled.keys() | self.refused.keys())

    def _state(self, app: str, phase: str) -> ConnectionState:
        now, name = time.monotonic(), f"c{self.number}-{app}-1"
        return ConnectionState(name, app, phase, now, now, f"applink-{self.number}", 2, 18_000.0)


class StandInPlugin:
    """A plugin's program: it answers with `{}`, or as `answers` says, by the number of the delivery's text."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.handed: list[Mapping[str, Any]] = []
        self.answer: Callable[[Mapping[str, Any]], Mapping[str, Any] | None] = lambda _: {"result": {}}
        self._news = asyncio.Event()

    async def run(self) -> None:
        while line := await self._reader.readline():
            said = json.loads(line)
            if said.get("method") != "envelope":
                continue
            self.handed.append(said)
            answer = self.answer(said)
            if answer is not None:
                self._writer.write(json.dumps({"jsonrpc": "2.0", "id": said["id"], **answer}).encode() + b"\n")
            self._news.set()

    async def has_been_handed(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while len(self.handed) < count:
                self._news.clear()
                await self._news.wait()


def refuses(_: Mapping[str, Any]) -> Mapping[str, Any]:
    """An answer that makes a dead letter at once."""
    return {"error": {"code": -32_000, "message": "the database is gone", "data": {"permanent": True}}}


class World:
    """The broker and everybody around it."""

    def __init__(self, folder: Path, daemon: BrokerDaemon, end: BrokerEnd, metrics: tuple[str, int]) -> None:
        self.folder, self.daemon, self.metrics = folder, daemon, metrics
        self.control = folder / "c.sock"
        self.client = ControlClient(self.control)
        self._end = end
        self._tasks: list[asyncio.Task[None]] = []
        self.links: dict[int, MemoryLink] = {}

    def connector(self, number: int, apps: Sequence[str] = ("main",)) -> ConnectedConnector:
        """Link a connector."""
        made = ConnectedConnector(number, apps)
        self.links[number] = join(made, self._end)
        return made

    def both_connectors(self, apps: Sequence[str] = ("main",)) -> ConnectedConnector:
        """Link both; returns the first."""
        first, _ = self.connector(1, apps), self.connector(2, apps)
        return first

    async def plugin(self, name: str, session: str = "session-1") -> StandInPlugin:
        """Connect a plugin's program."""
        reader, writer = await asyncio.open_unix_connection(str(self.folder / "p.sock"), limit=1 << 24)
        params = {"protocol": 1, "plugin": name, "session": session, "client": "stand-in 1.0"}
        hello = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}
        writer.write(json.dumps(hello).encode() + b"\n")
        answer = json.loads(await reader.readline())
        assert "result" in answer, answer
        plugin = StandInPlugin(reader, writer)
        self._tasks.append(asyncio.create_task(plugin.run()))
        return plugin

    async def get(self, path: str, **parameters: object) -> Any:
        """Ask the control API, as slackctl does."""
        return await asyncio.to_thread(self.client.get, path, **parameters)

    async def post(self, path: str, content: Mapping[str, Any]) -> Any:
        return await asyncio.to_thread(self.client.post, path, content)

    async def raw(self, request: bytes, to: tuple[str, int] | None = None) -> bytes:
        """What comes back for these very bytes, until the other side closes."""
        opened = asyncio.open_connection(*to) if to else asyncio.open_unix_connection(str(self.control))
        reader, writer = await opened
        writer.write(request)
        async with asyncio.timeout(PATIENCE):
            answer = await reader.read()
        writer.close()
        return answer

    async def status(self, until: Callable[[Any], bool] = lambda _: True) -> Any:
        """The status, as soon as it is as wanted."""
        async with asyncio.timeout(PATIENCE):
            while not until(found := await self.get("/v1/status")):
                await asyncio.sleep(0.01)
        return found

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def plugin_file(name: str, **options: Any) -> PluginConfig:
    """A plugin that hears every event and answers a command of its own name."""
    subscriptions = (
        Subscription("events_api"),
        Subscription("slash_commands", command=(f"/{name}",), respond=True),
    )
    return PluginConfig(
        name, Path(f"/etc/slackd/plugins.d/{name}.toml"), subscriptions=subscriptions, **options
    )


@contextlib.asynccontextmanager
async def world(
    *plugins: PluginConfig,
    apps: Sequence[str] = ("main",),
    folder: Path | None = None,
    foreground: bool = True,
    scraped: bool = True,
) -> AsyncIterator[World]:
    """A broker that is READY, until the block ends; it stops cleanly. `scraped`: there is a socket for it."""
    home = folder or Path(tempfile.mkdtemp(dir="/tmp", prefix="slackd-c-"))
    config = broker_config(home, plugins, apps=apps, absent_after=0.0)
    config.file.write_text("")
    scraping = socket.create_server(("127.0.0.1", 0))
    scraping.setblocking(False)
    address = scraping.getsockname()
    listeners = [bind(home / "p.sock", 0o600), bind(home / "c.sock", 0o600)]
    sockets = Sockets(None, listeners[0].socket, listeners[1].socket, scraping if scraped else None)
    try:
        async with running_broker(config, sockets, foreground=foreground) as broker:
            made = World(home, broker.daemon, broker.end, address)
            try:
                yield made
            finally:
                await made.close()
    finally:
        scraping.close()
        for listener in listeners:
            listener.close()
        if folder is None:
            shutil.rmtree(home, ignore_errors=True)
