"""Two apps in Bolt on one Slack app: one that is stopped, or dies, is nothing to the other one."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import attrs

from slackd.emulator import EmulatedApp, Emulator, EmulatorClient
from tests.bench.peers import HERE, processes
from tests.integration.gateway.gateway_rig import SOCKET_MODE, GatewayHouse, behind
from tests.integration.system.house import Record

EVENTS = 100


@attrs.frozen
class BoltApp:
    """One of them, with what it says that it has handled."""

    name: str
    record: Record
    pid: int

    def signal(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)


def plugin_file(name: str) -> str:
    """Its own command, and the same events as the other one."""
    own = SOCKET_MODE.replace('"*"\nrespond', f'"slash_commands"\ncommand = "/{name}"\nrespond')
    return own + '[[subscribe]]\ntype = "events_api"\nevent = "message"\n'


@contextlib.asynccontextmanager
async def bolt(house: GatewayHouse, name: str, folder: Path) -> AsyncIterator[BoltApp]:
    """It is connected."""
    given = await house.credentials(name)
    record = Record(folder / f"{name}.fifo")
    program = [str(HERE / "bolt_counter.py"), str(record.fifo), "1", given.api_url, "1"]
    environ = {"APP": given.app_token, "BOT": given.bot_token, "COMMAND": f"/{name}"}
    try:
        async with processes(folder, [program], environ) as (pid,):
            await house.until_connected(name)
            yield BoltApp(name, record, pid)
    finally:
        record.close()


async def answer_takes(slack: EmulatorClient, app: BoltApp) -> float:
    """Seconds from its command to its answer."""
    began = time.monotonic()
    entry = await slack.wait_for_ack(slack.command(f"/{app.name}"))
    assert entry.response == {"text": "done"}
    return time.monotonic() - began


async def share(slack: EmulatorClient) -> None:
    for number in range(EVENTS):
        slack.post_message(f"number {number}")
        await asyncio.sleep(0)


async def test_an_app_that_stands_still_or_dies_is_nothing_to_the_other_one(tmp_path: Path) -> None:
    files = {name: plugin_file(name) for name in ("one", "two")}
    async with (
        Emulator([EmulatedApp(events=("message.channels",))]).serving() as slack,
        behind(slack, files) as house,
        bolt(house, "one", tmp_path) as one,
        bolt(house, "two", tmp_path) as two,
    ):
        one.signal(signal.SIGSTOP)
        await share(slack)
        await two.record.until(lambda: two.record.counted == EVENTS, "what a stopped neighbour has not handled")
        assert one.record.counted == 0
        assert await answer_takes(slack, two) < 2.0
        one.signal(signal.SIGCONT)
        await one.record.until(lambda: one.record.counted >= EVENTS, "what waited for it")
        one.signal(signal.SIGKILL)
        await share(slack)
        await two.record.until(lambda: two.record.counted == 2 * EVENTS, "what a dead neighbour can't handle")
        assert await answer_takes(slack, two) < 2.0
        status = await house.house.until_status(
            lambda status: (
                {each["name"]: each["open"] for each in status["plugins"]} == {"one": EVENTS, "two": 0}
            ),
            "the dead one's backlog",
        )
        assert [each["dead"] for each in status["plugins"]] == [0, 0]
