"""An app at a request URL over HTTPS: its answer is the answer, and what it refuses is retried or dead."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import trustme
from aiohttp import web
from slack_sdk.signature import SignatureVerifier

from slackd.emulator import EmulatedApp, Emulator
from slackd.gateway.request_url_app import LARGEST_ANSWER
from tests.integration.gateway.gateway_rig import SOCKET_MODE, behind, free_port
from tests.integration.system.programs import PATIENCE

QUICK = '[delivery]\nack_timeout = "2s"\nbackoff = { initial = "0.1s", max = "0.2s" }\n'


class PostedApp:
    """Answers with the statuses that it is given, and then well."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.secret = ""
        self.posts: list[tuple[str, str | None]] = []

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        assert SignatureVerifier(self.secret).is_valid_request(body, dict(request.headers))
        assert request.headers["User-Agent"].startswith("Slackbot")
        self.posts.append((request.path, request.headers.get("X-Slack-Retry-Num")))
        status = self.statuses.pop(0) if self.statuses else 200
        return web.Response(status=status, text="done", headers={"Location": "/elsewhere"})


@asynccontextmanager
async def serving(app: PostedApp, port: int, tls: ssl.SSLContext | None) -> AsyncIterator[None]:
    application = web.Application()
    application.router.add_post("/{path:.*}", app.handle)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, ssl_context=tls).start()
    try:
        yield
    finally:
        await runner.cleanup()


async def test_posts_over_https_are_answered_retried_or_dead_lettered() -> None:
    authority, port, app = trustme.CA(), free_port(), PostedApp()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    with authority.cert_pem.tempfile() as ca_file:
        base = f"https://127.0.0.1:{port}"
        urls = f'request_url = "{base}/events"\ncommands_url = "{base}/commands"\nca_file = "{ca_file}"'
        plugin = SOCKET_MODE.replace("socket_mode = true", urls) + QUICK
        async with (
            Emulator([EmulatedApp(events=("message.channels",))]).serving() as slack,
            behind(slack, {"bot": plugin}) as house,
            serving(app, port, tls),
        ):
            app.secret = (await house.credentials("bot")).signing_secret
            command = await slack.wait_for_ack(slack.command("/deploy", "api"))
            assert command.response == {"text": "done"}
            app.statuses = [503, 429]
            await slack.wait_for_ack(slack.post_message("hello"))
            await house.house.until_status(lambda status: not status["plugins"][0]["open"], "an answer")
            assert app.posts == [("/commands", None), ("/events", None), ("/events", "1"), ("/events", "2")]
            app.statuses = [410, 307]
            for words in ("gone", "moved"):
                await slack.wait_for_ack(slack.post_message(words))
            await house.house.until_status(lambda status: status["plugins"][0]["dead"] == 2, "two dead letters")
            assert len(app.posts) == 6


async def test_an_event_that_the_app_has_no_listener_for_is_discarded_where_the_file_says_so() -> None:
    port, app = free_port(), PostedApp()
    urls = f'request_url = "http://127.0.0.1:{port}/events"\nunacknowledged = "discard"'
    plugin = SOCKET_MODE.replace("socket_mode = true", urls) + QUICK
    async with (
        Emulator([EmulatedApp(events=("message.channels",))]).serving() as slack,
        behind(slack, {"bot": plugin}) as house,
        serving(app, port, None),
    ):
        app.secret = (await house.credentials("bot")).signing_secret
        app.statuses = [404, 200, 404]
        for words, dead in (("is the URL wrong?", 1), ("it is right", 1), ("no listener", 1)):
            await slack.wait_for_ack(slack.post_message(words))
            status = await house.house.until_status(lambda now: not now["plugins"][0]["open"], "an answer")
            assert status["plugins"][0]["dead"] == dead
        assert (await house.app("bot"))["counters"]["envelopes"] == {"discarded": 1}  # type: ignore[index]


@pytest.mark.parametrize("encoding", ["chunked", "length", "close"])
async def test_an_answer_that_comes_in_parts_is_one_answer(encoding: str) -> None:
    text = b'{"text":"done","blocks":[{"type":"divider"}]}'

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        chunked, length = encoding == "chunked", encoding == "length"
        how = b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(text)
        head = how if chunked or length else b"Connection: close"
        writer.write(b"HTTP/1.1 200 OK\r\n%b\r\n\r\n" % head)
        for part in (text[:10], text[10:20], text[20:]):
            writer.write(b"%x\r\n%b\r\n" % (len(part), part) if chunked else part)
            await writer.drain()
            await asyncio.sleep(0.05)
        writer.write(b"0\r\n\r\n" if chunked else b"")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f'request_url = "http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"'
    plugin = SOCKET_MODE.replace("socket_mode = true", url)
    async with server, Emulator().serving() as slack, behind(slack, {"bot": plugin}):
        command = await slack.wait_for_ack(slack.command("/deploy", "api"))
        assert command.response == {"text": "done", "blocks": [{"type": "divider"}]}


