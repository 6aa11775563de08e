"""A Slack of bare bytes, as sloppy or hostile as a test wants: what it answers and sends is written down here
or in the test, so nothing between the two keeps the rules by itself.
"""

import asyncio
import contextlib
import json
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from hashlib import sha1
from typing import Any

from slackd.config.values import App, SecretKind, SecretSource
from slackd.connector.credentials import AppSecrets, Secret
from slackd.emulator import EmulatedApp
from tests.support.connector_rig import PATIENCE, Rig, connected

APP_TOKEN = "xapp-1-A0FOREIGN-1-verysecretindeed"
BOT_TOKEN = "xoxb-1-verysecretindeed"
HELLO = '{"type":"hello"}'
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


def frame(opcode: int, payload: bytes, *, final: bool = True, reserved: int = 0) -> bytes:
    """A server's frame; `reserved` are the three reserved bits."""
    head = bytes([0x80 * final | reserved << 4 | opcode])
    if len(payload) < 126:
        return head + bytes([len(payload)]) + payload
    if len(payload) < 65_536:
        return head + bytes([126]) + len(payload).to_bytes(2, "big") + payload
    return head + bytes([127]) + len(payload).to_bytes(8, "big") + payload


def text(value: str) -> bytes:
    return frame(TEXT, value.encode())


def close(code: int) -> bytes:
    return frame(CLOSE, code.to_bytes(2, "big"))


def event(number: int, message: str = "hi", envelope_id: str = "") -> str:
    """An envelope as Slack sends it."""
    return json.dumps(
        {
            "envelope_id": envelope_id or f"00000000-0000-4000-8000-{number:012}",
            "payload": {
                "type": "event_callback",
                "event_id": f"Ev{number}",
                "event": {"type": "app_mention", "channel": "C1", "user": "U1", "text": message},
            },
            "type": "events_api",
            "accepts_response_payload": False,
        },
        ensure_ascii=False,
    )


def http(status: str, body: bytes, content_type: str = "application/json", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    if content_type:
        lines.append(f"Content-Type: {content_type}")
    return "\r\n".join([*lines, "", ""]).encode() + body


class Line:
    """One WebSocket, seen from the server."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    def write(self, data: bytes) -> None:
        self._writer.write(data)

    async def write_slowly(self, data: bytes, size: int = 1) -> None:
        """In pieces that are one TCP segment each, as far as one can ask for that."""
        for at in range(0, len(data), size):
            self._writer.write(data[at : at + size])
            await self._writer.drain()
            await asyncio.sleep(0)

    async def frame(self) -> tuple[int, bytes]:
        """The client's next frame, unmasked."""
        head = await self._reader.readexactly(2)
        length = head[1] & 0x7F
        if length > 125:
            length = int.from_bytes(await self._reader.readexactly(2 if length == 126 else 8), "big")
        mask = await self._reader.readexactly(4)
        data = await self._reader.readexactly(length)
        return head[0] & 0x0F, bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))

    async def of_kind(self, opcode: int) -> bytes:
        """The payload of the client's next frame of this kind."""
        while True:
            kind, payload = await self.frame()
            if kind == opcode:
                return payload

    async def ack(self) -> str:
        """The id of the envelope that the client acknowledges next."""
        acknowledged: str = json.loads(await self.of_kind(TEXT))["envelope_id"]
        return acknowledged

    async def until_the_end(self) -> None:
        """Read until the client has closed the TCP connection."""
        while await self._reader.read(65_536):
            pass

    def pause_reading(self) -> None:
        """Read nothing more."""
        self._writer.transport.pause_reading()  # type: ignore[attr-defined]

    def cut(self) -> None:
        """End the TCP connection, without a Close."""
        self._writer.close()


Script = Callable[[Line, int], Awaitable[None]]


class SloppySlack:
    """Answers `apps.connections.open`, and runs a script for each WebSocket (given its number, from 1).

    Attributes:
        opened: When `apps.connections.open` was called (monotonic seconds), and with which request.
        answers: What it is answered with, in this order, as bytes; after that as Slack would.
        handshakes, call_answers: The same for the WebSocket's handshake and for other methods.
        calls: Requests of other methods.
        lines: WebSockets so far.
        apps: Whose tokens a house against it has.
        greeting: What follows the handshake's answer in the same segment.
    """

    def __init__(self, script: Script) -> None:
        self.script = script
        self.port = 0
        self.answers: list[bytes] = []
        self.handshakes: list[bytes] = []
        self.call_answers: list[bytes] = []
        self.calls: list[str] = []
        self.opened: list[tuple[float, str]] = []
        self.lines = 0
        self.greeting = b""
        self.more_headers = ""
        self.apps: list[EmulatedApp] = []
        self.failures: list[BaseException] = []

    @property
    def api_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api/"

    @property
    def link(self) -> str:
        return f"ws://127.0.0.1:{self.port}/link/?ticket=one-use-ticket"

    def open_body(self) -> bytes:
        return json.dumps({"ok": True, "url": self.link}).encode()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._answer(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        except AssertionError as error:
            self.failures.append(error)
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        if request.startswith("POST /api/apps.connections.open"):
            self.opened.append((time.monotonic(), request))
            writer.write(self.answers.pop(0) if self.answers else http("200 OK", self.open_body()))
            await writer.drain()
            return
        if request.startswith("POST /api/auth.test "):
            # A connector asks once who its bot is; that is no call of a test's.
            writer.write(http("200 OK", b'{"ok":true}'))
            await writer.drain()
            return
        if request.startswith("POST /api/"):
            self.calls.append(request)
            writer.write(self.call_answers.pop(0) if self.call_answers else http("200 OK", b'{"ok":true}'))
            await writer.drain()
            return
        if self.handshakes:
            writer.write(self.handshakes.pop(0))
            await writer.drain()
            return
        headers = dict(line.split(": ", 1) for line in request.split("\r\n")[1:] if line)
        key = next(value for name, value in headers.items() if name.lower() == "sec-websocket-key")
        accept = b64encode(sha1(f"{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11".encode()).digest()).decode()
        writer.write(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\n{self.more_headers}\r\n".encode()
            + self.greeting
        )
        self.lines += 1
        await self.script(Line(reader, writer), self.lines)


@contextlib.asynccontextmanager
async def sloppy(script: Script, kind: type[SloppySlack] = SloppySlack) -> AsyncIterator[SloppySlack]:
    """A sloppy Slack that listens."""
    slack = kind(script)
    server = await asyncio.start_server(slack.serve, "127.0.0.1", 0)
    slack.port = server.sockets[0].getsockname()[1]
    try:
        yield slack
    finally:
        server.close()
    assert slack.failures == []


@contextlib.asynccontextmanager
async def dialled(slack: SloppySlack, **more: Any) -> AsyncIterator[Rig]:
    """A connector that dials it."""
    api_url = more.pop("api_url", slack.api_url)
    app = App(
        "foreign",
        SecretSource(SecretKind.ENV, "APP"),
        SecretSource(SecretKind.ENV, "BOT"),
        api_url=api_url,
        **more,
    )
    async with connected([app], [AppSecrets(Secret(APP_TOKEN), Secret(BOT_TOKEN))]) as rig:
        yield rig


class Witness:
    """A script's word that it came to its end: what it saw in order."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self._news = asyncio.Event()

    def note(self, what: Any) -> None:
        self.seen.append(what)
        self._news.set()

    async def of(self, count: int) -> list[Any]:
        async with asyncio.timeout(PATIENCE):
            while len(self.seen) < count:
                self._news.clear()
                await self._news.wait()
        return self.seen
