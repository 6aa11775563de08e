"""What listens for Slack's requests: connections, the gate, and each app's transport behind it.

Anybody who reaches the port may connect, and only a signature shows who is Slack. So connections that have
brought nothing signed end with their first answer and make room for those that come, and what is kept of bodies
is bounded over all of them.
"""

import asyncio
import contextlib
import logging
import socket
import ssl
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from slackd.connector.request_url.gate import Answer, Gate, Head, Route, trusted_client
from slackd.connector.request_url.http1 import HttpConnection
from slackd.connector.request_url.transport import RequestUrlTransport
from slackd.held_bytes import HeldBytes
from slackd.listener import ACCEPT_SHARE, Begin, Listener, descriptor_limit

MOST_CONNECTIONS: Final = 1_000
"""Connections that may be open at a time, where there are descriptors for as many."""
BODY_BYTES: Final = 32 * 1024 * 1024
"""Bytes of bodies that are kept at a time before their signatures are looked at; Slack's are a few thousand."""
SAY_AGAIN_AFTER: Final = 60.0
"""Seconds after which refusals for the same reason are logged again, with their number."""
LAST_REQUESTS: Final = 1.0
"""Seconds in which connections that a proxy keeps are still answered while the receiver stops."""

log: Final = logging.getLogger(__name__)


