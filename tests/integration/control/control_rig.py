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
from slackd.config import App, Config, Control, JournalConfig, Log, PluginConfig, Plugins, Subscription
from slackd.config.values import SecretKind, SecretSource
from slackd.control_client import ControlClient
from slackd.envelope import Arrival
from slackd.link import BrokerEnd, SendToBroker
from slackd.link.memory import MemoryLink, join
from slackd.link.messages import (
    AppTrouble,
    Changed,
    ConnectionState,
    Deliver,
    FromBroker,
    Hello,
    Refused,
    Settled,
    Trouble,
)
from slackd.systemd.sockets import bind

PATIENCE = 30.0
"""Seconds for anything that takes well under one on an idle machine."""
TOKEN = "verification-token-of-the-app"


def message(number: int, channel: str = "C1", text: str = "hello") -> str:
    """An event's envelope, as Slack sends it."""
    event = {"type": "message", "channel_type": "channel", "channel": channel, "user": "U1", "text": text}
    payload = {"token": TOKEN, "event_id": f"Ev{number}", "type": "event_callback", "event": event}
    return json.dumps(
        {
            "envelope_id": f"envelope-{number}",
            "type": "events_api",
            "accepts_response_payload": False,
            "payload": payload,
        }
    )


def command(number: int, name: str = "/deploy") -> str:
    """A slash command's envelope."""
    payload = {"command": name, "channel_id": "C1", "user_id": "U1", "trigger_id": f"t{number}"}
    return json.dumps(
        {
            "envelope_id": f"envelope-{number}",
            "type": "slash_commands",
            "accepts_response_payload": True,
            "payload": payload,
        }
    )


class StandInConnector:
    """A connector without a Slack: each app it keeps has one READY connection, unless it says otherwise."""

    def __init__(self, number: int, apps: Sequence[str]) -> None:
        self.number, self.apps = number, apps
        self.settled: set[int] = set()
        self.refused: set[int] = set()
        self.news = asyncio.Event()
        self.states = {app: self._state(app, "ready") for app in apps}
        self.changes = 0
        self._arrivals = 0
        self._send: SendToBroker | None = None

    def link_up(self, send: SendToBroker) -> None:
        self._send = send
        states = tuple(self.states.values())
        wanted = dict.fromkeys(self.apps, 1)
        send(Hello(1, self.number, 4_000 + self.number, f"digest-{self.number}", states=states, apps=wanted))

    def link_down(self) -> None:
        self._send = None

    def from_broker(self, messages: Sequence[FromBroker]) -> None:
        for each in messages:
            if isinstance(each, Settled):
                self.settled |= {settlement.number for settlement in each.settlements}
            elif isinstance(each, Refused):
                self.refused |= {refusal.number for refusal in each.refusals}
        self.news.set()

    def say(self, message: Any) -> None:
        assert self._send is not None
        self._send(message)

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

    async def deliver(self, *texts: str, app: str = "main") -> None:
        """Deliver these, and wait until all are settled or refused."""
        numbers = range(self._arrivals, self._arrivals + len(texts))
        self._arrivals += len(texts)
        now = time.monotonic()
        arrivals = zip(numbers, texts, strict=True)
        self.say(Deliver(tuple(Arrival(n, app, f"c{self.number}", now, text) for n, text in arrivals)))
        async with asyncio.timeout(PATIENCE):
            while not set(numbers) <= self.settled | self.refused:
                self.news.clear()
                await self.news.wait()

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

    def connector(self, number: int, apps: Sequence[str] = ("main",)) -> StandInConnector:
        """Link a connector."""
        made = StandInConnector(number, apps)
        self.links[number] = join(made, self._end)
        return made

    def both_connectors(self, apps: Sequence[str] = ("main",)) -> StandInConnector:
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
    *plugins: PluginConfig, apps: Sequence[str] = ("main",), folder: Path | None = None
) -> AsyncIterator[World]:
    """A broker that is READY, until the block ends; it stops cleanly."""
    home = folder or Path(tempfile.mkdtemp(dir="/tmp", prefix="slackd-c-"))
    config = Config(
        file=home / "slackd.toml",
        apps={name: App(name, SecretSource(SecretKind.ENV, "NOT_THERE")) for name in apps},
        journal=JournalConfig(home / "journal"),
        plugins=Plugins(home / "plugins.d", home / "p.sock", absent_after=0.0),
        control=Control(home / "c.sock"),
        log=Log(),
        link_socket=home / "l.sock",
        plugin_files={each.name: each for each in plugins},
    )
    config.file.write_text("")
    scraped = socket.create_server(("127.0.0.1", 0))
    scraped.setblocking(False)
    address = scraped.getsockname()
    listeners = [bind(home / "p.sock", 0o600), bind(home / "c.sock", 0o600)]
    daemon, stop = BrokerDaemon(config, foreground=True), asyncio.Event()
    ready: asyncio.Future[BrokerEnd] = asyncio.get_running_loop().create_future()
    sockets = Sockets(None, listeners[0].socket, listeners[1].socket, scraped)
    running = asyncio.create_task(daemon.run(stop, sockets, ready.set_result))
    try:
        # If it can't start, its own words are better than a timeout.
        running.add_done_callback(lambda ended: ready.done() or ready.cancel())
        async with asyncio.timeout(PATIENCE):
            made = World(home, daemon, await ready, address)
        try:
            yield made
        finally:
            await made.close()
    finally:
        stop.set()
        async with asyncio.timeout(PATIENCE):
            await running
        for listener in listeners:
            listener.close()
        if folder is None:
            shutil.rmtree(home, ignore_errors=True)
