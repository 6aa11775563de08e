"""What a command's end means, and what it is told."""

from hypothesis import given
from hypothesis import strategies as st

from slackd.exec.outcome import (
    DEAD_LETTER,
    MOST_IN_VARIABLE,
    TRY_AGAIN,
    Handled,
    NotHandled,
    environment_of,
    outcome_of,
)
from slackd.plugin import Envelope

RAW = {
    "envelope_id": "e",
    "type": "slash_commands",
    "payload": {"command": "/deploy", "text": "api", "user_id": "U1", "channel_id": "C1"},
}


def test_an_exit_of_zero_is_handled_and_its_output_is_the_answer() -> None:
    assert outcome_of(0, b"", b"noise") == Handled()
    assert outcome_of(0, b"Deploying api\n", b"") == Handled({"text": "Deploying api"})
    assert outcome_of(0, b'{"response_action": "clear"}', b"") == Handled({"response_action": "clear"})
    assert outcome_of(0, b"{not json", b"") == Handled({"text": "{not json"})
    assert outcome_of(0, b"[1]", b"") == Handled({"text": "[1]"})


def test_any_other_end_is_tried_again_but_for_bad_data() -> None:
    assert outcome_of(TRY_AGAIN, b"", b"later\n") == NotHandled("exit status 75: later")
    assert outcome_of(1, b"ignored", b"") == NotHandled("exit status 1")
    assert outcome_of(-9, b"", b"") == NotHandled("signal 9")
    assert outcome_of(DEAD_LETTER, b"", b"no such service") == NotHandled(
        "exit status 65: no such service", True
    )


@given(st.integers(-64, 255), st.binary(max_size=50), st.binary(max_size=50))
def test_whatever_a_command_prints_is_an_outcome(status: int, stdout: bytes, stderr: bytes) -> None:
    assert isinstance(outcome_of(status, stdout, stderr), Handled if status == 0 else NotHandled)


def test_the_environment_has_the_main_fields() -> None:
    envelope = Envelope("4711", 2, "main", "slash_commands", 1.0, 3.5, RAW)
    found = environment_of(envelope)
    assert found["SLACKD_COMMAND"] == "/deploy"
    assert found["SLACKD_TEXT"] == "api"
    assert (found["SLACKD_USER"], found["SLACKD_CHANNEL"]) == ("U1", "C1")
    assert (found["SLACKD_DELIVERY"], found["SLACKD_ATTEMPT"], found["SLACKD_RESPOND_BY"]) == (
        "4711",
        "2",
        "3.500",
    )
    assert found["SLACKD_EVENT"] == ""


@given(st.text() | st.sampled_from(["\0", "\ud800", "é" * MOST_IN_VARIABLE]))
def test_whatever_a_person_writes_fits_into_a_variable(text: str) -> None:
    envelope = Envelope("1", 1, "main", "slash_commands", 0.0, None, {"payload": {"text": text}})
    found = environment_of(envelope)["SLACKD_TEXT"]
    assert "\0" not in found
    assert len(found.encode()) <= MOST_IN_VARIABLE
