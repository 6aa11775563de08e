"""How long an honest plugin's commands take beside an attack, and beside a process that only takes a core."""

import asyncio

import attrs

from tests.integration.hostile.hostile_rig import MeasuredBroker
from tests.integration.hostile.users import OUTSIDER

WINDOW = 0.8
"""Seconds of one measurement."""
TURNS, MOST_TURNS = 3, 10
RATIO, GROWTH = 1.5, 64 << 20
QUIET_LOG = 100_000
"""Bytes that the log may grow by."""


@attrs.define
class Comparison:
    """The best of some turns: what a busy machine adds is in none of them."""

    quiet: float = float("inf")
    attacked: float = float("inf")
    growth: int = 0
    logged: int = 0
    unanswered: int = 0

    async def turn(self, broker: MeasuredBroker, attack: str, uid: int) -> None:
        async with broker.program("burn", OUTSIDER):
            quiet = await broker.measure(WINDOW)
        async with broker.program(attack, uid):
            await asyncio.sleep(0.4)
            attacked = await broker.measure(WINDOW)
        self.quiet = min(self.quiet, quiet["p99"])
        self.attacked = min(self.attacked, attacked["p99"])
        self.growth = max(self.growth, attacked["memory"] - quiet["memory"])
        self.logged += attacked["logged"] - quiet["logged"]
        self.unanswered += attacked["unanswered"]

    @property
    def ratio(self) -> float:
        return self.attacked / self.quiet


async def compare(broker: MeasuredBroker, attack: str, uid: int, ratio: float = RATIO) -> Comparison:
    """As many turns as it takes to see through what else the machine does."""
    found = Comparison()
    await broker.measure(0.3)
    for turn in range(MOST_TURNS):
        await found.turn(broker, attack, uid)
        if turn + 1 >= TURNS and found.ratio < ratio:
            break
    return found
