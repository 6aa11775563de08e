"""How long an honest plugin's commands take beside an attack, and beside the same program that behaves."""

import asyncio

import attrs

from tests.integration.hostile.hostile_rig import MeasuredBroker

WINDOW = 0.8
"""Seconds of one measurement."""
TURNS, MOST_TURNS = 3, 12
MEDIAN_RATIO, SLOWEST_RATIO = 1.2, 1.5
"""What the median, and the slowest of a hundred, may be of what they are without the attack."""
GROWTH = 64 << 20
"""Bytes that the broker may grow by."""
QUIET_LOG = 100_000
"""Bytes that the log may grow by."""


@attrs.define
class Comparison:
    """The best of some turns: what a busy machine adds is in none of them."""

    quiet_p50: float = float("inf")
    quiet_p99: float = float("inf")
    p50: float = float("inf")
    p99: float = float("inf")
    growth: int = 0
    logged: int = 0
    unanswered: int = 0

    async def turn(self, broker: MeasuredBroker, attack: str, uid: int, behaves: str, its_uid: int) -> None:
        async with broker.program(behaves, its_uid):
            await asyncio.sleep(0.3)
            quiet = await broker.measure(WINDOW)
        async with broker.program(attack, uid):
            await asyncio.sleep(0.4)
            attacked = await broker.measure(WINDOW)
        self.quiet_p50, self.p50 = min(self.quiet_p50, quiet["p50"]), min(self.p50, attacked["p50"])
        self.quiet_p99, self.p99 = min(self.quiet_p99, quiet["p99"]), min(self.p99, attacked["p99"])
        self.growth = max(self.growth, attacked["memory"] - quiet["memory"])
        self.logged += attacked["logged"] - quiet["logged"]
        self.unanswered += attacked["unanswered"]

    @property
    def is_unnoticed(self) -> bool:
        """The honest plugin's commands take as long as without the attack."""
        median, slowest = self.p50 / self.quiet_p50, self.p99 / self.quiet_p99
        return median < MEDIAN_RATIO and slowest < SLOWEST_RATIO


async def compare(broker: MeasuredBroker, attack: str, uid: int, behaves: str, its_uid: int) -> Comparison:
    """As many turns as it takes to see through what else the machine does."""
    found = Comparison()
    await broker.measure(0.3)
    for turn in range(MOST_TURNS):
        await found.turn(broker, attack, uid, behaves, its_uid)
        if turn + 1 >= TURNS and found.is_unnoticed:
            break
    return found
