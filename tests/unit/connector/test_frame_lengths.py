"""The lengths that a stream of frames announces, however it is cut."""

from hypothesis import given
from hypothesis import strategies as st

from slackd.connector.frame_limit import FrameLengths
from slackd.connector.socketmode.websocket import text_frame

sizes = st.lists(st.sampled_from([0, 1, 125, 126, 127, 65_535, 65_536, 70_000]), max_size=4)


def server_frame(size: int) -> bytes:
    if size < 126:
        return bytes((0x81, size)) + b"x" * size
    if size < 1 << 16:
        return b"\x81\x7e" + size.to_bytes(2, "big") + b"x" * size
    return b"\x81\x7f" + size.to_bytes(8, "big") + b"x" * size


@given(sizes, st.integers(1, 9_000))
def test_every_frames_length_is_seen_however_the_stream_is_cut(lengths: list[int], step: int) -> None:
    stream = b"".join(map(server_frame, lengths))
    watched = FrameLengths()
    seen = [watched.longest(stream[start : start + step]) for start in range(0, len(stream), step)]
    assert max(seen, default=0) == max(lengths, default=0)


def test_a_head_is_measured_before_its_payload_comes() -> None:
    watched = FrameLengths()
    assert watched.longest(server_frame(3) + b"\x81\x7f" + (600 << 20).to_bytes(8, "big")) == 600 << 20
    assert watched.longest(b"x" * 1000) == 0


def test_a_masked_frame_has_a_longer_head() -> None:
    watched = FrameLengths()
    assert watched.longest(text_frame(b"y" * 300, b"mask") + server_frame(5)) == 300
