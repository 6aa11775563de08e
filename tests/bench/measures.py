"""How each figure of the table is taken: a peer starts, events are sent, and what came of them is read off."""

import asyncio
import statistics
import sys
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

import attrs

from tests.bench.peers import Peer

COUNT = 8_000
WARM_UP = 500
CHANNELS = 500
SIZE = 2_000
WINDOW = 4_000
"""Envelopes that Slack has out, unacknowledged, at a time."""
FLOOD, AT_ONCE = 100_000, 20_000
"""Events of the flood whose memory is measured, and how many of them the load keeps in its own."""
LEAST_A_SECOND = 500
"""Events that are journaled at the least, on a machine that others use."""
LATER = 60.0
"""Seconds after the flood."""
COMMANDS = 200
COMMAND = "/bench"
KILLS = 7
Start = Callable[[], AbstractAsyncContextManager[Peer]]


@attrs.frozen
class Run:
    """One batch.

    Attributes:
        rate: Events handled a second.
        busy: How busy the load program was; 1 is always.
        acknowledged_after: Seconds from each send to its acknowledgement.
        cpu: Microseconds of CPU an event, of the peer's processes.
        started_in: Seconds from the peer's start to READY.
    """

    rate: float
    busy: float
    acknowledged_after: list[float]
    cpu: float
    started_in: float = 0.0


@attrs.frozen
class Memory:
    """MiB (PSS) of all processes: idle, after a flood, and a minute later."""

    idle: float
    after: float
    later: float


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
    return Run(count / (ended - began), busy / (time.monotonic() - began), after, cpu, peer.started_in)


async def flood(start: Start, channels: int = CHANNELS) -> Run:
    """As many events as it takes, as fast as it takes them."""
    async with start() as peer:
        await batch(peer, WARM_UP, channels=channels, window=WINDOW)
        run = await batch(peer, COUNT, channels=channels, window=WINDOW)
        print(f"    {run.rate:.0f} a second, {run.cpu:.0f} us, load busy {run.busy:.0%}", file=sys.stderr)
        return run


async def in_turns(peers: dict[str, Start], repeats: int) -> dict[str, list[Run]]:
    """The same for several, so that whatever else the machine does meets all of them."""
    found: dict[str, list[Run]] = {name: [] for name in peers}
    for _ in range(repeats):
        for name, start in peers.items():
            found[name].append(await flood(start))
    return found


async def cpu_an_event(start: Start, per_second: int, seconds: int) -> float:
    """Microseconds of CPU an event at this rate."""
    async with start() as peer:
        await batch(peer, WARM_UP, channels=CHANNELS, window=WINDOW)
        return (await batch(peer, per_second * seconds, channels=CHANNELS, rate=float(per_second))).cpu


async def ack_latency(start: Start, per_second: int, seconds: int) -> list[float]:
    """Seconds from each send to its acknowledgement."""
    async with start() as peer:
        await batch(peer, WARM_UP, channels=CHANNELS, window=WINDOW)
        run = await batch(peer, per_second * seconds, channels=CHANNELS, rate=float(per_second))
        return run.acknowledged_after


async def command_latency(start: Start) -> list[float]:
    """Seconds from each slash command to its answer."""
    async with start() as peer:
        found = []
        for number in range(COMMANDS):
            entry = peer.slack.command(COMMAND, str(number), user=f"U{number}")
            await peer.slack.wait_for_ack(entry)
            assert entry.response is not None
            found.append(entry.acks[0].after)
        return found[COMMANDS // 10 :]


async def memory(start: Start, *, later: bool) -> Memory:
    """What it takes; without `later` it is taken to give nothing back."""
    async with start() as peer:
        await asyncio.sleep(1.0)
        idle = peer.pss()
        for _ in range(FLOOD // AT_ONCE):
            await batch(peer, AT_ONCE, channels=CHANNELS, window=WINDOW)
        after = peer.pss()
        if later:
            await asyncio.sleep(LATER)
        return Memory(*(each / (1 << 20) for each in (idle, after, peer.pss())))


async def kills(start: Start, backlog: int) -> AsyncIterator[float]:
    """Seconds from `kill -9` of the broker to the acknowledgement of an event sent at that moment."""
    async with start() as peer:
        assert peer.house is not None
        sent = peer.slack.batch(count=backlog, channels=CHANNELS, size=SIZE, window=WINDOW)
        patience = 120.0 + backlog / LEAST_A_SECOND
        await peer.slack.wait_until(lambda: sent.acknowledged == backlog, timeout=patience, what="the backlog")
        for _ in range(KILLS):
            peer.house.broker.kill()
            entry = peer.slack.post_message("first")
            await peer.slack.wait_for_ack(entry)
            yield entry.acks[0].after
            await peer.house.broker.wait_ready()


async def kill_to_ack(start: Start, backlog: int) -> tuple[float, float]:
    """Median and worst of `kills`."""
    found = [each async for each in kills(start, backlog)]
    return statistics.median(found), max(found)


def percentile(seconds: Sequence[float], share: float) -> float:
    """The time within which this share of all was done."""
    return sorted(seconds)[int(len(seconds) * share)]
