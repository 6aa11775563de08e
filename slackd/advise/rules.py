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
    answer: AnswerValue


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
