"""What an attack costs others: an honest plugin's commands and the broker's processor time, beside the attack
and beside the same program that behaves, in turns.

The broker and the honest plugin go first on the machine, so what is measured is what the broker does for the
attacker, and not who else has work for the processors. The kernel, and whoever shares the machine below it, may
keep them waiting all the same: a witness sees that, which knows nothing of broker and attacks, and a turn that
was disturbed is measured again. No turn is chosen by what was measured in it. The middle of the turns counts:
what happens once is no attack's, and what an attack does at its beginning is in each of its turns. What it
leaves behind is in the turns without it, but for those before it began.
"""

import asyncio
import statistics
from collections.abc import Iterable, Sequence
from typing import Any, Final

import attrs

from tests.integration.hostile.hostile_rig import MeasuredBroker

SETTLING = 0.2
"""Seconds in which a program starts, before it is measured."""
WINDOW = 0.5
"""Seconds of one measurement."""
TURNS, MOST_TURNS = 3, 11
CALM = 0.01
"""Seconds of a measurement in which the processors, together, may have let nobody go first."""
TRIES = 3
"""Measurements for one that is calm; on a machine that never is, the calmest count."""
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


@attrs.frozen
class Turn:
    """A measurement without the attack, and one with it."""

    quiet: dict[str, Any]
    attacked: dict[str, Any]

    @property
    def disturbed(self) -> float:
        """Seconds of the one that the machine disturbed more."""
        return float(max(self.quiet["disturbed"], self.attacked["disturbed"]))


@attrs.define
class Comparison:
    """Some measurements before the attack, then turns, each a measurement without it and one with it."""

    before: list[dict[str, Any]] = attrs.field(factory=list)
    turns: list[Turn] = attrs.field(factory=list)

    async def turn(self, broker: MeasuredBroker, attack: str, uid: int, behaves: str, its_uid: int) -> None:
        quiet = await _measured(broker, behaves, its_uid)
        self.turns.append(Turn(quiet, await _measured(broker, attack, uid)))

    def calm(self) -> int:
        """How many turns were not disturbed."""
        return _calm(turn.disturbed for turn in self.turns)

    def can_tell(self) -> bool:
        """Whether there are turns enough."""
        return self.calm() >= TURNS or len(self.turns) >= TRIES * TURNS

    def counted(self) -> list[Turn]:
        """The turns that count: those that were calm, and the calmest ones where too few were."""
        by_calm = sorted(self.turns, key=lambda turn: turn.disturbed)
        return by_calm[: max(TURNS, self.calm())]

    def noticed(self) -> dict[str, tuple[float, float, float]]:
        """What is beyond its limit: with the attack, between two attacks, and before the first one."""
        found = {}
        before = sorted(self.before, key=lambda each: float(each["disturbed"]))[:TURNS]
        quiet, attacked = zip(*((turn.quiet, turn.attacked) for turn in self.counted()), strict=True)
        for of, limit in LIMITS.items():
            with_it, without_it, before_it = (_middle(each, of) for each in (attacked, quiet, before))
            most = min(
                max(without_it * limit.ratio, without_it + limit.noticeable),
                max(before_it * limit.ratio_to_before, before_it + limit.noticeable),
            )
            if with_it > most:
                found[of] = (with_it, without_it, before_it)
        return found

    @property
    def growth(self) -> int:
        """Bytes by which the broker grew."""
        most = max(int(turn.attacked["memory"]) for turn in self.turns)
        return most - min(int(turn.quiet["memory"]) for turn in self.turns)

    @property
    def logged(self) -> int:
        """Bytes that were logged."""
        return int(self.turns[-1].attacked["logged"]) - int(self.turns[0].quiet["logged"])

    @property
    def unanswered(self) -> int:
        """Commands without their plugin's answer, in the best turn."""
        return min(int(turn.attacked["unanswered"]) for turn in self.turns)


async def _measured(broker: MeasuredBroker, name: str, uid: int) -> dict[str, Any]:
    """Beside this program."""
    async with broker.program(name, uid):
        await asyncio.sleep(SETTLING)
        found: dict[str, Any] = await broker.measure(WINDOW)
        return found


def _middle(measured: Sequence[dict[str, Any]], of: str) -> float:
    return float(statistics.median(each[of] for each in measured))


def _calm(disturbed: Iterable[float]) -> int:
    return sum(each <= CALM for each in disturbed)


async def compare(
    broker: MeasuredBroker, attack: str, uid: int, behaves: str, its_uid: int, most_turns: int = MOST_TURNS
) -> Comparison:
    """As many turns as it takes to see through what else the machine does."""
    found = Comparison()
    await broker.measure(0.2)
    while _calm(each["disturbed"] for each in found.before) < TURNS and len(found.before) < TRIES * TURNS:
        found.before.append(await _measured(broker, behaves, its_uid))
    for _ in range(TRIES * most_turns):
        await found.turn(broker, attack, uid, behaves, its_uid)
        if found.calm() >= most_turns or (found.can_tell() and not found.noticed()):
            break
    return found


def assert_unnoticed(found: Comparison) -> None:
    """The attack makes no difference to anybody."""
    assert not found.noticed(), found
