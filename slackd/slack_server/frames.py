"""Slack's end of the WebSocket protocol (RFC 6455), as strict as Slack's front end, sans I/O.

Slack's front end passes on each frame by itself: a message in several frames is never put together again, and a
frame's length is judged before its content has arrived. No extension is negotiated.
"""

from __future__ import annotations

import base64
import enum
import hashlib
import struct
from collections.abc import Iterator

from slackd.slack_server.errors import FrameViolation
from slackd.slotted import frozen

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_FIN, _RSV, _OPCODE, _CONTROL = 0x80, 0x70, 0x0F, 0x08
_MASKED, _LENGTH = 0x80, 0x7F
_LONGEST_CONTROL = 125


class Opcode(enum.IntEnum):
    """Frame types (RFC 6455, section 5.2)."""

    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


_OPCODES = {int(opcode): opcode for opcode in Opcode}
_ALLOWED = {_FIN | opcode for opcode in Opcode} | {opcode for opcode in Opcode if not opcode & _CONTROL}
"""What the first byte of a frame may be: only messages may come in parts."""


@frozen
class Frame:
    """One frame of a client's, unmasked."""

    opcode: Opcode
    payload: bytes
    fin: bool = True


def accept_key(key: str) -> str:
    """The `Sec-WebSocket-Accept` for a `Sec-WebSocket-Key` (RFC 6455, section 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key.encode("ascii") + _GUID).digest()).decode("ascii")


def frame_header(opcode: Opcode, length: int) -> bytes:
    """What precedes a payload of that length in an unfragmented, unmasked frame, as servers send them."""
    if length < 126:
        return bytes((_FIN | opcode, length))
    if length < 65536:
        return struct.pack("!BBH", _FIN | opcode, 126, length)
    return struct.pack("!BBQ", _FIN | opcode, 127, length)


def encode(opcode: Opcode, payload: bytes) -> bytes:
    """One unfragmented, unmasked frame."""
    return frame_header(opcode, len(payload)) + payload


def encode_close(code: int | None, reason: str = "") -> bytes:
    """A Close frame; without a code its body is empty."""
    body = b"" if code is None else struct.pack("!H", code) + reason.encode()[:123]
    return encode(Opcode.CLOSE, body)


def close_code(payload: bytes) -> tuple[int | None, str]:
    """The code and reason in the body of a Close frame."""
    if len(payload) < 2:
        return None, ""
    return int.from_bytes(payload[:2], "big"), payload[2:].decode("utf-8", "replace")


def unmask(payload: bytes, mask: bytes) -> bytes:
    """The payload with its mask taken off (RFC 6455, section 5.3)."""
    length = len(payload)
    repeated = (mask * (length // 4 + 1))[:length]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(length, "big")


class FrameReader:
    """Cuts what a client sends into frames."""

    def __init__(self, max_length: int) -> None:
        self._max_length = max_length
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are complete with `data`.

        Raises:
            FrameViolation: after the frames that came before it; nothing may be fed any more.
        """
        buffer = self._rest + data
        start, end = 0, len(buffer)
        try:
            while end - start >= 2:
                first, second = buffer[start], buffer[start + 1]
                mask_at, length = start + 2, second & _LENGTH
                if length > 125:
                    mask_at += 2 if length == 126 else 8
                    if end < mask_at:
                        break
                    length = int.from_bytes(buffer[start + 2 : mask_at], "big")
                longest = _LONGEST_CONTROL if first & _CONTROL else self._max_length
                if first not in _ALLOWED or not second & _MASKED or length > longest:
                    raise self._violation(first, second, length)
                payload_at = mask_at + 4
                if end < payload_at + length:
                    break
                start = payload_at + length
                payload = unmask(buffer[payload_at:start], buffer[mask_at:payload_at])
                yield Frame(_OPCODES[first & _OPCODE], payload, first >= _FIN)
        finally:
            self._rest = buffer[start:]

    def _violation(self, first: int, second: int, length: int) -> FrameViolation:
        opcode = first & _OPCODE
        if first & _RSV:
            return FrameViolation(1002, f"RSV != 0 and no extension negotiated, RSV:{(first & _RSV) >> 4}")
        if not second & _MASKED:
            return FrameViolation(1002, "received a frame that is not masked as expected")
        if opcode not in _OPCODES:
            return FrameViolation(1002, f"frame using reserved opcode {opcode}")
        if opcode & _CONTROL and first < _FIN:
            return FrameViolation(1002, "fragmented control frame")
        if opcode & _CONTROL:
            return FrameViolation(1002, "control frame with payload length > 125 octets")
        return FrameViolation(1009, f"Max frame length of {self._max_length} has been exceeded.")
