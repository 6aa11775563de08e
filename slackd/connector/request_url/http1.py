"""One HTTP connection from Slack, or from the proxy in front: thin I/O around h11, with every wait bounded.

h11 reads and writes HTTP/1.1 and refuses what isn't; what is let in is the gate's to say. One request is under
way at a time, and one is taken in a turn of the loop; what a client sends meanwhile waits in h11. Sizes are
bounded before anything is kept, a head or a body that dawdles is answered with 408, and who reads no answers
gets no more of them.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, Protocol

import h11

from slackd.connector.request_url.gate import Answer, Head, refuse

HEAD_LIMIT: Final = 16 * 1024
"""Bytes of a request's line and headers."""
REQUEST_PATIENCE: Final = 5.0
"""Seconds for a request to come in, head and body: Slack itself waits three for the answer."""
IDLE_PATIENCE: Final = 75.0
"""Seconds that a connection may be kept for the next request; nginx lets go of one after 60."""
READ_FOR_NOTHING: Final = 64 * 1024
"""Bytes of a body that are read although the head was refused: proxies in front may lose an answer that comes
before they have passed the body on."""
_AT_ONCE: Final = frozenset({411, 413, 431, 505})
LINGER: Final = 1.0
"""Seconds in which what a client sends after its last answer is read and thrown away: then it can read that."""


class RequestHandler(Protocol):
    """What decides over requests."""

    def ends_with_an_answer(self, connection: HttpConnection) -> bool:
        """The next answer is the last one on this connection."""

    def opened(self, connection: HttpConnection) -> bool:
        """A connection was made; False if there are too many."""

    def closed(self, connection: HttpConnection) -> None:
        """It is gone; what it waits for can't be answered any more."""

    def keeps(self, connection: HttpConnection, size: int) -> None:
        """So many bytes of a body are kept; it may be ended for that."""

    def refuse_head(self, head: Head) -> Answer | None:
        """Why the body is not even read; None to go on."""

    def handle(self, connection: HttpConnection, head: Head, body: bytes) -> None:
        """A whole request: `connection.respond` is to follow, now or later."""

    def refused(self, connection: HttpConnection, head: Head | None, answer: Answer) -> None:
        """A request got another answer than 200."""


