"""The advice for a terminal, with rich."""

from __future__ import annotations

import io
from collections.abc import Iterator

from rich.box import SIMPLE_HEAD
from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from slackd.advise.advice import Advice
from slackd.advise.checks import PHASES
from slackd.advise.decision import Row
from slackd.advise.diagram_text import draw_text
from slackd.advise.rules import Item, Mode
from slackd.advise.wording import NO_TURN, PHASE_TITLES, PLANNED, PLANNED_NOTE, dots, in_code, listing

QUIET = "dim"
MODE_COLOUR = "bold green"
HEADING = "bold"
CODE = "cyan"


def plain_text(advice: Advice, width: int = 100) -> str:
    """The terminal's output without colour, for a pipe or a file."""
    out = io.StringIO()
    show(advice, Console(file=out, width=width, color_system=None, force_terminal=False, legacy_windows=False))
    return "\n".join(line.rstrip() for line in out.getvalue().splitlines()) + "\n"


def show(advice: Advice, console: Console) -> None:
    """Print the advice on a console."""
    for part in (
        _recommendation(advice),
        _context(advice),
        _matrix(advice),
        _turns(advice),
        _diagram(advice, console.width),
        *(_chapter(advice, chapter.title, chapter.items) for chapter in advice.chapters),
        _checklist(advice),
        _tokens(advice),
        _sources(advice),
    ):
        console.print(Group(*part))
        console.print()


def _prose(text: str, style: str = "") -> Text:
    prose = Text(style=style)
    for piece, code in in_code(text):
        prose.append(piece, CODE if code else None)
    return prose


def _indented(renderable: RenderableType, left: int = 2) -> Padding:
    return Padding(renderable, (0, 0, 0, left))


def _tagged(text: str, planned: bool) -> Text:
    prose = _prose(text)
    if planned:
        prose.append(f" [{PLANNED}]", "yellow")
    return prose


def _cite(advice: Advice, source: str, before: str = " ") -> Text:
    return Text(f"{before}— {advice.page(source)}", "italic dim")


def _recommendation(advice: Advice) -> Iterator[RenderableType]:
    yield Text(advice.title, QUIET)
    yield Text()
    yield Text(f"▶ {advice.answer}", MODE_COLOUR)
    yield Text()
    yield from (_indented(bar) for bar in _totals(advice))
    yield Text()
    for reason in advice.because:
        yield _indented(_prose(reason))
    if advice.for_it:
        yield _indented(Text.assemble(("For it: ", "bold"), listing(advice.for_it), "."))
    if advice.against_it:
        yield _indented(Text.assemble(("Against it: ", "bold"), listing(advice.against_it), "."))


def _totals(advice: Advice) -> Iterator[Text]:
    out = {entry.mode for entry in advice.decision.knocked_out}
    for mode in Mode:
        total = advice.decision.totals[mode]
        full = round(total * 0.4)
        style = "green" if mode is advice.mode else ""
        bar = Text(f"{mode.title:<18}", style)
        bar.append("━" * full, style).append("─" * (40 - full), QUIET).append(f" {total:5.1f}", style)
        if mode in out:
            bar.append("  knocked out", "red")
        yield bar


def _context(advice: Advice) -> Iterator[RenderableType]:
    yield Text("The context", HEADING)
    for given in advice.context:
        line = Text(f"  {'·' if given.assumed else '•'} {given.says}", QUIET if given.assumed else "")
        yield line.append("  assumed", QUIET) if given.assumed else line


