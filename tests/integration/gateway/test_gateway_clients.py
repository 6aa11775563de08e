"""slack_sdk's Socket Mode clients and Bolt for JavaScript, unchanged but for the base URL: Slack's ledger says
the same of each, directly at Slack and behind slackd.
"""

import asyncio
import contextlib
import fcntl
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
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
from tests.integration.gateway.gateway_rig import (
    SOCKET_MODE,
    AppCredentials,
    GatewayHouse,
    behind,
    direct,
    free_port,
)

Running = Callable[[AppCredentials], AbstractAsyncContextManager[None]]
BOLT_JS = "5.1.0"
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


async def until_connected(house: GatewayHouse) -> None:
    async with asyncio.timeout(PATIENCE):
        while not (await house.app("bot"))["connections"]:
            await asyncio.sleep(0.05)


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
                await until_connected(house)
                await use(slack)
            assert slack.summary().oddities == {}, running.__name__
            assert digest(slack) == await used_directly(running), running.__name__
            async with asyncio.timeout(PATIENCE):
                while (await house.app("bot"))["connections"]:
                    await asyncio.sleep(0.05)


@pytest.fixture(scope="session")
def bolt_js() -> Path:
    """@slack/bolt, installed once outside the checkout."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("node and npm are not installed")
    cache = Path(os.environ.get("XDG_CACHE_HOME", "~/.cache")).expanduser() / "slackd-tests"
    folder = cache / f"node-bolt-{BOLT_JS}"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "node-bolt.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "installed").exists():
            folder.mkdir(exist_ok=True)
            command = [
                "npm",
                "install",
                "--no-audit",
                "--no-fund",
                "--prefix",
                str(folder),
                f"@slack/bolt@{BOLT_JS}",
            ]
            subprocess.run(command, check=True, timeout=100, cwd=folder)
            (folder / "installed").touch()
    return folder / "node_modules"


@contextlib.asynccontextmanager
async def program(bolt_js: Path, given: AppCredentials, port: int | None = None) -> AsyncIterator[None]:
    """The app in Bolt for JavaScript, in Socket Mode, or at a port."""
    about = {"PORT": str(port)} if port else {}
    environment = {**os.environ, **given.environment, **about, "NODE_PATH": str(bolt_js)}
    script = Path(__file__).with_name("bolt_app.cjs")
    running = await asyncio.create_subprocess_exec("node", str(script), env=environment, stdout=subprocess.PIPE)
    assert running.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE):
            assert b"running" in await running.stdout.readline()
        yield
    finally:
        running.terminate()
        await running.wait()


async def test_bolt_for_javascript_in_socket_mode_and_at_a_request_url(bolt_js: Path) -> None:
    port = free_port()
    posted = SOCKET_MODE.replace("socket_mode = true", f'request_url = "http://127.0.0.1:{port}/slack/events"')
    expected = await used_directly(lambda given: program(bolt_js, given))
    async with Emulator(APPS).serving() as slack:
        async with behind(slack) as house:
            async with program(bolt_js, await house.credentials("bot")):
                await until_connected(house)
                await use(slack)
            assert digest(slack) == expected
        slack.reset()
        async with behind(slack, {"bot": posted}) as house:
            async with program(bolt_js, await house.credentials("bot"), port):
                await use(slack)
            assert digest(slack) == expected
