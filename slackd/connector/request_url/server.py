"""What listens for Slack's requests: connections, the gate, and each app's transport behind it."""

import asyncio
import contextlib
import logging
import socket
import ssl
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from slackd.connector.request_url.gate import Answer, Gate, Head, Route, refuse, trusted_client
from slackd.connector.request_url.http1 import HttpConnection
from slackd.connector.request_url.transport import RETRY_SOON, RequestUrlTransport

MOST_CONNECTIONS: Final = 1_000
"""Connections that may be open at a time."""
SAY_AGAIN_AFTER: Final = 60.0
"""Seconds after which refusals for the same reason are logged again, with their number."""
LAST_REQUESTS: Final = 1.0
"""Seconds in which connections that a proxy keeps are still answered while the receiver stops."""

_KEEP: Final[Mapping[str, Any]] = {"cleanup_socket": False} if sys.version_info >= (3, 13) else {}
"""From Python 3.13 on asyncio would unlink systemd's socket when we stop."""

log: Final = logging.getLogger(__name__)


class RequestUrlServer:
    """Serves the request URLs of all apps (`RequestHandler` of `http1`)."""

    def __init__(
        self,
        routes: Mapping[str, Route],
        transports: Mapping[str, RequestUrlTransport],
        *,
        trusted_proxies: Sequence[str] = (),
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """What it serves.

        Args:
            routes: By the path of the request URL.
            transports: By the app's name.
            trusted_proxies: Addresses whose `X-Forwarded-For` counts.
            clock: Seconds on a clock that only grows.
            wall: Seconds since 1970.
        """
        self._gate = Gate(routes)
        self._transports = transports
        self._trusted = trusted_proxies
        self._clock, self._wall = clock, wall
        self._connections: set[HttpConnection] = set()
        self._waiting: dict[HttpConnection, tuple[str, str]] = {}
        self._servers: list[asyncio.Server] = []
        self._is_closing = False
        self._said: dict[str, float] = {}
        self._unsaid: Counter[str] = Counter()
        self.refusals: Counter[int] = Counter()

    async def listen(self, sockets: Sequence[socket.socket], tls: ssl.SSLContext | None = None) -> None:
        """Serve listening sockets; those of systemd are left in place at the end.

        Args:
            sockets: TCP or Unix.
            tls: For those over TCP.
        """
        loop = asyncio.get_running_loop()
        for each in sockets:
            if each.family == socket.AF_UNIX:
                self._servers.append(await loop.create_unix_server(self._accept, sock=each, **_KEEP))
            else:
                self._servers.append(await loop.create_server(self._accept, sock=each, ssl=tls))

    def stop_accepting(self) -> None:
        """Take no new connections (systemd's socket keeps who comes); every answer is its connection's last."""
        self._is_closing = True
        for server in self._servers:
            server.close()

    async def take_last_requests(self) -> None:
        """Give kept connections a moment for a request that is on its way, then close the idle ones."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_REQUESTS):
                while self._connections:
                    await asyncio.sleep(0.02)
        for connection in list(self._connections):
            connection.close()

    def close(self) -> None:
        """End every connection."""
        for connection in list(self._connections):
            connection.abort()

    # As `http1.RequestHandler` wants it.

    @property
    def is_closing(self) -> bool:
        """Every answer is the last one on its connection."""
        return self._is_closing

    def opened(self, connection: HttpConnection) -> bool:
        """A connection was made; False if there are too many."""
        if len(self._connections) >= MOST_CONNECTIONS:
            self._log_refusal("", f"more than {MOST_CONNECTIONS} connections are open")
            return False
        self._connections.add(connection)
        return True

    def closed(self, connection: HttpConnection) -> None:
        """It is gone; what it waits for can't be answered any more."""
        self._connections.discard(connection)
        app, name = self._waiting.pop(connection, ("", ""))
        if name:
            self._transports[app].gone(name)

    def refuse_head(self, head: Head) -> Answer | None:
        """Why the body is not even read; None to go on."""
        return self._gate.refuse_head(head)

    def handle(self, connection: HttpConnection, head: Head, body: bytes) -> None:
        """A whole request."""
        found = self._gate.admit(head, body, self._clock(), self._wall())
        if isinstance(found, Answer):
            connection.respond(found)
            return
        transport = self._transports.get(found.app)
        if transport is None:
            connection.respond(refuse(503, "this app is in trouble here: see slackd's log", RETRY_SOON))
            return

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

    def _accept(self) -> HttpConnection:
        return HttpConnection(self)

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
