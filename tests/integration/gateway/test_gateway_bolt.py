"""Bolt for Python, unchanged but for the base URL: people do the same, and Slack's ledger says the same, both
directly at Slack and behind slackd.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from slack_bolt import App
from slack_bolt.app.app import SlackAppDevelopmentServer

from slackd.emulator import EmulatedApp, Emulator, EmulatorSettings
from tests.integration.gateway.bolt_feature_app import PATIENCE, declare, digest, use
from tests.integration.gateway.gateway_rig import SOCKET_MODE, behind, free_port
from tests.support.foreign_apps import AppCredentials, bolt, direct

SETTINGS = EmulatorSettings(trigger_lifetime=60.0, seed=5)
APPS = [EmulatedApp(events=("app_mention", "message.im", "reaction_added"))]
_DIRECTLY: list[dict[str, Any]] = []
"""What the ledger said of the app directly at Slack: it is asked once."""


async def used_directly() -> dict[str, Any]:
    if not _DIRECTLY:
        async with Emulator(APPS, SETTINGS).serving() as slack:
            async with bolt(direct(slack), declare):
                await slack.wait_until_ready(timeout=PATIENCE)
                await use(slack)
            _DIRECTLY.append(digest(slack))
    return _DIRECTLY[0]


async def test_in_socket_mode_slack_notices_no_difference() -> None:
    async with Emulator(APPS, SETTINGS).serving() as slack, behind(slack) as house:
        async with bolt(await house.credentials("bot"), declare):
            await house.until_connected()
            await use(slack)
        inside = digest(slack)
        assert slack.summary().oddities == {}
    assert inside == await used_directly()


@contextlib.asynccontextmanager
async def posted_to(credentials: AppCredentials, port: int) -> AsyncIterator[None]:
    """The app, behind a request URL, with the server that Bolt brings."""
    app = await asyncio.to_thread(App, client=credentials.web(), signing_secret=credentials.signing_secret)
    declare(app)
    server: Any = SlackAppDevelopmentServer(port=port, path="/slack/events", app=app)
    serving = asyncio.create_task(asyncio.to_thread(server.start))
    try:
        yield
    finally:
        server._server.shutdown()
        server._server.server_close()
        await serving


async def test_at_a_request_url_slack_notices_no_difference_either() -> None:
    port = free_port()
    posted = SOCKET_MODE.replace("socket_mode = true", f'request_url = "http://127.0.0.1:{port}/slack/events"')
    async with Emulator(APPS, SETTINGS).serving() as slack, behind(slack, {"bot": posted}) as house:
        async with posted_to(await house.credentials("bot"), port):
            await use(slack)
        inside = digest(slack)
    assert inside == await used_directly()
