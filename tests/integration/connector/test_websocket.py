"""Close without deafness, with the aiohttp that is installed: `SlackWebSocket` against a server of bare frames.

`test_the_oldest_aiohttp_that_we_support_does_the_same` runs this file again with Debian 12's release.
"""

import asyncio
import contextlib
import hashlib
import os
import subprocess
import sys
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from hashlib import sha1
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest
from aiohttp import web

from slackd.connector.frame_limit import bounded
from slackd.connector.socketmode.connection import CLOSE_PATIENCE, SlackConnection
from slackd.connector.socketmode.dial_failures import DialFailure
from slackd.connector.socketmode.protocol import AckFrame, Disconnect, SlackHello
from slackd.connector.socketmode.websocket import SlackWebSocket
from slackd.envelope import Settlement

OLDEST_AIOHTTP = "3.8.4"
PATIENCE = 20.0

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Heard:
    """What a connection told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.frames = 0
        self.on_told = asyncio.Event()

    def _tell(self, what: str) -> None:
        self.told.append(what)
        self.on_told.set()

    def heard(self, connection: str, is_ping: bool = False) -> None:
        self.frames += 1

    def said_hello(self, connection: str, hello: SlackHello) -> None:
        self._tell("hello")

    def said_disconnect(self, connection: str, disconnect: Disconnect) -> None:
        self._tell(f"disconnect {disconnect.reason}")

    def received(self, connection: str, text: str) -> None:
        self._tell(text)

    def acknowledged(self, connection: str, received_at: Sequence[float]) -> None:
        for _ in received_at:
            self._tell("acknowledged")

    def unsendable(self, connection: str, settlement: Settlement | None) -> None:
        self._tell(f"unsendable {settlement.number if settlement is not None else None}")

    def unread(self, connection: str) -> None:
        self._tell("unread")

    def dial_failed(self, connection: str, failure: DialFailure) -> None:
        self._tell(f"dial failed: {failure.reason}")

    def ended(self, connection: str, confirmed: bool, detail: str) -> None:
        self._tell(f"ended, {'confirmed' if confirmed else 'unconfirmed'}")

    async def until(self, what: str) -> None:
        async with asyncio.timeout(PATIENCE):
            while what not in self.told:
                self.on_told.clear()
                await self.on_told.wait()


def frame(opcode: int, payload: bytes) -> bytes:
    head = bytes([0x80 | opcode])
    if len(payload) < 126:
        return head + bytes([len(payload)]) + payload
    return head + bytes([126]) + len(payload).to_bytes(2, "big") + payload


async def read_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    first, second = await reader.readexactly(2)
    assert first & 0x80, "a fragment"
    assert second & 0x80, "not masked"
    length = second & 0x7F
    if length == 126:
        length = int.from_bytes(await reader.readexactly(2), "big")
    mask = await reader.readexactly(4)
    body = await reader.readexactly(length)
    return first & 0x0F, bytes(byte ^ mask[i % 4] for i, byte in enumerate(body))


TEXT, CLOSE, PING, PONG = 1, 8, 9, 10
NORMAL = (1000).to_bytes(2, "big")


@asynccontextmanager
async def served(script: Script) -> AsyncIterator[tuple[SlackConnection, Heard]]:
    """A connection to a server that plays the script after the handshake, and lets go at the end of it."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        key = next(
            line for line in request.decode().split("\r\n") if line.lower().startswith("sec-websocket-key")
        )
        accept = b64encode(
            sha1(f"{key.split(':')[1].strip()}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()
        )
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )
        try:
            await script(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with aiohttp.ClientSession(
        connector=bounded(aiohttp.TCPConnector()), ws_response_class=SlackWebSocket
    ) as session:

        async def dial() -> SlackWebSocket:
            socket = await session.ws_connect(f"ws://127.0.0.1:{port}/", autoping=False, autoclose=False)
            assert isinstance(socket, SlackWebSocket)
            return socket

        heard = Heard()
        connection = SlackConnection("c1", dial, heard)
        task = asyncio.create_task(connection.run())
        try:
            yield connection, heard
            async with asyncio.timeout(PATIENCE):
                await task
        finally:
            task.cancel()
            server.close()


async def test_frames_that_cross_our_close_are_read() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(TEXT, b'{"type":"hello"}'))
        assert await read_frame(reader) == (CLOSE, NORMAL)
        for number in range(5):
            writer.write(frame(TEXT, b'{"envelope_id":"late-%d"}' % number))
        writer.write(frame(PING, b"Ping from applink-1"))
        await asyncio.sleep(0.2)  # they come after the Close, and not together with the answer to it
        writer.write(frame(TEXT, b'{"envelope_id":"last"}') + frame(CLOSE, NORMAL))
        assert await reader.read() == b"", "one Close is enough, and after it nothing"

    async with served(script) as (connection, heard):
        await heard.until("hello")
        connection.close()
    late = [f'{{"envelope_id":"late-{number}"}}' for number in range(5)]
    assert heard.told == ["hello", *late, '{"envelope_id":"last"}', "ended, confirmed"]


