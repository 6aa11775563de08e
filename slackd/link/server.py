"""The broker's end of the link over a socket.

Whoever may connect here is a connector: the socket's mode says who may. That one of them misbehaves, hangs or
is started again and again must not cost the broker its memory or its descriptors. So links are few, a new one
says who it is at once and briefly, and what a connector does not read is bounded.
"""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Sequence
from typing import Final

from slackd.link import BrokerEnd
from slackd.link.codec import COLUMNS
from slackd.link.messages import LINK_VERSION, FromConnector, Hello, LinkMessage, Welcome
from slackd.link.protocol import LinkProtocol

log = logging.getLogger(__name__)

CLOSE_PATIENCE: Final = 1.0
"""Seconds in which what is queued may still be written when the broker stops."""
MOST_LINKS: Final = 16
"""Links at a time: two connectors and a receiver have one each, and their predecessors for a moment."""
HELLO_PATIENCE: Final = 10.0
"""Seconds in which a new link must say its `Hello`."""
HELLO_LIMIT: Final = 4 * 1024 * 1024
"""Bytes of the line that says it: it names every app, connection and trouble."""
UNREAD_LIMIT: Final = 32 * 1024 * 1024
"""Bytes that a connector may leave unread: many calls of a megabyte."""


class LinkServer:
    """The links of all connectors.

    Args:
        end: What they are linked to.
    """

    def __init__(self, end: BrokerEnd) -> None:
        self._end = end
        self._links: set[LinkProtocol] = set()
        self._silent: dict[LinkProtocol, asyncio.TimerHandle] = {}

    def connect(self, _accepted: socket.socket) -> LinkProtocol:
        """The protocol of one more link, as a `Listener` wants it."""
        return LinkProtocol(
            self._made, self._messages, self._lost, first_limit=HELLO_LIMIT, unread_limit=UNREAD_LIMIT
        )

    def spare_descriptors(self) -> None:
        """No descriptor is left: close links that have not said who they are."""
        for lines in list(self._silent):
            lines.abort()

    async def close(self) -> None:
        """Write what is queued on each link, and close them, within `CLOSE_PATIENCE` seconds."""
        links = list(self._links)
        for lines in links:
            lines.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_PATIENCE):
                for lines in links:
                    await asyncio.shield(lines.closed)
        for lines in links:
            lines.abort()

    def _made(self, lines: LinkProtocol) -> None:
        self._links.add(lines)
        self._silent[lines] = asyncio.get_running_loop().call_later(HELLO_PATIENCE, self._end_silent, lines)
        self._end.joined(lines)
        if len(self._links) > MOST_LINKS:
            self._end_silent(next(iter(self._silent)))

    def _end_silent(self, lines: LinkProtocol) -> None:
        log.warning(
            "a link is closed that did not say which connector it is; there are %d links (at most %d)",
            len(self._links),
            MOST_LINKS,
            extra={"event": "link-silent"},
        )
        self._heard(lines)
        lines.abort()

    def _messages(self, lines: LinkProtocol, messages: Sequence[LinkMessage]) -> None:
        ours: list[FromConnector] = [each for each in messages if isinstance(each, FromConnector)]
        if ours and type(ours[0]) is Hello:  # a connector says it first
            self._heard(lines)
            if ours[0].version >= COLUMNS:
                lines.send(Welcome(LINK_VERSION))
        if ours:
            self._end.from_connector(lines, ours)

    def _lost(self, lines: LinkProtocol) -> None:
        self._heard(lines)
        self._links.discard(lines)
        self._end.left(lines)

    def _heard(self, lines: LinkProtocol) -> None:
        patience = self._silent.pop(lines, None)
        if patience is not None:
            patience.cancel()
