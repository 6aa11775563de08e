"""When nothing answers, the step and the place are named at which the time was up."""

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import aiohttp
import pytest

from slackd.connector import resolver
from slackd.connector.credentials import Secret
from slackd.connector.dial_progress import DialPhase, DialProgress
from slackd.connector.http_session import slack_session
from slackd.connector.network_errors import obstacle
from slackd.connector.resolver import MOST_LOOK_UPS, HostResolver
from slackd.connector.slackapi import SlackApi
from slackd.connector.socketmode.dialler import Dialler
from slackd.connector.socketmode.websocket import SlackWebSocket
from slackd.connector.trust import tls_context
from slackd.emulator import EmulatorClient
from tests.support.connector_rig import rig_for

Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]


async def dial_for(seconds: float, api_url: str, proxy: str | None = None) -> DialProgress:
    """Where a dial stands after so many seconds."""
    progress, tls = DialProgress(), tls_context(None)
    async with slack_session(tls, reuse=False, ws_response_class=SlackWebSocket) as session:
        api = SlackApi(Secret("xapp-1"), api_url, session, proxy, tls)
        dialler = Dialler("main", api, api_url, session, lambda url: proxy, tls)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(seconds):
                await dialler.dial(progress)
    return progress


@asynccontextmanager
async def listening(answer: Answer | None = None) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if answer is not None:
            await answer(reader, writer)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@contextmanager
def swallowing() -> Iterator[int]:
    """A port that drops every SYN, as a firewall does: its backlog is full."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        full = [socket.socket() for _ in range(3)]
        for each in full:
            each.setblocking(False)
            each.connect_ex(server.getsockname())
        try:
            time.sleep(0.05)
            yield server.getsockname()[1]
        finally:
            for each in full:
                each.close()


@pytest.fixture
def hanging_names(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def hang(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host == "slack.test":
            time.sleep(30)
        return real(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", hang)


async def test_a_name_service_that_hangs(hanging_names: None) -> None:
    progress = await dial_for(0.3, "https://slack.test/api/")
    assert progress.waits_for() == "the name service, for slack.test"


async def test_packets_that_are_dropped() -> None:
    with swallowing() as port:
        progress = await dial_for(0.5, f"https://127.0.0.1:{port}/api/")
    assert progress.waits_for() == f"a TCP connection to 127.0.0.1:{port} (does a firewall drop packets?)"


async def test_a_server_that_takes_no_tls() -> None:
    async with listening() as port:
        progress = await dial_for(0.5, f"https://127.0.0.1:{port}/api/")
    assert progress.waits_for() == f"the TLS handshake with 127.0.0.1:{port}"


async def test_a_proxy_that_says_nothing() -> None:
    async with listening() as port:
        progress = await dial_for(0.5, "https://slack.test:8443/api/", f"http://127.0.0.1:{port}")
    assert progress.waits_for() == f"the proxy 127.0.0.1:{port}, which is to connect to slack.test:8443"


async def test_a_web_api_that_says_nothing() -> None:
    async with listening() as port:
        progress = await dial_for(0.5, f"http://127.0.0.1:{port}/api/")
    assert progress.waits_for() == f"the answer of 127.0.0.1:{port} to the request"


async def test_a_websocket_that_says_nothing() -> None:
    async with listening() as there:
        body = f'{{"ok":true,"url":"ws://127.0.0.1:{there}/link"}}'

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n"
            writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())

        async with listening(answer) as port:
            progress = await dial_for(0.5, f"http://127.0.0.1:{port}/api/")
    assert progress.waits_for() == f"the answer of 127.0.0.1:{there} to the WebSocket's handshake"


async def test_a_hello_that_never_comes_is_said_from_the_first_failure_on(
    slack: EmulatorClient,
) -> None:
    slack.fault("hello", hang=True)
    async with rig_for(slack) as rig:
        transport = rig.connector._transports["emulated"]
        transport._pool.policy = transport._pool.policy.__class__(  # type: ignore[attr-defined]
            "emulated", 1, hello_timeout=0.3
        )
        await slack.wait_until(lambda: transport.status().last_failure)
        words = transport.status().last_failure
        assert "the dial waited for Slack's hello on the WebSocket of 127.0.0.1" in words
        assert "hello on the WebSocket" in rig.connector.status_text()


def test_every_phase_has_words() -> None:
    progress = DialProgress(host="::1", port=443)
    for phase in DialPhase:
        progress.phase = phase
        assert "{" not in progress.waits_for()


async def test_a_name_that_nobody_knows_is_said_as_one() -> None:
    async with slack_session(tls_context(None)) as session:
        with pytest.raises(aiohttp.ClientConnectorError) as caught:
            await session.get("https://no-such-name.invalid/")
    words = obstacle(caught.value, None).reason
    assert words.startswith("the name no-such-name.invalid can't be resolved (")


def test_a_name_service_that_hangs_does_not_delay_a_stop(hanging_names: None) -> None:
    async def ask() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await HostResolver().resolve("slack.test", 443)

    begin = time.monotonic()
    asyncio.run(ask())
    assert time.monotonic() - begin < 5


async def test_one_question_at_a_time_for_a_name_that_hangs(
    hanging_names: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    real = resolver._ask_name_service

    def ask(*args: Any) -> None:
        asked.append(args)
        real(*args)

    monkeypatch.setattr(resolver, "_ask_name_service", ask)
    of_one = HostResolver()
    for _ in range(3):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await of_one.resolve("slack.test", 443)
    assert len(asked) == 1


async def test_names_that_a_plugin_invents_take_so_many_threads_and_no_more(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(5))
    of_one, before = HostResolver(), threading.active_count()
    refused = 0
    for number in range(2 * MOST_LOOK_UPS):
        with pytest.raises(OSError, match=r"owes answers|^$") as caught:
            async with asyncio.timeout(0.01):
                await of_one.resolve(f"invented-{number}.slack.com", 443)
        refused += "owes answers" in str(caught.value)
    assert refused == MOST_LOOK_UPS
    assert threading.active_count() - before <= MOST_LOOK_UPS


async def test_the_family_that_answers_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """An AAAA record first, and what is sent there is swallowed: IPv4 is tried all the same, and soon."""
    async with listening() as port:
        six = (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("2001:db8::1", port, 0, 0))
        four = (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: [six, six, four])
        real = resolver._connect

        async def connect(family: int, address: Any, delay: float) -> bool:
            if family == socket.AF_INET6:
                await asyncio.sleep(60)
            return await real(family, address, delay)

        monkeypatch.setattr(resolver, "_connect", connect)
        begin = time.monotonic()
        found = await HostResolver(race=True).resolve("slack.test", port, socket.AF_UNSPEC)
        assert [each["host"] for each in found] == ["127.0.0.1", "2001:db8::1", "2001:db8::1"]
        assert time.monotonic() - begin < 3
