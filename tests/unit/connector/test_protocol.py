"""Socket Mode's frames: what Slack says, however it is written, and the one frame that we send."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slackd.connector.socketmode.protocol import (
    AckFrame,
    Disconnect,
    SlackHello,
    ack_frame,
    read_frame,
)
from slackd.slack.limits import ACK_LIMIT

FIELD_HELLO = (
    '{"type":"hello","num_connections":2,"debug_info":{"host":"applink-d85c5c684-k8lpq","build_number":18,'
    '"approximate_connection_time":18060},"connection_info":{"app_id":"A028U9TTUG1"}}'
)


@pytest.mark.parametrize(
    ("text", "hello"),
    [
        (FIELD_HELLO, SlackHello("applink-d85c5c684-k8lpq", 2, 18060.0)),
        (json.dumps(json.loads(FIELD_HELLO), indent=2), SlackHello("applink-d85c5c684-k8lpq", 2, 18060.0)),
        ('{"type":"hello"}', SlackHello()),
        ('{"num_connections":null,"debug_info":null,"type":"hello"}', SlackHello()),
        ('{"type":"hello","num_connections":"3","debug_info":[1]}', SlackHello()),
        (
            '{"type":"hello","num_connections":true,"debug_info":{"approximate_connection_time":-1}}',
            SlackHello(),
        ),
        ('{"type":"hello","debug_info":{"approximate_connection_time":1e400}}', SlackHello()),
    ],
)
def test_a_hello_however_it_is_written(text: str, hello: SlackHello) -> None:
    assert read_frame(text) == hello


@pytest.mark.parametrize(
    ("text", "disconnect"),
    [
        ('{"type":"disconnect","reason":"warning","debug_info":{"host":"a"}}', Disconnect("warning", "a")),
        ('{ "reason" : "link_disabled", "type" : "disconnect" }', Disconnect("link_disabled")),
        ('{"type":"disconnect"}', Disconnect("unknown")),
        ('{"type":"disconnect","reason":null}', Disconnect("unknown")),
        ('{"type":"disconnect","reason":7}', Disconnect("7")),
    ],
)
def test_a_disconnect_however_it_is_written(text: str, disconnect: Disconnect) -> None:
    assert read_frame(text) == disconnect


@pytest.mark.parametrize(
    "text",
    [
        '{"envelope_id":"e-1","type":"events_api","payload":{}}',
        '{"type":"hello","envelope_id":"e-1"}',
        '{"envelope_id":"e-1","type":"disc',
        '{"type":"something_new"}',
        "no JSON",
        "",
        "[]",
        "null",
        "[" * 10_000,
        '{"type":"hello","pad":"' + "x" * 20_000 + '"}',
    ],
    ids=lambda text: text[:20],
)
def test_everything_else_is_handed_on_as_it_is(text: str) -> None:
    assert read_frame(text) == text


@given(st.text())
def test_no_text_is_too_strange(text: str) -> None:
    assert isinstance(read_frame(text), str | SlackHello | Disconnect)


def test_an_acknowledgement() -> None:
    assert ack_frame("e-1") == AckFrame('{"envelope_id":"e-1"}')
    assert ack_frame("e-1", '{"text": "hi"}') == AckFrame('{"envelope_id":"e-1","payload":{"text": "hi"}}')


@given(st.text(st.characters(exclude_categories=())), st.text(st.characters(exclude_categories=())))
def test_any_acknowledgement_is_json_that_utf8_can_carry(envelope_id: str, text: str) -> None:
    frame = ack_frame(envelope_id, json.dumps({"text": text}, ensure_ascii=False))
    assert frame is not None
    assert json.loads(frame.text.encode()) == {"envelope_id": envelope_id, "payload": {"text": text}}


@pytest.mark.parametrize("letter", ["x", "é", "💥"])
def test_a_payload_that_would_close_the_connection_is_left_out(letter: str) -> None:
    around = len('{"envelope_id":"e-1","payload":""}')
    room = ACK_LIMIT - around - 1
    fits = letter * (room // len(letter.encode()))
    exact = fits + "x" * (room - len(fits.encode()))
    frame = ack_frame("e-1", json.dumps(exact, ensure_ascii=False))
    assert frame is not None
    assert (len(frame.text.encode()), frame.dropped) == (ACK_LIMIT - 1, 0)
    frame = ack_frame("e-1", json.dumps(exact + "x", ensure_ascii=False))
    assert frame == AckFrame('{"envelope_id":"e-1"}', dropped=ACK_LIMIT)


@pytest.mark.parametrize("payload", [None, '{"text":"hi"}'])
def test_an_id_that_would_close_the_connection_is_not_acknowledged(payload: str | None) -> None:
    longest = "e" * (ACK_LIMIT - 1 - len('{"envelope_id":""}'))
    frame = ack_frame(longest, payload)
    assert frame is not None
    assert len(frame.text) == ACK_LIMIT - 1
    assert ack_frame(longest + "e", payload) is None
    assert ack_frame("é" * (len(longest) // len(r"\u00e9") + 1), payload) is None
