"""HTTP/1.1 for the few who ask on this host: h11 reads and writes it, and this module bounds what they cost.

aiohttp.web does the same with 11 MiB more, in a process that needs it for nothing else. A connection whose
request isn't complete makes room for others, the oldest of the user who has most first: half a request keeps
nobody out.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from urllib.parse import parse_qsl, unquote, urlsplit

import h11

from slackd.broker.background_tasks import BackgroundTasks
from slackd.broker.plugins.opening import OpeningConnections
from slackd.listener import Listener
from slackd.rate_limit import Allowance
from slackd.slotted import frozen
from slackd.unix_peers import Peer, peer_of

log = logging.getLogger(__name__)

LARGEST_HEAD, LARGEST_BODY = 16 << 10, 1 << 20
"""Bytes of a request."""
MOST_PARAMETERS = 50
REQUEST_PATIENCE = 10.0
"""Seconds in which a request must be complete, from its first byte on."""
IDLE_PATIENCE = 60.0
"""Seconds that a connection may be kept without a request."""
WRITE_PATIENCE = 30.0
"""Seconds in which a client must read something of what waits for it."""
MOST_CONNECTIONS, MOST_OF_ONE_USER = 64, 32
"""On one socket at a time: those without a complete request; and as many with one."""
STOP_PATIENCE = 0.2
"""Seconds in which a stop lets answers be finished that are under way."""
CHUNK = 16 << 10


class BadHttp(Exception):
    """The request is answered with this status, and the connection ends."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@frozen
