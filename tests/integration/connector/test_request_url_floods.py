"""Who reaches the receiver's port and is not Slack: it keeps neither Slack nor the memory busy."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator

import pytest
import trustme

from slackd import listener
from slackd.connector.request_url import server
from tests.integration.connector.request_url_rig import (
    RequestUrlRig,
    event,
    headers_for,
    post,
    read_answer,
    receiver,
    request,
)

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]
JSON = "application/json"


@contextlib.asynccontextmanager
async def connections(rig: RequestUrlRig, number: int) -> AsyncIterator[list[Stream]]:
    made = [await asyncio.open_connection("127.0.0.1", rig.port) for _ in range(number)]
    try:
        yield made
    finally:
        for _, writer in made:
            writer.close()


async def ends(stream: Stream) -> bool:
    async with asyncio.timeout(10):
        with contextlib.suppress(ConnectionError):
            return await stream[0].read() == b""
    return True


async def test_connections_that_brought_nothing_signed_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 8)
    async with receiver() as rig, connections(rig, 1) as (slacks,):
        slacks[1].write(request(event("Ev0"), headers_for(event("Ev0"), JSON)))
        assert (await read_answer(slacks[0]))[0] == 200
        async with connections(rig, 20) as silent:
            assert (await post(rig, event("Ev1")))[0] == 200
            assert await ends(silent[0])
            slacks[1].write(request(event("Ev2"), headers_for(event("Ev2"), JSON)))
            assert (await read_answer(slacks[0]))[0] == 200, "what has shown to be Slack's stays"


async def test_bodies_without_an_end_cost_so_many_bytes(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(server, "BODY_BYTES", 200_000)
    body = event("Ev1", text="x" * 90_000)
    async with receiver() as rig, connections(rig, 4) as streams:
        for _, writer in streams:
            writer.write(request(body[:-10], headers_for(body, JSON)))
            await writer.drain()
        assert (await post(rig, event("Ev2")))[0] == 200
        async with asyncio.timeout(10):
            done, _ = await asyncio.wait(
                [asyncio.create_task(ends(each)) for each in streams], return_when=asyncio.FIRST_COMPLETED
            )
        assert all(each.result() for each in done)
        assert "bodies of more than" in caplog.text


async def test_tls_handshakes_that_never_end_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listener, "MOST_HANDSHAKES", 4)
    authority = trustme.CA()
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server_side)
    client_side = ssl.create_default_context()
    authority.configure_trust(client_side)
    async with contextlib.AsyncExitStack() as beyond_the_stop:
        async with receiver(tls=server_side) as rig:
            silent = await beyond_the_stop.enter_async_context(connections(rig, 12))
            assert await ends(silent[0])
            reader, writer = await asyncio.open_connection("127.0.0.1", rig.port, ssl=client_side)
            writer.write(request(event(), headers_for(event(), JSON)))
            assert (await read_answer(reader))[0] == 200
            writer.close()
            began = time.monotonic()
        assert time.monotonic() - began < listener.HANDSHAKE_PATIENCE / 2, "no stop waits for them"
