"""What an attack costs others: an honest plugin's commands and the broker's processor time, beside the attack
and beside the same program that behaves.

A difference counts that is beyond a limit, beyond what the measurements without the attack differ by among
themselves, and large enough for anybody to notice. So a busy machine widens what is borne, and a flaw is seen
on one that is quiet.
"""

import asyncio
import os
import statistics
from typing import Any, Final

import attrs
import pytest

from tests.integration.hostile.hostile_rig import MeasuredBroker

SETTLING = 0.2
"""Seconds in which a program starts, before it is measured."""
WINDOW = 0.5
"""Seconds of one measurement."""
TURNS, MOST_TURNS = 3, 8
BUSY = 3.0
"""Load a core beyond which a measurement says nothing; the broker and an attack are two or three processes."""
GROWTH = 64 << 20
"""Bytes that the broker may grow by."""
QUIET_LOG = 100_000
"""Bytes that the log may grow by."""


@attrs.frozen
class Limit:
    """How much more something may be with the attack.

    Attributes:
        ratio: Of what it is without.
        noticeable: Beyond what it is without; less is no difference to anybody.
    """

    ratio: float
    noticeable: float


LIMITS: Final = {
    "p50": Limit(1.2, 0.000_3),
    "p99": Limit(1.5, 0.002),
    "cpu": Limit(1.5, 0.05),
}
"""The median of the commands and the slowest of a hundred (seconds), and processor time (seconds a second)."""


@attrs.define
class Comparison:
    """Some turns, each a measurement without the attack and one with it.

    What a busy machine adds is in neither the best of all turns nor, on average, in the ratio within a turn: a
    difference that is the attack's is in both.
    """

    quiet: list[dict[str, Any]] = attrs.field(factory=list)
    attacked: list[dict[str, Any]] = attrs.field(factory=list)

    async def turn(self, broker: MeasuredBroker, attack: str, uid: int, behaves: str, its_uid: int) -> None:
        async with broker.program(behaves, its_uid):
            await asyncio.sleep(SETTLING)
            self.quiet.append(await broker.measure(WINDOW))
        async with broker.program(attack, uid):
            await asyncio.sleep(SETTLING)
            self.attacked.append(await broker.measure(WINDOW))

    def ratio(self, of: str) -> float:
        """How many times as much it is as without the attack."""
        of_the_best = min(each[of] for each in self.attacked) / min(each[of] for each in self.quiet)
        return float(min(of_the_best, statistics.median(a / q for a, q in self._pairs(of))))

    def difference(self, of: str) -> float:
        """How much more it is than without the attack."""
        of_the_best = min(each[of] for each in self.attacked) - min(each[of] for each in self.quiet)
        return float(min(of_the_best, statistics.median(a - q for a, q in self._pairs(of))))

    def spread(self, of: str) -> float:
        """How many times as much it is in the usual turn without the attack that is off the middle."""
        values = [each[of] for each in self.quiet]
        middle = statistics.median(values)
        return float(1.0 + statistics.median(abs(each - middle) for each in values) / middle)

    def noticed(self) -> dict[str, tuple[float, float, float]]:
        """What is beyond its limit: ratio, difference and spread."""
        return {
            of: (self.ratio(of), self.difference(of), self.spread(of))
            for of, limit in LIMITS.items()
            if self.ratio(of) > limit.ratio * self.spread(of) and self.difference(of) > limit.noticeable
        }

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

    def _pairs(self, of: str) -> list[tuple[float, float]]:
        return [(a[of], q[of]) for a, q in zip(self.attacked, self.quiet, strict=True)]


async def compare(
    broker: MeasuredBroker, attack: str, uid: int, behaves: str, its_uid: int, most_turns: int = MOST_TURNS
) -> Comparison:
    """As many turns as it takes to see through what else the machine does."""
    found = Comparison()
    await broker.measure(0.2)
    for turn in range(most_turns):
        await found.turn(broker, attack, uid, behaves, its_uid)
        if turn + 1 >= TURNS and not found.noticed():
            break
    return found


def assert_unnoticed(found: Comparison) -> None:
    """The attack makes no difference, as far as this machine can tell at the moment."""
    if found.noticed() and os.getloadavg()[0] > BUSY * (os.cpu_count() or 1):
        pytest.skip(f"the machine is too busy to measure anything: load {os.getloadavg()[0]:.0f}")
    assert not found.noticed(), found
