"""The transition table that runs a Socket Mode connection, read as a specification (design, section 5)."""

from collections.abc import Iterable

import pytest

from slackd import SlackdError
from slackd.connector.socketmode.lifecycle import (
    BEGINS,
    COUNTS_AS_READY,
    FROM_SLACK,
    TRANSITIONS,
    Cue,
    ImpossibleCueError,
    Phase,
    after,
)


def live(cues: Iterable[Cue]) -> Phase:
    phase = BEGINS
    for cue in cues:
        phase = after(phase, cue)
    return phase


@pytest.mark.parametrize("cue", [Cue.WARNING, Cue.REFRESH_REQUESTED, Cue.ROTATION_DUE])
def test_a_connection_that_must_go_counts_as_ready_until_its_replacement_is_up(cue: Cue) -> None:
    leaving = live([Cue.HELLO, cue])
    assert leaving is Phase.LEAVING
    assert leaving in COUNTS_AS_READY
    assert after(leaving, Cue.REPLACEMENT_READY) is Phase.RETIRING


@pytest.mark.parametrize("cue", [Cue.WARNING, Cue.REFRESH_REQUESTED, Cue.ROTATION_DUE])
def test_a_second_reason_to_leave_asks_for_no_second_replacement(cue: Cue) -> None:
    assert after(Phase.LEAVING, cue) is Phase.LEAVING


def test_a_drop_that_races_with_a_warning_never_yields_two_replacements() -> None:
    assert live([Cue.HELLO, Cue.WARNING, Cue.DROPPED]) is Phase.CLOSED
    assert live([Cue.HELLO, Cue.WARNING, Cue.DROPPED, Cue.REPLACEMENT_READY]) is Phase.CLOSED
    assert live([Cue.HELLO, Cue.DROPPED, Cue.WARNING]) is Phase.BACKOFF


def test_a_drop_without_warning_dials_again() -> None:
    assert live([Cue.HELLO, Cue.DROPPED, Cue.RETRY_DUE]) is Phase.DIALLING


def test_a_drain_waits_for_no_replacement_and_goes_on_reading() -> None:
    assert live([Cue.HELLO, Cue.DRAIN]) is Phase.RETIRING
    assert live([Cue.HELLO, Cue.WARNING, Cue.DRAIN]) is Phase.RETIRING
    assert live([Cue.HELLO, Cue.DRAIN, Cue.CLOSED_BY_EITHER]) is Phase.CLOSED


def test_a_hello_after_the_drain_makes_nothing_ready_again() -> None:
    assert live([Cue.DRAIN, Cue.HELLO]) is Phase.RETIRING
    assert live([Cue.DRAIN, Cue.DIAL_FAILED]) is Phase.CLOSED


def test_a_stalled_connection_is_not_relied_on_but_read_until_its_replacement_is_up() -> None:
    stalled = live([Cue.HELLO, Cue.STALLED])
    assert stalled is Phase.RETIRING
    assert stalled not in COUNTS_AS_READY
    assert after(stalled, Cue.REPLACEMENT_READY) is Phase.RETIRING


def test_a_retiring_connection_never_dials_again() -> None:
    assert {Phase.BACKOFF, Phase.DIALLING}.isdisjoint(TRANSITIONS[Phase.RETIRING].values())
    assert set(TRANSITIONS[Phase.CLOSED].values()) == {Phase.CLOSED}


@pytest.mark.parametrize("cue", [Cue.DIAL_FAILED, Cue.APP_REFUSED, Cue.TOO_MANY_WEBSOCKETS, Cue.LINK_DISABLED])
def test_a_dial_without_hello_waits_before_the_next(cue: Cue) -> None:
    assert after(Phase.DIALLING, cue) is Phase.BACKOFF


@pytest.mark.parametrize("phase", Phase)
def test_whatever_slack_sends_and_a_drain_have_a_meaning_in_every_phase(phase: Phase) -> None:
    assert FROM_SLACK | {Cue.DRAIN} <= TRANSITIONS[phase].keys()


@pytest.mark.parametrize("phase", set(Phase) - {Phase.CLOSED})
def test_from_every_phase_a_drain_and_a_close_lead_to_the_end(phase: Phase) -> None:
    assert after(after(phase, Cue.DRAIN), Cue.CLOSED_BY_EITHER) is Phase.CLOSED


def test_only_a_hello_makes_a_connection_ready() -> None:
    entries = {(p, c) for p, cues in TRANSITIONS.items() for c, q in cues.items() if q is Phase.READY}
    assert entries == {(Phase.DIALLING, Cue.HELLO), (Phase.READY, Cue.HELLO)}


def test_a_cue_that_cannot_be_says_so() -> None:
    with pytest.raises(ImpossibleCueError, match="ready can't be told 'retry due'") as raised:
        after(Phase.READY, Cue.RETRY_DUE)
    assert isinstance(raised.value, SlackdError)
    assert (raised.value.phase, raised.value.cue) == (Phase.READY, Cue.RETRY_DUE)


def test_every_phase_and_cue_is_reached_and_told_in_a_line() -> None:
    assert {q for cues in TRANSITIONS.values() for q in cues.values()} == set(Phase)
    assert {c for cues in TRANSITIONS.values() for c in cues} == set(Cue)
    assert all(member.meaning and "\n" not in member.meaning for member in (*Phase, *Cue))
