"""How slackctl looks: tables without lines, colours that say what the words say too."""

from collections.abc import Sequence

from rich import box
from rich.console import Console, ConsoleOptions, RenderResult
from rich.table import Table
from rich.text import Text

WIDEST = 120
"""Columns beyond which a line is hard to read, however wide the terminal is."""
NARROWEST = 20
"""Columns below which the terminal itself breaks the lines."""
USUAL = 80
"""Columns where nothing says how many there are."""
RECOGNISABLE = 8
"""Columns that a name keeps in the narrowest terminal."""
GOOD, ATTENTION, BAD, QUIET = "green", "yellow", "bold red", "dim"


def console() -> Console:
    """The terminal, or the pipe, that standard output is."""
    found = Console(highlight=False, soft_wrap=False, emoji=False, markup=False)
    # $COLUMNS is 0 where whoever set it knew no width.
    found.width = max(NARROWEST, min(found.width or USUAL, WIDEST))
    return found


class FittingTable(Table):
    """A table; where the terminal is too narrow for its headings, each row is a few lines instead."""

    def fits(self, console: Console, options: ConsoleOptions) -> bool:
        """Whether each row is one line."""
        return self.__rich_measure__(console, options).minimum <= options.max_width

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """As rich wants it."""
        if self.fits(console, options):
            yield from super().__rich_console__(console, options)
            return
        for row in zip(*(column.cells for column in self.columns), strict=True):
            lines = Table.grid(padding=(0, 1, 0, 0))
            lines.add_column(style=QUIET, no_wrap=True)
            lines.add_column(overflow="fold")
            for column, cell in zip(self.columns, row, strict=True):
                lines.add_row(column.header, cell)
            yield lines
            yield Text()


def table(
    *columns: str, right: Sequence[str] = (), shrink: Sequence[str] = (), fold: Sequence[str] = ()
) -> FittingTable:
    """A table with these headings; numbers stand to the right and are never cut.

    Args:
        shrink: Columns that are cut first, with an ellipsis, where the terminal is narrow.
        fold: Columns that go on below.
    """
    made = FittingTable(
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        collapse_padding=True,
        header_style=QUIET,
        border_style=QUIET,
    )
    for column in columns:
        made.add_column(
            column,
            justify="right" if column in right else "left",
            no_wrap=column not in fold and column not in shrink,
            overflow="fold" if column in fold else "ellipsis",
            min_width=RECOGNISABLE if column in shrink else None,
        )
    return made


def quiet(text: str) -> Text:
    """Said, and not in the foreground."""
    return Text(text, style=QUIET)


def attention(text: str, *, when: bool = True) -> Text:
    """What an operator should look at."""
    return Text(text, style=ATTENTION if when else "")
