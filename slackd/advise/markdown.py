"""The advice as one Markdown document."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from slackd.advise.advice import Advice
from slackd.advise.checks import PHASES
from slackd.advise.diagram_text import draw_text
from slackd.advise.rules import Item, Mode
from slackd.advise.wording import NO_TURN, PHASE_TITLES, PLANNED, PLANNED_NOTE, dots, listing


def markdown(advice: Advice) -> str:
    """Print the advice as Markdown, tables and code blocks in GitHub's flavour.

    Returns:
        The document's text.
    """
    parts = [
        _recommendation(advice),
        _context(advice),
        _matrix(advice),
        _turns(advice),
        _diagram(advice),
        *(_chapter(advice, chapter.title, chapter.items) for chapter in advice.chapters),
        _checklist(advice),
        _tokens(advice),
        _sources(advice),
    ]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    def line(cells: tuple[str, ...]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    yield line(head)
    yield "|" + "---|" * len(head)
    yield from (line(row) for row in rows)


def _recommendation(advice: Advice) -> Iterator[str]:
    yield f"# {advice.title}"
    yield f"\n**{advice.answer}**"
    for reason in advice.because:
        yield f"\n{reason}"
    if advice.for_it:
        yield f"\nWhat speaks most for it: {listing(advice.for_it)}."
    if advice.against_it:
        yield f"\nWhat speaks against it: {listing(advice.against_it)}."


def _context(advice: Advice) -> Iterator[str]:
    yield "## The context\n"
    for given in advice.context:
        yield f"- {given.says}{' (assumed)' if given.assumed else ''}"


def _matrix(advice: Advice) -> Iterator[str]:
    yield "## The decision matrix\n"
    decision = advice.decision

    head = ("Criterion", "Weight", *(mode.title for mode in Mode))
    rows = []
    for row in decision.rows:
        cells = (
            f"{dots(c.score)} {c.score:g}<br>{c.reason}<br>*{advice.page(c.source)}*"
            for c in (row.cells[mode] for mode in Mode)
        )
        rows.append((f"**{row.title}**<br>{row.asks}", f"{row.weight:g}", *cells))
    totals = (f"**{decision.totals[mode]:.1f}** of 100" for mode in Mode)
    yield from _table(head, [*rows, ("**Total**", "", *totals)])
    yield "\nScores are 0 (bad) to 5 (good) for this context; change a weight with `--weight CRITERION=NUMBER`."
    for entry in decision.knocked_out:
        yield f"\n**Knocked out: {entry.mode.title}.** {entry.reason} *{advice.page(entry.source)}*"


def _turns(advice: Advice) -> Iterator[str]:
    yield "## What would turn it\n"
    for turn in advice.turns:
        yield f"- {turn.change} → {turn.says}"
    if not advice.turns:
        yield NO_TURN


def _diagram(advice: Advice) -> Iterator[str]:
    yield f"## {advice.lifecycle.title}\n"
    yield f"```text\n{draw_text(advice.lifecycle, 100)}\n```"
    yield f"\nDrawn from {advice.lifecycle.table}."


def _chapter(advice: Advice, title: str, items: tuple[Item, ...]) -> Iterator[str]:
    yield f"## {title}\n"
    for item in items:
        source = f" *{advice.page(item.source)}*" if item.source else ""
        planned = f" ({PLANNED})" if item.planned else ""
        yield f"- {item.text}{planned}{source}"
        if item.command:
            yield f"\n  ```sh\n  {item.command}\n  ```\n"
        if item.code:
            code = "\n".join(f"  {line}".rstrip() for line in item.code.strip().splitlines())
            yield f"\n  ```python\n{code}\n  ```\n"


def _checklist(advice: Advice) -> Iterator[str]:
    yield "## Deploy and drain\n"
    for phase in PHASES:
        steps = [step for step in advice.steps if step.phase == phase]
        if steps:
            yield f"**{PHASE_TITLES[phase]}**\n"
            for step in steps:
                yield f"- [ ] {step.do}: `{step.command}`{f' ({PLANNED})' if step.planned else ''}"
            yield ""
    yield PLANNED_NOTE


def _tokens(advice: Advice) -> Iterator[str]:
    yield "## Tokens\n"
    head = ("Token", "For", "Lives in", "Who may read it", "How it rotates", "Source")
    yield from _table(
        head,
        (
            (
                f"**{kept.token.name}**<br>`{kept.token.form}`",
                kept.token.purpose,
                kept.lives,
                kept.readers,
                kept.token.rotation + (f" ({PLANNED})" if kept.token.planned else ""),
                f"*{advice.page(kept.token.source)}*",
            )
            for kept in advice.tokens
        ),
    )


def _sources(advice: Advice) -> Iterator[str]:
    yield "## Sources\n"
    for source in advice.sources:
        yield f"- [{source.page}]({source.url})" if source.url else f"- *{source.page}*: {source.how}"
