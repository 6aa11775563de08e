"""Clients that send what no client of Slack's would: each has an answer in Slack's form, and nobody else
notices.
"""

import asyncio
import contextlib

import aiohttp
import pytest

from slackd.emulator import EmulatorClient
from slackd.gateway.daemon import MOST_UNKNOWN, UNKNOWN_BYTES
from slackd.gateway.front import LARGEST_BODY
from tests.integration.gateway.gateway_rig import GatewayHouse
from tests.integration.gateway.raw_client import post, raw
from tests.integration.gateway.socket_mode_app import call, connected

FORM = "Content-Type: application/x-www-form-urlencoded"
MULTIPART = "Content-Type: multipart/form-data; boundary=b"
BAD_FORM = b'"invalid_form_data"'


def part(about: str, *headers: str) -> bytes:
    """A form of one field."""
    lines = ["--b", f'Content-Disposition: form-data; name="field"{about}', *headers, "", "x", "--b--", ""]
    return "\r\n".join(lines).encode()


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_odd_requests_are_answered_in_slacks_form(shared_house: GatewayHouse) -> None:
    credentials = await shared_house.credentials("bot")
    token = credentials.bot_token
    json_text = ["Content-Type: application/json"]
    for request, expected in (
        (post("chat.postMessage", token, b'{"channel": NaN}', json_text), b'"invalid_json"'),
        (post("chat.postMessage", token, b'{"channel": 1e999}', json_text), b'"invalid_json"'),
        (post("chat.postMessage", token, b"\xff\xfe", json_text), b'"invalid_json"'),
        (post("chat.postMessage", token, b"--b\r\nx\r\n\r", [MULTIPART]), b'"invalid_form_data"'),
        (post("chat.postMessage", token, b"--b\r\n\r\nx\r\n--b--\r\n", [MULTIPART]), b'"invalid_form_data"'),
        (
            post("chat.postMessage", token, part("", "Content-Type: text/plain; charset=x"), [MULTIPART]),
            BAD_FORM,
        ),
        (post("chat.postMessage", token, part("", "Content-Transfer-Encoding: x"), [MULTIPART]), BAD_FORM),
        (post("chat.postMessage", token, b"not packed", [FORM, "Content-Encoding: gzip"]), BAD_FORM),
        (
            post("chat.postMessage", token, b"not packed", [*json_text, "Content-Encoding: gzip"]),
            b'"invalid_json"',
        ),
        (post("chat.postMessage", token, b"<a/>", ["Content-Type: application/xml"]), b'"invalid_post_type"'),
        (post("chat.postMessage", token, b"channel=C1"), b'"missing_post_type"'),
        (post("files.remote.add", token, part('; filename="a.png"'), [MULTIPART]), b"is not passed on (field)"),
        (post("api.test", "", b"error=my_error", [FORM]), b'{"ok": false, "error": "my_error", "args"'),
        (post("chat.postMessage", token, b"x" * (1 << 21), [FORM]), b"more than 1048576 bytes"),
        (post("..%2fetc", token), b'"unknown_method"'),
        (b"\x16\x03\x01\x02\x00\x01\x00", b"400 Bad Request"),
        (b"GET /link HTTP/1.1\r\n\r\n", b"not a WebSocket handshake"),
    ):
        async with raw(shared_house.port) as client:
            await client.send(request)
            assert expected in await client.hear(expected)
    assert "Traceback" not in shared_house.house.programs[0].tail()


async def test_odd_posts_to_urls_that_were_given_out_are_refused_with_words(
    shared_slack: EmulatorClient, shared_house: GatewayHouse
) -> None:
    credentials = await shared_house.credentials("bot")
    packed = {"Content-Encoding": "gzip"}
    async with connected(credentials) as app, aiohttp.ClientSession() as session:
        command = shared_slack.command("/deploy", "")
        envelope = await app.hear()
        await app.acknowledge(envelope)
        await shared_slack.wait_for_ack(command)
        url = envelope["payload"]["response_url"]
        async with session.post(url, data=b"not packed", headers=packed) as response:
            assert (response.status, await response.text()) == (500, "invalid_payload")
        bot, method = credentials.bot_token, "files.getUploadURLExternal"
        _, upload = await call(credentials, method, bot, filename="a.txt", length="1")
        async with session.post(upload["upload_url"], data=b"x", headers=packed) as response:
            assert (response.status, "not packed" in await response.text()) == (415, True)
        async with session.post(upload["upload_url"], data=b"") as response:
            assert (response.status, "no empty file" in await response.text()) == (400, True)
    assert "Traceback" not in shared_house.house.programs[0].tail()


