"""The link over a real socket: made at once, made again when it breaks, nothing of its batches torn apart."""

import asyncio
import contextlib
import logging
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path

import pytest

from slackd.broker.background_tasks import BackgroundTasks
from slackd.envelope import Arrival, Settlement
from slackd.link import LinkedConnector, SendToBroker
from slackd.link.client import LinkClient
from slackd.link.codec import encode
from slackd.link.messages import (
    LINK_VERSION,
    Acknowledged,
    AppIdentity,
    Call,
    CallKind,
    Deliver,
    FromBroker,
    FromConnector,
    Hello,
    Identified,
    Settled,
)
from slackd.link.server import HELLO_LIMIT, MOST_LINKS, UNREAD_LIMIT, LinkServer
from slackd.listener import Listener
from tests.unit.link.test_link_codec import MESSAGES


class Connector:
    def __init__(self, version: int = LINK_VERSION) -> None:
        self.version = version
        self.send: SendToBroker | None = None
        self.ups = 0
        self.heard: asyncio.Queue[Sequence[FromBroker]] = asyncio.Queue()
        self.down = asyncio.Event()

    def link_up(self, send: SendToBroker) -> None:
        self.ups += 1
        self.send = send
        self.down.clear()
        send(Hello(self.version, 1, self.ups, ""))

    def link_down(self) -> None:
        self.send = None
        self.down.set()

    def from_broker(self, messages: Sequence[FromBroker]) -> None:
        self.heard.put_nowait(messages)


class Broker:
    def __init__(self) -> None:
        self.links: list[LinkedConnector] = []
        self.heard: asyncio.Queue[Sequence[FromConnector]] = asyncio.Queue()
        self.gone = asyncio.Event()

    def joined(self, connector: LinkedConnector) -> None:
        self.links.append(connector)

    def left(self, connector: LinkedConnector) -> None:
        self.links.remove(connector)
        self.gone.set()

    def from_connector(self, connector: LinkedConnector, messages: Sequence[FromConnector]) -> None:
        self.heard.put_nowait(messages)

    async def hear(self) -> Sequence[FromConnector]:
        async with asyncio.timeout(20):
            return await self.heard.get()


@pytest.fixture
def path() -> Iterator[Path]:
    folder = tempfile.mkdtemp(dir="/tmp")
    yield Path(folder) / "link.sock"
    shutil.rmtree(folder)


@contextlib.asynccontextmanager
async def served(where: socket.socket | Path, end: Broker) -> AsyncIterator[None]:
    """A broker's end, as its daemon serves it."""
    listening = where if isinstance(where, socket.socket) else bound(where)
    tasks, links = BackgroundTasks(), LinkServer(end)
    running = asyncio.create_task(tasks.run())
    await tasks.accepted.wait()
    listener = Listener("connectors", listening, links.connect, tasks.begin, links.spare_descriptors)
    listener.listen()
    try:
        yield
    finally:
        listener.close()
        await links.close()
        listening.close()
        running.cancel()
        await asyncio.wait({running})


def bound(path: Path) -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    made.bind(str(path))
    made.listen(64)
    return made


@contextlib.asynccontextmanager
async def linked(path: Path, connector: Connector) -> AsyncIterator[None]:
    client = asyncio.create_task(LinkClient(path, connector).run())
    yield
    client.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await client


async def test_both_wings_speak_and_a_flood_comes_in_parts(path: Path) -> None:
    connector, broker = Connector(), Broker()
    async with served(path, broker), linked(path, connector):
        assert await broker.hear() == [Hello(LINK_VERSION, 1, 1, "")]
        assert connector.send is not None
        flood = tuple(Arrival(n, "main", "c", 0.5, '{"text":"é"}' * 20) for n in range(4_000))
        connector.send(Deliver(flood))
        parts: list[Deliver] = []
        while sum(len(part.arrivals) for part in parts) < len(flood):
            parts += [message for message in await broker.hear() if isinstance(message, Deliver)]
        assert tuple(arrival for part in parts for arrival in part.arrivals) == flood
        assert max(len(part.arrivals) for part in parts) < len(flood) / 2
        settled = [Settled((Settlement(n, f"e-{n}"),)) for n in range(10)]
        for message in settled:
            broker.links[0].send(message)
        async with asyncio.timeout(20):
            assert await connector.heard.get() == settled
    assert connector.down.is_set()


async def test_every_message_reaches_the_other_wing(path: Path) -> None:
    connector, broker = Connector(), Broker()
    async with served(path, broker), linked(path, connector):
        await broker.hear()
        broker.links[0].send(Settled(()))  # after its Welcome
        async with asyncio.timeout(20):
            await connector.heard.get()
        assert connector.send is not None
        there = [each for each in MESSAGES if isinstance(each, FromConnector)]
        back = [each for each in MESSAGES if isinstance(each, FromBroker)]
        assert len(there) + len(back) == len(MESSAGES) - 1  # but for the Welcome, which is the link's own
        for message in there:
            connector.send(message)
        assert await broker.hear() == there
        for answer in back:
            broker.links[0].send(answer)
        async with asyncio.timeout(20):
            assert await connector.heard.get() == back


