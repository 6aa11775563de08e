"""slack_sdk's Socket Mode clients and Bolt for Python, unchanged, take the emulator for Slack.

Each connects, receives an event, acknowledges it, answers a command, lives through `warning`,
`refresh_requested` and a drop, and receives again.
"""

from __future__ import annotations

import asyncio
import importlib.util
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest
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

from slackd.emulator import EmulatedApp, Emulator, EmulatorClient, EmulatorSettings, LedgerEntry

PATIENCE = 45.0

Running = Callable[[EmulatorClient], AbstractAsyncContextManager[None]]


def answer(request: SocketModeRequest) -> SocketModeResponse:
    payload = {"text": "done"} if request.type == "slash_commands" else None
    return SocketModeResponse(envelope_id=request.envelope_id, payload=payload)


@asynccontextmanager
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


@asynccontextmanager
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


def tokens(slack: EmulatorClient) -> tuple[str, dict[str, Any]]:
    app = slack.apps[0]
    return app.app_token, {"token": app.bot_token, "base_url": slack.api_url}


def sdk_aiohttp(slack: EmulatorClient) -> AbstractAsyncContextManager[None]:
    app_token, web = tokens(slack)
    return async_client(AiohttpClient(app_token, web_client=AsyncWebClient(**web), ping_interval=0.5))


def sdk_websockets(slack: EmulatorClient) -> AbstractAsyncContextManager[None]:
    from slack_sdk.socket_mode.websockets import SocketModeClient

    app_token, web = tokens(slack)
    return async_client(SocketModeClient(app_token, web_client=AsyncWebClient(**web), ping_interval=0.5))


def sdk_builtin(slack: EmulatorClient) -> AbstractAsyncContextManager[None]:
    app_token, web = tokens(slack)
    return threaded_client(BuiltinClient(app_token, web_client=WebClient(**web), ping_interval=0.5))


def sdk_websocket_client(slack: EmulatorClient) -> AbstractAsyncContextManager[None]:
    from slack_sdk.socket_mode.websocket_client import SocketModeClient

    app_token, web = tokens(slack)
    return threaded_client(SocketModeClient(app_token, web_client=WebClient(**web), ping_interval=0.5))


@asynccontextmanager
async def bolt(slack: EmulatorClient) -> AsyncIterator[None]:
    app_token, web = tokens(slack)
    app = await asyncio.to_thread(App, client=WebClient(**web))

    @app.event("app_mention")
    def mentioned(say: Any) -> None:
        say("heard")

    @app.command("/deploy")
    def deploy(ack: Any) -> None:
        ack("done")

    handler = SocketModeHandler(app, app_token, ping_interval=0.5)
    await asyncio.to_thread(handler.connect)
    try:
        yield
    finally:
        await asyncio.to_thread(handler.close)


@asynccontextmanager
async def bolt_async(slack: EmulatorClient) -> AsyncIterator[None]:
    app_token, web = tokens(slack)
    app = AsyncApp(client=AsyncWebClient(**web))

    @app.event("app_mention")
    async def mentioned(say: Any) -> None:
        await say("heard")

    @app.command("/deploy")
    async def deploy(ack: Any) -> None:
        await ack("done")

    handler: Any = AsyncSocketModeHandler(app, app_token, ping_interval=0.5)
    await handler.connect_async()
    try:
        yield
    finally:
        await handler.close_async()


def needs(module: str, client: Running) -> Any:
    missing = importlib.util.find_spec(module) is None
    return pytest.param(client, marks=pytest.mark.skipif(missing, reason=f"{module} is not installed"))


CLIENTS = [
    sdk_aiohttp,
    sdk_builtin,
    needs("websockets", sdk_websockets),
    needs("websocket", sdk_websocket_client),
    bolt,
    bolt_async,
]


@pytest.fixture
async def slack() -> AsyncIterator[EmulatorClient]:
    settings = EmulatorSettings(warning_grace=1.0, redelivery_delays=[0.5] * 20, ack_deadline=5.0)
    async with Emulator([EmulatedApp(events=("app_mention",))], settings).serving() as running:
        yield running


async def acknowledged(slack: EmulatorClient, entry: LedgerEntry) -> LedgerEntry:
    return await slack.wait_for_ack(entry, timeout=PATIENCE)


@pytest.mark.parametrize("running", CLIENTS)
async def test_it_hears_answers_and_comes_back_whatever_ends_its_connection(
    slack: EmulatorClient, running: Running
) -> None:
    async with running(slack):
        await slack.wait_until_ready(timeout=PATIENCE)
        await acknowledged(slack, slack.mention("hello"))
        command = await acknowledged(slack, slack.command("/deploy", "api"))
        assert command.response in ({"text": "done"}, {"text": "done", "response_type": "ephemeral"})
        call = await slack.wait_for_call("chat.postMessage", timeout=PATIENCE)
        assert call.args["text"] == "heard"
        for fault in ("warning", "refresh_requested", "drop"):
            await comes_back_after(fault, slack)
    assert slack.summary().never_acked == 0
    assert all(call.ok for call in slack.ledger.calls_of("apps.connections.open"))


async def comes_back_after(fault: str, slack: EmulatorClient) -> None:
    # Some clients have dialled twice after the fault before, and are still closing one of the two.
    await slack.wait_until_ready(timeout=PATIENCE)
    struck = [slack.core.connections[name] for name in slack.fault(fault)]
    assert struck
    await slack.wait_until(
        lambda: slack.summary().ready_now and all(old.ended_at is not None for old in struck),
        timeout=PATIENCE,
        what=f"another connection after {fault}",
    )
    await acknowledged(slack, slack.mention(f"after {fault}"))
