"""A WebSocket frame is refused by the length that it announces, before it is read.

aiohttp before 3.14 reads a frame whole and measures it then: a frame of 600 MiB takes 600 MiB. So the bytes
that come in are looked at before aiohttp has them.
"""

from functools import partial
from typing import Any, Final

import aiohttp
from aiohttp.client_proto import ResponseHandler

MESSAGE_LIMIT: Final = 24 * 1024 * 1024
"""Bytes of one WebSocket message; larger ones end the connection."""
_READS_ALL_FIRST: Final = tuple(map(int, aiohttp.__version__.split(".")[:2])) < (3, 14)


def bounded(connector: aiohttp.BaseConnector) -> aiohttp.BaseConnector:
    """Return the connector, whose WebSockets refuse a frame of more than `MESSAGE_LIMIT` bytes unread."""
    if _READS_ALL_FIRST:
        inside: Any = connector
        inside._factory = partial(_BoundedProtocol, *inside._factory.args, **inside._factory.keywords)
    return connector


class FrameLengths:
    """The lengths that a stream of frames announces (RFC 6455, 5.2), as they come. Pure."""

    def __init__(self) -> None:
        self._head = bytearray()
        self._left = 0

    def longest(self, data: bytes) -> int:
        """Return the greatest length, in bytes, of the frames whose heads `data` completes; 0 without one."""
        longest, place = 0, 0
        while place < len(data):
            if self._left:
                step = min(self._left, len(data) - place)
                self._left -= step
                place += step
                continue
            self._head.append(data[place])
            place += 1
            length = _announced(self._head)
            if length is not None:
                self._head.clear()
                self._left, longest = length, max(longest, length)
        return longest


def _announced(head: bytearray) -> int | None:
    """The length that a frame's head announces, once the head is whole."""
    if len(head) < 2:
        return None
    short = head[1] & 0x7F
    more = {126: 2, 127: 8}.get(short, 0)
    if len(head) < 2 + more + (4 if head[1] & 0x80 else 0):
        return None
    return int.from_bytes(head[2 : 2 + more], "big") if more else short


class _BoundedParser:
    """aiohttp's parser, with an eye on what frames announce."""

    def __init__(self, parser: Any, queue: Any) -> None:
        self._parser, self._queue = parser, queue
        self._lengths = FrameLengths()

    def feed_data(self, data: bytes) -> tuple[bool, bytes]:
        is_too_long = self._lengths.longest(data) > MESSAGE_LIMIT
        ends, rest = self._parser.feed_data(data)
        if is_too_long and not ends:
            words = f"a frame of more than {MESSAGE_LIMIT} bytes"
            self._queue.set_exception(aiohttp.WebSocketError(aiohttp.WSCloseCode.MESSAGE_TOO_BIG, words))
            return True, b""
        return bool(ends), rest

    def feed_eof(self) -> None:
        self._parser.feed_eof()


class _BoundedProtocol(ResponseHandler):
    """aiohttp's protocol of one connection. It gets a parser when it becomes a WebSocket, before any frame."""

    def set_parser(self, parser: Any, payload: Any, *more: Any, **named: Any) -> None:
        super().set_parser(_BoundedParser(parser, payload), payload, *more, **named)
