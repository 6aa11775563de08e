"""slackd beside Bolt for Python and the minimal pipeline, in one run: a table with the goals.

    python -m tests.bench.throughput [REPEATS]      # make bench; the exit status is 1 where a goal is missed

All get the same events of 2 KB from the same emulated Slack, in turns, so that whatever else the machine does
meets all of them. The load comes from this process: as long as it isn't busy all the time (it says so for each
rate), it isn't what limits that.
"""

import asyncio
import gc
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import attrs

from tests.bench.peers import Peer, bolt, minimal, slackd

COUNT = 8_000
WARM_UP = 500
EVERY = 100
CHANNELS = 500
SIZE = 2_000
WINDOW = 4_000
"""Envelopes that Slack has out, unacknowledged, at a time."""
SLOW, SLOW_SECONDS = 100, 10
FAST, FAST_SECONDS = 1_000, 5
COMMANDS = 200
COMMAND = "/bench"
Start = Callable[[], AbstractAsyncContextManager[Peer]]


@attrs.frozen
class Row:
    """One line of the table.

    Attributes:
        what: What was measured.
        found: As it is to be read.
        against: What it is compared with.
        ratio: The comparison.
        goal: What the ratio should be.
        least: The goal is a lower bound, else an upper one.
    """

    what: str
    found: str
    against: str
    ratio: float
    goal: float
    least: bool = False

    @property
    def is_met(self) -> bool:
        """The goal is reached."""
        return self.ratio >= self.goal if self.least else self.ratio <= self.goal

    def __str__(self) -> str:
        bound = "at least" if self.least else "at most"
        verdict = "" if self.is_met else "  MISSED"
        return (
            f"{self.what:42} {self.found:>18} {self.against:>24} "
            f"{self.ratio:6.2f}  {bound} {self.goal:g}{verdict}"
        )


@attrs.frozen
class Run:
    """One batch.

    Attributes:
        rate: Events handled a second.
        busy: How busy the load program was; 1 is always.
        acknowledged_after: Seconds from each send to its acknowledgement.
        cpu: Microseconds of CPU an event, of the peer's processes.
    """

    rate: float
    busy: float
    acknowledged_after: list[float]
    cpu: float


async def batch(peer: Peer, count: int, **plan: Any) -> Run:
    """Send a batch, and wait until all of it is handled and acknowledged."""
    until = peer.handled + count
    began, busy, cpu = time.monotonic(), time.process_time(), peer.cpu()
    sent = peer.slack.batch(count=count, size=SIZE, **plan)
    ended = await peer.until_handled(until)
    busy = time.process_time() - busy
    await peer.slack.wait_until(lambda: sent.acknowledged == count, timeout=60.0, what="acknowledgements")
    after = [entry.acks[0].after for entry in sent.entries if entry.acks]
    cpu = (peer.cpu() - cpu) / count * 1e6
    return Run(count / (ended - began), busy / (time.monotonic() - began), after, cpu)


async def rate(start: Start, channels: int = CHANNELS) -> float:
    """Events a second, handled and acknowledged."""
    async with start() as peer:
        await batch(peer, WARM_UP, channels=channels, window=WINDOW)
        run = await batch(peer, COUNT, channels=channels, window=WINDOW)
        print(f"    {run.rate:.0f} a second, {run.cpu:.0f} us, load busy {run.busy:.0%}", file=sys.stderr)
        return run.rate


async def cpu_an_event(start: Start, per_second: int, seconds: int) -> float:
    """Microseconds of CPU an event at this rate."""
    async with start() as peer:
        await batch(peer, WARM_UP, channels=CHANNELS, window=WINDOW)
        return (await batch(peer, per_second * seconds, channels=CHANNELS, rate=float(per_second))).cpu


async def ack_latency(start: Start) -> tuple[float, float]:
    """p50 and p99 in milliseconds, from the send to the acknowledgement."""
    async with start() as peer:
        await batch(peer, WARM_UP, channels=CHANNELS, window=WINDOW)
        run = await batch(peer, FAST * FAST_SECONDS, channels=CHANNELS, rate=float(FAST))
        return _percentiles(run.acknowledged_after)


