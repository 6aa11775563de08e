"""A consistent copy of the running journal, streamed to whoever asks."""

import contextlib

from aiohttp import web

from slackd.broker.control.running import RunningBroker


async def backup(broker: RunningBroker, request: web.Request) -> web.StreamResponse:
    """The copy's bytes: a database that a broker can open. It is complete only if the response ends as HTTP
    says it must: what breaks off in the middle is no backup."""
    async with contextlib.aclosing(broker.journal.backup()) as chunks:
        # Before the first byte an error is an answer; after it, only a broken connection can tell.
        first = await anext(chunks, b"")
        response = web.StreamResponse(headers={"Content-Type": "application/vnd.sqlite3"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(first)
        async for chunk in chunks:
            await response.write(chunk)
    return response
