"""Apps on Slack's own libraries, unchanged but for the base URL: slack_sdk's clients, and Bolt for Python."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import attrs
from slack_bolt import App
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk import WebClient
from slack_sdk.socket_mode.aiohttp import SocketModeClient as AiohttpClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.builtin import SocketModeClient as BuiltinClient
from slack_sdk.socket_mode.client import BaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from slackd.emulator import EmulatorClient

CHANNEL = "C0GENERAL01"
PING_INTERVAL = 0.5
"""Seconds between an app's own pings: it notices early that its connection has ended."""


@attrs.frozen
class AppCredentials:
    """What an app is given in place of Slack's address and tokens."""

    api_url: str
    app_token: str
    bot_token: str
    signing_secret: str

    @property
    def environment(self) -> dict[str, str]:
        return {
            "SLACK_API_URL": self.api_url,
            "SLACK_APP_TOKEN": self.app_token,
            "SLACK_BOT_TOKEN": self.bot_token,
            "SLACK_SIGNING_SECRET": self.signing_secret,
        }

    def web(self) -> WebClient:
        return WebClient(token=self.bot_token, base_url=self.api_url)

    def async_web(self) -> AsyncWebClient:
        return AsyncWebClient(token=self.bot_token, base_url=self.api_url)


def direct(slack: EmulatorClient) -> AppCredentials:
    """Those of Slack itself."""
    app = slack.apps[0]
    return AppCredentials(slack.api_url, app.app_token, app.bot_token, "no secret")


def answer(request: SocketModeRequest) -> SocketModeResponse:
    """A command is answered with a text, all else with nothing."""
    payload = {"text": "done"} if request.type == "slash_commands" else None
    return SocketModeResponse(envelope_id=request.envelope_id, payload=payload)


@asynccontextmanager
async def async_client(client: Any) -> AsyncIterator[None]:
    """A connected client, which says something about every event."""

    async def listener(client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        await client.send_socket_mode_response(answer(request))
        if request.type == "events_api":
            await client.web_client.chat_postMessage(channel=CHANNEL, text="heard")

    client.socket_mode_request_listeners.append(listener)
    await client.connect()
    try:
        yield
    finally:
        await client.close()


@asynccontextmanager
async def threaded_client(client: BaseSocketModeClient) -> AsyncIterator[None]:
    """A connected client, which says something about every event."""

    def listener(client: BaseSocketModeClient, request: SocketModeRequest) -> None:
        client.send_socket_mode_response(answer(request))
        if request.type == "events_api":
            client.web_client.chat_postMessage(channel=CHANNEL, text="heard")

    client.socket_mode_request_listeners.append(listener)
    await asyncio.to_thread(client.connect)
    try:
        yield
    finally:
        await asyncio.to_thread(client.close)


def sdk_aiohttp(given: AppCredentials) -> AbstractAsyncContextManager[None]:
    web = given.async_web()
    return async_client(AiohttpClient(given.app_token, web_client=web, ping_interval=PING_INTERVAL))


def sdk_websockets(given: AppCredentials) -> AbstractAsyncContextManager[None]:
    from slack_sdk.socket_mode.websockets import SocketModeClient

    web = given.async_web()
    return async_client(SocketModeClient(given.app_token, web_client=web, ping_interval=PING_INTERVAL))


def sdk_builtin(given: AppCredentials) -> AbstractAsyncContextManager[None]:
    web = given.web()
    return threaded_client(BuiltinClient(given.app_token, web_client=web, ping_interval=PING_INTERVAL))


def sdk_websocket_client(given: AppCredentials) -> AbstractAsyncContextManager[None]:
    from slack_sdk.socket_mode.websocket_client import SocketModeClient

    web = given.web()
    return threaded_client(SocketModeClient(given.app_token, web_client=web, ping_interval=PING_INTERVAL))


@asynccontextmanager
async def bolt(given: AppCredentials, declare: Callable[[App], None]) -> AsyncIterator[None]:
    """A threaded app in Socket Mode, as most are."""
    app = await asyncio.to_thread(App, client=given.web())
    declare(app)
    handler = SocketModeHandler(app, given.app_token, ping_interval=PING_INTERVAL)
    await asyncio.to_thread(handler.connect)
    try:
        yield
    finally:
        await asyncio.to_thread(handler.close)


@asynccontextmanager
async def bolt_async(given: AppCredentials, declare: Callable[[AsyncApp], None]) -> AsyncIterator[None]:
    """An app on asyncio in Socket Mode."""
    app = AsyncApp(client=given.async_web())
    declare(app)
    handler: Any = AsyncSocketModeHandler(app, given.app_token, ping_interval=PING_INTERVAL)
    await handler.connect_async()
    try:
        yield
    finally:
        await handler.close_async()