async def command_latency(start: Start) -> tuple[float, float]:
    """p50 and p99 in milliseconds, from a slash command to its answer."""
    async with start() as peer:
        found = []
        for number in range(COMMANDS):
            entry = peer.slack.command(COMMAND, str(number), user=f"U{number}")
            await peer.slack.wait_for_ack(entry)
            assert entry.response is not None
            found.append(entry.acks[0].after)
        return _percentiles(found[COMMANDS // 10 :])


async def memory(start: Start) -> tuple[float, float]:
    """MiB: idle, and after a flood."""
    async with start() as peer:
        await asyncio.sleep(1.0)
        idle = peer.pss()
        await batch(peer, 2 * COUNT, channels=CHANNELS, window=WINDOW)
        return idle / (1 << 20), peer.pss() / (1 << 20)


def _percentiles(seconds: Sequence[float]) -> tuple[float, float]:
    found = sorted(seconds)
    return found[len(found) // 2] * 1e3, found[int(len(found) * 0.99)] * 1e3


async def rows(repeats: int) -> AsyncIterator[Row]:
    """Everything, one after the other, in turns."""
    rates: dict[str, list[float]] = {"slackd": [], "bolt": [], "minimal": []}
    for _ in range(repeats):
        for name, start in (("slackd", slackd), ("bolt", bolt), ("minimal", minimal)):
            rates[name].append(await rate(start))
    ours, theirs, least = (statistics.median(each) for each in rates.values())
    found = f"{ours:.0f} a second"
    yield Row("delivered, answered, closed", found, f"Bolt {theirs:.0f}", ours / theirs, 2.5, least=True)
    yield Row("", found, f"minimal pipeline {least:.0f}", ours / least, 0.65, least=True)
    hot = await rate(slackd, channels=1)
    yield Row("one hot channel, in order", f"{hot:.0f} a second", "5000 a second", hot / 5_000, 1.0, least=True)
    mine, other = await cpu_an_event(slackd, SLOW, SLOW_SECONDS), await cpu_an_event(bolt, SLOW, SLOW_SECONDS)
    yield Row(f"CPU an event at {SLOW} a second", f"{mine:.0f} us", f"Bolt {other:.0f}", mine / other, 3.0)
    p50, p99 = await ack_latency(slackd)
    b50, b99 = await ack_latency(bolt)
    found, against = f"{p50:.1f}, {p99:.1f} ms", f"Bolt {b50:.1f}, {b99:.1f}"
    yield Row(f"ack p50, p99 at {FAST} a second", found, against, p50 / b50, 4.0)
    p50, p99 = await command_latency(lambda: slackd(command=COMMAND))
    b50, b99 = await command_latency(lambda: bolt(command=COMMAND))
    found, against = f"{p50:.1f}, {p99:.1f} ms", f"Bolt {b50:.1f}, {b99:.1f}"
    yield Row("command to answer p50, p99", found, against, p50 / b50, 1.0)
    yield Row("", "", "", p99 / b99, 1.0)
    idle, full = await memory(slackd)
    bolt_idle, bolt_full = await memory(bolt)
    found = f"{idle:.0f} MiB"
    yield Row("memory (PSS) of all processes, idle", found, f"Bolt {bolt_idle:.0f}", idle / bolt_idle, 1.6)
    found = f"{full:.0f} MiB"
    yield Row(f"  after {2 * COUNT} events", found, f"Bolt {bolt_full:.0f}", full / bolt_full, 2.0)
    one = await cpu_an_event(lambda: slackd(every=EVERY), 200, 3)
    for plugins, goal in ((10, 2.5), (50, 10.0)):
        many = await cpu_an_event(lambda plugins=plugins: slackd(plugins=plugins), 50, 4)  # type: ignore[misc]
        yield Row(f"CPU, {plugins} plugins match", f"{many:.0f} us", f"one {one:.0f}", many / one, goal)


async def main(repeats: int) -> int:
    """Print the table; returns the exit status."""
    gc.set_threshold(100_000, 50, 1000)  # or the emulator looks through its ledger half of the time
    missed = False
    async for row in rows(repeats):
        print(row, flush=True)
        missed = missed or not row.is_met
    return int(missed)


if __name__ == "__main__":
    sys.exit(asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)))
