"""When a connector says READY, and that it lets its loop turn until then."""

import asyncio
from typing import cast

import pytest

from slackd.cli import connector_process
from slackd.connector.connector import Connector
from slackd.connector.readiness import Readiness
from slackd.systemd.notify import Notifier


class Troubled:
    """A connector whose app is in trouble, and READY elsewhere, for three looks."""

    number = 1

    def __init__(self) -> None:
        self.looks = 0

    async def wait_ready(self, limit: float) -> Readiness:
        self.looks += 1
        return Readiness(self.looks > 3, "main: account_inactive")


async def test_systemd_is_asked_for_time_as_long_as_an_app_in_trouble_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Else it would kill the connector after TimeoutStartSec, and healthy apps' connections with it."""
    monkeypatch.setattr(connector_process, "LOOK_AGAIN", 0.0)
    asked: list[float] = []
    monkeypatch.setattr(Notifier, "extend", lambda self, seconds: asked.append(seconds))
    connector = Troubled()
    await connector_process.announce_when_ready(
        cast(Connector, connector), Notifier({}), lambda: "main 0/1 READY"
    )
    assert asked == [connector_process.START_EXTENSION] * 3
    assert connector_process.READY_LIMIT < 90 < connector_process.READY_LIMIT + 90


async def test_an_app_in_trouble_lets_the_loop_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    # The watchdog is fed by the same loop.
    monkeypatch.setattr(connector_process, "LOOK_AGAIN", 0.0)
    connector, turns = Troubled(), []

    async def watchdog() -> None:
        while True:
            turns.append(connector.looks)
            await asyncio.sleep(0)

    feeding = asyncio.create_task(watchdog())
    announce = connector_process.announce_when_ready
    await announce(cast(Connector, connector), Notifier({}), lambda: "main 0/1 READY")
    feeding.cancel()
    assert {1, 2, 3} <= set(turns)
