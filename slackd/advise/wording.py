"""The words and marks that the printed formats share."""

from __future__ import annotations

from slackd.advise.decision import BEST

PHASE_TITLES = {"before": "Before", "drain": "Drain", "deploy": "Deploy", "after": "After"}
PLANNED = "planned"
NO_TURN = "No change of one or two answers turns it."
PLANNED_NOTE = "Lines marked “planned” name a part of slackd that isn't there yet."


def dots(score: float) -> str:
    """A score as five dots; halves are rounded up."""
    full = int(score + 0.5)
    return "●" * full + "○" * (int(BEST) - full)


def in_code(text: str) -> list[tuple[str, bool]]:
    """The pieces of a text between its backticks, and whether each is code."""
    return [(piece, bool(index % 2)) for index, piece in enumerate(text.split("`")) if piece]


def listing(words: tuple[str, ...]) -> str:
    """Names as a sentence lists them, in lower case after the first letter's own."""
    lowered = [word[0].lower() + word[1:] for word in words]
    if len(lowered) < 2:
        return "".join(lowered)
    return f"{', '.join(lowered[:-1])} and {lowered[-1]}"
