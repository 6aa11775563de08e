"""A broker's stop waits for no plugin, and for nothing that Slack may take its time with; what it writes down
of what is in flight is true when it ends."""

import asyncio
import contextlib
import json
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from slackd.broker.daemon import Sockets
from slackd.broker.journal.writes import CleanShutdown
from slackd.config import PluginConfig
from slackd.link.memory import join
from slackd.systemd.sockets import bind
from tests.integration.broker.broker_rig import house
from tests.integration.broker.test_broker_ahead import keeper
from tests.support.broker import PATIENCE, broker_config, running_broker
from tests.support.connector import StandInConnector
from tests.support.slack_texts import event

SOON = 3.0
"""Seconds; a call at Slack may take thirty."""
LONGEST_WRITE = 0.5
"""Seconds that the record takes to be written here."""


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


async def test_what_a_session_begins_while_the_broker_stops_is_nobody_elses_afterwards(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers the first of a channel after the clean-shutdown record was made, and begins the next one."""
    async with house(folder=folder) as here:
        has = await keeper(here)
        here.connector.deliver(*(event(n, {"type": "message", "channel": "C1"}) for n in (1, 2)))
        first, second = await has.handed(), await has.handed()
        assert second["after"] == first["id"]
        write = here.daemon.engine.write

        async def write_late(*writes: Any) -> Any:
            if any(isinstance(each, CleanShutdown) for each in writes):
                await has.answer(first)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LONGEST_WRITE):
                        while any(
                            f"{each.delivery}.1" == first["id"] for each in here.daemon.core.in_flight() or ()
                        ):
                            await asyncio.sleep(0.002)
            return await write(*writes)

        monkeypatch.setattr(here.daemon.engine, "write", write_late)
        here.stop.set()
        async with asyncio.timeout(PATIENCE):
            await here.running
    async with house(folder=folder) as here:
        await here.program(session="another")
        back = await here.program(session="s", remembers=100, ahead=4, holding=[first["id"], second["id"]])
        await back.answer(first)
        await back.answer(second)
        await here.nothing_is_open()
