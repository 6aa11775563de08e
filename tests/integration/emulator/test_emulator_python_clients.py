"""slack_sdk's Socket Mode clients and Bolt for Python, unchanged, take the emulator for Slack.

Each connects, receives an event, acknowledges it, answers a command, lives through `warning`,
`refresh_requested` and a drop, and receives again.
"""

from __future__ import annotations

import importlib.util
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from slack_bolt import App
from slack_bolt.async_app import AsyncApp

from slackd.emulator import EmulatedApp, Emulator, EmulatorClient, EmulatorSettings, LedgerEntry
from tests.support.foreign_apps import (
    AppCredentials,
    bolt,
    bolt_async,
    direct,
    sdk_aiohttp,
    sdk_builtin,
    sdk_websocket_client,
    sdk_websockets,
)

PATIENCE = 45.0

Running = Callable[[AppCredentials], AbstractAsyncContextManager[None]]


def running_bolt(given: AppCredentials) -> AbstractAsyncContextManager[None]:
    def declare(app: App) -> None:
        @app.event("app_mention")
        def mentioned(say: Any) -> None:
            say("heard")

        @app.command("/deploy")
        def deploy(ack: Any) -> None:
            ack("done")

    return bolt(given, declare)


def running_bolt_async(given: AppCredentials) -> AbstractAsyncContextManager[None]:
    def declare(app: AsyncApp) -> None:
        @app.event("app_mention")
        async def mentioned(say: Any) -> None:
            await say("heard")

        @app.command("/deploy")
        async def deploy(ack: Any) -> None:
            await ack("done")

    return bolt_async(given, declare)


def needs(module: str, client: Running) -> Any:
    missing = importlib.util.find_spec(module) is None
    return pytest.param(client, marks=pytest.mark.skipif(missing, reason=f"{module} is not installed"))


CLIENTS = [
    sdk_aiohttp,
    sdk_builtin,
    needs("websockets", sdk_websockets),
    needs("websocket", sdk_websocket_client),
    running_bolt,
    running_bolt_async,
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
    async with running(direct(slack)):
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