async def test_an_answer_without_an_end_is_no_answer() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(bytes(65_536))
                await writer.drain()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f'request_url = "http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"'
    plugin = SOCKET_MODE.replace("socket_mode = true", url)
    async with server, Emulator().serving() as slack, behind(slack, {"bot": plugin}) as house:
        slack.send_event({"type": "reaction_added", "channel": "C1"})
        await house.house.until_status(lambda status: status["plugins"][0]["dead"] == 1, "a dead letter")
        assert f"answered with more than {LARGEST_ANSWER} bytes" in house.house.programs[0].tail()


async def test_a_slow_answer_to_a_command_holds_up_no_other_one() -> None:
    may_answer, asked = asyncio.Event(), asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        body = await reader.readexactly(int(head.partition("content-length: ")[2].split("\r")[0]))
        if b"text=slow" in body:
            asked.set()
            await may_answer.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\ndone")
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    url = f'request_url = "http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"'
    plugin = SOCKET_MODE.replace("socket_mode = true", url)
    async with server, Emulator().serving() as slack, behind(slack, {"bot": plugin}):
        slow = slack.command("/deploy", "slow")
        await asked.wait()
        other = await slack.wait_for_ack(slack.command("/deploy", "quick"), timeout=2.0)
        assert other.response == {"text": "done"}
        assert not slow.acknowledged
        may_answer.set()
        assert (await slack.wait_for_ack(slow)).response == {"text": "done"}


async def test_no_post_has_a_cookie_of_the_one_before_it() -> None:
    heads: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode().lower())
        await reader.readexactly(int(heads[-1].partition("content-length: ")[2].split("\r")[0]))
        headers = b"Set-Cookie: worker=1; Path=/\r\nContent-Length: 4\r\nConnection: close\r\n\r\n"
        writer.write(b"HTTP/1.1 200 OK\r\n" + headers + b"done")
        writer.close()

    server = await asyncio.start_server(answer, "localhost", 0)
    url = f'request_url = "http://localhost:{server.sockets[0].getsockname()[1]}/"'
    plugin = SOCKET_MODE.replace("socket_mode = true", url)
    async with server, Emulator().serving() as slack, behind(slack, {"bot": plugin}):
        for _ in range(2):
            await slack.wait_for_ack(slack.command("/deploy", ""))
    assert [each for each in heads if "cookie" in each] == []
    assert len(heads) == 2


async def test_what_is_for_an_app_that_is_away_waits_and_costs_no_attempts() -> None:
    port, app = free_port(), PostedApp()
    urls = f'request_url = "http://127.0.0.1:{port}/events"'
    plugin = SOCKET_MODE.replace("socket_mode = true", urls) + QUICK + "max_attempts = 2\n"
    async with (
        Emulator([EmulatedApp(events=("message.channels",))]).serving() as slack,
        behind(slack, {"bot": plugin}, rules='absent_after = "0.5s"') as house,
    ):
        app.secret = (await house.credentials("bot")).signing_secret
        for words in ("one", "two", "three"):
            await slack.wait_for_ack(slack.post_message(words))
        async with asyncio.timeout(PATIENCE):
            while not (await house.app("bot"))["away"]:
                await asyncio.sleep(0.02)
            while not (refused := await slack.wait_for_ack(slack.command("/deploy"))).response:
                pass
        assert "not available" in refused.response["text"]
        status = await house.house.until_status(lambda status: status["plugins"][0]["open"] >= 3, "what waits")
        assert status["plugins"][0]["dead"] == 0
        async with serving(app, port, None):
            await house.house.until_status(lambda status: not status["plugins"][0]["open"], "an empty backlog")
            assert not (await house.app("bot"))["away"]
            assert (await slack.wait_for_ack(slack.command("/deploy"))).response == {"text": "done"}
            assert (await house.house.ask("/v1/status"))["plugins"][0]["dead"] == 0
            assert [path for path, _ in app.posts].count("/events") >= 4
