"""A broker's stop waits for no plugin, and for nothing that Slack may take its time with."""

import asyncio
import json
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from slackd.broker.daemon import BrokerDaemon, Sockets
from slackd.config import (
    App,
    Config,
    Control,
    JournalConfig,
    Log,
    PluginConfig,
    Plugins,
    SecretKind,
    SecretSource,
)
from slackd.link import BrokerEnd, SendToBroker
from slackd.link.memory import join
from slackd.link.messages import Call, FromBroker, Hello

SOON = 3.0
"""Seconds; a call at Slack may take thirty."""


class SilentConnector:
    """Takes calls and never answers."""

    def __init__(self) -> None:
        self.called = asyncio.Event()

    def link_up(self, send: SendToBroker) -> None:
        send(Hello(1, 1, 1, "digest", apps={"main": 1}))

    def link_down(self) -> None:
        pass

    def from_broker(self, messages: Sequence[FromBroker]) -> None:
        if any(isinstance(message, Call) for message in messages):
            self.called.set()


@pytest.fixture
async def folder() -> AsyncIterator[Path]:
    made = Path(tempfile.mkdtemp(dir="/tmp"))
    yield made
    shutil.rmtree(made)


def configured(folder: Path) -> Config:
    plugin = PluginConfig("p", folder / "p.toml", methods=("chat.*",))
    return Config(
        file=folder / "slackd.toml",
        apps={"main": App("main", SecretSource(SecretKind.ENV, "TOKEN"))},
        journal=JournalConfig(folder / "journal"),
        plugins=Plugins(folder, folder / "plugins.sock"),
        control=Control(folder / "control.sock"),
        log=Log(),
        link_socket=folder / "link.sock",
        plugin_files={"p": plugin},
    )


async def test_a_call_that_slack_is_slow_to_answer_does_not_hold_up_the_stop(folder: Path) -> None:
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(folder / "plugins.sock"))
    listening.listen()
    connector, stop, served = SilentConnector(), asyncio.Event(), asyncio.Event()

    def ready(end: BrokerEnd) -> None:
        join(connector, end)
        served.set()

    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        daemon = BrokerDaemon(configured(folder), foreground=True)
        life = group.create_task(daemon.run(stop, Sockets(None, listening), ready))
        await served.wait()
        reader, writer = await asyncio.open_unix_connection(str(folder / "plugins.sock"))
        for number, method, params in (
            (0, "initialize", {"protocol": 1, "plugin": "p"}),
            (1, "slack.call", {"method": "chat.postMessage", "args": {}}),
        ):
            request = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
            writer.write(json.dumps(request).encode() + b"\n")
        await reader.readline()
        await connector.called.wait()
        stop.set()
        async with asyncio.timeout(SOON):
            await life
        writer.close()
