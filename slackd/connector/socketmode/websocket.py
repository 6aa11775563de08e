"""The one place that knows aiohttp from the inside: send Close and go on reading, end a socket at once, write
many frames with one system call, and mask a frame in C.

`ClientWebSocketResponse.close()` throws away the frames that come in before the server's own Close, and 3.8
has no public way to send a Close and go on reading. The frame writer has one under the same name in 3.8 and
in today's release; `tests/integration/connector/test_websocket.py` shows it with whichever is installed.

A client's text frames as bytes (RFC 6455, 5.2 and 5.3). Pure.
"""

import contextlib
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import aiohttp

try:
    from aiohttp._websocket.helpers import websocket_mask
except ImportError:  # before 3.11
    from aiohttp.http_websocket import _websocket_mask as websocket_mask  # type: ignore[attr-defined,no-redef]

_FINAL_TEXT = 0x81
_MASKED = 0x80


def text_frame(payload: bytes, mask: bytes) -> bytes:
    """One unfragmented, masked text frame; `mask` is four bytes that nobody can foretell."""
    size = len(payload)
    if size < 126:
        head = bytes((_FINAL_TEXT, _MASKED | size))
    elif size < 1 << 16:
        head = bytes((_FINAL_TEXT, _MASKED | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((_FINAL_TEXT, _MASKED | 127)) + size.to_bytes(8, "big")
    masked = bytearray(payload)
    websocket_mask(mask, masked)
    return head + mask + masked


if TYPE_CHECKING:
    _Response = aiohttp.ClientWebSocketResponse[Literal[True]]
else:
    _Response = aiohttp.ClientWebSocketResponse


class SlackWebSocket(_Response):
    """Made by a session with this as its `ws_response_class`; wants `autoping=False, autoclose=False`."""

    def write_texts(self, texts: Sequence[str]) -> None:
        """Write a text frame for each, all at once; they are not compressed. `drained` is called when to go on.

        Raises:
            ConnectionError: The socket is gone, or a Close was sent; none of them is written.
        """
        transport = self._writer.transport
        if self._writer._closing or transport is None or transport.is_closing():
            raise ConnectionResetError("the WebSocket is closing")
        masks = os.urandom(4 * len(texts))
        places = range(0, len(masks), 4)
        frames = [text_frame(text.encode(), masks[at : at + 4]) for at, text in zip(places, texts, strict=True)]
        transport.write(b"".join(frames))

    async def drained(self) -> None:
        """Wait while the far end takes nothing more.

        Raises:
            ConnectionError: The socket is gone.
        """
        await self._writer.protocol._drain_helper()

    async def send_close(self) -> None:
        """Send a Close frame (1000); frames go on coming in until the server's own.

        Raises:
            ConnectionError: The socket is gone.
        """
        await self._writer.close(aiohttp.WSCloseCode.OK, b"")

    def hang_up(self) -> None:
        """Close the TCP connection once what was written is out."""
        self._response.close()

    def abort(self) -> None:
        """End the TCP connection at once."""
        transport = self._writer.transport
        if transport is not None:
            # Debian 12's Python (3.11.2) trips over a TLS connection that is already over.
            with contextlib.suppress(AttributeError):
                transport.abort()
        self._response.close()
