"""Reading the data files into rules, and checking that they fit together."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from slackd.advise.checks import problems
from slackd.advise.datafile import DATA, AdviceError, DataTable, open_data
from slackd.advise.rules import (
    Assumption,
    Band,
    Closeness,
    ConnectionPlan,
    Criterion,
    Item,
    Keeping,
    KnockOut,
    Level,
    Mode,
    Option,
    Question,
    Rules,
    ScoreRule,
    Section,
    Source,
    Step,
    Tie,
    Token,
    WayOut,
)


def load_rules(folder: Path = DATA) -> Rules:
    """Read the data files of a folder, the package's own if none is given.

    Raises:
        AdviceError: A file is missing or wrong; the error names file, place and what was expected.
    """
    questions, sources, criteria = (open_data(name, folder) for name in ("questions", "sources", "criteria"))
    knockouts, guidance = open_data("knockouts", folder), open_data("guidance", folder)
    checklist, tokens = open_data("checklist", folder), open_data("tokens", folder)
    plans = guidance.table("connections")
    rules = Rules(
        questions=tuple(_question(table) for table in _each(questions, "question")),
        bands=tuple(_band(table) for table in _each(questions, "band")),
        sources={source.id: source for source in (_source(table) for table in _each(sources, "source"))},
        criteria=tuple(_criterion(table) for table in _each(criteria, "criterion")),
        knockouts=tuple(_knockout(table) for table in _each(knockouts, "knockout")),
        tie=_tie(knockouts.table("tie")),
        closeness=tuple(
            Closeness(table.number("at_least"), table.text("says")) for table in _each(knockouts, "closeness")
        ),
        sections=tuple(Section(table.text("id"), table.text("title")) for table in _each(guidance, "section")),
        items=tuple(_item(table) for table in _each(guidance, "item")),
        connection_limit=plans.whole("limit"),
        connection_plans=tuple(_plan(table) for table in _each(plans, "plan")),
        steps=tuple(_step(table) for table in _each(checklist, "step")),
        tokens=tuple(_token(table) for table in _each(tokens, "token")),
        keepings=tuple(_keeping(table) for table in _each(tokens, "keeping")),
    )
    for file in (questions, sources, criteria, knockouts, plans, guidance, checklist, tokens):
        file.close()
    found = problems(rules)
    if found:
        raise AdviceError("the rules contradict themselves:\n  " + "\n  ".join(found))
    return rules


@cache
def packaged_rules() -> Rules:
    """The rules of the package, read once."""
    return load_rules()


def _each(table: DataTable, key: str) -> Iterator[DataTable]:
    for entry in table.tables(key):
        yield entry
        entry.close()


def _mode(table: DataTable) -> Mode:
    name = table.text("mode")
    try:
        return Mode(name)
    except ValueError:
        known = " or ".join(mode.value for mode in Mode)
        raise AdviceError(f"{table.where}: mode = {name!r}; expected {known}") from None


def _mode_or_both(table: DataTable) -> Mode | None:
    return _mode(table) if table.has("mode") else None


def _planned(table: DataTable) -> bool:
    status = table.optional("status")
    if status not in (None, "planned"):
        raise AdviceError(f"{table.where}: status = {status!r}; expected 'planned', or no status")
    return status is not None


def _question(table: DataTable) -> Question:
    kind = table.text("kind")
    return Question(
        id=table.text("id"),
        kind=kind,
        ask=table.text("ask"),
        flag=table.text("flag"),
        options=tuple(
            Option(option.text("value"), option.text("says"), option.optional("flag"))
            for option in (_each(table, "option") if kind == "choice" else ())
        ),
        says=((True, table.text("yes")), (False, table.text("no"))) if kind == "yes-no" else (),
        unit=table.optional("unit"),
        at_least=table.optional("at_least"),
        assumptions=tuple(Assumption(entry.when(), entry.answer("answer")) for entry in _each(table, "assume")),
    )


def _band(table: DataTable) -> Band:
    return Band(table.text("id"), tuple(_level(entry) for entry in _each(table, "level")))


def _level(table: DataTable) -> Level:
    bounds = table.table("at_least")
    return Level(
        value=table.text("value"),
        at_least=tuple((number, bounds.whole(number)) for number in bounds.content),
        says=table.text("says"),
    )


def _source(table: DataTable) -> Source:
    return Source(
        id=table.text("id"),
        kind=table.text("kind"),
        page=table.text("page"),
        url=table.optional("url"),
        how=table.optional("how"),
    )


def _criterion(table: DataTable) -> Criterion:
    return Criterion(
        id=table.text("id"),
        title=table.text("title"),
        asks=table.text("asks"),
        weight=table.number("weight"),
        scores={mode: tuple(_score(entry) for entry in _each(table, mode.value)) for mode in Mode},
    )


def _score(table: DataTable) -> ScoreRule:
    return ScoreRule(table.when(), table.number("score"), table.text("reason"), table.text("source"))


def _knockout(table: DataTable) -> KnockOut:
    way_out = table.table("way_out") if table.has("way_out") else None
    return KnockOut(
        id=table.text("id"),
        mode=_mode(table),
        when=table.when(),
        reason=table.text("reason"),
        source=table.text("source"),
        effort=table.whole("effort") if way_out else 0,
        way_out=WayOut(way_out.text("title"), way_out.text("text")) if way_out else None,
    )


def _tie(table: DataTable) -> Tie:
    return Tie(_mode(table), table.text("reason"), table.text("source"))


def _item(table: DataTable) -> Item:
    return Item(
        section=table.text("section"),
        mode=_mode_or_both(table),
        when=table.when(),
        text=table.text("text"),
        source=table.optional("source"),
        code=table.optional("code"),
        command=table.optional("command"),
        planned=_planned(table),
    )


def _plan(table: DataTable) -> ConnectionPlan:
    return ConnectionPlan(
        table.when(), table.whole("connectors"), table.whole("each"), table.whole("hosts"), table.text("why")
    )


def _step(table: DataTable) -> Step:
    return Step(
        phase=table.text("phase"),
        mode=_mode_or_both(table),
        when=table.when(),
        do=table.text("do"),
        command=table.text("command"),
        planned=_planned(table),
    )


def _token(table: DataTable) -> Token:
    return Token(
        mode=_mode_or_both(table),
        when=table.when(),
        name=table.text("name"),
        form=table.text("form"),
        purpose=table.text("purpose"),
        rotation=table.text("rotation"),
        lives=table.optional("lives"),
        readers=table.optional("readers"),
        source=table.text("source"),
        planned=_planned(table),
    )


def _keeping(table: DataTable) -> Keeping:
    return Keeping(_mode(table), table.when(), table.text("lives"), table.text("readers"))
