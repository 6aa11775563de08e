"""slack_sdk's Socket Mode clients, unchanged but for the base URL: Slack's ledger says the same of each,
directly at Slack and behind slackd.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from slack_sdk import WebClient
from slack_sdk.socket_mode.aiohttp import SocketModeClient as AiohttpClient
from slack_sdk.socket_mode.async_client import AsyncBaseSocketModeClient
from slack_sdk.socket_mode.builtin import SocketModeClient as BuiltinClient
from slack_sdk.socket_mode.client import BaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.web.async_client import AsyncWebClient

from slackd.emulator import EmulatedApp, Emulator, EmulatorClient
from tests.integration.gateway.bolt_feature_app import PATIENCE, digest
from tests.integration.gateway.gateway_rig import AppCredentials, behind, direct

Running = Callable[[AppCredentials], AbstractAsyncContextManager[None]]
APPS = [EmulatedApp(events=("app_mention",))]


def answer(request: SocketModeRequest) -> SocketModeResponse:
    payload = {"text": "done"} if request.type == "slash_commands" else None
    return SocketModeResponse(envelope_id=request.envelope_id, payload=payload)


@contextlib.asynccontextmanager
async def async_client(client: Any) -> AsyncIterator[None]:
    async def listener(client: AsyncBaseSocketModeClient, request: SocketModeRequest) -> None:
        await client.send_socket_mode_response(answer(request))
        if request.type == "events_api":
            await client.web_client.chat_postMessage(channel="C0GENERAL01", text="heard")

    client.socket_mode_request_listeners.append(listener)
    await client.connect()
    try:
        yield
    finally:
        await client.close()


@contextlib.asynccontextmanager
async def threaded_client(client: BaseSocketModeClient) -> AsyncIterator[None]:
    def listener(client: BaseSocketModeClient, request: SocketModeRequest) -> None:
        client.send_socket_mode_response(answer(request))
        if request.type == "events_api":
            client.web_client.chat_postMessage(channel="C0GENERAL01", text="heard")

    client.socket_mode_request_listeners.append(listener)
    await asyncio.to_thread(client.connect)
    try:
        yield
    finally:
        await asyncio.to_thread(client.close)


def sdk_aiohttp(given: AppCredentials) -> AbstractAsyncContextManager[None]:
    web = AsyncWebClient(token=given.bot_token, base_url=given.api_url)
    return async_client(AiohttpClient(given.app_token, web_client=web, ping_interval=0.5))


def sdk_websockets(given: AppCredentials) -> AbstractAsyncContextManager[None]:
    from slack_sdk.socket_mode.websockets import SocketModeClient

    web = AsyncWebClient(token=given.bot_token, base_url=given.api_url)
    return async_client(SocketModeClient(given.app_token, web_client=web, ping_interval=0.5))


def sdk_builtin(given: AppCredentials) -> AbstractAsyncContextManager[None]:
    web = WebClient(token=given.bot_token, base_url=given.api_url)
    return threaded_client(BuiltinClient(given.app_token, web_client=web, ping_interval=0.5))


def sdk_websocket_client(given: AppCredentials) -> AbstractAsyncContextManager[None]:
    from slack_sdk.socket_mode.websocket_client import SocketModeClient

    web = WebClient(token=given.bot_token, base_url=given.api_url)
    return threaded_client(SocketModeClient(given.app_token, web_client=web, ping_interval=0.5))


async def use(slack: EmulatorClient) -> None:
    """A person mentions the app, and gives it a command."""
    await slack.wait_for_ack(slack.mention("hello"), timeout=PATIENCE)
    await slack.wait_for_call("chat.postMessage", timeout=PATIENCE)
    await slack.wait_for_answer(slack.command("/deploy", "api"), timeout=PATIENCE)


async def used_directly(running: Running) -> dict[str, Any]:
    async with Emulator(APPS).serving() as slack:
        async with running(direct(slack)):
            await slack.wait_until_ready(timeout=PATIENCE)
            await use(slack)
        return digest(slack)


async def test_slack_notices_no_difference_with_any_of_slack_sdks_clients() -> None:
    async with Emulator(APPS).serving() as slack, behind(slack) as house:
        credentials = await house.credentials("bot")
        for running in (sdk_aiohttp, sdk_websockets, sdk_builtin, sdk_websocket_client):
            slack.reset()
            async with running(credentials):
                await house.until_connected()
                await use(slack)
            assert slack.summary().oddities == {}, running.__name__
            assert digest(slack) == await used_directly(running), running.__name__
            await house.until_connected(count=0)
