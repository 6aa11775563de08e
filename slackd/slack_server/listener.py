"""The listener: one port for Slack's Web API and for its WebSockets.

WebSocket handshakes (`GET /link/...`) are taken here, byte by byte, so that a handshake can fail in all the
ways in which Slack's do and frames can be as strict as Slack's; the rest goes to aiohttp's HTTP server.
"""

from __future__ import annotations

import asyncio
import http
from collections.abc import Callable, Iterable
from typing import Any, cast

from slackd.held_bytes import HeldBytes
from slackd.slack_server.admission import Admit, Hang, RefuseDial, Reset, SocketModeServer
from slackd.slack_server.frames import accept_key
from slackd.slack_server.websocket import ServerWebSocket
from slackd.slotted import frozen

_LINK = b"GET /link"
_END_OF_HEAD = b"\r\n\r\n"
_LONGEST_HEAD = 65536
READ_SIZE = 262_144
"""Bytes that are read from a connection at once, as many as asyncio's own."""
MOST_AHEAD = 64
"""Requests that wait behind the one under way, on one connection. Newer versions of aiohttp read no more by
themselves; Debian 12's reads on, and each request that waits takes fifty times its bytes."""
_chunk = memoryview(bytearray(READ_SIZE))
"""What the loop reads into; each protocol is called with it before anything else is read."""


@frozen
class Handshake:
    """The head of a WebSocket handshake."""

    target: str
    headers: dict[str, str]

    @classmethod
    def parse(cls, head: bytes) -> Handshake:
        """Read the request line and the headers; names are lower case.

        Returns:
            The handshake.
        """
        request_line, *lines = head.decode("latin-1").split("\r\n")
        words = request_line.split(" ")
        pairs = (line.partition(":") for line in lines if line)
        headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
        return cls(words[1] if len(words) > 1 else "", headers)

    @property
    def key(self) -> str | None:
        """The `Sec-WebSocket-Key`, if this is a proper handshake of version 13."""
        if "websocket" not in self.headers.get("upgrade", "").lower():
            return None
        if self.headers.get("sec-websocket-version") != "13":
            return None
        return self.headers.get("sec-websocket-key")


class UnknownClients:
    """Connections that have shown no good credentials yet. Of too many, the one that came first ends; of those
    that have sent too much in all, the one that has sent most. So nobody who may not use the server can keep it
    from those who may.

    Args:
        most: how many there may be.
        most_bytes: bytes that all of them may have sent without having been answered.
    """

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most = most
        self._transports: dict[asyncio.Transport, int] = {}
        self._unanswered: HeldBytes[asyncio.Transport] = HeldBytes(most_bytes)

    def __len__(self) -> int:
        return len(self._transports)

    def add(self, transport: asyncio.Transport) -> None:
        """It has connected."""
        self._transports[transport] = 0
        if len(self._transports) > self._most:
            self._end(next(iter(self._transports)))

    def received(self, transport: asyncio.Transport, size: int) -> None:
        """So many bytes more have come over it."""
        if transport not in self._transports:
            return
        self._transports[transport] += size
        self._unanswered.hold(transport, self._transports[transport])
        if self._unanswered.exceeded and (greatest := self._unanswered.greatest) is not None:
            self._end(greatest)

    def answered(self, transport: asyncio.Transport) -> None:
        """What it sent was answered, and is gone."""
        if transport in self._transports:
            self._transports[transport] = 0
            self._unanswered.hold(transport, 0)

    def discard(self, transport: asyncio.Transport) -> None:
        """It is known now, or gone."""
        self._transports.pop(transport, None)
        self._unanswered.hold(transport, 0)

    def end_all(self) -> None:
        """No descriptor is left."""
        for transport in list(self._transports):
            self._end(transport)

    def _end(self, transport: asyncio.Transport) -> None:
        self.discard(transport)
        transport.abort()


class LentTransport:
    """A transport in aiohttp's hands, which can be taken back: then aiohttp can't close it any more.

    Attributes:
        owes_answer: what came last over it has not been answered: what comes next may be of its body.
    """

    def __init__(
        self,
        transport: asyncio.Transport,
        identified: Callable[[], None],
        answered: Callable[[], None],
        wrote: Callable[[], None],
    ) -> None:
        self._transport = transport
        self.identified, self._answered, self._wrote = identified, answered, wrote
        self.taken_back = False
        self.owes_answer = False

    def write(self, data: bytes) -> None:
        """As in `asyncio.Transport`."""
        # "100 Continue" asks for the body.
        if bytes(data[:12]) != b"HTTP/1.1 100":
            self._has_answered()
        self._transport.write(data)
        self._wrote()

    def writelines(self, data: Iterable[bytes]) -> None:
        """As in `asyncio.Transport`."""
        self._has_answered()
        self._transport.writelines(data)
        self._wrote()

    def _has_answered(self) -> None:
        if self.owes_answer:
            self.owes_answer = False
            self._answered()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def close(self) -> None:
        """As in `asyncio.Transport`, unless it was taken back."""
        if not self.taken_back:
            self._transport.close()

    def abort(self) -> None:
        """As in `asyncio.Transport`, unless it was taken back."""
        if not self.taken_back:
            self._transport.abort()


