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
_CONTROL = 0x8


class Opcode(enum.IntEnum):
    """Frame types (RFC 6455, section 5.2)."""

    CONTINUATION = 0x0
    TEXT = 0x1
    BINARY = 0x2
    CLOSE = 0x8
    PING = 0x9
    PONG = 0xA


_OPCODES = {int(opcode): opcode for opcode in Opcode}


@frozen
class Frame:
    """One frame of a client's, unmasked."""

    opcode: Opcode
    payload: bytes
    fin: bool = True


def accept_key(key: str) -> str:
    """The `Sec-WebSocket-Accept` for a `Sec-WebSocket-Key` (RFC 6455, section 4.2.2)."""
    return base64.b64encode(hashlib.sha1(key.encode("ascii") + _GUID).digest()).decode("ascii")


def encode(opcode: Opcode, payload: bytes) -> bytes:
    """One unfragmented, unmasked frame, as servers send them."""
    length = len(payload)
    if length < 126:
        return bytes((0x80 | opcode, length)) + payload
    if length < 65536:
        return struct.pack("!BBH", 0x80 | opcode, 126, length) + payload
    return struct.pack("!BBQ", 0x80 | opcode, 127, length) + payload


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
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are complete with `data`.

        Raises:
            FrameViolation: after the frames that came before it; nothing may be fed any more.
        """
        buffer = self._buffer
        buffer += data
        start, end = 0, len(buffer)
        try:
            while end - start >= 2:
                first, second = buffer[start], buffer[start + 1]
                header, length = 2, second & 0x7F
                if length == 126:
                    header = 4
                elif length == 127:
                    header = 10
                if end - start < header:
                    break
                if header > 2:
                    length = int.from_bytes(buffer[start + 2 : start + header], "big")
                self._judge(first, second, length)
                payload_at = start + header + 4
                if end < payload_at + length:
                    break
                mask = bytes(buffer[start + header : payload_at])
                payload = bytes(buffer[payload_at : payload_at + length])
                start = payload_at + length
                yield Frame(_OPCODES[first & 0x0F], unmask(payload, mask), bool(first & 0x80))
        finally:
            del buffer[:start]

    def _judge(self, first: int, second: int, length: int) -> None:
        opcode = first & 0x0F
        if first & 0x70:
            raise FrameViolation(1002, f"RSV != 0 and no extension negotiated, RSV:{(first & 0x70) >> 4}")
        if not second & 0x80:
            raise FrameViolation(1002, "received a frame that is not masked as expected")
        if opcode not in _OPCODES:
            raise FrameViolation(1002, f"frame using reserved opcode {opcode}")
        if opcode & _CONTROL:
            if not first & 0x80:
                raise FrameViolation(1002, "fragmented control frame")
            if length > 125:
                raise FrameViolation(1002, "control frame with payload length > 125 octets")
        elif length > self._max_length:
            raise FrameViolation(1009, f"Max frame length of {self._max_length} has been exceeded.")
