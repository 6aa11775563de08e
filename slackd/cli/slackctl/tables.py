"""How slackctl looks: tables without lines, colours that say what the words say too."""

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDEST = 120
"""Columns beyond which a line is hard to read, however wide the terminal is."""
GOOD, ATTENTION, BAD, QUIET = "green", "yellow", "bold red", "dim"


def console() -> Console:
    """The terminal, or the pipe, that standard output is."""
    found = Console(highlight=False, soft_wrap=False, emoji=False, markup=False)
    found.width = min(found.width, WIDEST)
    return found


def table(*columns: str, right: Sequence[str] = (), fold: Sequence[str] = ()) -> Table:
    """A table with these headings; numbers stand to the right, and only what may be folded is."""
    made = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, header_style=QUIET, border_style=QUIET)
    for column in columns:
        made.add_column(
            column,
            justify="right" if column in right else "left",
            no_wrap=column not in fold,
            overflow="fold" if column in fold else "ellipsis",
        )
    return made


def quiet(text: str) -> Text:
    """Said, and not in the foreground."""
    return Text(text, style=QUIET)


def attention(text: str, *, when: bool = True) -> Text:
    """What an operator should look at."""
    return Text(text, style=ATTENTION if when else "")
