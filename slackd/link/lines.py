"""One end of the link's socket: bytes to messages and back, the same for both wings.

What arrives in one chunk is handed on in one call; what is sent in one turn of the loop is written at once.
Chunks are small, so that plugins have their turn between two of them: while the broker takes in a flood, it
goes on handing out.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence

from slackd.errors import LinkError
from slackd.link.encoding import encode
from slackd.link.messages import LinkMessage
from slackd.link.reader import Broken, LinkReader, Unknown

log = logging.getLogger(__name__)

CHUNK = 32 * 1024
"""Bytes read from the socket in one turn of the loop, at most."""


class LinkLines(asyncio.BufferedProtocol):
    """The protocol object of one link.

    `on_messages`, `on_made` and `on_lost` are called from the loop; `on_lost` once, and only after `on_made`.
    """

    def __init__(
        self,
        on_made: Callable[["LinkLines"], None],
        on_messages: Callable[["LinkLines", Sequence[LinkMessage]], None],
        on_lost: Callable[["LinkLines"], None],
    ) -> None:
        self._on_made = on_made
        self._on_messages = on_messages
        self._on_lost = on_lost
        self._reader = LinkReader()
        self._buffer = bytearray(CHUNK)
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()
        self._out: list[bytes] = []
        self._unknown_methods: set[str] = set()
        self.closed: asyncio.Future[None] = self._loop.create_future()

    def send(self, message: LinkMessage) -> None:
        """Queue a message; it is written in this turn of the loop. Never blocks, never raises."""
        if self._transport is None or self._transport.is_closing():
            return
        try:
            line = encode(message)
        except LinkError as error:
            log.error("%s; it was not sent", error, extra={"event": "link-unsendable"})
            return
        if not self._out:
            self._loop.call_soon(self._flush)
        self._out.append(line)

    def close(self) -> None:
        """Write what is queued, then close; `closed` is done when the socket is gone."""
        if self._transport is not None:
            self._flush()
            self._transport.close()

    def abort(self) -> None:
        """Close at once; what is queued is lost."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._on_made(self)

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        messages: list[LinkMessage] = []
        trouble = ""
        for item in self._reader.receive(bytes(self._buffer[:nbytes])):
            match item:
                case Broken(reason):
                    trouble = reason
                case Unknown(method):
                    self._note_unknown(method)
                case _:
                    messages.append(item)
        if messages:
            self._on_messages(self, messages)
        if trouble:
            log.error("the link is closed: %s", trouble, extra={"event": "link-malformed"})
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._out.clear()
        if not self.closed.done():
            self.closed.set_result(None)
        self._on_lost(self)

    def _flush(self) -> None:
        if self._out and self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(self._out))
        self._out.clear()

    def _note_unknown(self, method: str) -> None:
        if method not in self._unknown_methods and len(self._unknown_methods) < 100:
            self._unknown_methods.add(method)
            log.warning(
                "the link's message %r is of a newer release and was ignored",
                method,
                extra={"event": "link-unknown"},
            )
