"""A whole broker in this process, on a real plugin socket and a real journal; its neighbours are ours."""

import asyncio
import contextlib
import json
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import attrs

from slackd.broker.daemon import BrokerDaemon, Sockets
from slackd.config import PluginConfig, Subscription
from slackd.link import BrokerEnd
from slackd.link.memory import MemoryLink, join
from slackd.systemd.sockets import bind
from tests.support.broker import PATIENCE, broker_config, running_broker
from tests.support.connector import StandInConnector

LONG = 2.9
"""An answer deadline that a loaded machine keeps."""


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
    connector: StandInConnector
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
    config = broker_config(home, plugins or (plugin(),), **({"answer_deadline": LONG} | (rules or {})))
    listener = bind(config.plugins.socket, 0o600)
    try:
        async with running_broker(config, Sockets(None, listener.socket)) as broker:
            connector = StandInConnector()
            link = join(connector, broker.end)
            made = House(broker.daemon, connector, home, broker.end, link, broker.stop, broker.life)
            try:
                yield made
            finally:
                for each in made.programs:
                    each.writer.close()
    finally:
        listener.close()
        if folder is None:
            shutil.rmtree(home, ignore_errors=True)
