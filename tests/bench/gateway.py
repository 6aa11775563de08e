"""The gateway beside Slack itself: what it adds to a command's answer, and what it carries beside Bolt.

python -m tests.bench.gateway [REPEATS]      # the exit status is 1 where a goal is missed
"""

import contextlib
import statistics
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

from slackd.emulator import Emulator, EmulatorClient
from tests.bench.measures import COMMAND, flood
from tests.bench.peers import CONNECTIONS, HERE, PATIENCE, SLACK, Peer, bolt, processes
from tests.bench.table import Row, print_table
from tests.integration.gateway.gateway_rig import SOCKET_MODE, behind
from tests.integration.system.house import Record, home
from tests.support.foreign_apps import direct

TURNS = 200
PLUGIN = SOCKET_MODE + "[delivery]\nwindow = 1000\n"
ADDED = 3.0
"""Milliseconds that the gateway may add at the median."""


@contextlib.asynccontextmanager
async def app(
    slack: EmulatorClient, credentials: Mapping[str, str], folder: Path, every: int
) -> AsyncIterator[tuple[Record, list[int]]]:
    """A trivial app with slack_sdk's client."""
    record = Record(folder / "app.fifo")
    arguments = [str(HERE / "sdk_counter.py"), str(record.fifo), str(every), str(CONNECTIONS)]
    try:
        async with processes(folder, [arguments], credentials) as pids:
            yield record, pids
    finally:
        record.close()


@contextlib.asynccontextmanager
async def through(every: int = 100) -> AsyncIterator[Peer]:
    """The app behind slackd, each of its processes on its own."""
    async with (
        Emulator(settings=SLACK).serving() as slack,
        behind(slack, {"bot": PLUGIN}, together=False) as made,
    ):
        given = (await made.credentials("bot")).environment
        async with app(slack, given, made.house.path, every) as (record, pids):
            await made.until_connected("bot", CONNECTIONS)
            names = ("broker", "connector-1", "connector-2", "gateway")
            ours = [made.house.program(name).pid for name in names]
            yield Peer(slack, [record], [*ours, *pids], 0.0, made.house)


@contextlib.asynccontextmanager
async def directly(every: int = 100) -> AsyncIterator[Peer]:
    """The same app, directly at Slack."""
    async with (
        Emulator(settings=SLACK).serving() as slack,
        home(slack) as house,
        app(slack, direct(slack).environment, house.path, every) as (record, pids),
    ):
        await slack.wait_until_ready(CONNECTIONS, timeout=PATIENCE)
        yield Peer(slack, [record], pids)


async def answered_after(slack: EmulatorClient, number: int) -> float:
    """Milliseconds from a command to its answer."""
    entry = slack.command(COMMAND, str(number), user=f"U{number}")
    await slack.wait_for_ack(entry)
    assert entry.response == {"text": "done"}
    return entry.acks[0].after * 1e3


async def command_latency(turns: int = TURNS) -> tuple[list[float], list[float]]:
    """Milliseconds to the answer, directly and through the gateway, in turns."""
    found: tuple[list[float], list[float]] = ([], [])
    async with directly() as one, through() as other:
        for number in range(turns):
            for peer, times in zip((one, other), found, strict=True):
                times.append(await answered_after(peer.slack, number))
    warm = turns // 10
    return found[0][warm:], found[1][warm:]


async def rows(repeats: int) -> AsyncIterator[Row]:
    """Both comparisons."""
    plain, inside = map(statistics.median, await command_latency())
    found, against = f"{inside:.1f} ms", f"directly {plain:.1f}"
    yield Row("command to answer, gateway, p50", found, against, inside - plain, ADDED)
    rates: dict[str, list[float]] = {"through": [], "bolt": []}
    for _ in range(repeats):
        for name, start in (("through", through), ("bolt", bolt)):
            rates[name].append((await flood(start)).rate)
    ours, theirs = (statistics.median(each) for each in rates.values())
    found, against = f"{ours:.0f} a second", f"Bolt directly {theirs:.0f}"
    yield Row("slack_sdk's client through the gateway", found, against, ours / theirs, 1.0, least=True)


if __name__ == "__main__":
    sys.exit(print_table(rows))
