"""An app's end of Socket Mode by hand: it acknowledges what, and when, a test says."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from tests.support.foreign_apps import AppCredentials

PATIENCE = 30.0


class SocketModeApp:
    """One open connection."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def hear(self, patience: float = PATIENCE) -> dict[str, Any]:
        """The next message; `{}` at the end."""
        async with asyncio.timeout(patience):
            message = await self.socket.receive()
        said: dict[str, Any] = json.loads(message.data) if message.type is aiohttp.WSMsgType.TEXT else {}
        return said

    async def acknowledge(self, envelope: dict[str, Any], **more: Any) -> None:
        await self.socket.send_str(json.dumps({"envelope_id": envelope["envelope_id"], **more}))


async def call(
    credentials: AppCredentials, method: str, token: str, *, headers: dict[str, str] | None = None, **args: Any
) -> tuple[int, dict[str, Any]]:
    """One Web API call: its status and its answer."""
    given = {"Authorization": f"Bearer {token}", **(headers or {})}
    async with (
        aiohttp.ClientSession() as session,
        session.post(credentials.api_url + method, data=args, headers=given) as response,
    ):
        return response.status, await response.json()


@contextlib.asynccontextmanager
async def connected(credentials: AppCredentials, ssl: Any = True) -> AsyncIterator[SocketModeApp]:
    """A connection that has heard its hello."""
    async with aiohttp.ClientSession() as session:
        given = {"Authorization": f"Bearer {credentials.app_token}"}
        url = credentials.api_url + "apps.connections.open"
        async with session.post(url, headers=given, ssl=ssl) as response:
            answer = await response.json()
        assert answer["ok"], answer
        async with session.ws_connect(answer["url"], ssl=ssl) as socket:
            app = SocketModeApp(socket)
            hello = await app.hear()
            assert hello["type"] == "hello"
            assert {"num_connections", "debug_info", "connection_info"} <= hello.keys()
            yield app
