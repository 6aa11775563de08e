"""Files both ways: an app's uploads and downloads, in pieces through a connector."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any, Final

from slackd.gateway.counters import GatewayCounters
from slackd.gateway.webapi import AppCalls, CallFailedInside
from slackd.slotted import frozen

READ_AHEAD: Final = 8_192
"""Bytes of an app's upload beyond which, twice, no more is read before it is asked for."""
BEGIN_AT_ONCE: Final = 4
"""Transfers of one app that ask the broker whether there is room for one more; the others wait here, in their
order, and don't take the time that pieces need."""
READ_SIZE: Final = 16_384
"""Bytes that are read from an app's connection at once. With what was read ahead, and the piece on its way,
that is 64 KiB of a file at most."""


@frozen(eq=False)
class FileDownload:
    """A download that has begun.

    Attributes:
        status: what Slack answered.
        length: bytes, if Slack says.
    """

    status: int
    content_type: str
    length: int | None
    pieces: AsyncGenerator[bytes, None]


class FilePassage:
    """One app's files."""

    def __init__(self, plugin: str, calls: AppCalls, counters: GatewayCounters) -> None:
        self._plugin, self._calls, self._counters = plugin, calls, counters
        self._beginning = asyncio.Semaphore(BEGIN_AT_ONCE)

    async def download(self, url: str) -> FileDownload:
        """Begin to fetch a file.

        Returns:
            Its length, type, and pieces.

        Raises:
            CallFailedInside: It can't be had.
        """
        async with self._beginning:
            begun = await self._calls.request("slack.download", {"url": url})
        pieces = _nothing()
        if not begun.get("end"):
            pieces = self._pieces(str(begun["transfer"]))
            await anext(pieces)  # A generator that has not begun is closed without a word to the broker.
        length = begun.get("length")
        return FileDownload(
            int(begun.get("status", 200)),
            str(begun.get("content_type", "application/octet-stream")),
            length if isinstance(length, int) else None,
            pieces,
        )

    async def upload(
        self, url: str, pieces: AsyncIterator[bytes], length: int | None, content_type: str
    ) -> tuple[int, str]:
        """Send a file; returns the status and text that Slack answered with.

        Raises:
            CallFailedInside: It broke off.
        """
        about = {"url": url, "length": length, "content_type": content_type}
        async with self._beginning:
            transfer = str((await self._calls.request("slack.upload", about))["transfer"])
        finished: Mapping[str, Any] = {}
        try:
            async for piece in pieces:
                self._counters.files[self._plugin, "uploaded"] += len(piece)
                data = base64.b64encode(piece).decode()
                finished = await self._calls.request("slack.upload", {"transfer": transfer, "data": data})
                if finished.get("end"):
                    break
            else:
                finished = await self._calls.request("slack.upload", {"transfer": transfer, "end": True})
        except CallFailedInside:
            raise
        except BaseException:
            await self._calls.request("slack.upload", {"transfer": transfer, "cancel": True})
            raise
        return int(finished.get("status", 200)), str(finished.get("text", ""))

    async def _pieces(self, transfer: str) -> AsyncGenerator[bytes, None]:
        is_over = False
        try:
            yield b""
            while not is_over:
                piece = await self._calls.request("slack.download", {"transfer": transfer})
                is_over = piece.get("end") is True
                data = base64.b64decode(str(piece.get("data", "")))
                self._counters.files[self._plugin, "downloaded"] += len(data)
                if data:
                    yield data
        except CallFailedInside:
            is_over = True
            raise
        finally:
            if not is_over:
                await self._calls.request("slack.download", {"transfer": transfer, "cancel": True})


async def _nothing() -> AsyncGenerator[bytes, None]:
    empty: tuple[bytes, ...] = ()
    for piece in empty:
        yield piece
