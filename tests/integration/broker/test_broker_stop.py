"""A broker's stop waits for no plugin, and for nothing that Slack may take its time with."""

import asyncio
import json
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from slackd.broker.daemon import Sockets
from slackd.config import PluginConfig
from slackd.link.memory import join
from slackd.systemd.sockets import bind
from tests.support.broker import broker_config, running_broker
from tests.support.connector import StandInConnector

SOON = 3.0
"""Seconds; a call at Slack may take thirty."""


@pytest.fixture
async def folder() -> AsyncIterator[Path]:
    made = Path(tempfile.mkdtemp(dir="/tmp"))
    yield made
    shutil.rmtree(made)


async def test_a_call_that_slack_is_slow_to_answer_does_not_hold_up_the_stop(folder: Path) -> None:
    config = broker_config(folder, [PluginConfig("p", folder / "p.toml", methods=("chat.*",))])
    listener, connector = bind(config.plugins.socket, 0o600), StandInConnector()
    connector.answer = lambda call: None
    async with running_broker(config, Sockets(None, listener.socket)) as broker:
        join(connector, broker.end)
        reader, writer = await asyncio.open_unix_connection(str(config.plugins.socket))
        for number, method, params in (
            (0, "initialize", {"protocol": 1, "plugin": "p"}),
            (1, "slack.call", {"method": "chat.postMessage", "args": {}}),
        ):
            request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            writer.write(json.dumps(request).encode() + b"\n")
        await reader.readline()
        await connector.until(lambda: bool(connector.calls))
        broker.stop.set()
        async with asyncio.timeout(SOON):
            await broker.life
        writer.close()
    listener.close()