def _matrix(advice: Advice) -> Iterator[RenderableType]:
    decision = advice.decision
    table = Table(box=SIMPLE_HEAD, show_lines=True, expand=True, pad_edge=False, show_footer=True)
    table.add_column("Criterion", ratio=3, footer="Total, of 100")
    table.add_column("Weight", justify="right", width=6)
    for mode in Mode:
        style = MODE_COLOUR if mode is advice.mode else "bold"
        footer = Text(f"{decision.totals[mode]:.1f}", style)
        table.add_column(Text(mode.title, style), ratio=6, footer=footer)
    for row in decision.rows:
        title = Text.assemble((row.title, "bold"), "\n", (row.asks, QUIET))
        table.add_row(title, f"{row.weight:g}", *(_cell(advice, row, mode) for mode in Mode))
    yield Text("The decision matrix", HEADING)
    yield table
    yield Text("  0 (bad) to 5 (good) for this context; --weight CRITERION=NUMBER changes a weight", QUIET)
    for entry in decision.knocked_out:
        head = Text(f"Knocked out: {entry.mode.title}. ", "bold red")
        yield _indented(head + _prose(entry.reason) + _cite(advice, entry.source))


def _cell(advice: Advice, row: Row, mode: Mode) -> Text:
    cell = row.cells[mode]
    ahead = "green" if row.lead(mode) > 0 else ""
    text = Text.assemble((f"{dots(cell.score)} {cell.score:g}", ahead), "\n")
    return text + _prose(cell.reason) + _cite(advice, cell.source, "\n")


def _turns(advice: Advice) -> Iterator[RenderableType]:
    yield Text("What would turn it", HEADING)
    for turn in advice.turns:
        yield _indented(Text.assemble(f"{turn.change} → ", (turn.says, "bold")))
    if not advice.turns:
        yield _indented(Text(NO_TURN))


def _diagram(advice: Advice, width: int) -> Iterator[RenderableType]:
    yield Text(advice.lifecycle.title, HEADING)
    yield _indented(Text(draw_text(advice.lifecycle, width - 4), no_wrap=True))
    yield _indented(Text(f"Drawn from {advice.lifecycle.table}.", QUIET))


def _chapter(advice: Advice, title: str, items: tuple[Item, ...]) -> Iterator[RenderableType]:
    yield Text(title, HEADING)
    for item in items:
        text = _tagged(item.text, item.planned)
        if item.source:
            text += _cite(advice, item.source)
        bullet = Table.grid(padding=(0, 1, 0, 0))
        bullet.add_column(width=3, justify="right")
        bullet.add_column()
        bullet.add_row("•", text)
        yield bullet
        if item.command:
            yield _indented(Text(f"$ {item.command}", CODE), 4)
        if item.code:
            yield _indented(Text(item.code.strip("\n"), CODE), 4)


def _checklist(advice: Advice) -> Iterator[RenderableType]:
    yield Text("Deploy and drain", HEADING)
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(width=10, justify="right")
    table.add_column(ratio=1)
    table.add_column(ratio=1)
    for phase in PHASES:
        for index, step in enumerate(step for step in advice.steps if step.phase == phase):
            command = Text(step.command, CODE)
            if step.planned:
                command.append(f" [{PLANNED}]", "yellow")
            label = PHASE_TITLES[phase] if index == 0 else ""
            table.add_row(Text.assemble((label, "bold"), " ☐"), step.do, command)
    yield table
    yield _indented(Text(PLANNED_NOTE, QUIET))


def _tokens(advice: Advice) -> Iterator[RenderableType]:
    table = Table(box=SIMPLE_HEAD, show_lines=True, expand=True, pad_edge=False)
    for heading, ratio in (("Token", 4), ("Lives in, and who may read it", 6), ("How it rotates", 6)):
        table.add_column(heading, ratio=ratio)
    for kept in advice.tokens:
        token = kept.token
        name = Text.assemble((token.name, "bold"), "\n", (token.form, CODE), "\n", _prose(token.purpose, QUIET))
        kept_at = Text.assemble(_prose(kept.lives), "\n", ("read by ", QUIET), _prose(kept.readers))
        rotation = _tagged(token.rotation, token.planned) + _cite(advice, token.source, "\n")
        table.add_row(name, kept_at, rotation)
    yield Text("Tokens", HEADING)
    yield table


def _sources(advice: Advice) -> Iterator[RenderableType]:
    yield Text("Sources", HEADING)
    for source in advice.sources:
        yield _indented(Text.assemble(source.page, (f"  {source.url or source.how}", QUIET)))
