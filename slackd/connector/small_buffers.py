"""Connections that hold little of what is read from them, or written to them.

asyncio reads up to 256 KiB at once, and aiohttp keeps all of it: it stops reading when a body's buffer is full,
but what was read goes into the buffer whole. And each layer of a connection, TCP's and TLS's, keeps up to
64 KiB that were written. Where a body is moved on in pieces, that would be many times the piece.
"""

import asyncio
import functools
import ssl
from typing import Any, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler


class SmallReads(asyncio.BufferedProtocol):
    """aiohttp's protocol of one connection, given what comes in small portions.

    It is not the protocol itself: uvloop gives a buffer to what is no `asyncio.Protocol` alone.
    """

    def __init__(self, size: int, make: Any) -> None:
        self.inside: ResponseHandler = make()
        self._buffer = memoryview(bytearray(size))

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inside, name)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As in `asyncio.BufferedProtocol`."""
        self.inside.connection_made(transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        """As in `asyncio.BufferedProtocol`."""
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        """As in `asyncio.BufferedProtocol`."""
        self.inside.data_received(bytes(self._buffer[:nbytes]))

    def eof_received(self) -> bool | None:
        """As in `asyncio.BufferedProtocol`."""
        self.inside.eof_received()
        return None

    def pause_writing(self) -> None:
        """As in `asyncio.BufferedProtocol`."""
        self.inside.pause_writing()

    def resume_writing(self) -> None:
        """As in `asyncio.BufferedProtocol`."""
        self.inside.resume_writing()

    def connection_lost(self, exc: BaseException | None) -> None:
        """As in `asyncio.BufferedProtocol`."""
        self.inside.connection_lost(exc)


class SmallBuffersConnector(aiohttp.TCPConnector):
    """Makes connections that read so many bytes at once, and keep nothing of what is written.

    TLS begins here on a TCP connection that is there already, since its buffer can be reached in no other way.

    Args:
        read_size: bytes.
        **options: as in `aiohttp.TCPConnector`.
    """

    def __init__(self, read_size: int, **options: Any) -> None:
        super().__init__(**options)
        inside: Any = self
        inside._factory = functools.partial(SmallReads, read_size, inside._factory)

    async def _create_connection(self, *args: Any, **named: Any) -> ResponseHandler:
        made: Any = await super()._create_connection(*args, **named)
        return cast(ResponseHandler, made.inside)

    async def _wrap_create_connection(
        self, *args: Any, ssl: ssl.SSLContext | None = None, server_hostname: str | None = None, **named: Any
    ) -> Any:
        transport, protocol = await self.connect_unencrypted(*args, **named)
        transport.set_write_buffer_limits(high=1)
        if not ssl:
            return transport, protocol
        protocol = args[0]()
        loop = asyncio.get_running_loop()
        try:
            encrypted = await loop.start_tls(transport, protocol, ssl, server_hostname=server_hostname)
        except BaseException:
            transport.close()
            raise
        assert encrypted is not None
        protocol.connection_made(encrypted)
        return encrypted, protocol

    async def connect_unencrypted(self, *args: Any, **named: Any) -> tuple[asyncio.Transport, Any]:
        """A TCP connection, and the protocol on it."""
        inside: Any = super()
        made: tuple[asyncio.Transport, Any] = await inside._wrap_create_connection(*args, **named)
        return made
