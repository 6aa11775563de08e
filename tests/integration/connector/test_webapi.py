"""What the broker asks for at Slack: the answer as Slack gave it, and no token to anybody else."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import attrs
import pytest
from aiohttp import web

from slackd.config.values import App, SecretKind, SecretSource
from slackd.connector.credentials import AppSecrets, Secret
from slackd.connector.webapi import as_form, is_slacks
from slackd.emulator import EmulatorClient
from slackd.link.messages import NOT_SENT, OUTCOME_UNKNOWN, Call, CallKind, Returned
from tests.support.connector_rig import app_of, connected, rig_for, secrets_of

POST = {"channel": "C1", "text": "hi"}


def method(name: str, args: dict[str, Any], number: int = 1, timeout: float = 20.0, key: str = "") -> Call:
    return Call(number, "emulated", CallKind.METHOD, name, args, timeout, key)


async def test_a_method_is_called_with_the_bot_token(slack: EmulatorClient) -> None:
    blocks = [{"type": "section", "text": {"type": "plain_text", "text": "é"}}]
    async with rig_for(slack) as rig:
        returned = await rig.broker.call(
            method(
                "chat.postMessage", {"channel": "C1", "text": "hi", "blocks": blocks, "token": "xoxb-stolen"}
            )
        )
        assert returned.body is not None
        assert (returned.body["ok"], returned.status, returned.error) == (True, 200, "")
        (call,) = slack.ledger.calls_of("chat.postMessage")
        assert call.args["text"] == "hi"
        assert json.loads(call.args["blocks"]) == blocks if isinstance(call.args["blocks"], str) else True
        assert "token" not in call.args


async def test_slacks_no_is_passed_on(slack: EmulatorClient) -> None:
    slack.fault("api_error", method="chat.postMessage", error="channel_not_found")
    async with rig_for(slack) as rig:
        returned = await rig.broker.call(method("chat.postMessage", {"channel": "C9", "text": "hi"}))
        assert returned.body is not None
        assert (returned.body["error"], returned.error) == ("channel_not_found", "")


async def test_a_429_is_passed_on_with_the_time_to_wait(slack: EmulatorClient) -> None:
    slack.fault("ratelimited", method="chat.postMessage", retry_after=7)
    async with rig_for(slack) as rig:
        returned = await rig.broker.call(method("chat.postMessage", {"channel": "C1", "text": "hi"}))
        assert (returned.status, returned.retry_after) == (429, 7.0)
        assert len(slack.ledger.calls_of("chat.postMessage")) == 1


async def test_no_answer_in_time_is_said(slack: EmulatorClient) -> None:
    slack.fault("api_error", method="chat.postMessage", hang=True)
    async with rig_for(slack) as rig:
        returned = await rig.broker.call(method("chat.postMessage", POST, timeout=0.3))
        assert (returned.body, returned.status) == (None, OUTCOME_UNKNOWN)
        assert "no answer from Slack within 0.3 s" in returned.error


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500, "body": "<html>oops"},
        {"status": 200, "body": "[]"},
        {"status": 200, "body": ""},
        {"status": 403, "body": '{"message":"Forbidden"}'},
        {"status": 502, "body": '{"error":"bad gateway"}'},
        {"status": 200, "body": '{"ok":"yes"}'},
    ],
)
async def test_slack_may_have_done_what_it_answers_with_no_json_of_its_own(
    slack: EmulatorClient, fault: dict[str, Any]
) -> None:
    slack.fault("api_error", method="chat.postMessage", **fault)
    async with rig_for(slack) as rig:
        returned = await rig.broker.call(method("chat.postMessage", POST))
        assert (returned.body, returned.status) == (None, OUTCOME_UNKNOWN)
        assert len(slack.ledger.calls_of("chat.postMessage")) == 1


async def test_slack_may_have_done_what_it_was_sent_before_the_connection_ended() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()

    async with listening(hang_up) as port:
        returned = await call_to(f"http://127.0.0.1:{port}/api/")
    assert (returned.body, returned.status) == (None, OUTCOME_UNKNOWN)


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_nothing_is_sent_where_nobody_listens(scheme: str) -> None:
    returned = await call_to(f"{scheme}://127.0.0.1:1/api/")
    assert (returned.body, returned.status) == (None, NOT_SENT)
    assert "can't be reached" in returned.error


async def test_nothing_is_sent_to_a_name_that_is_nobodys() -> None:
    returned = await call_to("https://slack.invalid/api/", proxy="")
    assert (returned.body, returned.status) == (None, NOT_SENT)


async def test_nothing_is_sent_while_tls_does_not_stand() -> None:
    closed = asyncio.Event()

    async def keep_still(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        closed.set()

    async with listening(keep_still) as port:
        returned = await call_to(f"https://127.0.0.1:{port}/api/", timeout=0.3)
        assert (returned.body, returned.status) == (None, NOT_SENT)
        assert "could not be reached within 0.3 s" in returned.error

    async def speak_plainly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await reader.read()
        writer.close()

    async with listening(speak_plainly) as port:
        returned = await call_to(f"https://127.0.0.1:{port}/api/")
        assert (returned.body, returned.status) == (None, NOT_SENT)


@pytest.mark.parametrize("status", [407, 429, 502])
async def test_nothing_is_sent_where_the_proxy_opens_no_way(status: int) -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status)
        writer.close()

    async with listening(refuse) as port:
        returned = await call_to("https://slack.invalid/api/", proxy=f"http://127.0.0.1:{port}")
    assert (returned.body, returned.status) == (None, NOT_SENT)
    assert returned.error


async def test_of_an_unknown_outcome_a_repetition_hears_the_same(slack: EmulatorClient) -> None:
    slack.fault("api_error", method="chat.postMessage", hang=True)
    async with rig_for(slack) as rig:
        first = await rig.broker.call(method("chat.postMessage", POST, 1, timeout=0.3, key="bot/1"))
        again = await rig.broker.call(method("chat.postMessage", POST, 2, key="bot/1"))
        assert first.status == OUTCOME_UNKNOWN
        assert again == attrs.evolve(first, number=2)
        assert len(slack.ledger.calls_of("chat.postMessage")) == 1


async def test_a_repetition_meanwhile_hears_the_same_in_its_own_time(slack: EmulatorClient) -> None:
    slack.fault("api_error", method="chat.postMessage", hang=True)
    async with rig_for(slack) as rig:
        async with asyncio.TaskGroup() as group:
            calls = [
                group.create_task(
                    rig.broker.call(method("chat.postMessage", POST, number, timeout=0.5, key="bot/1"))
                )
                for number in (1, 2)
            ]
        assert [call.result().status for call in calls] == [OUTCOME_UNKNOWN] * 2
        assert len(slack.ledger.calls_of("chat.postMessage")) == 1


async def test_what_was_not_sent_is_sent_by_its_repetition(slack: EmulatorClient) -> None:
    async with rig_for(slack) as rig:
        late = await rig.broker.call(method("chat.postMessage", POST, 1, timeout=0.0, key="bot/1"))
        assert late.status == NOT_SENT
        again = await rig.broker.call(method("chat.postMessage", POST, 2, key="bot/1"))
        assert again.body is not None
        assert len(slack.ledger.calls_of("chat.postMessage")) == 1


@pytest.mark.parametrize(
    "name", ["../x", "https://evil.example/x", "//evil.example/x", "chat.post?x=1", "", "a b"]
)
async def test_a_method_leads_nowhere_but_to_slack(slack: EmulatorClient, name: str) -> None:
    async with rig_for(slack) as rig:
        returned = await rig.broker.call(method(name, {}))
        assert returned.body is None
        assert "not the name of a Web API method" in returned.error


async def test_an_unknown_app_and_an_app_without_bot_token_are_said(slack: EmulatorClient) -> None:
    secrets = AppSecrets(secrets_of(slack).app_token)
    async with connected([app_of(slack)], [secrets]) as rig:
        returned = await rig.broker.call(method("auth.test", {}))
        assert "apps.emulated.bot_token" in returned.error
        returned = await rig.broker.call(Call(2, "nobody", CallKind.METHOD, "auth.test", {}))
        assert "nobody" in returned.error


async def test_a_probe_asks_who_we_are(slack: EmulatorClient) -> None:
    async with rig_for(slack) as rig:
        returned = await rig.broker.call(Call(1, "emulated", CallKind.PROBE, "auth.test", {}))
        assert returned.body is not None
        assert returned.body["team_id"] == "T0EMULATED1"


async def test_a_response_url_is_posted_to_without_a_token(slack: EmulatorClient) -> None:
    async with rig_for(slack) as rig:
        await rig.ready()
        entry = slack.command("/deploy", "x")
        url = entry.response_url
        assert url is not None
        returned = await rig.broker.call(Call(1, "emulated", CallKind.RESPONSE_URL, url, {"text": "läte"}))
        assert (returned.body, returned.status) == ({"ok": True}, 200)
        assert await slack.wait_for_post(entry) == {"text": "läte"}
        slack.fault("response_url", status=404, body="used_url")
        returned = await rig.broker.call(Call(2, "emulated", CallKind.RESPONSE_URL, url, {"text": "x"}))
        assert (returned.body, returned.status) == ({"ok": False, "error": "used_url"}, 404)


async def test_a_response_url_that_is_not_slacks_gets_nothing(slack: EmulatorClient) -> None:
    async with rig_for(slack) as rig:
        returned = await rig.broker.call(
            Call(1, "emulated", CallKind.RESPONSE_URL, "https://slack.com.evil.example/x", {"text": "x"})
        )
        assert (returned.body, returned.status) == (None, 403)
        assert "does not belong to Slack" in returned.error


async def test_calls_are_made_together_but_not_without_bound(slack: EmulatorClient) -> None:
    async with strange_slack() as (api_url, seen):
        app = attrs.evolve(app_of(slack), api_url=api_url)
        async with connected([app], [AppSecrets(Secret("xapp-1"), Secret("xoxb-1"))]) as rig:
            calls = [method("some.method", {}, number) for number in range(40)]
            assert rig.broker.link is not None
            for call in calls:
                rig.broker.link.send(call)
            await rig.broker.until(lambda: len(rig.broker.returned) == 40)
            assert 1 < max(seen) <= 16


async def test_an_answer_goes_to_the_broker_that_asked_or_to_nobody(slack: EmulatorClient) -> None:
    slack.fault("api_error", method="chat.postMessage", delay=30.0)
    async with rig_for(slack) as rig:
        assert rig.broker.link is not None
        rig.broker.link.send(method("chat.postMessage", {"channel": "C1", "text": "hi"}))
        await slack.wait_until(lambda: rig.connector.status().calls == 1)
        rig.relink()
        returned = await rig.broker.call(method("auth.test", {}, number=2))
        await slack.wait_until(lambda: rig.connector.status().calls == 0)
        assert set(rig.broker.returned) == {2}
        assert isinstance(returned, Returned)


async def call_to(api_url: str, timeout: float = 20.0, **more: Any) -> Returned:
    secret = SecretSource(SecretKind.ENV, "APP")
    app = App(name="emulated", app_token=secret, bot_token=secret, api_url=api_url, **more)
    async with connected([app], [AppSecrets(Secret("xapp-1"), Secret("xoxb-1"))]) as rig:
        return await rig.broker.call(method("chat.postMessage", POST, timeout=timeout))


@contextlib.asynccontextmanager
async def listening(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@contextlib.asynccontextmanager
async def strange_slack() -> AsyncIterator[tuple[str, list[int]]]:
    """Counts how many calls are under way at once."""
    seen: list[int] = []
    under_way = 0

    async def answer(_request: web.Request) -> web.Response:
        nonlocal under_way
        under_way += 1
        seen.append(under_way)
        await asyncio.sleep(0.02)
        under_way -= 1
        return web.json_response({"ok": True})

    app = web.Application()
    app.router.add_post("/api/some.method", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/api/", seen
    await runner.cleanup()


def test_arguments_as_a_form() -> None:
    assert as_form(
        {
            "channel": "C1",
            "users": ["U1", "U2"],
            "blocks": [{"a": 1}],
            "metadata": {"event_type": "x"},
            "unfurl_links": False,
            "limit": 5,
            "cursor": None,
            "empty": [],
            "loading_messages": ["a, b", "c"],
            "token": "xoxb-1",
        }
    ) == {
        "channel": "C1",
        "users": "U1,U2",
        "blocks": '[{"a": 1}]',
        "metadata": '{"event_type": "x"}',
        "unfurl_links": "false",
        "limit": "5",
        "empty": "[]",
        "loading_messages": '["a, b", "c"]',
    }


@pytest.mark.parametrize(
    ("url", "api_url", "theirs"),
    [
        ("https://hooks.slack.com/commands/T1/2/x", "https://slack.com/api/", True),
        ("https://hooks.slack-gov.com/x", "https://slack-gov.com/api/", True),
        ("https://slack.com/x", "https://slack.com/api/", True),
        ("http://hooks.slack.com/x", "https://slack.com/api/", False),
        ("http://slack.com/x", "https://slack.com/api/", False),
        ("https://slack.com.evil.org/x", "https://slack.com/api/", False),
        ("https://evilslack.com/x", "https://slack.com/api/", False),
        ("https://user@hooks.slack.com/x", "https://slack.com/api/", False),
        ("file:///etc/passwd", "https://slack.com/api/", False),
        ("https://[::1/x", "https://slack.com/api/", False),
        ("http://127.0.0.1:9/x", "http://127.0.0.1:8/api/", True),
        ("", "https://slack.com/api/", False),
    ],
)
def test_whose_a_url_is(url: str, api_url: str, theirs: bool) -> None:
    assert is_slacks(url, api_url) == theirs