async def test_a_restart_of_the_broker_is_a_new_link_at_once(path: Path) -> None:
    connector = Connector()
    with socket.socket(socket.AF_UNIX) as kept:  # as systemd keeps it
        kept.bind(str(path))
        kept.listen(16)
        async with linked(path, connector):
            for number in (1, 2, 3):
                broker = Broker()
                async with served(kept.dup(), broker):
                    (hello,) = await broker.hear()
                    assert isinstance(hello, Hello)
                    assert hello.pid >= number
                    broker.links[0].send(Settled(()))
                    async with asyncio.timeout(20):
                        await connector.heard.get()
                async with asyncio.timeout(20):
                    await connector.down.wait()


async def test_a_missing_socket_is_waited_for_and_said_once(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    connector, broker = Connector(), Broker()
    with caplog.at_level(logging.WARNING, logger="slackd.link"):
        async with linked(path, connector):
            async with asyncio.timeout(20):
                while not caplog.records:
                    await asyncio.sleep(0.01)
            async with served(path, broker):
                await broker.hear()
            assert len([r for r in caplog.records if r.levelno == logging.WARNING]) == 1


async def test_a_connector_of_a_distant_release_is_refused(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    connector, broker = Connector(version=LINK_VERSION + 2), Broker()
    async with served(path, broker), linked(path, connector), asyncio.timeout(20):
        await connector.down.wait()
    assert broker.heard.empty()
    assert "neighbouring releases" in caplog.text


async def test_what_is_no_message_closes_that_link_alone(path: Path) -> None:
    connector, broker = Connector(), Broker()
    async with served(path, broker), linked(path, connector):
        await broker.hear()
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(b'{"jsonrpc":"2.0","method":"deliver","params":{"arrivals":[{}]}}\n')
        async with asyncio.timeout(20):
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
        writer.close()
        assert len(broker.links) == 1


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.005)


async def test_links_that_say_nothing_make_room_for_a_connector(path: Path) -> None:
    connector, broker = Connector(), Broker()
    async with served(path, broker), linked(path, connector):
        await broker.hear()
        with contextlib.ExitStack() as stack:
            for _ in range(3 * MOST_LINKS):
                stack.enter_context(socket.socket(socket.AF_UNIX)).connect(str(path))
            await until(lambda: len(broker.links) == MOST_LINKS)
            assert connector.send is not None
            connector.send(Deliver((Arrival(1, "main", "c", 0.5, "{}"),)))
            assert [type(each) for each in await broker.hear()] == [Deliver]
            other = Connector()
            async with linked(path, other):
                assert [type(each) for each in await broker.hear()] == [Hello]
                assert len(broker.links) == MOST_LINKS


async def test_a_link_says_in_time_which_connector_it_is(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slackd.link.server.HELLO_PATIENCE", 0.05)
    connector, broker = Connector(), Broker()
    async with served(path, broker), linked(path, connector):
        await broker.hear()
        with socket.socket(socket.AF_UNIX) as silent:
            silent.connect(str(path))
            silent.send(b'{"jsonrpc":"2.0","method":"he')
            silent.setblocking(False)
            async with asyncio.timeout(20):
                assert await asyncio.get_running_loop().sock_recv(silent, 100) == b""
        assert connector.ups == 1


async def test_what_says_no_hello_says_little(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    broker = Broker()
    async with served(path, broker):
        reader, writer = await asyncio.open_unix_connection(str(path))
        with contextlib.suppress(ConnectionError):
            for _ in range(2 * HELLO_LIMIT // 65_536):
                writer.write(b"x" * 65_536)
                await writer.drain()
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(reader.read(), 20) == b""
        writer.close()
    assert f"a line has more than {HELLO_LIMIT} bytes" in caplog.text


async def test_a_connector_that_hangs_costs_so_many_bytes_and_no_more(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broker = Broker()
    async with served(path, broker):
        reader, writer = await asyncio.open_unix_connection(str(path))
        writer.write(encode(Hello(LINK_VERSION, 1, 1, "")))
        await broker.hear()
        call = Call(1, "main", CallKind.METHOD, "chat.postMessage", {"text": "x" * 1_000_000})
        for _ in range(UNREAD_LIMIT // 1_000_000 + 2):
            if broker.links:
                broker.links[0].send(call)
                await asyncio.sleep(0)
        await until(lambda: not broker.links)
        writer.close()
    assert "leaves" in caplog.text
    assert reader.at_eof() is False


async def test_what_a_broker_of_0_1_0_does_not_know_is_not_sent_to_it(path: Path) -> None:
    """That one says no `Welcome`; a warning in its log at each start was what it made of the rest."""
    heard: asyncio.Queue[bytes] = asyncio.Queue()

    async def serve_old(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            heard.put_nowait(line)
        writer.close()

    server = await asyncio.start_unix_server(serve_old, path)
    connector = Connector()
    async with server, linked(path, connector):
        assert b'"hello"' in await asyncio.wait_for(heard.get(), 5.0)
        assert connector.send is not None
        connector.send(Identified(AppIdentity("main", "A1", "T1", "B1", "U1")))
        connector.send(Acknowledged("main", (0.1,)))
        assert b'"acknowledged"' in await asyncio.wait_for(heard.get(), 5.0)