async def test_requests_in_a_row_and_bodies_in_pieces_are_understood(
    shared_slack: EmulatorClient, shared_house: GatewayHouse
) -> None:
    token = (await shared_house.credentials("bot")).bot_token
    async with raw(shared_house.port) as client:
        await client.send(post("auth.test", token) * 2 + post("api.test", token))
        heard = b""
        async with asyncio.timeout(10.0):
            while heard.count(b"HTTP/1.1 200 OK") < 3:
                heard += await client.reader.read(65_536)
        chunked = post("chat.postMessage", token, headers=[FORM, "Transfer-Encoding: chunked"])
        # A segment that looks like a handshake, in the middle of a body.
        await client.send(chunked, b"1a\r\nchannel=C0GENERAL01&text=x", b"\r\n", b"0\r\n\r\n")
        await client.hear(b'"ok": true')
        body = b"channel=C0GENERAL01&text="
        text = b"GET /link/?ticket=1 HTTP/1.1"
        await client.send(post("chat.postMessage", token, body + text, [FORM])[: -len(text)], text)
        await client.hear(b'"ok": true')
    posted = [each.args["text"] for each in shared_slack.ledger.calls_of("chat.postMessage")]
    assert posted == ["x", text.decode()]


async def test_whoever_connects_and_says_nothing_keeps_nobody_out(shared_house: GatewayHouse) -> None:
    credentials = await shared_house.credentials("bot")
    async with connected(credentials) as app:
        silent = [
            await asyncio.open_connection("127.0.0.1", shared_house.port) for _ in range(MOST_UNKNOWN + 8)
        ]
        try:
            async with asyncio.timeout(10.0):
                assert await silent[0][0].read(1) == b"", "the first of too many"
            assert (await call(credentials, "auth.test", credentials.bot_token))[1]["ok"]
            assert not app.socket.closed
        finally:
            for _, writer in silent:
                writer.close()


async def test_bodies_without_an_end_take_so_much_memory_and_keep_nobody_out(
    shared_house: GatewayHouse,
) -> None:
    credentials = await shared_house.credentials("bot")
    body = b"x" * (LARGEST_BODY - 1_000)
    too_many = UNKNOWN_BYTES // len(body) + 4
    async with contextlib.AsyncExitStack() as stack:
        greedy = [await stack.enter_async_context(raw(shared_house.port)) for _ in range(too_many)]
        for each in greedy:
            with contextlib.suppress(ConnectionError):
                each.writer.write(post("api.test", "", body, [FORM])[:-10])
                await each.writer.drain()
        ended = [asyncio.create_task(each.ends()) for each in greedy]
        done, pending = await asyncio.wait(ended, timeout=10.0, return_when=asyncio.FIRST_COMPLETED)
        assert any(task.result() for task in done)
        for task in pending:
            task.cancel()
        assert (await call(credentials, "auth.test", credentials.bot_token))[1]["ok"]


async def test_requests_ahead_are_all_answered(shared_house: GatewayHouse) -> None:
    async with raw(shared_house.port) as client:
        client.writer.write(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n" * 2_000)
        heard = 0
        async with asyncio.timeout(20.0):
            while heard < 2_000:
                heard += (await client.reader.readuntil(b"\r\n\r\n")).count(b"HTTP/1.1 404")


async def test_what_was_answered_counts_no_more(shared_house: GatewayHouse) -> None:
    body = b"x" * (LARGEST_BODY - 1_000)
    async with raw(shared_house.port) as client:
        for _ in range(UNKNOWN_BYTES // len(body) + 4):
            client.writer.write(post("api.test", "", body, [FORM]))
            heard = await client.hear(b'"ok": true')
            assert b'"ok": true' in heard
            while not heard.rstrip().endswith(b"}"):
                heard += await client.reader.read(1 << 20)


async def test_refusals_are_counted_and_said_now_and_then(shared_house: GatewayHouse) -> None:
    credentials = await shared_house.credentials("bot")
    for _ in range(20):
        assert (await call(credentials, "auth.test", credentials.bot_token[:-4] + "0000"))[1][
            "error"
        ] == "invalid_auth"
    assert shared_house.house.programs[0].tail().count("a call was refused") == 1
    assert b'outcome="unknown_token"} 20' in await asyncio.to_thread(shared_house.control.text, "/metrics")


async def test_an_app_that_reconnects_before_it_acknowledges_is_not_asked_again(
    shared_slack: EmulatorClient, shared_house: GatewayHouse
) -> None:
    credentials = await shared_house.credentials("bot")
    async with connected(credentials) as first:
        shared_slack.send_event({"type": "reaction_added", "channel": "C1"})
        envelope = await first.hear()
        async with connected(credentials) as second:
            await first.socket.close()
            assert (await second.hear())["retry_attempt"] == 1
            async with connected(credentials) as third:
                # A second end in a row: the next attempt waits a moment.
                await second.socket.close()
                await third.acknowledge(envelope)
                await shared_house.house.until_status(
                    lambda status: not status["plugins"][0]["open"], "an answer"
                )
                with pytest.raises(TimeoutError):
                    await third.hear(0.2)
