"""The rules as values: what the data files say. `loading` reads them."""

from __future__ import annotations

import enum
from collections.abc import Mapping

import attrs

from slackd.advise.datafile import AnswerValue, When


class Mode(enum.Enum):
    """The two ways in which Slack reaches an app. The value is the mode's name in the data files."""

    SOCKET_MODE = "socket-mode"
    HTTP = "http"

    @property
    def title(self) -> str:
        """As people call it."""
        return {Mode.SOCKET_MODE: "Socket Mode", Mode.HTTP: "HTTP request URLs"}[self]

    @property
    def other(self) -> Mode:
        """The mode that this one is weighed against."""
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
    """One answer of a question, with the words and the flag of the command line for it."""

    value: str
    says: str
    flag: str | None


@attrs.frozen
class Assumption:
    """What is assumed where a question has no answer, if the facts so far are these."""

    when: When
    answer: AnswerValue


@attrs.frozen
class Question:
    """One question to the architect.

    Attributes:
        kind: `choice` (one of `options`), `number` (0 or more), or `yes-no`.
        says: What yes and no mean, for `yes-no`.
        at_least: Another number that this one can't be below.
        at_most: The largest answer, for `number`.
    """

    id: str
    kind: str
    ask: str
    flag: str
    options: tuple[Option, ...]
    says: tuple[tuple[bool, str], ...]
    unit: str | None
    at_least: str | None
    at_most: int
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
    """How good a mode is by one criterion where the condition holds, with the reason and the source's id."""

    when: When
    score: float
    reason: str
    source: str


@attrs.frozen
class Criterion:
    """What modes are compared by. Of each mode's scores the first whose condition holds counts."""

    id: str
    title: str
    asks: str
    weight: float
    scores: Mapping[Mode, tuple[ScoreRule, ...]]


@attrs.frozen
class WayOut:
    """What lifts a knock-out."""

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
    """Which mode is recommended where the scores are equal, and why."""

    mode: Mode
    reason: str
    source: str


@attrs.frozen
class Closeness:
    """The words for a distance of at least so many points."""

    at_least: float
    says: str


@attrs.frozen
class Section:
    """A chapter of the guidance."""

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
    """How many connectors, connections of each, and hosts a context needs, and why."""

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
    """A secret of a mode. `lives` and `readers` are None where the context's `Keeping` says it."""

    mode: Mode | None
    when: When
    name: str
    form: str
    purpose: str
    rotation: str
    lives: str | None
    readers: str | None
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
    """Everything that the data files say, checked."""

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
