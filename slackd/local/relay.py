"""A plugin socket in front of slackd's own: it adds an intercept's ticket, and shows what passes."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import attrs

from slackd import jsonrpc
from slackd.local.protocol_view import ProtocolView
from slackd.local.traffic import TrafficLine

PIECE: Final = 65_536
"""Bytes that are read at once."""


@attrs.frozen
class Entrance:
    """Where slackd lets the developer's sessions in.

    Attributes:
        socket: slackd's plugin socket.
        ticket: Of the intercept.
    """

    socket: Path
    ticket: str


class Relay:
    """Connects each program that comes to slackd.

    Args:
        entrance: Waits for an intercept, and returns it.
        show: Takes what is to be seen.
    """

    def __init__(
        self, entrance: Callable[[], Awaitable[Entrance]], show: Callable[[TrafficLine], None]
    ) -> None:
        self._entrance, self._show = entrance, show
        self.connected = asyncio.Event()

    @asynccontextmanager
    async def serving(self, socket: Path) -> AsyncIterator[None]:
        """Serve this path until the block ends."""
        serving: set[asyncio.Task[None]] = set()

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            serving.add(task)
            try:
                with contextlib.suppress(ConnectionError, ValueError):
                    await self._serve(reader, writer)
            finally:
                serving.discard(task)
                writer.close()

        limit = jsonrpc.MAX_LINE_FROM_PLUGIN + 2
        server = await asyncio.start_unix_server(serve, socket, limit=limit)
        try:
            yield
        finally:
            server.close()
            for task in serving:
                task.cancel()
            await asyncio.gather(*serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.readline()
        entrance = await self._entrance()
        try:
            from_slackd, to_slackd = await asyncio.open_unix_connection(entrance.socket)
        except OSError as error:
            self._show(TrafficLine("failed", f"✗ slackd: {entrance.socket}: {error.strerror}"))
            return
        view = ProtocolView()
        try:
            to_slackd.write(with_ticket(first, entrance.ticket))
            up = asyncio.create_task(self._pass_on(reader, to_slackd, view.said))
            try:
                await self._pass_on(from_slackd, writer, self._noticing(view))
            finally:
                up.cancel()
                await asyncio.gather(up, return_exceptions=True)
        finally:
            to_slackd.close()

    def _noticing(self, view: ProtocolView) -> Callable[[bytes], list[TrafficLine]]:
        def heard(data: bytes) -> list[TrafficLine]:
            lines = view.heard(data)
            if view.is_open:
                self.connected.set()
            return lines

        return heard

    async def _pass_on(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        view: Callable[[bytes], list[TrafficLine]],
    ) -> None:
        while data := await reader.read(PIECE):
            for line in view(data):
                self._show(line)
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()


def with_ticket(line: bytes, ticket: str) -> bytes:
    """The first line of a program, with the ticket if it is `initialize`; any other as it is."""
    try:
        message = json.loads(line)
        is_first = message["method"] == "initialize"
        message["params"] = {**message["params"], "dev": ticket}
    except (ValueError, TypeError, KeyError):
        return line
    return json.dumps(message).encode() + b"\n" if is_first else line
