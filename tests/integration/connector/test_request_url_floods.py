"""Who reaches the receiver's port and is not Slack: it keeps neither Slack nor the memory busy."""

import asyncio
import contextlib
import socket
import ssl
import time
from collections.abc import AsyncIterator

import pytest
import trustme

from slackd import listener
from slackd.connector.request_url import http1, server
from slackd.connector.request_url.gate import Answer
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


async def test_who_has_gone_while_it_waited_to_be_accepted_costs_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    served = 0

    class Counted(http1.HttpConnection):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            nonlocal served
            served += 1
            super().connection_made(transport)

    monkeypatch.setattr(server, "HttpConnection", Counted)
    async with receiver() as rig:
        for _ in range(50):
            socket.create_connection(("127.0.0.1", rig.port)).close()
        assert (await post(rig, event()))[0] == 200
        assert served == 1


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


NONSENSE = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def test_requests_without_end_in_one_go_keep_nobody_waiting() -> None:
    """One refusal ends a connection that brought nothing signed: the next request costs another connection."""
    async with receiver() as rig, connections(rig, 1) as (flood,):
        flood[1].write(NONSENSE * 5_000)
        await flood[1].drain()
        assert (await post(rig, event()))[0] == 200
        assert (await read_answer(flood[0]))[1]["connection"] == "close"
        assert await ends(flood)
        assert rig.server.refusals == {404: 1}


async def test_who_reads_no_answer_gets_no_more_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy's connection, say, on which requests come one behind the other, and nobody reads."""
    waiting = 0

    class Small(http1.HttpConnection):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            assert isinstance(transport, asyncio.Transport)
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
            super().connection_made(transport)

        def respond(self, answer: Answer) -> None:
            nonlocal waiting
            super().respond(answer)
            if self._transport is not None:
                waiting = max(waiting, self._transport.get_write_buffer_size())

    monkeypatch.setattr(server, "HttpConnection", Small)
    async with receiver() as rig:
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        listening.connect(("127.0.0.1", rig.port))
        listening.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(listening, request(event(), headers_for(event(), JSON)))
        await rig.broker.until(lambda: rig.broker.acks)
        sending = asyncio.create_task(loop.sock_sendall(listening, NONSENSE * 4_000))
        async with asyncio.timeout(10):
            while waiting <= 64 * 1024:
                await asyncio.sleep(0)
        answered = rig.server.refusals.total()
        for _ in range(500):
            await asyncio.sleep(0)
        assert rig.server.refusals.total() == answered < 4_000
        sending.cancel()
        listening.close()


async def test_a_loops_turn_takes_one_request_of_a_connection() -> None:
    async with receiver() as rig, connections(rig, 1) as (slacks,):
        slacks[1].write(request(event(), headers_for(event(), JSON)))
        assert (await read_answer(slacks[0]))[0] == 200
        before = rig.server.refusals.total()
        most = 0

        async def turns() -> None:
            nonlocal before, most
            while True:
                await asyncio.sleep(0)
                most = max(most, rig.server.refusals.total() - before)
                before = rig.server.refusals.total()

        counting = asyncio.create_task(turns())
        slacks[1].write(NONSENSE * 300)
        for _ in range(300):
            assert (await read_answer(slacks[0]))[0] == 404
        counting.cancel()
        assert most == 1


async def test_connections_that_are_kept_and_idle_make_room_the_longest_idle_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 4)
    async with receiver() as rig, connections(rig, 4) as kept:
        for number, (reader, writer) in enumerate([*kept, kept[0]]):
            body = event(f"Ev{number}")
            writer.write(request(body, headers_for(body, JSON)))
            assert (await read_answer(reader))[0] == 200
        assert (await post(rig, event("Ev9")))[0] == 200
        assert await ends(kept[1])
        body = event("Ev10")
        kept[0][1].write(request(body, headers_for(body, JSON)))
        assert (await read_answer(kept[0][0]))[0] == 200, "it was used after the others"


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