async def test_what_is_queued_goes_out_before_the_close_and_in_one_frame_each() -> None:
    seen: list[tuple[int, bytes]] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(TEXT, b'{"type":"hello"}'))
        while not seen or seen[-1][0] != CLOSE:
            seen.append(await read_frame(reader))
        writer.write(frame(CLOSE, NORMAL))

    acks = [f'{{"envelope_id":"e-{n}","payload":{{"text":"{"é" * 9_000}"}}}}' for n in range(20)]
    async with served(script) as (connection, heard):
        await heard.until("hello")
        for ack in acks:
            connection.acknowledge(AckFrame(ack), 0.0)
        connection.close()
        assert connection.has_unsent
    assert seen == [*((TEXT, ack.encode()) for ack in acks), (CLOSE, NORMAL)]
    assert heard.told.count("acknowledged") == 20


async def test_a_ping_is_answered_with_its_payload_and_is_a_sign_of_life() -> None:
    answers: list[tuple[int, bytes]] = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for payload in (b"Ping from applink-1", b"", b"x" * 125):
            writer.write(frame(PING, payload))
            answers.append(await read_frame(reader))
        writer.write(frame(PONG, b"nobody asked") + frame(CLOSE, NORMAL))
        answers.append(await read_frame(reader))

    async with served(script) as (_, heard):
        pass
    assert answers == [(PONG, b"Ping from applink-1"), (PONG, b""), (PONG, b"x" * 125), (CLOSE, NORMAL)]
    assert heard.frames == 4
    assert heard.told == ["ended, confirmed"]


async def test_a_server_that_never_answers_our_close_is_left() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(TEXT, b'{"type":"hello"}'))
        await reader.read()

    async with served(script) as (connection, heard):
        await heard.until("hello")
        begin = asyncio.get_running_loop().time()
        connection.close()
        await heard.until("ended, unconfirmed")
        assert asyncio.get_running_loop().time() - begin >= CLOSE_PATIENCE - 0.1


async def test_the_end_of_tcp_after_our_close_is_an_answer() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(TEXT, b'{"type":"hello"}'))
        await read_frame(reader)

    async with served(script) as (connection, heard):
        await heard.until("hello")
        connection.close()
    assert heard.told == ["hello", "ended, confirmed"]


@pytest.mark.parametrize(
    "last", [b"", b"\xc1\x05", frame(TEXT, b"\xff\xfe")], ids=["end", "nonsense", "no UTF-8"]
)
async def test_an_end_without_close_is_unconfirmed(last: bytes) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(TEXT, b'{"envelope_id":"e-1"}') + last)

    async with served(script) as (_, heard):
        pass
    assert heard.told == ["hello", '{"envelope_id":"e-1"}', "ended, unconfirmed"]


async def test_a_frame_that_is_far_too_large_is_refused_by_the_length_it_announces() -> None:
    written = 0

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        writer.write(frame(TEXT, b'{"type":"hello"}') + b"\x81\x7f" + (600 << 20).to_bytes(8, "big"))
        with contextlib.suppress(ConnectionError):
            while written < 100 << 20:
                writer.write(b" " * (1 << 20))
                await writer.drain()
                written += 1 << 20

    async with served(script) as (_, heard):
        pass
    assert heard.told == ["hello", "ended, unconfirmed"]
    assert written < 24 << 20, "what is left are the kernel's buffers"


async def test_an_acknowledgement_that_comes_too_late_is_told() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(TEXT, b'{"type":"hello"}'))
        assert await read_frame(reader) == (CLOSE, NORMAL)
        await asyncio.sleep(0.1)
        writer.write(frame(CLOSE, NORMAL))

    async with served(script) as (connection, heard):
        await heard.until("hello")
        connection.close()
        async with asyncio.timeout(PATIENCE):
            while connection.can_acknowledge:
                await asyncio.sleep(0)
        connection.acknowledge(AckFrame("{}"), 0.0, Settlement(7, "e", '{"text":"done"}'))
    assert heard.told == ["hello", "unsendable 7", "ended, confirmed"]


async def test_an_abort_ends_it_at_once_also_while_nobody_reads() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(frame(TEXT, b'{"type":"hello"}'))
        await reader.read()

    async with served(script) as (connection, heard):
        await heard.until("hello")
        connection.pause_reading()
        await asyncio.sleep(0)
        connection.abort()
    assert heard.told == ["hello", "ended, unconfirmed"]