class HttpConnection(asyncio.Protocol):
    """One connection; made for each by the server."""

    def __init__(self, handler: RequestHandler) -> None:
        self._handler = handler
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_LIMIT)
        self._transport: asyncio.Transport | None = None
        self._head: Head | None = None
        self._body = bytearray()
        self._timer: asyncio.TimerHandle | None = None
        self._refusal: Answer | None = None
        self._unwanted = 0
        self._has_begun = False
        self._is_waiting = False
        self._is_lingering = False
        self._is_unread = False
        self._ahead = 0
        self.peer = ""

    @property
    def is_idle(self) -> bool:
        """No request is under way."""
        return not self._is_waiting and self._http.their_state is h11.IDLE

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As in `asyncio.Protocol`."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        name: Any = transport.get_extra_info("peername")
        self.peer = str(name[0]) if isinstance(name, tuple) else "unix"
        if not self._handler.opened(self):
            transport.abort()
            return
        self._wait(REQUEST_PATIENCE)

    def connection_lost(self, exc: Exception | None) -> None:
        """As in `asyncio.Protocol`."""
        self._stop_timer()
        self._transport = None
        self._handler.closed(self)

    def data_received(self, data: bytes) -> None:
        """As in `asyncio.Protocol`."""
        if self._is_lingering:
            return
        if self._is_waiting:
            self._ahead += len(data)
            if self._ahead > HEAD_LIMIT:
                self._transport_of().pause_reading()
        elif not self._has_begun:
            self._has_begun = True
            self._wait(REQUEST_PATIENCE)
        self._http.receive_data(data)
        self._read()

    def eof_received(self) -> bool:
        """As in `asyncio.Protocol`: a client that sends no more still gets its answer."""
        if self._is_lingering:
            return False
        self._http.receive_data(b"")
        self._read()
        return self._is_waiting or (self._has_begun and not self._is_lingering)

    def pause_writing(self) -> None:
        """As in `asyncio.Protocol`: one answer is small, but there may be many that nobody reads."""
        self._is_unread = True
        self._transport_of().pause_reading()

    def resume_writing(self) -> None:
        """As in `asyncio.Protocol`."""
        self._is_unread = False
        self._read_on()

    def respond(self, answer: Answer) -> None:
        """Answer the request that is under way."""
        if self._transport is None or self._is_lingering or self._http.our_state is not h11.SEND_RESPONSE:
            return
        self._is_waiting = False
        if answer.status != 200:
            self._handler.refused(self, self._head, answer)
        unread = self._http.their_state not in (h11.DONE, h11.MUST_CLOSE)
        self._write(answer, last=unread or self._handler.ends_with_an_answer(self))
        self._head = self._refusal = None
        self._unwanted = 0
        self._body.clear()
        self._handler.keeps(self, 0)
        states = {self._http.our_state, self._http.their_state}
        if states == {h11.DONE}:
            self._http.start_next_cycle()
            self._ahead = len(self._http.trailing_data[0])
            self._has_begun = self._ahead > 0
            self._wait(REQUEST_PATIENCE if self._has_begun else IDLE_PATIENCE)
            if not self._is_unread:
                self._read_on()
        else:
            self._linger(unread=unread or bool(self._http.trailing_data[0]))

    def close(self) -> None:
        """Close it now if nothing is under way."""
        if self._transport is not None and self.is_idle:
            self._transport.close()

    def abort(self) -> None:
        """End it at once."""
        if self._transport is not None:
            self._transport.abort()

    def _transport_of(self) -> asyncio.Transport:
        assert self._transport is not None
        return self._transport

    def _read_on(self) -> None:
        # In the next turn: others are served between two requests of one connection.
        asyncio.get_running_loop().call_soon(self._read)

    def _read(self) -> None:
        while not (self._transport is None or self._is_waiting or self._is_lingering or self._is_unread):
            try:
                event = self._http.next_event()
            except h11.RemoteProtocolError as error:
                self._reject(refuse(error.error_status_hint, "this is no HTTP request that slackd takes"))
                return
            if event is h11.NEED_DATA or event is h11.PAUSED:
                self._ahead = 0
                self._transport.resume_reading()
                if self._http.they_are_waiting_for_100_continue:
                    informational = h11.InformationalResponse(status_code=100, headers=[])
                    self._transport.write(self._http.send(informational) or b"")
                return
            if isinstance(event, h11.Request):
                self._begin(event)
            elif isinstance(event, h11.Data):
                self._take(event.data)
            elif isinstance(event, h11.EndOfMessage):
                self._end()
                return
            elif isinstance(event, h11.ConnectionClosed):
                self._transport.close()
                return

    def _begin(self, request: h11.Request) -> None:
        self._head = Head(
            request.method.decode("ascii", "replace"),
            request.target.decode("ascii", "replace"),
            tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers),
        )
        size = sum(len(name) + len(value) for name, value in request.headers) + len(request.target)
        answer: Answer | None
        if request.http_version not in (b"1.0", b"1.1"):
            answer = refuse(505, "slackd speaks HTTP/1.1")
        elif size > HEAD_LIMIT:
            answer = refuse(431, f"a head of more than {HEAD_LIMIT} bytes is not Slack's")
        else:
            answer = self._handler.refuse_head(self._head)
        if answer is None:
            return
        if answer.status in _AT_ONCE or self._http.they_are_waiting_for_100_continue:
            self.respond(answer)
        else:
            self._refusal = answer

    def _take(self, data: bytes | bytearray) -> None:
        if self._refusal is None:
            self._body += data
            self._handler.keeps(self, len(self._body))
            return
        self._unwanted += len(data)
        if self._unwanted > READ_FOR_NOTHING:
            self.respond(self._refusal)

    def _end(self) -> None:
        if self._head is None:
            return
        if self._refusal is not None:
            self.respond(self._refusal)
            return
        self._stop_timer()
        self._is_waiting = True
        self._handler.handle(self, self._head, bytes(self._body))

    def _reject(self, answer: Answer) -> None:
        """What came can't be read as HTTP, or not in time: nothing more is read."""
        self._handler.refused(self, self._head, answer)
        if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self._write(answer, last=True)
        self._linger(unread=True)

    def _write(self, answer: Answer, *, last: bool) -> None:
        assert self._transport is not None
        headers = [("Content-Length", str(len(answer.body))), *answer.headers]
        if answer.body:
            headers.append(("Content-Type", answer.content_type))
        if last:
            headers.append(("Connection", "close"))
        response = h11.Response(status_code=answer.status, headers=headers)
        parts = (response, h11.Data(data=answer.body), h11.EndOfMessage())
        is_head = self._head is not None and self._head.method == "HEAD"
        self._transport.write(
            b"".join(self._http.send(part) or b"" for part in parts if not (is_head and part is parts[1]))
        )

    def _linger(self, *, unread: bool) -> None:
        assert self._transport is not None
        self._is_lingering = True
        self._wait(LINGER)
        if not unread:
            self._transport.close()
        elif self._transport.can_write_eof():
            self._transport.write_eof()

    def _wait(self, seconds: float) -> None:
        self._stop_timer()
        self._timer = asyncio.get_running_loop().call_later(seconds, self._time_is_up)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _time_is_up(self) -> None:
        self._timer = None
        if self._transport is None:
            return
        if self._is_lingering or self._is_unread:
            self._transport.abort()
        elif self.is_idle and not self._http.trailing_data[0]:
            self._transport.close()
        else:
            self._reject(refuse(408, f"the request took more than {REQUEST_PATIENCE:g} s to come in"))