class RequestUrlServer:
    """Serves the request URLs of all apps (`RequestHandler` of `http1`)."""

    def __init__(
        self,
        routes: Mapping[str, Route],
        transports: Mapping[str, RequestUrlTransport],
        *,
        trusted_proxies: Sequence[str] = (),
        accept_share: float = ACCEPT_SHARE,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """What it serves.

        Args:
            routes: By the path of the request URL.
            transports: By the app's name.
            trusted_proxies: Addresses whose `X-Forwarded-For` counts.
            accept_share: Seconds of each second for accepting: each of Slack's requests may be a connection of
                its own, and waits behind everybody else's.
            clock: Seconds on a clock that only grows.
            wall: Seconds since 1970.
        """
        self._gate = Gate(routes)
        self._transports = transports
        self._trusted, self._accept_share = trusted_proxies, accept_share
        self._clock, self._wall = clock, wall
        self._connections: dict[HttpConnection, None] = {}  # the one that brought nothing for longest first
        self._unproven: dict[HttpConnection, None] = {}
        self._most = min(MOST_CONNECTIONS, descriptor_limit() // 2)
        self._bodies: HeldBytes[HttpConnection] = HeldBytes(BODY_BYTES)
        self._waiting: dict[HttpConnection, tuple[str, str]] = {}
        self._listeners: list[tuple[Listener, socket.socket]] = []
        self._is_closing = False
        self._said: dict[str, float] = {}
        self._unsaid: Counter[str] = Counter()
        self.refusals: Counter[int] = Counter()

    def listen(self, sockets: Sequence[socket.socket], begin: Begin, tls: ssl.SSLContext | None = None) -> None:
        """Serve listening sockets; those of systemd are left in place at the end.

        Args:
            sockets: TCP or Unix.
            begin: Begins a task that makes a connection.
            tls: For those over TCP.
        """
        for each in sockets:
            over_tcp = each.family != socket.AF_UNIX
            listener = Listener(
                "the receiver",
                each,
                self._accept,
                begin,
                self._spare,
                tls if over_tcp else None,
                self._accept_share,
            )
            listener.listen()
            self._listeners.append((listener, each))

    def stop_accepting(self) -> None:
        """Take no new connections (systemd's socket keeps who comes); every answer is its connection's last."""
        self._is_closing = True
        for listener, listening in self._listeners:
            listener.close()
            listening.close()

    async def take_last_requests(self) -> None:
        """Give kept connections a moment for a request that is on its way, then close the idle ones."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_REQUESTS):
                while self._connections or any(each.owes_a_connection for each, _ in self._listeners):
                    await asyncio.sleep(0.02)
        for connection in list(self._connections):
            connection.close()

    def close(self) -> None:
        """End every connection."""
        for connection in list(self._connections):
            connection.abort()

    # As `http1.RequestHandler` wants it.

    def ends_with_an_answer(self, connection: HttpConnection) -> bool:
        """The next answer is the last one: the receiver stops, or nothing signed came over this connection."""
        return self._is_closing or connection in self._unproven

    def opened(self, connection: HttpConnection) -> bool:
        """A connection was made; False if too many have shown to be Slack's, and each waits for an answer."""
        if len(self._connections) >= self._most:
            self._log_refusal("", f"more than {self._most} connections are open")
            idle = (each for each in self._connections if each.is_idle)
            spared = next(iter(self._unproven), None) or next(idle, None)
            if spared is None:
                return False
            self._end(spared)
        self._connections[connection] = None
        self._unproven[connection] = None
        return True

    def closed(self, connection: HttpConnection) -> None:
        """It is gone; what it waits for can't be answered any more."""
        self._forget(connection)
        app, name = self._waiting.pop(connection, ("", ""))
        if name:
            self._transports[app].gone(name)

    def keeps(self, connection: HttpConnection, size: int) -> None:
        """So many bytes of a body have come; where they are too many in all, the largest body ends."""
        self._bodies.hold(connection, size)
        greatest = self._bodies.greatest
        if self._bodies.exceeded and greatest is not None:
            self._log_refusal("", f"bodies of more than {BODY_BYTES} bytes are on their way")
            self._end(greatest)

    def refuse_head(self, head: Head) -> Answer | None:
        """Why the body is not even read; None to go on."""
        return self._gate.refuse_head(head)

    def handle(self, connection: HttpConnection, head: Head, body: bytes) -> None:
        """A whole request."""
        self._connections[connection] = self._connections.pop(connection, None)
        found = self._gate.admit(head, body, self._clock(), self._wall())
        self._bodies.hold(connection, 0)
        if isinstance(found, Answer):
            connection.respond(found)
            return
        self._unproven.pop(connection, None)
        transport = self._transports[found.app]

        def reply(answer: Answer) -> None:
            self._waiting.pop(connection, None)
            if answer.status == 200:
                self._gate.answered(found, self._clock())
            connection.respond(answer)

        name = transport.receive(found.posted, reply)
        if name:
            self._waiting[connection] = (found.app, name)

    def refused(self, connection: HttpConnection, head: Head | None, answer: Answer) -> None:
        """A request got another answer than 200: said once a minute and reason."""
        self.refusals[answer.status] += 1
        forwarded = [value for name, value in head.headers if name == "x-forwarded-for"] if head else []
        client = trusted_client(connection.peer, forwarded, self._trusted)
        target = repr(head.target[:100]) if head else "what is no request"
        self._log_refusal(f" ({target} from {client!r})", f"HTTP {answer.status}: {answer.reason}")

    def _accept(self, accepted: socket.socket) -> HttpConnection | None:
        try:
            if not accepted.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT):
                return None  # it waited in the queue, and has gone without a word
        except BlockingIOError:
            pass
        return HttpConnection(self)

    def _spare(self) -> None:
        """No descriptor is left: connections that have brought nothing signed end."""
        for connection in list(self._unproven):
            self._end(connection)

    def _end(self, connection: HttpConnection) -> None:
        self._forget(connection)
        connection.abort()

    def _forget(self, connection: HttpConnection) -> None:
        self._connections.pop(connection, None)
        self._unproven.pop(connection, None)
        self._bodies.hold(connection, 0)

    def _log_refusal(self, where: str, reason: str) -> None:
        now = self._clock()
        if now < self._said.get(reason, -SAY_AGAIN_AFTER) + SAY_AGAIN_AFTER:
            self._unsaid[reason] += 1
            return
        before = self._unsaid.pop(reason, 0)
        self._said[reason] = now
        log.warning(
            "a request was refused with %s%s%s",
            reason,
            where,
            f"; {before} more for the same reason before" if before else "",
            extra={"event": "request-refused"},
        )
