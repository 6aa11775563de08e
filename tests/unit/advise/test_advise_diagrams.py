"""The diagrams are the code's: drawn in characters and as SVG is the transition table, no more and no less."""

import re
import tomllib
import xml.etree.ElementTree as ElementTree
from collections import Counter
from itertools import pairwise

import pytest

from slackd.advise.datafile import DATA, AdviceError
from slackd.advise.diagram_svg import draw_svg
from slackd.advise.diagram_text import draw_text
from slackd.advise.lifecycles import (
    Lifecycle,
    connection_lifecycle,
    lifecycle_of,
    places,
    request_lifecycle,
)
from slackd.advise.rules import Mode
from slackd.connector.socketmode.lifecycle import TRANSITIONS
from slackd.slack.connection_states import COUNTS_AS_READY, ConnectionPhase

Transition = tuple[str, str, str]
SVG = "{http://www.w3.org/2000/svg}"

LIFECYCLES = [lifecycle_of(mode) for mode in Mode]


def table_of_the_connection() -> set[Transition]:
    """Every transition that moves a connection, straight from the table that runs it."""
    return {
        (start.value, cue.value, end.value)
        for start, transitions in TRANSITIONS.items()
        for cue, end in transitions.items()
        if start is not end
    }


def table_of_the_request() -> set[Transition]:
    content = tomllib.loads((DATA / "http_lifecycle.toml").read_text(encoding="utf-8"))
    return {(entry["from"], cue, entry["to"]) for entry in content["transition"] for cue in entry["cues"]}


DRAWN = [(LIFECYCLES[0], table_of_the_connection()), (LIFECYCLES[1], table_of_the_request())]


def drawn_in_text(text: str) -> set[Transition]:
    """Read a drawing back."""
    found: set[Transition] = set()
    state = end = ""
    for line in text.splitlines():
        if heading := re.match(r"[◉○] ([A-Z]+) ", line):
            state = heading[1].lower()
        elif arrow := re.match(r"[├╰]─▶ ([A-Z]+) +(.*)", line):
            end = arrow[1].lower()
            found |= {(state, cue.strip(), end) for cue in arrow[2].split("·") if cue.strip()}
        elif more := re.match(r"[│ ] {15}(\S.*)", line):
            found |= {(state, cue.strip(), end) for cue in more[1].split("·") if cue.strip()}
    return found


def drawn_in_svg(svg: str) -> set[Transition]:
    labels = ElementTree.fromstring(svg).iter(f"{SVG}text")
    return {
        (label.attrib["data-from"], span.text or "", label.attrib["data-to"])
        for label in labels
        if "data-from" in label.attrib
        for span in label.iter(f"{SVG}tspan")
    }


@pytest.mark.parametrize(("lifecycle", "table"), DRAWN, ids=["socket", "http"])
@pytest.mark.parametrize("width", [60, 76, 100, 140])
def test_the_text_diagram_is_the_table(lifecycle: Lifecycle, table: set[Transition], width: int) -> None:
    text = draw_text(lifecycle, width)
    blocks = text.split("\n\n", 1)[1]
    assert drawn_in_text(blocks) == table
    assert max(len(line) for line in blocks.splitlines()) <= width


@pytest.mark.parametrize(("lifecycle", "table"), DRAWN, ids=["socket", "http"])
def test_the_svg_diagram_is_the_table(lifecycle: Lifecycle, table: set[Transition]) -> None:
    assert drawn_in_svg(draw_svg(lifecycle)) == table


@pytest.mark.parametrize("lifecycle", LIFECYCLES, ids=["socket", "http"])
def test_the_svg_has_each_state_and_one_line_for_each_pair_of_states(lifecycle: Lifecycle) -> None:
    drawing = ElementTree.fromstring(draw_svg(lifecycle))
    states = [group.attrib["data-state"] for group in drawing.iter(f"{SVG}g")]
    assert Counter(states) == Counter(state.id for state in lifecycle.states)
    lines = [
        (p.attrib["data-from"], p.attrib["data-to"])
        for p in drawing.iter(f"{SVG}path")
        if "data-from" in p.attrib
    ]
    assert Counter(lines) == Counter((arrow.start, arrow.end) for arrow in lifecycle.arrows)


@pytest.mark.parametrize("lifecycle", LIFECYCLES, ids=["socket", "http"])
def test_the_svg_keeps_inside_its_canvas_and_needs_nothing_from_outside(lifecycle: Lifecycle) -> None:
    svg = draw_svg(lifecycle)
    drawing = ElementTree.fromstring(svg)
    width, height = (float(number) for number in drawing.attrib["viewBox"].split()[2:])
    for rect in drawing.iter(f"{SVG}rect"):
        x, y = float(rect.attrib["x"]), float(rect.attrib["y"])
        assert 0 <= x <= width - float(rect.attrib["width"])
        assert 0 <= y <= height - float(rect.attrib["height"])
    for span in drawing.iter(f"{SVG}tspan"):
        assert 8 <= float(span.attrib["y"]) <= height
    assert not re.search(r"(href|src|url)\s*[=(]\s*[\"']?http", svg)


def test_the_connection_has_every_phase_with_its_meaning() -> None:
    lifecycle = connection_lifecycle()
    assert [(state.id, state.meaning) for state in lifecycle.states] == [
        (p.value, p.meaning) for p in ConnectionPhase
    ]
    assert {state.id for state in lifecycle.states if state.emphasis} == {p.value for p in COUNTS_AS_READY}


def test_what_leaves_a_connection_as_it_is_is_known_too() -> None:
    unmoved = {(state, cue) for state, cues in connection_lifecycle().stays for cue in cues}
    assert unmoved == {
        (phase.value, cue.value)
        for phase, cues in TRANSITIONS.items()
        for cue, end in cues.items()
        if end is phase
    }


def test_the_request_goes_from_received_over_verified_and_journaled_to_answered_and_dispatched() -> None:
    ends = {(arrow.start, arrow.end) for arrow in request_lifecycle().arrows}
    way = ["received", "verified", "journaled", "answered", "dispatched"]
    assert set(pairwise(way)) <= ends


def test_nothing_is_answered_with_200_before_it_is_journaled_but_slacks_own_checks() -> None:
    early = [
        arrow for arrow in request_lifecycle().arrows if arrow.end == "answered" and arrow.start == "verified"
    ]
    assert [arrow.cues for arrow in early] == [("url_verification", "ssl_check")]


def test_a_state_without_a_place_in_the_layout_stops_the_drawing() -> None:
    lifecycle = connection_lifecycle()
    parted = Lifecycle(
        id=lifecycle.id,
        title=lifecycle.title,
        begins=lifecycle.begins,
        states=lifecycle.states[:-1],
        arrows=lifecycle.arrows,
        stays=(),
        legend=lifecycle.legend,
        table=lifecycle.table,
    )
    with pytest.raises(AdviceError, match="differ in: backoff"):
        places(parted)
