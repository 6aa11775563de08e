"""A lifecycle in characters: each state with its meaning, and an arrow for each state that may follow."""

from __future__ import annotations

from collections.abc import Iterator

from slackd.advise.lifecycles import Arrow, Lifecycle, LifecycleState, places

SEPARATOR = " · "


def draw_text(lifecycle: Lifecycle, width: int = 100) -> str:
    """Draw a lifecycle at most `width` characters wide (no less than 60).

    Returns:
        Lines of text.
    """
    return "\n".join([*_main_line(lifecycle), "", *_blocks(lifecycle, max(width, 60))]).rstrip()


def _main_line(lifecycle: Lifecycle) -> Iterator[str]:
    """The way that a life takes if all goes well: the first row of the layout."""
    row = sorted((column, state) for state, (column, row) in places(lifecycle).items() if row == 0)
    yield " ──▶ ".join(state.upper() for _, state in row)
    yield f"◉ {lifecycle.legend}"


def _blocks(lifecycle: Lifecycle, width: int) -> Iterator[str]:
    for state in lifecycle.states:
        arrows = [arrow for arrow in lifecycle.arrows if arrow.start == state.id]
        yield from _heading(lifecycle, state, width)
        for arrow in arrows:
            yield from _arrow(arrow, last=arrow is arrows[-1], width=width)
        yield ""


def _heading(lifecycle: Lifecycle, state: LifecycleState, width: int) -> Iterator[str]:
    mark = "◉" if state.emphasis else "○"
    begin = "begins here: " if state.id == lifecycle.begins else ""
    lines = list(_wrapped((begin + state.meaning).split(" "), " ", width - 14))
    yield f"{mark} {state.id.upper():<11} {lines[0]}"
    yield from (" " * 14 + line for line in lines[1:])


def _arrow(arrow: Arrow, last: bool, width: int) -> Iterator[str]:
    corner, rail = ("╰", " ") if last else ("├", "│")
    lines = list(_wrapped(list(arrow.cues), SEPARATOR, width - 18))
    yield f"{corner}─▶ {arrow.end.upper():<11} {lines[0]}"
    yield from (f"{rail}" + " " * 15 + line for line in lines[1:])


def _wrapped(words: list[str], joint: str, width: int) -> Iterator[str]:
    line = words[0]
    for word in words[1:]:
        if len(line) + len(joint) + len(word) > width:
            yield line + joint.rstrip()
            line = word
        else:
            line += joint + word
    yield line
