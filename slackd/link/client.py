"""The connector's end of the link over a socket: it is made again whenever it breaks.

A broker that is restarting refuses nobody: systemd keeps the listening socket, and `connect()` waits in its
backlog. So a broken link is made again at once, and only a missing or refusing socket is tried again after
`RETRY_FIRST` to `RETRY_LAST` seconds. A broker that hangs up again and again without having said a word (it
may be of a release that is no neighbour) is tried ever more slowly, up to `RETRY_HUNG_UP` seconds.
"""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from slackd.link import ConnectorEnd
from slackd.link.messages import FromBroker, LinkMessage
from slackd.link.protocol import LinkProtocol

log = logging.getLogger(__name__)

RETRY_FIRST: Final = 0.01
RETRY_LAST: Final = 0.05
RETRY_HUNG_UP: Final = 1.0
CLOSE_PATIENCE: Final = 1.0
"""Seconds in which what is queued may still be written when the link is closed on purpose."""


class LinkClient:
    """Keeps a link to the broker that listens at `path`, for as long as `run` runs."""

    def __init__(self, path: Path, end: ConnectorEnd) -> None:
        self._path = path
        self._end = end
        self._heard = False
        self._said_away = False

    async def run(self) -> None:
        """Keep the link until cancelled; then write what is queued, and close it."""
        delay = RETRY_FIRST
        while True:
            try:
                lines = await self._connect()
            except OSError as error:
                self._say_away(error)
                delay = min(max(delay, RETRY_FIRST) * 2, RETRY_LAST)
            else:
                await self._until_lost(lines)
                delay = RETRY_FIRST if self._heard else min(delay * 2, RETRY_HUNG_UP)
            await asyncio.sleep(delay)

    async def _connect(self) -> LinkProtocol:
        loop = asyncio.get_running_loop()
        self._heard = False
        _, lines = await loop.create_unix_connection(
            lambda: LinkProtocol(self._made, self._messages, self._lost), str(self._path)
        )
        return lines

    async def _until_lost(self, lines: LinkProtocol) -> None:
        try:
            await asyncio.shield(lines.closed)
        finally:
            lines.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_PATIENCE):
                    await asyncio.shield(lines.closed)
            lines.abort()

    def _made(self, lines: LinkProtocol) -> None:
        log.info("linked to the broker at %s", self._path, extra={"event": "link-up"})
        self._said_away = False
        self._end.link_up(lines.send)

    def _messages(self, _lines: LinkProtocol, messages: Sequence[LinkMessage]) -> None:
        self._heard = True
        ours: list[FromBroker] = [m for m in messages if isinstance(m, FromBroker)]
        if ours:
            self._end.from_broker(ours)

    def _lost(self, _lines: LinkProtocol) -> None:
        log.info("the link to the broker is down", extra={"event": "link-down"})
        self._end.link_down()

    def _say_away(self, error: OSError) -> None:
        if not self._said_away:
            self._said_away = True
            log.warning(
                "the broker can't be reached at %s (%s): is slackd-broker running? Trying again",
                self._path,
                error.strerror or error,
                extra={"event": "link-away"},
            )
