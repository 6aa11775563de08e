"""How many events a second reach their handler: slackd (two connections, one plugin) beside Bolt for Python.

    python -m tests.bench.throughput [REPEATS]      # make bench; the exit status is 1 below `WANTED`

Both get the same events from the same emulated Slack, in turns. The load comes from this process, which says
how busy it was: as long as it isn't busy all the time, it isn't what limits the rate.
"""

import asyncio
import contextlib
import gc
import os
import statistics
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import attrs

from slackd.emulator import Emulator, EmulatorClient, EmulatorSettings
from tests.integration.system.house import House, Record, home, living

COUNTER = Path(__file__).with_name("counter.py")
BOLT = Path(__file__).with_name("bolt_counter.py")
EVERY = 100
WARM_UP = 500
COUNT = 10_000
WANTED = 1.5
"""slackd's rate in terms of Bolt's, at least."""
CHANNELS = 500
WINDOW = 4_000
"""Envelopes that Slack has out, unacknowledged, at a time."""
CONNECTIONS = 2
MESSAGES = """
[[subscribe]]
type = "events_api"
event = "message"
"""
SLACK = EmulatorSettings(repeat_same_envelope_after=None, ack_deadline=30.0)


@attrs.frozen
class Run:
    """One batch: events a second until the last was handled, and how busy the load program was (1: always)."""

    rate: float
    load: float


@attrs.frozen
class Comparison:
    """All runs of both, in turns."""

    slackd: list[Run]
    bolt: list[Run]

    @property
    def ratio(self) -> float:
        """slackd's median rate in terms of Bolt's."""
        return _median(self.slackd) / _median(self.bolt)

    def __str__(self) -> str:
        lines = [
            f"{name}: {_median(runs):6.0f} events a second ({', '.join(f'{run.rate:.0f}' for run in runs)}), "
            f"load program busy {max(run.load for run in runs):.0%}"
            for name, runs in (("slackd", self.slackd), ("Bolt  ", self.bolt))
        ]
        return "\n".join([*lines, f"ratio {self.ratio:.2f}"])


def _median(runs: list[Run]) -> float:
    return statistics.median(run.rate for run in runs)


async def compare(repeats: int = 3) -> Comparison:
    """Measure both, one after the other, so many times."""
    gc.set_threshold(100_000, 50, 1000)  # or the emulator looks through its ledger half of the time
    comparison = Comparison([], [])
    for _ in range(repeats):
        comparison.slackd.append(await _measure_slackd())
        comparison.bolt.append(await _measure_bolt())
    return comparison


async def _measure_slackd() -> Run:
    async with (
        Emulator(settings=SLACK).serving() as slack,
        living(slack, {"counter": MESSAGES}, recorders={"counter": EVERY}, recorder=COUNTER) as house,
    ):
        return await _measure(slack, house.records["counter"])


async def _measure_bolt() -> Run:
    async with Emulator(settings=SLACK).serving() as slack, home(slack) as house:
        record = house.records["bolt"] = Record(house.path / "bolt.fifo")
        async with _bolt(slack, house, record):
            await slack.wait_until_ready(CONNECTIONS, timeout=30.0)
            return await _measure(slack, record)


@contextlib.asynccontextmanager
async def _bolt(slack: EmulatorClient, house: House, record: Record) -> AsyncIterator[None]:
    app = slack.apps[0]
    with (house.path / "bolt.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(BOLT), str(record.fifo), str(EVERY), slack.api_url, str(CONNECTIONS)),
            env={**os.environ, "APP": app.app_token, "BOT": app.bot_token},
            stdout=log,
            stderr=log,
        )
        try:
            yield
        finally:
            process.kill()
            await process.wait()


async def _measure(slack: EmulatorClient, record: Record) -> Run:
    slack.batch(count=WARM_UP, channels=CHANNELS, window=WINDOW)
    await record.until(lambda: record.counted >= WARM_UP, "the first ones to be handled")
    began, busy = time.monotonic(), time.process_time()
    batch = slack.batch(count=COUNT, channels=CHANNELS, window=WINDOW)
    await record.until(lambda: record.counted >= WARM_UP + COUNT, "all to be handled", 120.0)
    seconds, busy = record.counted_at - began, time.process_time() - busy
    await slack.wait_until(lambda: batch.acknowledged == COUNT, timeout=30.0, what="all acknowledgements")
    return Run(COUNT / seconds, busy / (time.monotonic() - began))


if __name__ == "__main__":
    found = asyncio.run(compare(int(sys.argv[1]) if len(sys.argv) > 1 else 5))
    print(found)
    sys.exit(found.ratio < WANTED)
