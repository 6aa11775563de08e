"""What a bench prints: a row for each comparison, with its goal."""

import asyncio
import gc
import sys
from collections.abc import AsyncIterator, Callable

import attrs

REPEATS = 3
"""Turns of each comparison, where the command line says nothing."""


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


def print_table(rows: Callable[[int], AsyncIterator[Row]]) -> int:
    """Print what `rows` finds; the command line may have the number of its turns, and options.

    Returns:
        The exit status: 1 where a goal is missed.
    """
    numbers = [int(each) for each in sys.argv[1:] if not each.startswith("-")]
    return asyncio.run(_print(rows(*(numbers or [REPEATS]))))


async def _print(rows: AsyncIterator[Row]) -> int:
    gc.set_threshold(100_000, 50, 1000)  # or the emulator looks through its ledger half of the time
    missed = False
    async for row in rows:
        print(row, flush=True)
        missed = missed or not row.is_met
    return int(missed)
