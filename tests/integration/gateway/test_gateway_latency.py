"""What the gateway adds to a command's answer, beside a program on the plugin socket, in turns on one slackd.

`python -m tests.bench.gateway` measures milliseconds beside Slack itself, on a machine that does nothing else.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from slackd.emulator import Emulator, EmulatorClient
from tests.bench.hops import AnsweringPlugin
from tests.integration.gateway.gateway_rig import SOCKET_MODE, behind
from tests.integration.gateway.socket_mode_app import SocketModeApp, connected

TURNS = 80
MOST = 1.6
"""Times what the answer of a program on the plugin socket takes; measured: 1.2."""


def plugin_file(command: str) -> str:
    text = SOCKET_MODE.replace('"*"\nrespond', f'"slash_commands"\ncommand = "{command}"\nrespond')
    return text if command == "/app" else text.partition("[gateway]")[0]


@asynccontextmanager
async def answering(app: SocketModeApp) -> AsyncIterator[None]:
    async def answer() -> None:
        while envelope := await app.hear(3600.0):
            await app.acknowledge(envelope)

    task = asyncio.create_task(answer())
    try:
        yield
    finally:
        task.cancel()


async def answered_after(slack: EmulatorClient, command: str) -> float:
    entry = slack.command(command)
    await slack.wait_for_ack(entry)
    return entry.acks[0].after


@pytest.mark.alone
async def test_the_gateway_adds_less_to_an_answer_than_slackd_itself() -> None:
    files = {"app": plugin_file("/app"), "bot": plugin_file("/bot")}
    found: dict[str, list[float]] = {"/app": [], "/bot": []}
    async with Emulator().serving() as slack, behind(slack, files, together=False) as house:
        loop, path = asyncio.get_running_loop(), str(house.house.socket("plugins"))
        transport, _ = await loop.create_unix_connection(AnsweringPlugin, path)
        async with connected(await house.credentials("app")) as app, answering(app):
            await house.house.until_status(
                lambda status: all(each["sessions"] for each in status["plugins"]), "both sessions"
            )
            for _ in range(TURNS):
                for command, times in found.items():
                    times.append(await answered_after(slack, command))
        transport.close()
    # What another process of this machine holds up now and then is in neither of these.
    through, plain = (sorted(times[20:])[len(times) // 4] for times in found.values())
    print(f"through the gateway {through * 1e3:.2f} ms, on the plugin socket {plain * 1e3:.2f} ms")
    assert through < MOST * plain
