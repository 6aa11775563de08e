"""How much of a file the gateway has in memory, however slow the other side is: 64 KiB at most."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
import trustme
from aiohttp import web

from slackd.broker.plugins.transfers import LARGEST_PIECE
from slackd.gateway.counters import GatewayCounters
from slackd.gateway.credentials import TokenKind
from slackd.gateway.files import READ_AHEAD, READ_SIZE, FileDownload
from slackd.gateway.front import GatewayFront
from slackd.gateway.settings import GatewayContext
from slackd.slack_server.listener import HandshakeListener

MOST = 65_536
LENGTH = 16 << 20


class Files:
    """A broker that is as slow as a test wants; it notes how much the gateway has."""

    def __init__(self) -> None:
        self.held = self.moved = 0

    async def upload(self, url: str, pieces: Any, length: int, content_type: str) -> tuple[int, str]:
        read_ahead = pieces.read_func.__self__
        async for piece in pieces:
            assert len(piece) <= LARGEST_PIECE
            self.moved += len(piece)
            for _ in range(10):  # What could be read meanwhile is.
                await asyncio.sleep(0)
            self.held = max(self.held, read_ahead._size + len(piece))
        return 200, "OK"

    async def download(self, url: str) -> FileDownload:
        return FileDownload(200, "text/plain", LENGTH, self._pieces())

    async def _pieces(self) -> AsyncGenerator[bytes, None]:
        while self.moved < LENGTH:
            self.moved += LARGEST_PIECE
            yield bytes(LARGEST_PIECE)


class Gateway:
    """The gateway's front, over one app."""

    def __init__(self) -> None:
        self.files, self.transports = Files(), set[asyncio.Transport]()
        app = SimpleNamespace(
            plugin=SimpleNamespace(name="bot"), unseal=lambda *_: "https://files.slack.com/x", files=self.files
        )
        store = SimpleNamespace(owner=lambda _: ("bot", TokenKind.BOT))
        parts: Any = {"bot": app}, store, GatewayContext(), GatewayCounters()
        self.front = GatewayFront(*parts)

    @property
    def unsent(self) -> int:
        """Bytes that wait for the app to read them."""
        return sum(each.get_write_buffer_size() for each in self.transports)


@contextlib.asynccontextmanager
async def serving(
    encrypted: bool,
) -> AsyncIterator[tuple[Gateway, asyncio.StreamReader, asyncio.StreamWriter]]:
    authority, gateway = trustme.CA(), Gateway()
    served = trusted = None
    if encrypted:
        served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("127.0.0.1").configure_cert(served)
        trusted = ssl.create_default_context()
        authority.configure_trust(trusted)
    runner = web.AppRunner(gateway.front.application(), access_log=None, read_bufsize=READ_AHEAD)
    await runner.setup()
    assert runner.server is not None
    http = runner.server
    server = await asyncio.get_running_loop().create_server(
        lambda: HandshakeListener(gateway.front, http, gateway.transports, None, READ_SIZE),
        "127.0.0.1",
        0,
        ssl=served,
    )
    port = server.sockets[0].getsockname()[1]
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=trusted, limit=4_096)
    try:
        yield gateway, reader, writer
    finally:
        writer.close()
        server.close()
        await runner.cleanup()


@pytest.mark.parametrize("encrypted", [False, True])
async def test_of_an_upload_that_the_broker_does_not_take_little_is_read(encrypted: bool) -> None:
    async with serving(encrypted) as (gateway, reader, writer):
        head = f"POST /upload/bot/m/p HTTP/1.1\r\nHost: x\r\nContent-Length: {LENGTH}\r\n\r\n"
        writer.write(head.encode() + bytes(LENGTH))
        assert b" 200 " in await reader.readline()
        assert gateway.files.moved == LENGTH
        assert READ_SIZE < gateway.files.held <= MOST


@pytest.mark.parametrize("encrypted", [False, True])
async def test_of_a_download_that_the_app_does_not_read_little_is_fetched(encrypted: bool) -> None:
    async with serving(encrypted) as (gateway, reader, writer):
        writer.write(b"GET /file/bot/m/p HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\n\r\n")
        stuck = -1
        while gateway.files.moved > stuck or not stuck:  # It goes on until the kernel takes nothing more.
            stuck = gateway.files.moved
            await asyncio.sleep(0.3)
        assert LARGEST_PIECE < stuck < LENGTH
        # With TLS, asyncio's TCP transport below has a buffer of its own, which nobody can reach.
        assert gateway.unsent <= MOST
        assert b" 200 " in await reader.readline()
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(LENGTH)
