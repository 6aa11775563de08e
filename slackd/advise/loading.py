"""Reading the data files into rules, and checking that they fit together."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from slackd.advise.checks import problems
from slackd.advise.datafile import DATA, AdviceError, DataFile, each
from slackd.advise.datafile import text_of as text
from slackd.advise.datafile import when_of as when
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
from slackd.toml_reader.tables import Table, one_of

DATA_FILES = ("questions", "sources", "criteria", "knockouts", "guidance", "checklist", "tokens")
LARGEST = 1_000_000_000
"""The largest whole number in a data file."""


def load_rules(folder: Path = DATA) -> Rules:
    """Read the data files of a folder, the package's own if none is given.

    Returns:
        The rules, checked.

    Raises:
        AdviceError: A file is missing or wrong; the error names file, place and what was expected.
    """
    files = {name: DataFile(name, folder) for name in DATA_FILES}
    questions, sources, criteria, knockouts, guidance, checklist, tokens = (
        file.table for file in files.values()
    )
    plans = guidance.table("connections")
    rules = Rules(
        questions=tuple(_question(table) for table in each(questions, "question")),
        bands=tuple(_band(table) for table in each(questions, "band")),
        sources={source.id: source for source in (_source(table) for table in each(sources, "source"))},
        criteria=tuple(_criterion(table) for table in each(criteria, "criterion")),
        knockouts=tuple(_knockout(table) for table in each(knockouts, "knockout")),
        tie=_tie(knockouts.table("tie")),
        closeness=tuple(
            Closeness(_number(table, "at_least"), text(table, "says")) for table in each(knockouts, "closeness")
        ),
        sections=tuple(Section(text(table, "id"), text(table, "title")) for table in each(guidance, "section")),
        items=tuple(_item(table) for table in each(guidance, "item")),
        connection_limit=_whole(plans, "limit"),
        connection_plans=tuple(_plan(table) for table in each(plans, "plan")),
        steps=tuple(_step(table) for table in each(checklist, "step")),
        tokens=tuple(_token(table) for table in each(tokens, "token")),
        keepings=tuple(_keeping(table) for table in each(tokens, "keeping")),
    )
    plans.finish()
    for file in files.values():
        file.close()
    found = problems(rules)
    if found:
        raise AdviceError("the rules contradict themselves:\n  " + "\n  ".join(found))
    return rules


@cache
def packaged_rules() -> Rules:
    """The rules of the package, read once.

    Raises:
        AdviceError: As `load_rules`.
    """
    return load_rules()


def _whole(table: Table, name: str) -> int:
    table.needs(name, "a whole number")
    return table.whole(name, 0, 0, LARGEST)


def _number(table: Table, name: str) -> float:
    table.needs(name, "a number")
    return table.number(name, 0.0)


def _mode(table: Table) -> Mode:
    table.needs("mode", one_of(mode.value for mode in Mode))
    return table.choice("mode", Mode.SOCKET_MODE)


def _mode_or_both(table: Table) -> Mode | None:
    return _mode(table) if "mode" in table else None


def _planned(table: Table) -> bool:
    status = table.text("status", None)
    if status not in (None, "planned"):
        table.wrong("status", '"planned", or no status')
    return status is not None


def _question(table: Table) -> Question:
    kind = text(table, "kind")
    return Question(
        id=text(table, "id"),
        kind=kind,
        ask=text(table, "ask"),
        flag=text(table, "flag"),
        options=tuple(
            Option(text(option, "value"), text(option, "says"), option.text("flag", None))
            for option in (each(table, "option") if kind == "choice" else ())
        ),
        says=((True, text(table, "yes")), (False, text(table, "no"))) if kind == "yes-no" else (),
        unit=table.text("unit", None),
        at_least=table.text("at_least", None),
        at_most=_whole(table, "at_most") if kind == "number" else 0,
        assumptions=tuple(
            Assumption(when(entry), entry.answer("answer", "")) for entry in each(table, "assume")
        ),
    )


def _band(table: Table) -> Band:
    return Band(text(table, "id"), tuple(_level(entry) for entry in each(table, "level")))


def _level(table: Table) -> Level:
    bounds = table.table("at_least")
    return Level(
        value=text(table, "value"),
        at_least=tuple((number, _whole(bounds, number)) for number in bounds.names()),
        says=text(table, "says"),
    )


def _source(table: Table) -> Source:
    return Source(
        id=text(table, "id"),
        kind=text(table, "kind"),
        page=text(table, "page"),
        url=table.text("url", None),
        how=table.text("how", None),
    )


def _criterion(table: Table) -> Criterion:
    return Criterion(
        id=text(table, "id"),
        title=text(table, "title"),
        asks=text(table, "asks"),
        weight=_number(table, "weight"),
        scores={mode: tuple(_score(entry) for entry in each(table, mode.value)) for mode in Mode},
    )


def _score(table: Table) -> ScoreRule:
    return ScoreRule(when(table), _number(table, "score"), text(table, "reason"), text(table, "source"))


def _knockout(table: Table) -> KnockOut:
    way_out = table.table("way_out") if "way_out" in table else None
    return KnockOut(
        id=text(table, "id"),
        mode=_mode(table),
        when=when(table),
        reason=text(table, "reason"),
        source=text(table, "source"),
        effort=_whole(table, "effort") if way_out else 0,
        way_out=WayOut(text(way_out, "title"), text(way_out, "text")) if way_out else None,
    )


def _tie(table: Table) -> Tie:
    return Tie(_mode(table), text(table, "reason"), text(table, "source"))


def _item(table: Table) -> Item:
    return Item(
        section=text(table, "section"),
        mode=_mode_or_both(table),
        when=when(table),
        text=text(table, "text"),
        source=table.text("source", None),
        code=table.text("code", None),
        command=table.text("command", None),
        planned=_planned(table),
    )


def _plan(table: Table) -> ConnectionPlan:
    return ConnectionPlan(
        when(table),
        _whole(table, "connectors"),
        _whole(table, "each"),
        _whole(table, "hosts"),
        text(table, "why"),
    )


def _step(table: Table) -> Step:
    return Step(
        phase=text(table, "phase"),
        mode=_mode_or_both(table),
        when=when(table),
        do=text(table, "do"),
        command=text(table, "command"),
        planned=_planned(table),
    )


def _token(table: Table) -> Token:
    return Token(
        mode=_mode_or_both(table),
        when=when(table),
        name=text(table, "name"),
        form=text(table, "form"),
        purpose=text(table, "purpose"),
        rotation=text(table, "rotation"),
        lives=table.text("lives", None),
        readers=table.text("readers", None),
        source=text(table, "source"),
        planned=_planned(table),
    )


def _keeping(table: Table) -> Keeping:
    return Keeping(_mode(table), when(table), text(table, "lives"), text(table, "readers"))