async def test_frames_that_are_read_together_are_told_without_a_turn_of_the_loop_between() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"".join(frame(TEXT, b'{"envelope_id":"e-%d"}' % n) for n in range(100)))
        writer.write(frame(CLOSE, NORMAL))
        await reader.read()

    async with served(script) as (_, heard):
        batches: list[int] = []
        fresh: list[str] = []
        told = heard._tell

        def flush() -> None:
            batches.append(len(fresh))
            fresh.clear()

        def tell(what: str) -> None:
            if not fresh:
                asyncio.get_running_loop().call_soon(flush)
            fresh.append(what)
            told(what)

        heard._tell = tell  # type: ignore[method-assign]
    assert len(batches) <= 5
    assert len(heard.told) == 102


async def test_a_dial_that_is_given_up_is_over() -> None:
    async def dial() -> SlackWebSocket:
        await asyncio.Event().wait()
        raise AssertionError

    heard = Heard()
    connection = SlackConnection("c1", dial, heard)
    task = asyncio.create_task(connection.run())
    await asyncio.sleep(0)
    connection.close()
    async with asyncio.timeout(PATIENCE):
        await task
    assert heard.told == ["dial failed: the dial was given up"]


async def test_a_dial_that_is_given_up_and_succeeds_all_the_same_is_over() -> None:
    """aiohttp 3.8 keeps a cancellation to itself that comes with the answer."""
    dialled, aborted = asyncio.Event(), asyncio.Event()

    class Socket:
        def abort(self) -> None:
            aborted.set()

    async def dial() -> Socket:
        with contextlib.suppress(asyncio.CancelledError):
            dialled.set()
            await asyncio.Event().wait()
        return Socket()

    heard = Heard()
    connection = SlackConnection("c1", cast(Any, dial), heard)
    task = asyncio.create_task(connection.run())
    await dialled.wait()
    connection.close()
    async with asyncio.timeout(PATIENCE):
        await task
    assert heard.told == ["dial failed: the dial was given up"]
    assert aborted.is_set()


async def test_it_works_with_aiohttps_own_server_too() -> None:
    async def handler(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str('{"type":"hello"}')
        async for _ in socket:
            pass
        return socket

    app = web.Application()
    app.router.add_get("/", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    heard = Heard()
    async with aiohttp.ClientSession(
        connector=bounded(aiohttp.TCPConnector()), ws_response_class=SlackWebSocket
    ) as session:

        async def dial() -> SlackWebSocket:
            socket = await session.ws_connect(f"http://127.0.0.1:{port}/", autoping=False, autoclose=False)
            assert isinstance(socket, SlackWebSocket)
            return socket

        connection = SlackConnection("c1", dial, heard)
        task = asyncio.create_task(connection.run())
        await heard.until("hello")
        connection.close()
        async with asyncio.timeout(PATIENCE):
            await task
    assert heard.told == ["hello", "ended, confirmed"]
    await runner.cleanup()


@pytest.mark.skipif(aiohttp.__version__ == OLDEST_AIOHTTP, reason="this is it")
@pytest.mark.timeout(300)
def test_the_oldest_aiohttp_that_we_support_does_the_same() -> None:
    if sys.version_info >= (3, 12):
        pytest.skip(f"aiohttp {OLDEST_AIOHTTP} has no wheels for this Python")
    python = oldest_aiohttp()
    if python is None:
        pytest.skip(f"aiohttp {OLDEST_AIOHTTP} can't be installed here")
    result = subprocess.run(
        [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def oldest_aiohttp() -> str | None:
    """A Python of a venv with Debian 12's aiohttp, made once and kept outside of the checkout."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "slackd-tests"
    wanted = (f"aiohttp=={OLDEST_AIOHTTP}", "attrs==22.2.0", "tenacity==8.2.1", "slack_sdk")
    # tests/conftest.py has a profile of hypothesis.
    tools = [
        "pytest>=8",
        "pytest-asyncio>=0.23",
        "pytest-timeout>=2.3",
        "hypothesis>=6.100",
        "click==8.1.3",
        "rich==13.3.1",
    ]
    packages = hashlib.sha256(" ".join((*wanted, *tools)).encode()).hexdigest()[:8]
    version = f"py{sys.version_info.major}.{sys.version_info.minor}"
    folder = cache / f"aiohttp-{OLDEST_AIOHTTP}-{version}-{packages}"
    python = folder / "bin" / "python"
    done = folder / "complete"
    if done.exists():
        return str(python)
    try:
        subprocess.run(
            [sys.executable, "-m", "venv", str(folder)], check=True, timeout=120, capture_output=True
        )
        subprocess.run(
            [python, "-m", "pip", "install", "-q", *wanted, *tools],
            check=True,
            timeout=240,
            capture_output=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    done.touch()
    return str(python)
