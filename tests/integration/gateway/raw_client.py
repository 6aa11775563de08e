"""A client that sends the bytes that it is told to, HTTP or not."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence

import attrs

PATIENCE = 10.0


@attrs.frozen
class RawClient:
    """One TCP connection to the gateway."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, *parts: bytes) -> None:
        """Each part in a segment of its own."""
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()
            await asyncio.sleep(0.05)

    async def hear(self, until: bytes, patience: float = PATIENCE) -> bytes:
        """What comes, up to these bytes or the end."""
        heard = b""
        async with asyncio.timeout(patience):
            while until not in heard and (part := await self.reader.read(65_536)):
                heard += part
        return heard

    async def ends(self) -> bool:
        """Whether the other side ends it."""
        try:
            async with asyncio.timeout(PATIENCE):
                return await self.reader.read(1) == b""
        except ConnectionError:
            return True
        except TimeoutError:
            return False


@contextlib.asynccontextmanager
async def raw(port: int) -> AsyncIterator[RawClient]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield RawClient(reader, writer)
    finally:
        writer.close()


def post(method: str, token: str, body: bytes = b"", headers: Sequence[str] = ()) -> bytes:
    """A request as bytes."""
    about = ["Host: 127.0.0.1", f"Authorization: Bearer {token}", *headers]
    if not any(each.startswith("Transfer-Encoding") for each in about):
        about.append(f"Content-Length: {len(body)}")
    return "\r\n".join((f"POST /api/{method} HTTP/1.1", *about, "", "")).encode() + body
