"""A receiver between raw HTTP and a broker that says what the test wants."""

import asyncio
import contextlib
import json
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from slackd.config.values import App, SecretKind, SecretSource
from slackd.connector.connector import Connector
from slackd.connector.credentials import AppSecrets
from slackd.connector.request_url.gate import Route
from slackd.connector.request_url.server import RequestUrlServer
from slackd.connector.request_url.transport import RequestUrlTransport
from slackd.connector.transports import make_transports
from slackd.link.memory import join
from slackd.link.messages import RECEIVER
from slackd.signature import sign
from tests.support.connector_rig import Rig, StandInBroker

SECRET, OLD_SECRET = "the-signing-secret", "the-old-signing-secret"
PATH = "/slack/main"


def posted_app(name: str = "main", path: str = PATH, transport: str = "http") -> App:
    return App(
        name=name,
        app_token=None,
        transport=transport,
        signing_secret=SecretSource(SecretKind.ENV, "SIGNING"),
        request_path=path,
    )


class RequestUrlRig(Rig):
    """The receiver's connector, its server, and its port."""

    server: RequestUrlServer
    port: int

    async def drain(self) -> None:
        self.server.stop_accepting()
        await self.server.take_last_requests()
        await self.connector.drain(5)
        self.server.close()


def headers_for(body: bytes, content_type: str, secret: str = SECRET, at: int | None = None) -> dict[str, str]:
    """The headers that Slack sends."""
    timestamp = int(time.time()) if at is None else at
    return {
        "Host": "slack.example.com",
        "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)",
        "Accept": "*/*",
        "Content-Type": content_type,
        "Content-Length": str(len(body)),
        "X-Slack-Request-Timestamp": str(timestamp),
        "X-Slack-Signature": sign(secret, body, timestamp),
    }


def request(
    body: bytes, headers: Mapping[str, str] | list[tuple[str, str]], path: str = PATH, method: str = "POST"
) -> bytes:
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in pairs)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def event(event_id: str = "Ev1", **more: Any) -> bytes:
    inner = {"type": "app_mention", "channel": "C1", "user": "U1", "ts": "1.0"}
    return json.dumps({"type": "event_callback", "event_id": event_id, "event": inner, **more}).encode()


def command(text: str = "") -> bytes:
    return urlencode({"command": "/deploy", "text": text, "user_id": "U1", "trigger_id": "1.2"}).encode()


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)
    }
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return int(head[0].split()[1]), headers, body


@contextlib.asynccontextmanager
async def receiver(
    *apps: App,
    secrets: tuple[str, ...] = (SECRET, OLD_SECRET),
    wall: Callable[[], float] = time.time,
    trusted: tuple[str, ...] = (),
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[RequestUrlRig]:
    """A running receiver; drained at the end."""
    named = {app.name: app for app in apps or (posted_app(),)}
    transports = make_transports(named, {name: AppSecrets(None) for name in named}, RECEIVER, listens=True)
    connector = Connector(RECEIVER, named, transports, {})
    posted = {name: each for name, each in transports.items() if isinstance(each, RequestUrlTransport)}
    routes = {app.request_path: Route(app.name, secrets) for app in named.values()}
    server = RequestUrlServer(routes, posted, wall=wall, trusted_proxies=trusted)
    broker = StandInBroker()
    listening = socket.create_server(("127.0.0.1", 0))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(connector.run())
        rig = RequestUrlRig(connector, broker, join(connector, broker), running)
        rig.server, rig.port = server, listening.getsockname()[1]
        server.listen([listening], group.create_task, tls)
        try:
            yield rig
        finally:
            running.cancel()
            server.stop_accepting()
            server.close()
            listening.close()


async def send(
    rig: RequestUrlRig, data: bytes, *, parts: int = 1, pause: float = 0.0
) -> tuple[int, dict[str, str], bytes]:
    """Send bytes, and read one answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
    size = -(-len(data) // parts)
    try:
        for at in range(0, len(data), size):
            writer.write(data[at : at + size])
            await writer.drain()
            await asyncio.sleep(pause)
        async with asyncio.timeout(20):
            return await read_answer(reader)
    finally:
        writer.close()


async def post(
    rig: RequestUrlRig, body: bytes, content_type: str = "application/json", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    """Post as Slack does."""
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    return await send(rig, request(body, {**headers_for(body, content_type), **more}))