class HandshakeListener(asyncio.BufferedProtocol):
    """One TCP connection, until it is known what it is for.

    Args:
        read_size: bytes that are read at once, `READ_SIZE` at most, where they may be of a body, which keeps
            all of them.
    """

    def __init__(
        self,
        server: SocketModeServer,
        http_server: Callable[[], asyncio.Protocol],
        inside: set[asyncio.Transport],
        unknown: UnknownClients | None = None,
        read_size: int = READ_SIZE,
    ) -> None:
        self._buffer = _chunk[:read_size]
        self._server = server
        self._unknown = unknown
        self._http_server = http_server
        self._inside = inside
        self._http: asyncio.Protocol | None = None
        self._lent = LentTransport(asyncio.Transport(), self._identified, self._answered, self._wrote)
        self._websocket: ServerWebSocket | None = None
        self._head = bytearray()
        self._turned_away = False
        self._is_far_ahead = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A client has connected."""
        # Not isinstance: uvloop's transports are none of asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        self._inside.add(self._transport)
        if self._unknown is not None:
            self._unknown.add(self._transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        """As in `asyncio.BufferedProtocol`."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes came in."""
        self.data_received(bytes(self._buffer[:nbytes]))

    def data_received(self, data: bytes) -> None:
        """Bytes came in."""
        if self._websocket is not None:
            self._websocket.data_received(data)
        elif self._head or (data.startswith(_LINK) and not self._lent.owes_answer):
            self._handshake(data)
        elif not self._turned_away:
            if self._http is None:
                self._http = self._http_server()
                self._lent = LentTransport(self._transport, self._identified, self._answered, self._wrote)
                self._http.connection_made(cast(asyncio.Transport, self._lent))
            self._lent.owes_answer = True
            if self._unknown is not None:
                self._unknown.received(self._transport, len(data))
            self._http.data_received(data)
            if self._ahead > MOST_AHEAD:
                self._is_far_ahead = True
                self._transport.pause_reading()

    def eof_received(self) -> bool | None:
        """The client sends no more."""
        return self._http.eof_received() if self._http is not None else None

    def connection_lost(self, exc: Exception | None) -> None:
        """The TCP connection is no more."""
        self._inside.discard(self._transport)
        self._identified()
        if self._websocket is not None:
            self._websocket.lost()
        elif self._http is not None:
            self._http.connection_lost(exc)

    def pause_writing(self) -> None:
        """The client reads more slowly than we write."""
        if self._http is not None and self._websocket is None:
            self._http.pause_writing()

    def resume_writing(self) -> None:
        """The client has caught up."""
        if self._http is not None and self._websocket is None:
            self._http.resume_writing()

    @property
    def _ahead(self) -> int:
        """Requests that aiohttp has read and not begun."""
        return len(getattr(self._http, "_messages", ()))

    def _wrote(self) -> None:
        if self._is_far_ahead and self._ahead <= MOST_AHEAD // 2:
            self._is_far_ahead = False
            self._transport.resume_reading()

    def _identified(self) -> None:
        if self._unknown is not None:
            self._unknown.discard(self._transport)

    def _answered(self) -> None:
        if self._unknown is not None:
            self._unknown.answered(self._transport)

    def _handshake(self, data: bytes) -> None:
        self._head += data
        end = self._head.find(_END_OF_HEAD)
        if end < 0:
            if len(self._head) > _LONGEST_HEAD:
                self._transport.abort()
            return
        head, rest = bytes(self._head[:end]), bytes(self._head[end + len(_END_OF_HEAD) :])
        self._head.clear()
        self._turned_away = True
        if self._http is not None:
            # A client that keeps connections alive may dial on one that served a Web API call before.
            self._lent.taken_back = True
            self._http.connection_lost(None)
            self._http = None
        self._answer(Handshake.parse(head), rest)

    def _answer(self, handshake: Handshake, rest: bytes) -> None:
        if handshake.key is None:
            self._refuse(RefuseDial(400, "not a WebSocket handshake"))
            return
        now = asyncio.get_running_loop().time()
        match self._server.dial(handshake.target, now):
            case Admit() as admitted:
                self._identified()
                self._transport.write(
                    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n"
                    b"Sec-WebSocket-Accept: " + accept_key(handshake.key).encode() + b"\r\n\r\n"
                )
                self._buffer = _chunk  # What comes now is no body.
                self._websocket = ServerWebSocket(self._server, admitted, self._transport)
                admitted.life.opened(admitted.connection, self._websocket, now)
                if rest:
                    self._websocket.data_received(rest)
            case RefuseDial() as refusal:
                self._refuse(refusal)
            case Reset():
                self._transport.abort()
            case Hang():
                pass

    def _refuse(self, refusal: RefuseDial) -> None:
        body = refusal.body.encode()
        try:
            phrase = http.HTTPStatus(refusal.status).phrase
        except ValueError:
            phrase = "Unknown"
        head = (
            f"HTTP/1.1 {refusal.status} {phrase}\r\nContent-Type: text/html; charset=utf-8\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        self._transport.write(head.encode() + body)
        self._transport.close()
