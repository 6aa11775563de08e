"""What an attack costs others: an honest plugin's commands and the broker's processor time, beside the attack
and beside the same program that behaves, in turns.

The broker and the honest plugin go first on the machine, so what is measured is what the broker does for the
attacker, and not who else has work for the processors. The middle of the turns counts: what happens once is no
attack's, and what an attack does at its beginning is in each of its turns. What it leaves behind is in the
turns without it, but for those before it began.
"""

import asyncio
import statistics
from typing import Any, Final

import attrs

from tests.integration.hostile.hostile_rig import MeasuredBroker

SETTLING = 0.2
"""Seconds in which a program starts, before it is measured."""
WINDOW = 0.5
"""Seconds of one measurement."""
TURNS, MOST_TURNS = 3, 11
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
        ratio_to_before: Of what it was before the attack began, which may leave something behind. The machine
            changes meanwhile, so this is for what is plain to see.
    """

    ratio: float
    noticeable: float
    ratio_to_before: float


LIMITS: Final = {
    "p50": Limit(1.2, 0.000_7, 2.0),
    "p99": Limit(1.5, 0.001, 2.5),
    "cpu": Limit(1.5, 0.12, 2.0),
}
"""The median of the commands and the slowest of a hundred (seconds), and processor time (seconds a second): a
twentieth is a plugin's for its lines, a tenth whoever's who connects."""


@attrs.define
class Comparison:
    """Some measurements before the attack, then turns, each a measurement without it and one with it."""

    before: list[dict[str, Any]] = attrs.field(factory=list)
    quiet: list[dict[str, Any]] = attrs.field(factory=list)
    attacked: list[dict[str, Any]] = attrs.field(factory=list)

    async def turn(self, broker: MeasuredBroker, attack: str, uid: int, behaves: str, its_uid: int) -> None:
        self.quiet.append(await _measured(broker, behaves, its_uid))
        self.attacked.append(await _measured(broker, attack, uid))

    def noticed(self) -> dict[str, tuple[float, float, float]]:
        """What is beyond its limit: with the attack, between two attacks, and before the first one."""
        found = {}
        for of, limit in LIMITS.items():
            attacked, quiet, before = (_middle(each, of) for each in (self.attacked, self.quiet, self.before))
            most = min(
                max(quiet * limit.ratio, quiet + limit.noticeable),
                max(before * limit.ratio_to_before, before + limit.noticeable),
            )
            if attacked > most:
                found[of] = (attacked, quiet, before)
        return found

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


async def _measured(broker: MeasuredBroker, name: str, uid: int) -> dict[str, Any]:
    """Beside this program."""
    async with broker.program(name, uid):
        await asyncio.sleep(SETTLING)
        found: dict[str, Any] = await broker.measure(WINDOW)
        return found


def _middle(turns: list[dict[str, Any]], of: str) -> float:
    return float(statistics.median(each[of] for each in turns))


async def compare(
    broker: MeasuredBroker, attack: str, uid: int, behaves: str, its_uid: int, most_turns: int = MOST_TURNS
) -> Comparison:
    """As many turns as it takes to see through what else the machine does."""
    found = Comparison()
    await broker.measure(0.2)
    for _ in range(TURNS):
        found.before.append(await _measured(broker, behaves, its_uid))
    for turn in range(most_turns):
        await found.turn(broker, attack, uid, behaves, its_uid)
        if turn + 1 >= TURNS and not found.noticed():
            break
    return found


def assert_unnoticed(found: Comparison) -> None:
    """The attack makes no difference to anybody."""
    assert not found.noticed(), found
