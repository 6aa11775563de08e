"""Requests that are no good, or never end: each is an answer or an end, and everybody else is served."""

import asyncio
import gzip
import json
import logging
import time

import pytest

from slackd.broker.control import http, server
from slackd.broker.control.http import LARGEST_BODY, LARGEST_HEAD, MOST_CONNECTIONS
from tests.integration.control.control_rig import World, message, plugin_file, world

POST = b"POST /v1/replay HTTP/1.1\r\nHost: x\r\n"
HALF = b"GET /v1/status HTTP/1.1\r\nHost: x\r\n"


async def half_request(here: World, data: bytes = HALF, *, metrics: bool = False) -> asyncio.StreamReader:
    """A connection on which something was said; it lives as long as its reader is kept."""
    opened = (
        asyncio.open_connection(*here.metrics) if metrics else asyncio.open_unix_connection(str(here.control))
    )
    reader, writer = await opened
    writer.write(data)
    reader.kept = writer  # type: ignore[attr-defined]
    return reader


def status_of(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET /v1/status HTTP/1.1\r\n\r\n", 400),
        (b"GET /v1/events?%s HTTP/1.1\r\nHost: x\r\n\r\n" % b"&".join(b"a%d=1" % n for n in range(60)), 400),
        (POST + b"Content-Length: -1\r\n\r\n", 400),
        (POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (POST + b"Transfer-Encoding: gzip\r\n\r\n", 501),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * (2 * LARGEST_HEAD), 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: x\r\n" * LARGEST_HEAD, 431),
        (
            POST + b"Content-Length: 2000000\r\n\r\n" + b" " * (LARGEST_BODY + 1),
            413,
        ),
    ],
)
async def test_what_is_no_request_is_told_so_and_ends(request_: bytes, status: int) -> None:
    async with world() as here:
        answer = await here.raw(request_)
        assert status_of(answer) == status
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]
        assert (await here.get("/v1/status"))["broker"]


async def test_an_encoded_body_is_not_understood_whether_it_is_whole_or_not() -> None:
    async with world(plugin_file("deploy")) as here:
        for body in (gzip.compress(b'{"plugin": "deploy", "since": 0}'), b"not gzip at all"):
            head = POST + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n"
            assert status_of(await here.raw(head % len(body) + body)) == 415


@pytest.mark.parametrize("data", [b"", HALF, POST + b"Content-Length: 100\r\n\r\n{"])
async def test_half_requests_keep_nobody_out(data: bytes) -> None:
    async with world() as here:
        kept = [await half_request(here, data) for _ in range(2 * MOST_CONNECTIONS)]
        assert (await here.get("/v1/status"))["broker"]
        kept += [await half_request(here, data, metrics=True) for _ in range(2 * MOST_CONNECTIONS)]
        answer = await here.raw(b"GET /metrics HTTP/1.0\r\n\r\n", here.metrics)
        assert status_of(answer) == 200
        assert sum(each.at_eof() for each in kept) >= MOST_CONNECTIONS


async def test_a_request_that_never_comes_to_its_end_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "REQUEST_PATIENCE", 0.05)
    async with world() as here:
        answer = await here.raw(POST + b"Content-Length: 100\r\n\r\n{")
        assert status_of(answer) == 408


async def test_a_stream_that_nobody_reads_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "WRITE_PATIENCE", 0.05)
    async with world(plugin_file("deploy")) as here:
        connector = here.both_connectors()
        reader = await half_request(here, b"GET /v1/events?text=1 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        reader._transport.pause_reading()  # type: ignore[attr-defined]
        number = 0
        async with asyncio.timeout(60):
            while len(here.daemon.watchers):
                number += 1
                await connector.deliver_and_wait(message(number, text="x" * 200_000))


async def test_bad_requests_without_end_leave_the_log_alone(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with world() as here:
        before = len(caplog.records)
        for _ in range(50):
            await here.raw(b"\x00\xff nonsense\r\n\r\n", here.metrics)
            await here.raw(b"GET /nothing HTTP/1.0\r\n\r\n", here.metrics)
        assert [each for each in caplog.records[before:] if each.name != "slackd.broker.daemon"] == []


async def test_requests_follow_each_other_on_one_connection() -> None:
    async with world() as here:
        request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
        last = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        answer = await here.raw(request + request + last)
        assert answer.count(b"HTTP/1.1 ") == 3


async def test_who_waits_for_leave_to_send_a_body_gets_it() -> None:
    async with world(plugin_file("deploy")) as here:
        head = POST + b"Expect: 100-continue\r\nContent-Length: 33\r\n\r\n"
        reader = await half_request(here, head)
        assert await reader.readline() == b"HTTP/1.1 100 \r\n"
        reader.kept.write(b'{"plugin": "deploy", "since": 0 }')  # type: ignore[attr-defined]
        await reader.readline()
        assert status_of(await reader.readline()) == 200


async def test_so_many_scrapes_a_second_are_answered_and_the_others_wait(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(server, "SCRAPE_RATE", 4.0)
    monkeypatch.setattr(server, "SCRAPE_BURST", 1.0)
    async with world() as here:
        began = time.monotonic()
        for _ in range(3):
            assert status_of(await here.raw(b"GET /metrics HTTP/1.0\r\n\r\n", here.metrics)) == 200
        assert time.monotonic() - began >= 0.4
