"""The broker's end of the link over a socket."""

import asyncio
import contextlib
import logging
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from slackd.link import BrokerEnd
from slackd.link.codec import COLUMNS
from slackd.link.messages import LINK_VERSION, FromConnector, Hello, LinkMessage, Welcome
from slackd.link.protocol import LinkProtocol

log = logging.getLogger(__name__)

CLOSE_PATIENCE: Final = 1.0
"""Seconds in which what is queued may still be written when the broker stops."""


class LinkServer:
    """The listening end; made by `serve`."""

    def __init__(self, end: BrokerEnd) -> None:
        self._end = end
        self._links: set[LinkProtocol] = set()
        self._server: asyncio.Server | None = None

    async def listen(self, where: socket.socket | Path | str) -> None:
        """Listen on a bound socket (systemd's, which is left in place), or make one at a path."""
        loop = asyncio.get_running_loop()
        if not isinstance(where, socket.socket):
            self._server = await loop.create_unix_server(self._lines, str(where))
            return
        # From Python 3.13 on asyncio would unlink systemd's socket when we stop.
        keep: dict[str, Any] = {"cleanup_socket": False} if sys.version_info >= (3, 13) else {}
        self._server = await loop.create_unix_server(self._lines, sock=where, **keep)

    async def close(self) -> None:
        """Take no new links, write what is queued on each, and close them, within `CLOSE_PATIENCE` seconds."""
        if self._server is not None:
            self._server.close()
        links = list(self._links)
        for lines in links:
            lines.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_PATIENCE):
                for lines in links:
                    await asyncio.shield(lines.closed)
        for lines in links:
            lines.abort()

    def _lines(self) -> LinkProtocol:
        return LinkProtocol(self._made, self._messages, self._lost)

    def _made(self, lines: LinkProtocol) -> None:
        self._links.add(lines)
        self._end.joined(lines)

    def _messages(self, lines: LinkProtocol, messages: Sequence[LinkMessage]) -> None:
        ours: list[FromConnector] = [each for each in messages if isinstance(each, FromConnector)]
        if ours and type(ours[0]) is Hello and ours[0].version >= COLUMNS:  # a connector says it first
            lines.send(Welcome(LINK_VERSION))
        if ours:
            self._end.from_connector(lines, ours)

    def _lost(self, lines: LinkProtocol) -> None:
        self._links.discard(lines)
        self._end.left(lines)


async def serve(where: socket.socket | Path | str, end: BrokerEnd) -> LinkServer:
    """Serve the link on a bound socket or at a path; close it with `LinkServer.close`.

    Returns:
        The server, which serves already.

    Raises:
        OSError: The path can't be bound.
    """
    server = LinkServer(end)
    await server.listen(where)
    return server
