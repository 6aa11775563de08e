"""What one event crosses on its way: Python calls, functions, files and types, in all threads of slackd.

    python -m tests.bench.hops

A broker and a connector run in this process, with the link between them over its socket; the emulated Slack and
the plugin run in a thread that isn't counted. Counts, unlike seconds, are the same on a busy machine.
"""

import asyncio
import contextlib
import shutil
import statistics
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, TypeVar

import attrs

import slackd
from slackd.broker.daemon import BrokerDaemon, Sockets
from slackd.broker.write_queue import CLOSE_WITHIN
from slackd.config import Config, PluginConfig, Subscription
from slackd.connector.connector import Connector
from slackd.connector.credentials import AppSecrets, Secret
from slackd.connector.transports import make_transports
from slackd.connector.webapi import WebApi
from slackd.emulator import Emulator, EmulatorClient
from slackd.link.client import LinkClient
from slackd.systemd.sockets import bind
from tests.support.broker import broker_config

T = TypeVar("T")
OURS = str(Path(slackd.__file__).parent)
ALONE = 30
"""Events that are sent one after the other; the median counts."""
TOGETHER = 400
"""Events that are sent at once."""
QUIET = 0.03
"""Seconds between two looks whether what is awaited is there."""
CLOSED = 3 * CLOSE_WITHIN
"""Seconds after which an event that was handled is closed, too."""
PATIENCE = 30.0


@attrs.frozen
class Hops:
    """What an event crosses.

    Attributes:
        alone: Python calls of one event that nothing comes with, libraries' too, until it is closed.
        ours: Those of them that are slackd's own.
        acknowledged: Those of slackd's own until it is acknowledged, delivered and answered.
        together: Python calls an event, of many that come at once.
        functions, files, types: slackd's own, that an event which comes alone crosses.
    """

    alone: int
    ours: int
    acknowledged: int
    together: float
    functions: int
    files: int
    types: int

    def __str__(self) -> str:
        return (
            f"alone: {self.alone} calls, {self.ours} of them slackd's own ({self.acknowledged} until it is "
            f"acknowledged and answered), in {self.functions} functions, {self.files} files and {self.types} "
            f"types; together: {self.together:.1f} calls an event"
        )


class Tracer:
    """Counts calls in the threads that it was installed in, while it is `on`."""

    def __init__(self) -> None:
        self.on = False
        self.calls: Counter[CodeType] = Counter()
        self.types: set[type] = set()

    def install(self) -> None:
        """In this thread, and in all that are started from now on."""
        threading.setprofile(self._note)
        sys.setprofile(self._note)

    def remove(self) -> None:
        """Start no more of it."""
        threading.setprofile(None)
        sys.setprofile(None)

    def take(self) -> tuple[Counter[CodeType], set[type]]:
        """What was counted since the last time."""
        calls, types, self.calls, self.types = self.calls, self.types, Counter(), set()
        return calls, types

    def _note(self, frame: FrameType, what: str, _argument: Any) -> None:
        if what != "call" or not self.on:
            return
        code = frame.f_code
        self.calls[code] += 1
        if code.co_name == "__init__":
            self.types.add(type(frame.f_locals[code.co_varnames[0]]))


def is_ours(code: CodeType) -> bool:
    """A function of slackd, or one that attrs made for a class of slackd."""
    return code.co_filename.startswith(OURS) or "slackd." in code.co_filename


def own(calls: Counter[CodeType]) -> int:
    """How many of these calls are slackd's own."""
    return sum(number for code, number in calls.items() if is_ours(code))


async def count() -> Hops:
    """Send events and count."""
    tracer = Tracer()
    with other_side() as outside:
        slack, plugin = outside.slack, outside.plugin
        async with outside.slackd(tracer):
            alone = []
            functions: set[CodeType] = set()
            types: set[type] = set()
            for _ in range(ALONE):
                until, calls, made = await traced(tracer, outside, lambda: slack.post_message("hello"), 1)
                alone.append((calls.total(), own(calls), own(until)))
                functions = {code for code in calls if is_ours(code)}
                types = {each for each in made if each.__module__.startswith("slackd.")}
            _, calls, _ = await traced(
                tracer, outside, lambda: slack.batch(count=TOGETHER, channels=50, size=2_000), TOGETHER
            )
            assert plugin.handled == ALONE + TOGETHER
            return Hops(
                alone=int(statistics.median(each for each, _, _ in alone)),
                ours=int(statistics.median(each for _, each, _ in alone)),
                acknowledged=int(statistics.median(each for _, _, each in alone)),
                together=calls.total() / TOGETHER,
                functions=len(functions),
                files=len({code.co_filename for code in functions if code.co_filename.startswith(OURS)}),
                types=len(types),
            )


