"""How long an honest plugin's commands take beside an attack, and beside the same program that behaves."""

import asyncio
import os
import statistics
from typing import Any

import attrs
import pytest

from tests.integration.hostile.hostile_rig import MeasuredBroker

WINDOW = 0.6
"""Seconds of one measurement."""
TURNS, MOST_TURNS = 3, 10
MEDIAN_RATIO, SLOWEST_RATIO = 1.2, 1.5
"""What the median, and the slowest of a hundred, may be of what they are without the attack."""
BUSY = 3.0
"""Load a core beyond which a measurement says nothing; the broker and an attack are two or three processes."""
GROWTH = 64 << 20
"""Bytes that the broker may grow by."""
QUIET_LOG = 100_000
"""Bytes that the log may grow by."""


@attrs.define
class Comparison:
    """Some turns, each a measurement without the attack and one with it.

    What a busy machine adds is in neither the best of all turns nor, on average, in the ratio within a turn: a
    difference that is the attack's is in both.
    """

    quiet: list[Any] = attrs.field(factory=list)
    attacked: list[Any] = attrs.field(factory=list)

    async def turn(self, broker: MeasuredBroker, attack: str, uid: int, behaves: str, its_uid: int) -> None:
        async with broker.program(behaves, its_uid):
            await asyncio.sleep(0.3)
            self.quiet.append(await broker.measure(WINDOW))
        async with broker.program(attack, uid):
            await asyncio.sleep(0.3)
            self.attacked.append(await broker.measure(WINDOW))

    def ratio(self, of: str) -> float:
        """How many times as long it took as without the attack."""
        of_the_best = min(each[of] for each in self.attacked) / min(each[of] for each in self.quiet)
        pairs = zip(self.attacked, self.quiet, strict=True)
        return float(min(of_the_best, statistics.median(attacked[of] / quiet[of] for attacked, quiet in pairs)))

    @property
    def is_unnoticed(self) -> bool:
        """The honest plugin's commands take as long as without the attack."""
        return self.ratio("p50") < MEDIAN_RATIO and self.ratio("p99") < SLOWEST_RATIO

    @property
    def growth(self) -> int:
        """Bytes by which the broker grew."""
        most = max(each["memory"] for each in self.attacked)
        return int(most) - min(int(each["memory"]) for each in self.quiet)

    @property
    def logged(self) -> int:
        """Bytes that were logged."""
        return int(self.attacked[-1]["logged"]) - int(self.quiet[0]["logged"])

    @property
    def unanswered(self) -> int:
        """Commands without their plugin's answer, in the best turn."""
        return min(int(each["unanswered"]) for each in self.attacked)


async def compare(broker: MeasuredBroker, attack: str, uid: int, behaves: str, its_uid: int) -> Comparison:
    """As many turns as it takes to see through what else the machine does."""
    found = Comparison()
    await broker.measure(0.3)
    for turn in range(MOST_TURNS):
        await found.turn(broker, attack, uid, behaves, its_uid)
        if turn + 1 >= TURNS and found.is_unnoticed:
            return found
    if os.getloadavg()[0] > BUSY * (os.cpu_count() or 1):
        pytest.skip(f"the machine is too busy to measure anything: load {os.getloadavg()[0]:.0f}")
    return found
