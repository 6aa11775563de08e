"""An acknowledgement is whatever JSON says is one, however it is spelt."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slackd.slack_server.messages import read_ack


@given(st.text(max_size=60), st.booleans())
def test_an_id_is_read_as_json_reads_it(envelope_id: str, ascii_only: bool) -> None:
    for separators in ((",", ":"), (", ", ": ")):
        text = json.dumps({"envelope_id": envelope_id}, ensure_ascii=ascii_only, separators=separators)
        assert read_ack(text.encode("utf-8", "surrogatepass")) == (envelope_id, None)


def test_a_payload_is_read_with_it() -> None:
    assert read_ack(b'{"payload":{"text":"hi"},"envelope_id":"e-1"}') == ("e-1", {"text": "hi"})


@pytest.mark.parametrize(
    "text",
    [
        b'{"envelope_id":"e-1"',
        b'{"envelope_id":\x0b"e-1"}',
        b'{"envelope_id":"e-1",}',
        b'{"envelope_id":"e\n1"}',
        b'{"envelope_id":"e-1"}x',
        b'{"envelope_id":1}',
        b'["envelope_id","e-1"]',
    ],
)
def test_what_is_no_json_object_with_an_id_acknowledges_nothing(text: bytes) -> None:
    assert read_ack(text) is None
