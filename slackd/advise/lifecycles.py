"""The lives that are drawn: a Socket Mode connection's, from the table that runs it, and an HTTP request's."""

from __future__ import annotations

from pathlib import Path

import attrs

from slackd.advise.datafile import DATA, AdviceError, DataFile, each, text_of
from slackd.advise.rules import Mode
from slackd.connector.socketmode.lifecycle import BEGINS, TRANSITIONS, Cue
from slackd.slack.connection_states import COUNTS_AS_READY, ConnectionPhase
from slackd.toml_reader.tables import Table


@attrs.frozen
class LifecycleState:
    """One state. `emphasis` marks those that are the point of the whole; the lifecycle's legend says which."""

    id: str
    meaning: str
    emphasis: bool


@attrs.frozen
class Arrow:
    """All cues that lead from one state to another."""

    start: str
    cues: tuple[str, ...]
    end: str


@attrs.frozen
class Lifecycle:
    """A transition table as it is drawn.

    Attributes:
        arrows: One for each pair of states; what changes nothing is in `stays`.
        stays: A state and the cues that leave it as it is.
        legend: What the emphasized states have in common.
        table: Where the table stands, for the caption.
    """

    id: str
    title: str
    begins: str
    states: tuple[LifecycleState, ...]
    arrows: tuple[Arrow, ...]
    stays: tuple[tuple[str, tuple[str, ...]], ...]
    legend: str
    table: str


def lifecycle_of(mode: Mode) -> Lifecycle:
    """How a connection (Socket Mode) or a request (HTTP) lives.

    Raises:
        AdviceError: As `request_lifecycle`.
    """
    return connection_lifecycle() if mode is Mode.SOCKET_MODE else request_lifecycle()


def connection_lifecycle() -> Lifecycle:
    """The life of a Socket Mode connection, from `slackd.connector.socketmode.lifecycle`."""
    cues: dict[tuple[ConnectionPhase, ConnectionPhase], list[str]] = {}
    for start in ConnectionPhase:
        for cue in Cue:
            if end := TRANSITIONS[start].get(cue):
                cues.setdefault((start, end), []).append(cue.value)
    return Lifecycle(
        id="socket-mode",
        title="The life of a Socket Mode connection",
        begins=BEGINS.value,
        states=tuple(
            LifecycleState(phase.value, phase.meaning, phase in COUNTS_AS_READY) for phase in ConnectionPhase
        ),
        arrows=tuple(Arrow(a.value, tuple(names), b.value) for (a, b), names in cues.items() if a is not b),
        stays=tuple((a.value, tuple(names)) for (a, b), names in cues.items() if a is b),
        legend="counts as READY",
        table="slackd/connector/socketmode/lifecycle.py, the table that runs the connection",
    )


def request_lifecycle(folder: Path = DATA) -> Lifecycle:
    """The life of an HTTP request, from `http_lifecycle.toml`.

    Raises:
        AdviceError: A transition names a state that isn't there.
    """
    file = DataFile("http_lifecycle", folder)
    table = file.table
    emphasis = table.texts("emphasis")
    states = [
        LifecycleState(text_of(entry, "id"), text_of(entry, "meaning"), text_of(entry, "id") in emphasis)
        for entry in each(table, "state")
    ]
    arrows = [
        Arrow(text_of(entry, "from"), entry.texts("cues"), text_of(entry, "to"))
        for entry in each(table, "transition")
    ]
    begins = text_of(table, "begins")
    file.close()
    named = {begins, *(arrow.start for arrow in arrows), *(arrow.end for arrow in arrows)}
    for unknown in sorted(named - {state.id for state in states}):
        raise AdviceError(f"{file.path.name}: {unknown!r} is no state of this file")
    return Lifecycle(
        id="http",
        title="The life of a request in HTTP mode",
        begins=begins,
        states=tuple(states),
        arrows=tuple(arrows),
        stays=(),
        legend="Slack has its answer",
        table="slackd/advise/data/http_lifecycle.toml, which is how slackd's receiver runs",
    )


def places(lifecycle: Lifecycle, folder: Path = DATA) -> dict[str, tuple[int, int]]:
    """Column and row of each state, from `layout.toml`.

    Raises:
        AdviceError: A state has no place, or a place no state.
    """
    file = DataFile("layout", folder)
    found: dict[str, tuple[int, int]] = {}
    for entry in each(file.table, "diagram"):
        cells = entry.table("place")
        if text_of(entry, "id") == lifecycle.id:
            found = {state: _cell(cells, state) for state in cells.names()}
    file.close()
    states = {state.id for state in lifecycle.states}
    if found.keys() != states:
        apart = ", ".join(sorted(found.keys() ^ states))
        raise AdviceError(
            f"{file.path.name}: diagram {lifecycle.id} and the transition table differ in: {apart}"
        )
    return found


def _cell(table: Table, state: str) -> tuple[int, int]:
    match table.values(state):
        case (int(column), int(row)):
            return column, row
    table.wrong(state, "a column and a row, [0, 0]")
    return 0, 0
