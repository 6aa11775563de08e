"""One client's WebSocket on an asyncio transport: bytes in, frames to the core, frames out."""

from __future__ import annotations

import asyncio
import socket
import struct

from slackd.slack_server.admission import Admit, SocketModeServer
from slackd.slack_server.errors import FrameViolation
from slackd.slack_server.frames import (
    Frame,
    FrameReader,
    Opcode,
    close_code,
    encode,
    encode_close,
    frame_header,
)

_UNREAD = 65_536  # bytes


class ServerWebSocket:
    """Slack's end of one WebSocket, after the handshake.

    Frames that are sent in one turn of the loop go out together.
    """

    def __init__(
        self,
        server: SocketModeServer,
        admitted: Admit,
        transport: asyncio.Transport,
    ) -> None:
        self._server = server
        self._connection = admitted.connection
        self._life = admitted.life
        self._transport = transport
        self._loop = asyncio.get_running_loop()
        self._frames = FrameReader(server.settings.max_frame_bytes)
        self._outgoing: list[bytes] = []
        self._close_sent = False
        self._ignores_input = False

    def send_text(self, text: str) -> None:
        """Send one text frame."""
        payload = text.encode()
        self._write(frame_header(Opcode.TEXT, len(payload)), payload)

    def send_ping(self, payload: bytes) -> None:
        """Send a ping."""
        self._write(encode(Opcode.PING, payload))

    def send_raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        self._write(data)

    def close(self, code: int | None, reason: str) -> None:
        """Send a Close frame; the TCP connection ends when it is answered, or after `close_timeout`."""
        if self._close_sent:
            return
        self._write(encode_close(code, reason))
        self._close_sent = True
        settings = self._server.settings
        if self._connection.closes_tcp:
            self._loop.call_later(settings.scaled(settings.close_timeout), self._end_tcp)

    def abort(self, *, reset: bool = False) -> None:
        """End the TCP connection without a frame; with `reset` by a TCP reset."""
        self._flush()
        if reset:
            raw = self._transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()
        else:
            self._end_tcp()

    def data_received(self, data: bytes) -> None:
        """The client sent bytes."""
        if self._ignores_input:
            return
        now = self._connection.last_heard = self._loop.time()
        try:
            for frame in self._frames.feed(data):
                self._frame(frame, now)
                if frame.opcode is Opcode.CLOSE:
                    return
        except FrameViolation as violation:
            self._violated(violation)

    def lost(self) -> None:
        """The TCP connection is no more."""
        self._ignores_input = True
        self._life.lost(self._connection, self._loop.time())

    def _frame(self, frame: Frame, now: float) -> None:
        match frame.opcode:
            case Opcode.TEXT:
                if frame.fin:
                    _check_utf8(frame.payload)
                self._life.received(self._connection, frame.payload, now, whole=frame.fin)
            case Opcode.CONTINUATION:
                self._life.received(self._connection, frame.payload, now, whole=False)
            case Opcode.BINARY:
                self._life.odd(self._connection, "binary frame")
            case Opcode.PING:
                # Who doesn't read the answers gets none, or they would fill the memory.
                reads = self._transport.get_write_buffer_size() < _UNREAD
                if reads and not self._connection.silent and not self._close_sent:
                    self._write(encode(Opcode.PONG, frame.payload))
            case Opcode.PONG:
                if frame.payload == self._server.settings.ping_text.encode():
                    self._life.ponged(self._connection)
            case Opcode.CLOSE:
                self._closed(frame)

    def _closed(self, frame: Frame) -> None:
        connection = self._connection
        if connection.silent:
            return
        self._ignores_input = True
        if not connection.end_unseen:
            self._life.closed(connection, close_code(frame.payload)[0], self._loop.time())
        if not self._close_sent and connection.answers_close:
            self._write(encode(Opcode.CLOSE, frame.payload[:2]))
            self._close_sent = True
        if connection.closes_tcp and (self._close_sent or connection.answers_close):
            self._end_tcp()

    def _violated(self, violation: FrameViolation) -> None:
        if self._connection.silent:
            return
        self._ignores_input = True
        self._life.violated(self._connection, violation.reason, self._loop.time())
        if not self._close_sent:
            self._write(encode_close(violation.code, violation.reason))
            self._close_sent = True
        self._end_tcp()

    def _write(self, *parts: bytes) -> None:
        if self._close_sent or self._transport.is_closing():
            return
        if not self._outgoing:
            self._loop.call_soon(self._flush)
        self._outgoing += parts

    def _flush(self) -> None:
        if self._outgoing and not self._transport.is_closing():
            self._transport.write(b"".join(self._outgoing))
        self._outgoing.clear()

    def _end_tcp(self) -> None:
        self._flush()
        if not self._transport.is_closing():
            self._transport.close()


def _check_utf8(payload: bytes) -> None:
    try:
        payload.decode()
    except UnicodeDecodeError as error:
        raise FrameViolation(1007, "bytes are not UTF-8") from error
