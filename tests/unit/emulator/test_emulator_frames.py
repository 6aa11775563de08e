"""Slack's front end takes each frame by itself, and closes on what it does not like."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slackd.slack_server.errors import FrameViolation
from slackd.slack_server.frames import (
    Frame,
    FrameReader,
    Opcode,
    accept_key,
    close_code,
    encode,
    encode_close,
    unmask,
)

MASK = b"\x01\x02\x03\x04"


def client_frame(
    payload: bytes, opcode: int = Opcode.TEXT, *, fin: bool = True, masked: bool = True, rsv: int = 0
) -> bytes:
    length = len(payload)
    flag = 0x80 if masked else 0
    head = bytes([(0x80 if fin else 0) | rsv | opcode])
    if length < 126:
        head += bytes([flag | length])
    elif length < 65536:
        head += bytes([flag | 126]) + length.to_bytes(2, "big")
    else:
        head += bytes([flag | 127]) + length.to_bytes(8, "big")
    return head + (MASK + unmask(payload, MASK) if masked else payload)


@given(st.lists(st.binary(max_size=700), max_size=6), st.lists(st.integers(1, 300), max_size=20))
def test_frames_come_out_as_they_went_in_however_the_bytes_are_cut(
    payloads: list[bytes], cuts: list[int]
) -> None:
    stream = b"".join(client_frame(payload, Opcode.BINARY) for payload in payloads)
    reader = FrameReader(20480)
    frames: list[Frame] = []
    for cut in cuts:
        frames += reader.feed(stream[:cut])
        stream = stream[cut:]
    frames += reader.feed(stream)
    assert [frame.payload for frame in frames] == payloads


def test_a_frame_of_20480_bytes_passes_and_one_byte_more_is_closed_with_1009() -> None:
    assert len(next(FrameReader(20480).feed(client_frame(b"x" * 20480))).payload) == 20480
    with pytest.raises(FrameViolation) as caught:
        list(FrameReader(20480).feed(client_frame(b"x" * 20481)))
    assert (caught.value.code, caught.value.reason) == (
        1009,
        "Max frame length of 20480 has been exceeded.",
    )


def test_a_frame_is_too_long_before_its_content_has_come() -> None:
    with pytest.raises(FrameViolation, match="Max frame length"):
        list(FrameReader(20480).feed(client_frame(b"x" * 30000)[:10]))


def test_frames_before_a_violation_are_handed_out_first() -> None:
    feed = FrameReader(20480).feed(client_frame(b"good") + client_frame(b"bad", masked=False))
    assert next(feed).payload == b"good"
    with pytest.raises(FrameViolation):
        next(feed)


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (client_frame(b"x", masked=False), "not masked"),
        (client_frame(b"x", rsv=0x40), "RSV"),
        (client_frame(b"x", 0x3), "reserved opcode"),
        (client_frame(b"x", Opcode.PING, fin=False), "fragmented control frame"),
        (client_frame(b"x" * 126, Opcode.PING), "control frame with payload length"),
    ],
)
def test_what_breaks_the_protocol_is_closed_with_1002(frame: bytes, reason: str) -> None:
    with pytest.raises(FrameViolation, match=reason) as caught:
        list(FrameReader(20480).feed(frame))
    assert caught.value.code == 1002


def test_parts_of_a_message_come_one_by_one() -> None:
    stream = client_frame(b"one", fin=False) + client_frame(b"two", Opcode.CONTINUATION)
    first, second = FrameReader(20480).feed(stream)
    assert (first.opcode, first.fin) == (Opcode.TEXT, False)
    assert (second.opcode, second.fin) == (Opcode.CONTINUATION, True)


@pytest.mark.parametrize("length", [0, 125, 126, 65535, 65536])
def test_slack_sends_one_frame_of_any_length(length: int) -> None:
    frame = encode(Opcode.TEXT, b"x" * length)
    assert frame[0] == 0x81
    assert frame.endswith(b"x" * length)
    assert len(frame) - length == (2 if length < 126 else 4 if length < 65536 else 10)


def test_a_close_frame_carries_its_code_and_reason() -> None:
    assert close_code(encode_close(1009, "too long")[2:]) == (1009, "too long")
    assert close_code(encode_close(None)[2:]) == (None, "")


def test_the_handshake_key_is_the_one_of_the_rfc() -> None:
    assert accept_key("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
