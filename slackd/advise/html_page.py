"""The advice as one HTML page that needs nothing else: to attach to a decision record, to print."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from slackd.advise.advice import Advice
from slackd.advise.checks import PHASES
from slackd.advise.datafile import DATA
from slackd.advise.decision import Scored
from slackd.advise.diagram_svg import draw_svg
from slackd.advise.rules import Item, Mode
from slackd.advise.wording import NO_TURN, PHASE_TITLES, PLANNED, PLANNED_NOTE, in_code, listing


def page(advice: Advice) -> str:
    """Print the advice as a self-contained HTML page.

    Returns:
        The page's text.
    """
    style = (DATA / "page.css").read_text(encoding="utf-8")
    parts = [
        *_recommendation(advice),
        *_matrix(advice),
        *_turns(advice),
        *_diagram(advice),
        *_chapters(advice),
        *_checklist(advice),
        *_tokens(advice),
        *_sources(advice),
    ]
    body = "\n".join(parts)
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(advice.title)}</title>\n<style>\n{style}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _prose(text: str) -> str:
    return "".join(f"<code>{escape(piece)}</code>" if code else escape(piece) for piece, code in in_code(text))


def _planned(is_planned: bool) -> str:
    return f' <span class="planned">{PLANNED}</span>' if is_planned else ""


def _cite(advice: Advice, source: str | None) -> str:
    return f" <cite>{escape(advice.page(source))}</cite>" if source else ""


def _recommendation(advice: Advice) -> Iterator[str]:
    yield f"<header><h1>{escape(advice.title)}</h1>"
    yield '<section class="answer">'
    yield f'<p class="mode">{escape(advice.answer)}</p>'
    yield _totals(advice)
    yield from (f"<p>{_prose(reason)}</p>" for reason in advice.because)
    if advice.for_it:
        yield f"<p><b>For it:</b> {escape(listing(advice.for_it))}.</p>"
    if advice.against_it:
        yield f"<p><b>Against it:</b> {escape(listing(advice.against_it))}.</p>"
    yield "</section>"
    yield '<ul class="context" aria-label="The context">'
    for given in advice.context:
        css = ' class="assumed" title="assumed"' if given.assumed else ""
        yield f"<li{css}>{escape(given.says)}</li>"
    yield '</ul><p class="note">Dashed: assumed, since it was not answered.</p></header>'


def _totals(advice: Advice) -> str:
    out = {entry.mode for entry in advice.decision.knocked_out}
    bars = []
    for mode in Mode:
        total = advice.decision.totals[mode]
        chosen = " chosen" if mode is advice.mode else ""
        note = ' <span class="out">knocked out</span>' if mode in out else ""
        bars.append(
            f'<div class="total{chosen}"><span>{escape(mode.title)}{note}</span>'
            f'<span class="bar"><i style="width:{total:.1f}%"></i></span><b>{total:.0f}</b></div>'
        )
    return "".join(bars)


def _matrix(advice: Advice) -> Iterator[str]:
    yield "<section><h2>The decision matrix</h2>"
    yield '<table class="matrix"><thead><tr><th scope="col">Criterion</th>'
    yield '<th scope="col" class="num">Weight</th>'
    for mode in Mode:
        css = ' class="chosen"' if mode is advice.mode else ""
        yield f'<th scope="col"{css}>{escape(mode.title)}</th>'
    yield "</tr></thead><tbody>"
    for row in advice.decision.rows:
        yield f'<tr><th scope="row">{escape(row.title)}<small>{escape(row.asks)}</small></th>'
        yield f'<td class="num">{row.weight:g}</td>'
        for mode in Mode:
            yield _cell(advice, row.cells[mode], ahead=row.lead(mode) > 0)
        yield "</tr>"
    yield '</tbody><tfoot><tr><th scope="row">Total, of 100</th><td></td>'
    for mode in Mode:
        css = ' class="chosen"' if mode is advice.mode else ""
        yield f"<td{css}><b>{advice.decision.totals[mode]:.1f}</b></td>"
    yield "</tr></tfoot></table>"
    yield '<p class="note">Scores are 0 (bad) to 5 (good) for this context, times the weight. '
    yield "<code>--weight CRITERION=NUMBER</code> changes a weight.</p>"
    for entry in advice.decision.knocked_out:
        yield f'<p class="knockout"><b>Knocked out: {escape(entry.mode.title)}.</b> {_prose(entry.reason)}'
        yield f"{_cite(advice, entry.source)}</p>"
    yield "</section>"


def _cell(advice: Advice, cell: Scored, ahead: bool) -> str:
    css = ' class="ahead"' if ahead else ""
    pips = "".join(f'<i class="{"on" if pip < cell.score else "off"}"></i>' for pip in range(5))
    score = f'<span class="pips" aria-hidden="true">{pips}</span><b>{cell.score:g}</b>'
    return f"<td{css}><p class='score'>{score}</p>{_prose(cell.reason)}{_cite(advice, cell.source)}</td>"


def _turns(advice: Advice) -> Iterator[str]:
    yield "<section><h2>What would turn it</h2>"
    if not advice.turns:
        yield f"<p>{NO_TURN}</p></section>"
        return
    yield "<ul>"
    for turn in advice.turns:
        yield f"<li>{escape(turn.change)} → <b>{escape(turn.says)}</b></li>"
    yield "</ul></section>"


def _diagram(advice: Advice) -> Iterator[str]:
    lifecycle = advice.lifecycle
    yield f"<section class='diagram'><h2>{escape(lifecycle.title)}</h2><figure>{draw_svg(lifecycle)}"
    caption = f"Green: {lifecycle.legend}. Drawn from {lifecycle.table}."
    yield f"<figcaption>{escape(caption)}</figcaption></figure>"
    yield '<dl class="states">'
    for state in lifecycle.states:
        yield f"<dt>{escape(state.id.upper())}</dt><dd>{escape(state.meaning)}</dd>"
    yield "</dl></section>"


def _chapters(advice: Advice) -> Iterator[str]:
    for chapter in advice.chapters:
        yield f"<section><h2>{escape(chapter.title)}</h2>"
        yield from (_item(advice, item) for item in chapter.items)
        yield "</section>"


def _item(advice: Advice, item: Item) -> str:
    text = f"<p>{_prose(item.text)}{_planned(item.planned)}{_cite(advice, item.source)}</p>"
    if item.command:
        text += f'<pre class="command">{escape(item.command)}</pre>'
    if item.code:
        text += f"<pre>{escape(item.code.strip())}</pre>"
    return text


def _checklist(advice: Advice) -> Iterator[str]:
    yield '<section><h2>Deploy and drain</h2><table class="steps">'
    for phase in PHASES:
        steps = [step for step in advice.steps if step.phase == phase]
        if not steps:
            continue
        yield f'<tbody><tr class="phase"><th colspan="3" scope="rowgroup">{PHASE_TITLES[phase]}</th></tr>'
        for step in steps:
            yield f'<tr><td class="box"><i></i></td><td>{_prose(step.do)}</td>'
            yield f"<td><code>{escape(step.command)}</code>{_planned(step.planned)}</td></tr>"
        yield "</tbody>"
    yield f'</table><p class="note">{PLANNED_NOTE}</p></section>'


def _tokens(advice: Advice) -> Iterator[str]:
    yield "<section><h2>Tokens</h2>"
    yield '<table class="tokens"><thead><tr><th scope="col">Token</th><th scope="col">For</th>'
    yield '<th scope="col">Lives in</th><th scope="col">Who may read it</th>'
    yield '<th scope="col">How it rotates</th></tr></thead><tbody>'
    for kept in advice.tokens:
        token = kept.token
        yield f'<tr><th scope="row">{escape(token.name)}<small><code>{escape(token.form)}</code></small></th>'
        yield f"<td>{_prose(token.purpose)}</td><td>{_prose(kept.lives)}</td><td>{_prose(kept.readers)}</td>"
        yield f"<td>{_prose(token.rotation)}{_planned(token.planned)}{_cite(advice, token.source)}</td></tr>"
    yield "</tbody></table></section>"


def _sources(advice: Advice) -> Iterator[str]:
    yield "<section><h2>Sources</h2><ul class='sources'>"
    for source in advice.sources:
        if source.url:
            url = escape(source.url)
            yield f'<li><a href="{url}">{escape(source.page)}</a> <span>{url}</span></li>'
        else:
            yield f"<li>{escape(source.page)} <span>{escape(source.how or '')}</span></li>"
    yield "</ul></section>"
