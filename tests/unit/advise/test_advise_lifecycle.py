"""The transition table that runs a Socket Mode connection, read as a specification."""

from collections.abc import Iterable

import pytest

from slackd import SlackdError
from slackd.connector.socketmode.lifecycle import (
    BEGINS,
    FROM_SLACK,
    TRANSITIONS,
    Cue,
    ImpossibleCueError,
    after,
)
from slackd.slack.connection_states import COUNTS_AS_READY, ConnectionPhase


def live(cues: Iterable[Cue]) -> ConnectionPhase:
    phase = BEGINS
    for cue in cues:
        phase = after(phase, cue)
    return phase


@pytest.mark.parametrize("cue", [Cue.WARNING, Cue.REFRESH_REQUESTED, Cue.ROTATION_DUE])
def test_a_connection_that_must_go_counts_as_ready_until_its_replacement_is_up(cue: Cue) -> None:
    leaving = live([Cue.HELLO, cue])
    assert leaving is ConnectionPhase.LEAVING
    assert leaving in COUNTS_AS_READY
    assert after(leaving, Cue.REPLACEMENT_READY) is ConnectionPhase.RETIRING


@pytest.mark.parametrize("cue", [Cue.WARNING, Cue.REFRESH_REQUESTED, Cue.ROTATION_DUE])
def test_a_second_reason_to_leave_asks_for_no_second_replacement(cue: Cue) -> None:
    assert after(ConnectionPhase.LEAVING, cue) is ConnectionPhase.LEAVING


def test_a_drop_that_races_with_a_warning_never_yields_two_replacements() -> None:
    assert live([Cue.HELLO, Cue.WARNING, Cue.DROPPED]) is ConnectionPhase.CLOSED
    assert live([Cue.HELLO, Cue.WARNING, Cue.DROPPED, Cue.REPLACEMENT_READY]) is ConnectionPhase.CLOSED
    assert live([Cue.HELLO, Cue.DROPPED, Cue.WARNING]) is ConnectionPhase.BACKOFF


def test_a_drop_without_warning_dials_again() -> None:
    assert live([Cue.HELLO, Cue.DROPPED, Cue.RETRY_DUE]) is ConnectionPhase.DIALLING


def test_a_drain_waits_for_no_replacement_and_goes_on_reading() -> None:
    assert live([Cue.HELLO, Cue.DRAIN]) is ConnectionPhase.RETIRING
    assert live([Cue.HELLO, Cue.WARNING, Cue.DRAIN]) is ConnectionPhase.RETIRING
    assert live([Cue.HELLO, Cue.DRAIN, Cue.CLOSED_BY_EITHER]) is ConnectionPhase.CLOSED


def test_a_hello_after_the_drain_makes_nothing_ready_again() -> None:
    assert live([Cue.DRAIN, Cue.HELLO]) is ConnectionPhase.RETIRING
    assert live([Cue.DRAIN, Cue.DIAL_FAILED]) is ConnectionPhase.CLOSED


def test_a_stalled_connection_is_not_relied_on_but_read_until_its_replacement_is_up() -> None:
    stalled = live([Cue.HELLO, Cue.STALLED])
    assert stalled is ConnectionPhase.RETIRING
    assert stalled not in COUNTS_AS_READY
    assert after(stalled, Cue.REPLACEMENT_READY) is ConnectionPhase.RETIRING


def test_a_retiring_connection_never_dials_again() -> None:
    assert {ConnectionPhase.BACKOFF, ConnectionPhase.DIALLING}.isdisjoint(
        TRANSITIONS[ConnectionPhase.RETIRING].values()
    )
    assert set(TRANSITIONS[ConnectionPhase.CLOSED].values()) == {ConnectionPhase.CLOSED}


@pytest.mark.parametrize("cue", [Cue.DIAL_FAILED, Cue.APP_REFUSED, Cue.TOO_MANY_WEBSOCKETS, Cue.LINK_DISABLED])
def test_a_dial_without_hello_waits_before_the_next(cue: Cue) -> None:
    assert after(ConnectionPhase.DIALLING, cue) is ConnectionPhase.BACKOFF


@pytest.mark.parametrize("phase", ConnectionPhase)
def test_whatever_slack_sends_and_a_drain_have_a_meaning_in_every_phase(phase: ConnectionPhase) -> None:
    assert FROM_SLACK | {Cue.DRAIN} <= TRANSITIONS[phase].keys()


@pytest.mark.parametrize("phase", [each for each in ConnectionPhase if each is not ConnectionPhase.CLOSED])
def test_from_every_phase_a_drain_and_a_close_lead_to_the_end(phase: ConnectionPhase) -> None:
    assert after(after(phase, Cue.DRAIN), Cue.CLOSED_BY_EITHER) is ConnectionPhase.CLOSED


def test_only_a_hello_makes_a_connection_ready() -> None:
    entries = {(p, c) for p, cues in TRANSITIONS.items() for c, q in cues.items() if q is ConnectionPhase.READY}
    assert entries == {(ConnectionPhase.DIALLING, Cue.HELLO), (ConnectionPhase.READY, Cue.HELLO)}


def test_a_cue_that_cannot_be_says_so() -> None:
    with pytest.raises(ImpossibleCueError, match="ready can't be told 'retry due'") as raised:
        after(ConnectionPhase.READY, Cue.RETRY_DUE)
    assert isinstance(raised.value, SlackdError)
    assert (raised.value.phase, raised.value.cue) == (ConnectionPhase.READY, Cue.RETRY_DUE)


def test_every_phase_and_cue_is_reached_and_told_in_a_line() -> None:
    assert {q for cues in TRANSITIONS.values() for q in cues.values()} == set(ConnectionPhase)
    assert {c for cues in TRANSITIONS.values() for c in cues} == set(Cue)
    assert all(member.meaning and "\n" not in member.meaning for member in (*ConnectionPhase, *Cue))
