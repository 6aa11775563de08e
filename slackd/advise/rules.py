"""The rules as values, read from the data files and checked against each other."""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import attrs

from slackd.advise.datafile import DATA, AdviceError, Answer, Table, When, open_data


class Mode(enum.Enum):
    """The two ways in which Slack reaches an app. The value is the mode's name in the data files."""

    SOCKET_MODE = "socket-mode"
    HTTP = "http"

    @property
    def title(self) -> str:
        return {Mode.SOCKET_MODE: "Socket Mode", Mode.HTTP: "HTTP request URLs"}[self]

    @property
    def other(self) -> Mode:
        return Mode.HTTP if self is Mode.SOCKET_MODE else Mode.SOCKET_MODE


@attrs.frozen
class Source:
    """A page of Slack's documentation (with `url`), or a measurement of this project (with `how`)."""

    id: str
    kind: str
    page: str
    url: str | None
    how: str | None


@attrs.frozen
class Option:
    value: str
    says: str
    flag: str | None


@attrs.frozen
class Assumption:
    when: When
    answer: Answer


@attrs.frozen
class Question:
    """One question to the architect.

    Attributes:
        kind: `choice` (one of `options`), `number` (0 or more), or `yes-no`.
        says: What yes and no mean, for `yes-no`.
        at_least: Another number that this one can't be below.
    """

    id: str
    kind: str
    ask: str
    flag: str
    options: tuple[Option, ...]
    says: tuple[tuple[bool, str], ...]
    unit: str | None
    at_least: str | None
    assumptions: tuple[Assumption, ...]


@attrs.frozen
class Level:
    """One value of a band: it holds where every named number is reached."""

    value: str
    at_least: tuple[tuple[str, int], ...]
    says: str


@attrs.frozen
class Band:
    """What rules see instead of numbers: the first level that holds."""

    id: str
    levels: tuple[Level, ...]


@attrs.frozen
class ScoreRule:
    when: When
    score: float
    reason: str
    source: str


@attrs.frozen
class Criterion:
    id: str
    title: str
    asks: str
    weight: float
    scores: Mapping[Mode, tuple[ScoreRule, ...]]


@attrs.frozen
class WayOut:
    title: str
    text: str


@attrs.frozen
class KnockOut:
    """What rules a mode out. `effort` is what its way out costs; without one, nobody but Slack lifts it."""

    id: str
    mode: Mode
    when: When
    reason: str
    source: str
    effort: int
    way_out: WayOut | None


@attrs.frozen
class Tie:
    mode: Mode
    reason: str
    source: str


@attrs.frozen
class Closeness:
    at_least: float
    says: str


@attrs.frozen
class Section:
    id: str
    title: str


@attrs.frozen
class Item:
    """One paragraph of guidance, with the code or command that belongs to it."""

    section: str
    mode: Mode | None
    when: When
    text: str
    source: str | None
    code: str | None
    command: str | None
    planned: bool


@attrs.frozen
class ConnectionPlan:
    when: When
    connectors: int
    each: int
    hosts: int
    why: str


@attrs.frozen
class Step:
    """One line of the deploy and drain checklist."""

    phase: str
    mode: Mode | None
    when: When
    do: str
    command: str
    planned: bool


@attrs.frozen
class Token:
    mode: Mode | None
    when: When
    name: str
    form: str
    purpose: str
    rotation: str
    source: str
    planned: bool


@attrs.frozen
class Keeping:
    """Where a mode's tokens live in a context, and who may read them."""

    mode: Mode
    when: When
    lives: str
    readers: str


@attrs.frozen
class Rules:
    questions: tuple[Question, ...]
    bands: tuple[Band, ...]
    sources: Mapping[str, Source]
    criteria: tuple[Criterion, ...]
    knockouts: tuple[KnockOut, ...]
    tie: Tie
    closeness: tuple[Closeness, ...]
    sections: tuple[Section, ...]
    items: tuple[Item, ...]
    connection_limit: int
    connection_plans: tuple[ConnectionPlan, ...]
    steps: tuple[Step, ...]
    tokens: tuple[Token, ...]
    keepings: tuple[Keeping, ...]


def load_rules(folder: Path = DATA) -> Rules:
    """Read the data files of a folder, the package's own if none is given.

    Raises:
        AdviceError: A file is missing or wrong; the error names file, place and what was expected.
    """
    from slackd.advise.checks import problems

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


def _each(table: Table, key: str) -> Iterator[Table]:
    for entry in table.tables(key):
        yield entry
        entry.close()


def _mode(table: Table) -> Mode:
    name = table.text("mode")
    try:
        return Mode(name)
    except ValueError:
        known = " or ".join(mode.value for mode in Mode)
        raise AdviceError(f"{table.where}: mode = {name!r}; expected {known}") from None


def _mode_or_both(table: Table) -> Mode | None:
    return _mode(table) if table.has("mode") else None


def _planned(table: Table) -> bool:
    status = table.optional("status")
    if status not in (None, "planned"):
        raise AdviceError(f"{table.where}: status = {status!r}; expected 'planned', or no status")
    return status is not None


def _question(table: Table) -> Question:
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


def _band(table: Table) -> Band:
    return Band(table.text("id"), tuple(_level(entry) for entry in _each(table, "level")))


def _level(table: Table) -> Level:
    bounds = table.table("at_least")
    return Level(
        value=table.text("value"),
        at_least=tuple((number, bounds.whole(number)) for number in bounds.content),
        says=table.text("says"),
    )


def _source(table: Table) -> Source:
    return Source(
        id=table.text("id"),
        kind=table.text("kind"),
        page=table.text("page"),
        url=table.optional("url"),
        how=table.optional("how"),
    )


def _criterion(table: Table) -> Criterion:
    return Criterion(
        id=table.text("id"),
        title=table.text("title"),
        asks=table.text("asks"),
        weight=table.number("weight"),
        scores={mode: tuple(_score(entry) for entry in _each(table, mode.value)) for mode in Mode},
    )


def _score(table: Table) -> ScoreRule:
    return ScoreRule(table.when(), table.number("score"), table.text("reason"), table.text("source"))


def _knockout(table: Table) -> KnockOut:
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


def _tie(table: Table) -> Tie:
    return Tie(_mode(table), table.text("reason"), table.text("source"))


def _item(table: Table) -> Item:
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


def _plan(table: Table) -> ConnectionPlan:
    return ConnectionPlan(
        table.when(), table.whole("connectors"), table.whole("each"), table.whole("hosts"), table.text("why")
    )


def _step(table: Table) -> Step:
    return Step(
        phase=table.text("phase"),
        mode=_mode_or_both(table),
        when=table.when(),
        do=table.text("do"),
        command=table.text("command"),
        planned=_planned(table),
    )


def _token(table: Table) -> Token:
    return Token(
        mode=_mode_or_both(table),
        when=table.when(),
        name=table.text("name"),
        form=table.text("form"),
        purpose=table.text("purpose"),
        rotation=table.text("rotation"),
        source=table.text("source"),
        planned=_planned(table),
    )


def _keeping(table: Table) -> Keeping:
    return Keeping(_mode(table), table.when(), table.text("lives"), table.text("readers"))
