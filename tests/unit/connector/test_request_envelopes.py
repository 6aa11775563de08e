"""What Slack posts, in Socket Mode's shape: a plugin can't tell."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slackd.connector.request_url.envelopes import (
    FORM,
    JSON,
    Posted,
    UnreadableBodyError,
    UrlVerification,
    read_body,
)

INNER = {"type": "app_mention", "text": "é"}
EVENT = {"type": "event_callback", "event_id": "Ev1", "token": "legacy", "event": INNER}
COMMAND = {
    "command": "/deploy",
    "text": "api now",
    "response_url": "https://hooks.slack.com/c/1",
    "user_id": "U1",
}
ACTIONS = {"type": "block_actions", "actions": [{"action_id": "approve"}], "trigger_id": "1.2"}


def envelope(content_type: str, body: bytes, **more: str) -> dict[str, Any]:
    found = read_body(content_type, body, envelope_id="e-1", **more)
    assert isinstance(found, Posted)
    value: dict[str, Any] = json.loads(found.text)
    return value


def test_an_event() -> None:
    assert envelope(JSON, json.dumps(EVENT).encode()) == {
        "envelope_id": "e-1",
        "type": "events_api",
        "accepts_response_payload": False,
        "retry_attempt": 0,
        "retry_reason": "",
        "payload": EVENT,
    }


def test_slacks_text_goes_in_as_it_came() -> None:
    body = '{"type" :"event_callback",\n "event": {"text":"\\u00e9 \\/ é", "n": 1.0}}'
    found = read_body(JSON, body.encode())
    assert isinstance(found, Posted)
    assert found.is_event
    assert found.text.endswith(f'"payload": {body}}}')


def test_a_retry_says_which_and_why() -> None:
    found = envelope(JSON, json.dumps(EVENT).encode(), retry_num="2", retry_reason="http_timeout")
    assert (found["retry_attempt"], found["retry_reason"]) == (2, "http_timeout")
    assert envelope(JSON, b"{}", retry_num="-1")["retry_attempt"] == 0
    assert envelope(JSON, b"{}", retry_num="9" * 99)["retry_attempt"] == 0


def test_a_command_is_its_fields_with_the_empty_ones() -> None:
    fields = {**COMMAND, "text": "", "channel_name": "a&b=c é+"}
    found = envelope(FORM, urlencode(fields).encode())
    assert (found["type"], found["accepts_response_payload"], found["payload"]) == (
        "slash_commands",
        True,
        fields,
    )
    assert "retry_attempt" not in found


@pytest.mark.parametrize(
    "payload", [ACTIONS, {"type": "view_submission", "view": {"state": {}}}, {"type": "block_suggestion"}]
)
def test_an_interaction_is_the_forms_payload(payload: dict[str, Any]) -> None:
    found = envelope(FORM, urlencode({"payload": json.dumps(payload)}).encode())
    assert (found["type"], found["accepts_response_payload"], found["payload"]) == (
        "interactive",
        True,
        payload,
    )


def test_a_challenge() -> None:
    body = b'{"token":"x","challenge":"3eZb","type":"url_verification"}'
    assert read_body(JSON, body) == UrlVerification("3eZb")


def test_a_challenge_that_no_utf8_holds_is_refused_with_words() -> None:
    with pytest.raises(UnreadableBodyError, match="challenge"):
        read_body(JSON, b'{"challenge":"\\ud800","type":"url_verification"}')


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (JSON, b""),
        (JSON, b"[]"),
        (JSON, b'{"a":NaN}'),
        (JSON, b'{"a":1}, "type": "interactive"'),
        (JSON, b"\xff\xfe{}"),
        (JSON, b"[" * 100_000),
        (FORM, b""),
        (FORM, b"payload=1"),
        (FORM, b"payload=%7B%7D&payload=%7B%7D"),
        (FORM, b"command=%2Fa&command=%2Fb"),
        (FORM, b"command=%ff%fe"),
        (FORM, b"text=only"),
        (FORM, b"&".join(b"f%d=1" % number for number in range(1_000))),
        ("text/plain", b"{}"),
    ],
)
def test_what_slack_never_sends_is_refused_with_words(content_type: str, body: bytes) -> None:
    with pytest.raises(UnreadableBodyError, match=r"\w+"):
        read_body(content_type, body)


@given(st.sampled_from([JSON, FORM]), st.binary(max_size=300))
def test_whatever_comes_is_an_envelope_or_refused(content_type: str, body: bytes) -> None:
    try:
        found = read_body(content_type, body)
    except UnreadableBodyError:
        return
    if isinstance(found, Posted):
        assert set(json.loads(found.text)) >= {"envelope_id", "type", "payload"}


@given(st.dictionaries(st.text(), st.recursive(st.text() | st.integers(), st.lists, max_leaves=5), max_size=4))
def test_no_payload_reaches_out_of_its_member(payload: dict[str, Any]) -> None:
    payload.pop("type", None)
    assert envelope(JSON, json.dumps(payload).encode())["payload"] == payload
