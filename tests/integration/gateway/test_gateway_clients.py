"""slack_sdk's Socket Mode clients, unchanged but for the base URL: Slack's ledger says the same of each,
directly at Slack and behind slackd.
"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from slackd.emulator import EmulatedApp, Emulator, EmulatorClient
from tests.integration.gateway.bolt_feature_app import PATIENCE, digest
from tests.integration.gateway.gateway_rig import behind
from tests.support.foreign_apps import (
    AppCredentials,
    direct,
    sdk_aiohttp,
    sdk_builtin,
    sdk_websocket_client,
    sdk_websockets,
)

Running = Callable[[AppCredentials], AbstractAsyncContextManager[None]]
APPS = [EmulatedApp(events=("app_mention",))]


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

        async def used_inside(running: Running) -> dict[str, Any]:
            async with running(credentials):
                await house.until_connected()
                await use(slack)
            return digest(slack)

        for running in (sdk_aiohttp, sdk_websockets, sdk_builtin, sdk_websocket_client):
            slack.reset()
            inside, directly = await asyncio.gather(used_inside(running), used_directly(running))
            assert slack.summary().oddities == {}, running.__name__
            assert inside == directly, running.__name__
            await house.until_connected(count=0)
