"""The body of an HTTP answer, in bounded memory, for sessions that are made with `auto_decompress=False`.

aiohttp unpacks at once whatever it has read: a few kilobytes may become a thousand times as much before anybody
can count them. So a packed body is unpacked here, up to what is wanted of it and no further.
"""

import zlib
from typing import Final

import aiohttp

ACCEPTED: Final = {"Accept-Encoding": "gzip, deflate"}
"""The header that asks for what can be unpacked here."""
_PACKED: Final = frozenset({"gzip", "x-gzip", "deflate"})


class BodyTooLargeError(aiohttp.ClientError):
    """A body has more bytes than anybody wants to read of it."""


async def read_whole(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The whole body, unpacked.

    Raises:
        BodyTooLargeError: It has more than `limit` bytes.
        aiohttp.ClientError: It broke off, or can't be unpacked.
    """
    body = await read_beginning(response, limit + 1)
    if len(body) > limit:
        response.close()
        raise BodyTooLargeError(f"an answer of more than {limit} bytes")
    return body


async def read_beginning(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """As much of the body as there is, unpacked, in however many parts it comes, up to `limit` bytes.

    Raises:
        aiohttp.ClientError: It broke off, or can't be unpacked.
    """
    packed = response.headers.get("Content-Encoding", "").strip().lower() in _PACKED
    unpack = _Unpack() if packed else None
    body = bytearray()
    async for part in response.content.iter_any():
        body += part[: limit - len(body)] if unpack is None else unpack.more(part, limit - len(body))
        if len(body) >= limit:
            return bytes(body)
    if unpack is not None:
        unpack.end()
    return bytes(body)


class _Unpack:
    def __init__(self) -> None:
        self._inside: zlib._Decompress | None = None

    def more(self, part: bytes, most: int) -> bytes:
        """So many bytes at most; what is left over is for nobody."""
        if self._inside is None:
            # "deflate" is meant to have zlib's head, and often has none (RFC 9110, 8.4.1.2).
            has_head = part[:2] == b"\x1f\x8b" or (part[:1] and part[0] & 0x0F == 8)
            self._inside = zlib.decompressobj(zlib.MAX_WBITS | 32 if has_head else -zlib.MAX_WBITS)
        try:
            return self._inside.decompress(part, most)
        except zlib.error as error:
            raise aiohttp.ClientPayloadError(f"a packed answer can't be unpacked: {error}") from error

    def end(self) -> None:
        if self._inside is not None and not self._inside.eof:
            raise aiohttp.ClientPayloadError("a packed answer broke off")
