"""Accepts connections a few at a time, within a share of the loop's time.

asyncio's own servers accept up to `backlog` connections in one turn of the loop, and report every accept that
fails for want of a descriptor: whoever connects without end has the loop for itself. A `Listener` accepts
`ACCEPTED_AT_ONCE` a turn, and serves fewer. When its share of the time is used up, connections wait in the
kernel's queue.

Over TLS a connection counts for nobody until its handshake is done, so those that have begun and not ended are
bounded here.
"""

import asyncio
import errno
import logging
import resource
import socket
import ssl
import time
from collections.abc import Callable, Coroutine
from typing import Any

from slackd.rate_limit import Allowance, LineLimit

log = logging.getLogger(__name__)

SERVED_AT_ONCE, ACCEPTED_AT_ONCE = 2, 16
"""Connections that are served in one turn of the loop, and that are accepted, those closed at once included:
who waits for an answer waits for several turns."""
TURN_COST = 0.0001
"""Seconds that a turn of the loop takes besides."""
ACCEPT_SHARE, ACCEPT_BURST = 0.1, 0.001
"""Seconds of each second for accepting, and seconds at once, of this thread's processor time: that others have
the processor is nobody's fault who connects. It takes about 10 µs to accept a connection and to
close it again, so that a queue of 4,096 is emptied within half a second."""
SERVE_COST = 0.0003
"""Seconds that a connection takes of the share in advance for the transport that is made for it."""
MOST_HANDSHAKES = 256
"""TLS handshakes that are under way at a time; for one more the oldest ends."""
HANDSHAKE_PATIENCE = 10.0
"""Seconds that one may take."""
EXHAUSTED_PAUSE = 0.1
"""Seconds without accepting after the process or the host has run out of descriptors or memory."""
EXHAUSTED_RATE, EXHAUSTED_BURST = 1 / 60, 1
"""Lines a second that report it, and lines at once."""
_EXHAUSTED = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

Connect = Callable[[socket.socket], asyncio.BaseProtocol | None]
"""Says which protocol serves an accepted connection; None closes it at once."""
Begin = Callable[[Coroutine[Any, Any, None]], object]
"""Begins a task that somebody else owns."""


class Listener:
    """Serves one listening socket until it is closed; the socket itself stays open.

    Args:
        name: What connects there, for the log.
        listening: A listening socket; it becomes non-blocking.
        connect: Called for each connection.
        begin: Begins a task that makes a connection.
        on_exhausted: Called when no descriptor is left; may close connections that can be spared.
        tls: What connections are to be encrypted with; None for plain ones.
        share: Seconds of each second for accepting.
    """

    def __init__(
        self,
        name: str,
        listening: socket.socket,
        connect: Connect,
        begin: Begin,
        on_exhausted: Callable[[], None] = lambda: None,
        tls: ssl.SSLContext | None = None,
        share: float = ACCEPT_SHARE,
    ) -> None:
        self._name, self._socket, self._connect = name, listening, connect
        self._begin, self._on_exhausted, self._tls = begin, on_exhausted, tls
        self._handshakes: dict[asyncio.Task[Any], None] = {}
        self._accepted = 0
        listening.setblocking(False)
        self._loop = asyncio.get_running_loop()
        self._time = Allowance(share, ACCEPT_BURST)
        self._reports = LineLimit(EXHAUSTED_RATE, EXHAUSTED_BURST)
        self._resume: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def owes_a_connection(self) -> bool:
        """One was accepted whose protocol does not know of it yet."""
        return self._accepted > 0

    def listen(self) -> None:
        """Accept from now on."""
        self._resume = None
        if not self._closed:
            self._loop.add_reader(self._socket, self._accept_some)

    def close(self) -> None:
        """Accept nothing more; connections that were accepted go on."""
        self._closed = True
        if self._resume is not None:
            self._resume.cancel()
        if self._socket.fileno() >= 0:
            self._loop.remove_reader(self._socket)
        for handshake in self._handshakes:
            handshake.cancel()

    def _accept_some(self) -> None:
        began = time.thread_time()
        try:
            served = 0
            for _ in range(ACCEPTED_AT_ONCE):
                served += self._accept_one()
                if served == SERVED_AT_ONCE or time.thread_time() - began > ACCEPT_BURST:
                    break
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            pass
        except OSError as error:
            if error.errno not in _EXHAUSTED:
                raise
            self._exhausted(error)
            return
        now = self._loop.time()
        self._time.take(time.thread_time() - began + TURN_COST, now)
        if self._time.was_overdrawn:
            self._pause(self._time.wait_for(ACCEPT_BURST / 2, now))

    def _accept_one(self) -> bool:
        """Whether the next connection is served; else it is closed at once."""
        accepted, _ = self._socket.accept()
        try:
            protocol = self._connect(accepted)
        except OSError:  # the peer has gone, and the kernel doesn't say who it was
            protocol = None
        if protocol is None:
            accepted.close()
            return False
        accepted.setblocking(False)
        self._time.take(SERVE_COST, self._loop.time())
        self._accepted += 1
        self._begin(self._serve(accepted, protocol))
        return True

    async def _serve(self, accepted: socket.socket, protocol: asyncio.BaseProtocol) -> None:
        try:
            if self._tls is None:
                await self._loop.connect_accepted_socket(lambda: protocol, accepted)
            else:
                await self._shake_hands(accepted, protocol, self._tls)
        except OSError as error:
            accepted.close()
            log.debug("a connection of %s ended before it was served: %s", self._name, error)
        finally:
            self._accepted -= 1

    async def _shake_hands(
        self, accepted: socket.socket, protocol: asyncio.BaseProtocol, tls: ssl.SSLContext
    ) -> None:
        mine = asyncio.current_task()
        assert mine is not None
        if len(self._handshakes) >= MOST_HANDSHAKES:
            oldest = next(iter(self._handshakes))
            del self._handshakes[oldest]
            oldest.cancel()
        self._handshakes[mine] = None
        try:
            await self._loop.connect_accepted_socket(
                lambda: protocol, accepted, ssl=tls, ssl_handshake_timeout=HANDSHAKE_PATIENCE
            )
        finally:
            self._handshakes.pop(mine, None)

    def _exhausted(self, error: OSError) -> None:
        suppressed = self._reports.admit(self._loop.time())
        if suppressed is not None:
            log.error(
                "connections of %s wait: %s; raise LimitNOFILE=, or see who connects: ss -xp",
                self._name,
                error.strerror,
                extra={"event": "descriptors-exhausted"},
            )
        self._on_exhausted()
        self._pause(EXHAUSTED_PAUSE)

    def _pause(self, seconds: float) -> None:
        self._loop.remove_reader(self._socket)
        self._resume = self._loop.call_later(seconds, self.listen)


def raise_descriptor_limit() -> None:
    """Raise the soft limit to the hard one: 1,024 is for programs that use select(2), and slackd doesn't."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def descriptor_limit() -> int:
    """Descriptors that this process may have (getrlimit(2), `RLIMIT_NOFILE`)."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return (1 << 30) if limit == resource.RLIM_INFINITY else limit
