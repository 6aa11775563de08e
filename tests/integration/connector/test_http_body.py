"""A body takes the memory that is wanted of it, however it is packed."""

import contextlib
import gzip
import resource
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

import aiohttp
import pytest
from aiohttp import web

from slackd.connector.http_session import slack_session
from slackd.http_body import ACCEPTED, BodyTooLargeError, read_beginning, read_whole

TEXT = b"what Slack says " * 1_000
RAW = zlib.compressobj(wbits=-zlib.MAX_WBITS)
MEBIBYTE = 1 << 20


Answer = Callable[[web.BaseRequest], Awaitable[web.Response]]


@contextlib.asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[str]:
    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/"
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def answering(body: bytes, headers: Mapping[str, str]) -> AsyncIterator[aiohttp.ClientResponse]:
    async def answer(_request: web.BaseRequest) -> web.Response:
        return web.Response(body=body, headers=headers)

    async with (
        serving(answer) as url,
        aiohttp.ClientSession(auto_decompress=False, headers=ACCEPTED) as session,
        session.get(url) as response,
    ):
        yield response


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("", TEXT),
        ("gzip", gzip.compress(TEXT)),
        ("GZIP", gzip.compress(TEXT)),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", RAW.compress(TEXT) + RAW.flush()),
    ],
    ids=["plain", "gzip", "GZIP", "deflate", "raw-deflate"],
)
async def test_it_is_read_to_its_end(encoding: str, body: bytes) -> None:
    async with answering(body, {"Content-Encoding": encoding} if encoding else {}) as response:
        assert await read_whole(response, len(TEXT)) == TEXT
    async with answering(body, {"Content-Encoding": encoding} if encoding else {}) as response:
        assert await read_beginning(response, 100) == TEXT[:100]
    async with answering(body, {"Content-Encoding": encoding} if encoding else {}) as response:
        with pytest.raises(BodyTooLargeError, match="more than 15999 bytes"):
            await read_whole(response, len(TEXT) - 1)


@pytest.mark.parametrize(
    "body",
    [gzip.compress(TEXT)[:-20], b"\x1f\x8b no gzip at all", b"no deflate"],
    ids=["cut", "no-gzip", "no-deflate"],
)
async def test_what_cannot_be_unpacked_is_an_error_like_any_other_of_the_network(body: bytes) -> None:
    async with answering(body, {"Content-Encoding": "gzip"}) as response:
        with pytest.raises(aiohttp.ClientError, match="packed answer"):
            await read_whole(response, MEBIBYTE)


async def test_an_answer_of_slacks_may_be_packed() -> None:
    async def answer(_request: web.BaseRequest) -> web.Response:
        return web.Response(body=gzip.compress(b'{"ok": true}'), headers={"Content-Encoding": "gzip"})

    async with (
        serving(answer) as url,
        slack_session(ssl.create_default_context()) as session,
        session.get(url) as response,
    ):
        assert await response.json() == {"ok": True}


async def test_half_a_megabyte_that_unpacks_to_half_a_gigabyte_takes_one() -> None:
    packer, zeros = zlib.compressobj(wbits=zlib.MAX_WBITS | 16), bytes(MEBIBYTE)
    bomb = b"".join(packer.compress(zeros) for _ in range(512)) + packer.flush()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async with answering(bomb, {"Content-Encoding": "gzip"}) as response:
        with pytest.raises(BodyTooLargeError):
            await read_whole(response, MEBIBYTE)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 << 10
