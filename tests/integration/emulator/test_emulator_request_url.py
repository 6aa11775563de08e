"""What Slack makes of the answers of a request URL ("The Events API", "Slash commands")."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import parse_qs

import pytest
from aiohttp import web

from slackd.emulator import Emulator, EmulatorClient, EmulatorSettings
from slackd.emulator.request_url import RequestUrl, posting_to
from slackd.signature import SignatureVerdict, verify

SECRET = "0123456789abcdef0123456789abcdef"
PATIENCE = 20.0
FAST = EmulatorSettings(time_scale=0.01, ack_deadline=200.0)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def posting(
    handler: Handler, settings: EmulatorSettings = FAST
) -> AsyncIterator[tuple[EmulatorClient, RequestUrl]]:
    """A Slack that posts everything to that handler."""
    site = web.Application()
    site.router.add_post("/{rest:.*}", handler)
    site.router.add_get("/{rest:.*}", handler)
    runner = web.AppRunner(site)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        async with (
            Emulator(settings=settings).serving() as slack,
            posting_to(slack, f"http://127.0.0.1:{port}/slack", SECRET) as requests,
        ):
            yield slack, requests
    finally:
        await runner.cleanup()


async def reasons(slack: EmulatorClient, requests: RequestUrl) -> list[str]:
    """Why an event's attempts failed, when they are used up."""
    entry = slack.post_message("hi")
    await slack.wait_until(lambda: entry.failure, timeout=PATIENCE)
    assert entry.failure == "given_up"
    return [each.failure for each in requests.requests]


async def test_two_redirects_are_followed() -> None:
    async def redirecting(request: web.Request) -> web.StreamResponse:
        hops = int(request.query.get("hops", 0))
        if hops < 2:
            raise web.HTTPTemporaryRedirect(f"/slack?hops={hops + 1}")
        return web.Response()

    async with posting(redirecting) as (slack, _):
        await slack.wait_for_ack(slack.post_message("hi"), timeout=PATIENCE)


async def test_three_redirects_are_too_many() -> None:
    async def redirecting(request: web.Request) -> web.StreamResponse:
        raise web.HTTPTemporaryRedirect("/slack")

    async with posting(redirecting) as (slack, requests):
        assert await reasons(slack, requests) == ["too_many_redirects"] * 4


async def test_a_retry_says_its_number_and_why() -> None:
    seen: list[tuple[str | None, str | None]] = []

    async def failing(request: web.Request) -> web.StreamResponse:
        body = (await request.read()).decode()
        headers = request.headers
        verdict = verify(
            SECRET, body.encode(), headers["X-Slack-Request-Timestamp"], headers["X-Slack-Signature"]
        )
        assert verdict is SignatureVerdict.GOOD
        seen.append((request.headers.get("X-Slack-Retry-Num"), request.headers.get("X-Slack-Retry-Reason")))
        return web.Response(status=500)

    async with posting(failing) as (slack, requests):
        assert await reasons(slack, requests) == ["http_error"] * 4
    assert seen == [(None, None), ("1", "http_error"), ("2", "http_error"), ("3", "http_error")]


async def test_a_certificate_that_is_not_one_is_an_ssl_error() -> None:
    async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        writer.close()

    async with (
        await asyncio.start_server(never, "127.0.0.1", 0) as server,
        Emulator(settings=FAST).serving() as slack,
    ):
        port = server.sockets[0].getsockname()[1]
        async with posting_to(slack, f"https://127.0.0.1:{port}/slack", SECRET) as requests:
            assert await reasons(slack, requests) == ["ssl_error"] * 4


@pytest.mark.parametrize(
    ("status", "failure"), [(500, "dispatch_failed"), (404, "dispatch_failed"), (201, "dispatch_failed")]
)
async def test_a_person_sees_that_a_command_was_not_answered_with_200(status: int, failure: str) -> None:
    async def failing(request: web.Request) -> web.StreamResponse:
        assert parse_qs((await request.read()).decode())["command"] == ["/deploy"]
        return web.Response(status=status)

    async with posting(failing) as (slack, requests):
        entry = slack.command("/deploy")
        await slack.wait_until(lambda: entry.failure, timeout=PATIENCE)
        assert (entry.failure, len(requests.requests)) == (failure, 1)


async def test_a_person_sees_a_timeout() -> None:
    over = asyncio.Event()

    async def slow(request: web.Request) -> web.StreamResponse:
        await over.wait()
        return web.Response()

    settings = EmulatorSettings(time_scale=0.01, ack_deadline=3.0)
    async with posting(slow, settings) as (slack, _):
        entry = slack.command("/deploy")
        await slack.wait_until(lambda: entry.failure, timeout=PATIENCE)
        assert entry.failure == "operation_timeout"
        over.set()


@pytest.mark.parametrize(
    ("content_type", "body", "verified"),
    [
        ("text/plain", "{}", True),
        ("application/x-www-form-urlencoded", "challenge={}", True),
        ("application/json", '{{"challenge": "{}"}}', True),
        ("text/plain", "the challenge is {}", False),
        ("application/json", '{{"answer": "{}"}}', False),
        ("text/html", "<p>{}</p>", False),
    ],
)
async def test_a_url_is_verified_by_the_challenge_alone(content_type: str, body: str, verified: bool) -> None:
    async def answering(request: web.Request) -> web.StreamResponse:
        asked = await request.json()
        assert set(asked) == {"type", "challenge", "token"}
        text = body.replace("{{", "{").replace("}}", "}").replace("{}", asked["challenge"])
        return web.Response(text=text, content_type=content_type)

    async with posting(answering) as (_, requests):
        assert await requests.verify() is verified
        assert requests.verified_with == 200


async def test_events_are_disabled_when_nearly_all_of_a_thousand_failed_and_enabled_by_hand() -> None:
    asked = 0

    async def failing(request: web.Request) -> web.StreamResponse:
        nonlocal asked
        asked += 1
        return web.Response(status=500, headers={"X-Slack-No-Retry": "1"})

    async with posting(failing) as (slack, requests):
        batch = slack.batch(count=1_000, rate=100_000, channels=5, window=50)
        await slack.wait_until(lambda: batch.complete and not slack.unanswered(), timeout=PATIENCE)
        assert (requests.events_on, asked) == (False, 1_000)
        refused = slack.post_message("hi")
        await slack.wait_until(lambda: refused.failure, timeout=PATIENCE)
        command = slack.command("/deploy")
        await slack.wait_until(lambda: command.failure, timeout=PATIENCE)
        assert (refused.failure, asked) == ("given_up", 1_001)
        requests.enable_events()
        again = slack.post_message("hi")
        await slack.wait_until(lambda: again.failure, timeout=PATIENCE)
        assert asked == 1_002
