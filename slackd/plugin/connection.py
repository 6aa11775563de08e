"""One connection to slackd's plugin socket, on asyncio."""

from __future__ import annotations

import asyncio
from typing import Final, Protocol, cast

READ_AT_ONCE: Final = 65_536
"""Bytes. What they bring is begun, and mostly ended, before more is read: of more at once less would be found
in the processor's caches, and Python's garbage collector would look through it all."""

FAREWELL: Final = 1.0
"""Seconds that slackd has to read our last answers and close."""

WRITTEN_AT_ONCE: Final = 16
"""Lines that go out although more are said in this turn of the loop: slackd works on them meanwhile."""

WRITTEN_AT_LEAST: Final = 4
"""Lines that are waited for while each turn of the loop says one with more to follow: a write a line would cost
slackd and the program more than the line."""


class Owner(Protocol):
    """What a connection reports to."""

    def connected(self, connection: BrokerConnection) -> None:
        """It stands."""

    def received(self, connection: BrokerConnection, data: bytes) -> None:
        """Bytes came in."""

    def disconnected(self, connection: BrokerConnection) -> None:
        """It has ended: nothing more will come."""


class BrokerConnection(asyncio.BufferedProtocol):
    """One connection to slackd, up to the first sign of its end: after that nothing is read from it.

    `closed` is set at that end, `accepted` by its owner, `left` if the end is the one that `leave` asked for.
    """

    def __init__(self, owner: Owner) -> None:
        self.closed = asyncio.Event()
        self.accepted = False
        self.left = False
        self._leaving = False
        self._owner = owner
        self._transport: asyncio.Transport | None = None
        self._unread = memoryview(bytearray(READ_AT_ONCE))
        self._lines: list[bytes] = []
        self._seen, self._more = 0, False

    @property
    def unwritten(self) -> int:
        """Bytes that wait to be written."""
        return 0 if self._transport is None else self._transport.get_write_buffer_size()

    @property
    def descriptor(self) -> int | None:
        """Its socket's, as long as it is open."""
        if self._transport is None or (number := self._transport.get_extra_info("socket").fileno()) < 0:
            return None
        return int(number)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As in `asyncio.BufferedProtocol`."""
        self._transport = cast(asyncio.Transport, transport)
        self._owner.connected(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """As in `asyncio.BufferedProtocol`."""
        return self._unread

    def buffer_updated(self, nbytes: int) -> None:
        """As in `asyncio.BufferedProtocol`."""
        self._owner.received(self, self._unread[:nbytes].tobytes())

    def eof_received(self) -> None:
        """As in `asyncio.BufferedProtocol`."""
        self.left = self._leaving
        self.abandon()

    def connection_lost(self, exc: Exception | None) -> None:
        """As in `asyncio.BufferedProtocol`."""
        self._ended()

    def send(self, data: bytes, *, more: bool = False) -> None:
        """Lines of one turn of the loop go out together, so many at a time; with `more`, those of a few turns,
        until one says nothing."""
        if not self._lines:
            asyncio.get_running_loop().call_soon(self._end_turn)
        self._lines.append(data)
        self._more = more
        if len(self._lines) >= WRITTEN_AT_ONCE:
            self._flush()

    def _end_turn(self) -> None:
        said = len(self._lines)
        if self._more and self._seen < said < WRITTEN_AT_LEAST:
            self._seen = said
            asyncio.get_running_loop().call_soon(self._end_turn)
        else:
            self._flush()

    def _flush(self) -> None:
        if self._lines and self._transport is not None and not self._leaving and not self.closed.is_set():
            self._transport.write(b"".join(self._lines))
        self._lines.clear()
        self._seen, self._more = 0, False

    def abandon(self) -> None:
        """Close now. What was not written yet is lost here, and remembered by the session."""
        if self._transport is not None:
            self._transport.abort()
        self._ended()

    async def leave(self) -> bool:
        """Write all, say that there is no more, and let slackd close first, so that it has read everything.

        False if the connection broke instead: then slackd may not have read what was written last. True, too,
        if slackd takes longer than FAREWELL.
        """
        if self._transport is None or self._transport.is_closing():
            return False
        self._flush()
        self._leaving = True
        self._transport.write_eof()
        try:
            async with asyncio.timeout(FAREWELL):
                await self.closed.wait()
        except TimeoutError:
            self.left = True
            self.abandon()
        return self.left

    def _ended(self) -> None:
        if not self.closed.is_set():
            self.closed.set()
            self._owner.disconnected(self)