class HttpResponse:
    """A whole answer."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"


class HttpRequest:
    """A request that is complete, and the stream that may answer it.

    Attributes:
        query: Its parameters, decoded.
        found: What stands in the path where the route has a name in braces.
        peer: Who asks, by the kernel's word; None over TCP.
    """

    def __init__(self, connection: "_HttpConnection", method: str, target: str, body: bytes) -> None:
        parts = urlsplit(target)
        self.method, self.path, self.body = method, unquote(parts.path), body
        try:
            pairs = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=MOST_PARAMETERS)
        except ValueError as error:
            raise BadHttp(400, f"the parameters can't be read: {error}") from None
        self.query: Mapping[str, str] = dict(pairs)
        self.found: Mapping[str, str] = {}
        self.peer = connection.peer
        self._connection = connection

    async def begin_stream(self, content_type: str) -> None:
        """Answer piece by piece, with `write`, until the handler returns.

        Raises:
            ConnectionError: Nobody reads any more.
        """
        await self._connection.send_head(200, content_type, None)

    async def wait_for_end(self) -> None:
        """Wait until the client has closed its half, or says more, which ends a stream as well."""
        await self._connection.wait_for_end()

    async def write(self, data: bytes) -> None:
        """A piece of the answer; waits until the client has room for it.

        Raises:
            ConnectionError: Nobody reads any more.
        """
        if data:
            await self._connection.send(h11.Data(data=data))

    def abort(self) -> None:
        """Break the connection off: what was sent is no whole answer."""
        self._connection.abort()


Answer = Callable[[HttpRequest], Awaitable[HttpResponse | None]]
"""Answers a request; None if it was answered by a stream."""


class HttpServer:
    """Serves one listening socket.

    Args:
        name: Who asks there, for the log.
        answer: Called with each request.
        error_body: Makes the body of an error from its words.
        tasks: Owns the tasks that serve connections.
        requests: How many requests are answered, by count; None for as many as come.
    """

    def __init__(
        self,
        name: str,
        answer: Answer,
        error_body: Callable[[str], bytes],
        tasks: BackgroundTasks,
        requests: Allowance | None = None,
    ) -> None:
        self.answer, self.error_body, self.requests = answer, error_body, requests
        self.name, self._tasks = name, tasks
        self._listener: Listener | None = None
        self.waiting: OpeningConnections[_HttpConnection] = OpeningConnections(
            MOST_OF_ONE_USER, MOST_CONNECTIONS
        )
        self.busy: set[_HttpConnection] = set()
        self.closing = False

    def listen(self, listening: socket.socket) -> None:
        """Serve this socket until `close`."""
        self._listener = Listener(self.name, listening, self._connect, self._tasks.begin, self._spare)
        self._listener.listen()

    async def close(self) -> None:
        """Accept nothing more; answers that are under way are finished, if it takes no time."""
        self.closing = True
        if self._listener is not None:
            self._listener.close()
        for waiting in self.waiting.take(1.0):
            waiting.abort()
        until = asyncio.get_running_loop().time() + STOP_PATIENCE
        while self.busy and asyncio.get_running_loop().time() < until:
            await asyncio.sleep(0.005)
        for connection in list(self.busy):
            connection.abort()

    def _connect(self, accepted: socket.socket) -> asyncio.Protocol:
        peer = peer_of(accepted) if accepted.family == socket.AF_UNIX else None
        reader = asyncio.StreamReader(CHUNK)

        def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._tasks.begin(_HttpConnection(self, reader, writer, peer).serve())

        return asyncio.StreamReaderProtocol(reader, serve)

    def _spare(self) -> None:
        for connection in self.waiting.take(1.0):
            connection.abort()


class _HttpConnection:
    """One client's connection, request after request."""

    def __init__(
        self,
        server: HttpServer,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        peer: Peer | None,
    ) -> None:
        self._server, self._reader, self._writer, self.peer = server, reader, writer, peer
        self._uid = peer.uid if peer is not None else -1
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=LARGEST_HEAD)

    async def serve(self) -> None:
        """Until either side has enough."""
        try:
            while not self._server.closing and await self._serve_one():
                pass
        except ConnectionError:
            pass
        except Exception:
            log.exception("a connection of %s ended by a fault", self._server.name)
        finally:
            self._server.waiting.discard(self._uid, self)
            self._server.busy.discard(self)
            self._writer.close()

    async def wait_for_end(self) -> None:
        """The client goes, or says what nobody asked for."""
        with contextlib.suppress(ConnectionError):
            await self._reader.read(1)

    def abort(self) -> None:
        """End it at once."""
        self._writer.transport.abort()

    async def send(self, event: h11.Event) -> None:
        """Send something, and wait until the client has room for more."""
        data = self._http.send(event)
        if data:
            self._writer.write(data)
        try:
            async with asyncio.timeout(WRITE_PATIENCE):
                await self._writer.drain()
        except TimeoutError:
            self.abort()
            raise ConnectionError("the client does not read") from None
        if self._writer.is_closing():
            raise ConnectionResetError("the client has gone")

    async def send_head(self, status: int, content_type: str, length: int | None) -> None:
        """Begin an answer; one without a length ends as HTTP says that it is whole."""
        headers = [("Content-Type", content_type)]
        headers.append(("Transfer-Encoding", "chunked") if length is None else ("Content-Length", str(length)))
        if self._server.closing:
            headers.append(("Connection", "close"))
        reason = HTTPStatus(status).phrase
        await self.send(h11.Response(status_code=status, headers=headers, reason=reason.encode()))

    async def _serve_one(self) -> bool:
        """One request; returns whether another one may follow."""
        too_many = self._server.waiting.add(self._uid, self)
        if too_many is not None:
            too_many.abort()
        try:
            request = await self._receive()
            if request is None:
                return False
            self._server.waiting.discard(self._uid, self)
            if len(self._server.busy) >= MOST_CONNECTIONS:
                raise BadHttp(503, f"{MOST_CONNECTIONS} requests are being answered already")
            self._server.busy.add(self)
            await self._throttle()
            response = await self._server.answer(request)
        except (BadHttp, h11.RemoteProtocolError) as error:
            status = error.status if isinstance(error, BadHttp) else error.error_status_hint
            await self._send_whole(HttpResponse(self._server.error_body(str(error)), status))
            return False
        if response is not None:
            await self._send_whole(response)
        else:
            await self.send(h11.EndOfMessage())
        self._server.busy.discard(self)
        if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
            return False
        self._http.start_next_cycle()
        return True

    async def _receive(self) -> HttpRequest | None:
        head: h11.Request | None = None
        body = bytearray()
        until = asyncio.get_running_loop().time() + IDLE_PATIENCE
        while True:
            event = self._http.next_event()
            match event:
                case h11.NEED_DATA:
                    if self._http.they_are_waiting_for_100_continue:
                        await self.send(h11.InformationalResponse(status_code=100, headers=[]))
                    idle = head is None and not self._http.trailing_data[0]
                    try:
                        async with asyncio.timeout_at(until):
                            data = await self._reader.read(CHUNK)
                    except TimeoutError:
                        if idle:
                            return None
                        raise BadHttp(408, f"the request did not come within {REQUEST_PATIENCE:g} s") from None
                    if idle:
                        until = asyncio.get_running_loop().time() + REQUEST_PATIENCE
                    self._http.receive_data(data)
                case h11.Request():
                    head = event
                    if dict(event.headers).get(b"content-encoding", b"identity") != b"identity":
                        raise BadHttp(415, "an encoded body is not understood: send it as it is")
                case h11.Data():
                    body += event.data
                    if len(body) > LARGEST_BODY:
                        raise BadHttp(413, f"the body is larger than {LARGEST_BODY} bytes")
                case h11.EndOfMessage() if head is not None:
                    return HttpRequest(self, head.method.decode(), head.target.decode(), bytes(body))
                case _:  # it has ended, or wants another protocol
                    return None

    async def _throttle(self) -> None:
        """Others have their turn of the loop between two requests, however many a client says in one."""
        requests, wait = self._server.requests, 0.0
        if requests is not None:
            now = asyncio.get_running_loop().time()
            requests.take(1.0, now)
            wait = requests.wait_for(0.0, now)
        await asyncio.sleep(wait)

    async def _send_whole(self, response: HttpResponse) -> None:
        if self._http.our_state not in (h11.IDLE, h11.SEND_RESPONSE):
            self.abort()
            return
        await self.send_head(response.status, response.content_type, len(response.body))
        await self.send(h11.Data(data=response.body))
        await self.send(h11.EndOfMessage())
