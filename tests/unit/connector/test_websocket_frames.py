"""A client's text frame is what RFC 6455 says, at every length."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slackd.connector.socketmode.websocket import text_frame


def test_the_example_of_the_rfc() -> None:
    # RFC 6455, 5.7: "A single-frame masked text message (contains "Hello")".
    frame = text_frame(b"Hello", b"\x37\xfa\x21\x3d")
    assert frame == b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"


@pytest.mark.parametrize(
    ("size", "head"),
    [
        (0, b"\x81\x80"),
        (125, b"\x81\xfd"),
        (126, b"\x81\xfe\x00\x7e"),
        (65_535, b"\x81\xfe\xff\xff"),
        (65_536, b"\x81\xff\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_the_length_is_told_in_as_few_bytes_as_can_be(size: int, head: bytes) -> None:
    frame = text_frame(b"x" * size, bytes(4))
    assert frame == head + bytes(4) + b"x" * size


@given(payload=st.binary(max_size=300), mask=st.binary(min_size=4, max_size=4))
def test_masked_again_it_is_what_it_was(payload: bytes, mask: bytes) -> None:
    frame = text_frame(payload, mask)
    masked = frame[len(frame) - len(payload) :]
    assert frame[len(frame) - len(payload) - 4 : len(frame) - len(payload)] == mask
    assert bytes(byte ^ mask[place % 4] for place, byte in enumerate(masked)) == payload