async def traced(
    tracer: Tracer, outside: "OtherSide", send: Callable[[], object], number: int
) -> tuple[Counter[CodeType], Counter[CodeType], set[type]]:
    """What `send` causes, until its events are acknowledged and answered, and until they are closed, too."""
    wanted = outside.plugin.handled + number
    tracer.take()
    tracer.on = True
    await outside.do(send)
    async with asyncio.timeout(PATIENCE):
        while outside.plugin.handled < wanted:
            await asyncio.sleep(QUIET)
    until = tracer.calls.copy()
    await asyncio.sleep(CLOSED)
    tracer.on = False
    return until, *tracer.take()


class AnsweringPlugin(asyncio.Protocol):
    """Answers whatever it is sent, as soon as it is there."""

    def __init__(self, name: str = "bot") -> None:
        self._name = name.encode()
        self.handled, self._rest, self._transport = 0, b"", asyncio.Transport()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(
            b'{"jsonrpc":"2.0","id":0,"method":"initialize","params":'
            b'{"protocol":1,"plugin":"%b","session":"s","remembers":1000}}\n' % self._name
        )

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        ids = [line.split(b'"', 8)[7] for line in lines if b'"envelope"' in line[:100]]
        self.handled += len(ids)
        self._transport.write(b"".join(b'{"jsonrpc":"2.0","id":"%b","result":{}}\n' % each for each in ids))


class OtherSide:
    """Slack and the plugin, on a loop of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.loop = asyncio.new_event_loop()
        self.plugin = AnsweringPlugin()
        self.slack: EmulatorClient

    async def do(self, action: Callable[[], T]) -> T:
        """Do it over there."""

        async def acted() -> T:
            return action()

        result: T = await self.wait(acted())
        return result

    async def wait(self, awaited: Any) -> Any:
        """Wait for something over there."""
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(awaited, self.loop))

    @contextlib.asynccontextmanager
    async def slackd(self, tracer: Tracer) -> Any:
        """A broker and a connector that are READY, with the plugin connected."""
        config = self._config()
        app = self.slack.apps[0]
        secrets = {"main": AppSecrets(Secret(app.app_token), Secret(app.bot_token))}
        sockets = [bind(self.folder / name, 0o600) for name in ("l.sock", "p.sock")]
        tracer.install()
        daemon, stop = BrokerDaemon(config, foreground=True), asyncio.Event()
        web = {"main": WebApi(config.apps["main"], secrets["main"])}
        connector = Connector(1, config.apps, make_transports(config.apps, secrets, 1), web)
        ready: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(
                    daemon.run(stop, Sockets(sockets[0].socket, sockets[1].socket), ready.set_result)
                )
                await ready
                others = [
                    group.create_task(connector.run()),
                    group.create_task(LinkClient(self.folder / "l.sock", connector).run()),
                ]
                await self.wait(self.slack.wait_until_ready(1))
                await self.wait(self._connect_plugin())
                await self._until(lambda: bool(daemon.plugin_host.sessions_of("bot")))
                yield
                for each in others:
                    each.cancel()
                stop.set()
        finally:
            tracer.remove()
            for socket in sockets:
                socket.close()

    async def _connect_plugin(self) -> None:
        await self.loop.create_unix_connection(lambda: self.plugin, str(self.folder / "p.sock"))

    async def _until(self, true: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not true():
                await asyncio.sleep(QUIET)

    def _config(self) -> Config:
        here = self.folder
        plugin = PluginConfig("bot", here / "bot.toml", subscriptions=(Subscription("events_api"),))
        config = broker_config(here, [plugin])
        return attrs.evolve(
            config, apps={"main": attrs.evolve(config.apps["main"], api_url=self.slack.api_url)}
        )


@contextlib.contextmanager
def other_side() -> Iterator[OtherSide]:
    """The other side, with its thread, until the block ends."""
    folder = Path(tempfile.mkdtemp(prefix="slackd-h-", dir="/tmp"))
    outside = OtherSide(folder)
    up, stop = threading.Event(), asyncio.Event()

    async def serve() -> None:
        async with Emulator().serving() as outside.slack:
            up.set()
            await stop.wait()

    thread = threading.Thread(target=outside.loop.run_until_complete, args=(serve(),), daemon=True)
    thread.start()
    up.wait(PATIENCE)
    try:
        yield outside
    finally:
        outside.loop.call_soon_threadsafe(stop.set)
        thread.join(PATIENCE)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    print(asyncio.run(count()))
