"""The receiver: Slack's requests are journaled and answered, everything else is refused with words."""

import asyncio
import json
import logging
import time
from typing import Any
from urllib.parse import urlencode

import pytest
from slack_bolt import App as BoltApp
from slack_bolt import BoltRequest
from slack_sdk.signature import SignatureVerifier

from slackd.connector.request_url import http1, transport
from slackd.connector.request_url.gate import BODY_LIMIT, trusted_client
from slackd.signature import sign
from tests.integration.connector.request_url_rig import (
    OLD_SECRET,
    PATH,
    SECRET,
    command,
    event,
    headers_for,
    post,
    posted_app,
    read_answer,
    receiver,
    request,
    send,
)

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"


async def test_an_event_is_journaled_and_then_answered() -> None:
    async with receiver() as rig:
        rig.broker.settles = False
        answering = asyncio.create_task(post(rig, event()))
        await rig.broker.until(lambda: rig.broker.arrivals)
        await asyncio.sleep(0.05)
        assert not answering.done(), "journal first"
        rig.broker.settle(rig.broker.arrivals)
        status, _, body = await answering
        assert (status, body) == (200, b"")
        (arrival,) = rig.broker.arrivals
        assert json.loads(arrival.text)["payload"]["event_id"] == "Ev1"
        await rig.broker.until(lambda: rig.broker.acks)


async def test_a_plugins_answer_is_the_body() -> None:
    async with receiver() as rig:
        rig.broker.payload = '{"text":"deployed \\u00e9"}'
        status, headers, body = await post(rig, command("api"), FORM)
        assert (status, json.loads(body)) == (200, {"text": "deployed é"})
        assert headers["content-type"].startswith("application/json")


async def test_an_interaction_and_an_options_request_are_answered_in_the_body() -> None:
    async with receiver() as rig:
        rig.broker.payload = '{"options":[]}'
        body = urlencode({"payload": json.dumps({"type": "block_suggestion", "value": "x"})}).encode()
        assert (await post(rig, body, FORM))[2] == b'{"options":[]}'
        assert json.loads(rig.broker.arrivals[0].text)["type"] == "interactive"


async def test_a_challenge_is_answered_once_it_is_signed() -> None:
    body = b'{"type":"url_verification","challenge":"3eZb","token":"x"}'
    async with receiver() as rig:
        assert (await post(rig, body))[::2] == (200, b"3eZb")
        assert (await post(rig, body, X_Slack_Signature="v0=0"))[0] == 401
        assert rig.broker.arrivals == []


@pytest.mark.parametrize("body", [b"ssl_check=1&token=xyz", b"ssl_check=1", b"token=xyz&ssl_check=1"])
async def test_an_ssl_check_needs_no_signature_and_does_nothing(body: bytes) -> None:
    """In whatever order its fields come: the official SDKs' samples have the token first."""
    async with receiver() as rig:
        head = {"Host": "x", "Content-Type": FORM, "Content-Length": str(len(body))}
        assert (await send(rig, request(body, head)))[0] == 200
        assert rig.broker.arrivals == []


async def test_a_command_that_calls_itself_an_ssl_check_is_a_command() -> None:
    async with receiver() as rig:
        body = command() + b"&ssl_check=1"
        assert (await post(rig, body, FORM, X_Slack_Signature="v0=0"))[0] == 401
        assert (await post(rig, body, FORM))[0] == 200
        assert len(rig.broker.arrivals) == 1


async def test_options_that_are_asked_for_twice_in_a_second_are_answered_twice() -> None:
    """Who opens a menu again, or types a letter and takes it back, makes the same request to the byte: it has
    neither trigger nor time in it ("block_suggestion payloads")."""
    payload = {"type": "block_suggestion", "action_id": "city", "value": "ber", "user": {"id": "U1"}}
    body = urlencode({"payload": json.dumps(payload)}).encode()
    async with receiver() as rig:
        rig.broker.payload = '{"options":[]}'
        data = request(body, headers_for(body, FORM))
        assert [(await send(rig, data))[::2] for _ in range(2)] == [(200, b'{"options":[]}')] * 2
        assert len(rig.broker.arrivals) == 2


async def test_an_app_whose_secret_cannot_be_had_is_slackds_trouble_and_no_forgery() -> None:
    async with receiver(secrets=()) as rig:
        status, headers, words = await post(rig, event())
        assert (status, headers["retry-after"]) == (503, "1")
        assert b"slackd's log" in words
        assert "x-slack-no-retry" not in headers


async def test_several_apps_each_by_its_path() -> None:
    async with receiver(posted_app(), posted_app("other", "/other/path")) as rig:
        body = event()
        await post(rig, body)
        await send(rig, request(body, headers_for(body, JSON), path="/other/path"))
        assert [arrival.app for arrival in rig.broker.arrivals] == ["main", "other"]


async def test_both_secrets_are_good_while_one_is_rotated() -> None:
    body = event()
    async with receiver() as rig:
        assert (await send(rig, request(body, headers_for(body, JSON, OLD_SECRET))))[0] == 200
    async with receiver(secrets=(SECRET,)) as rig:
        assert (await send(rig, request(body, headers_for(body, JSON, OLD_SECRET))))[0] == 401


async def test_a_retry_of_slacks_goes_on_to_the_broker_which_knows_it() -> None:
    async with receiver() as rig:
        body = event()
        once = headers_for(body, JSON)
        assert (await send(rig, request(body, once)))[0] == 200
        retry = {**once, "X-Slack-Retry-Num": "1", "X-Slack-Retry-Reason": "http_timeout"}
        assert (await send(rig, request(body, retry)))[0] == 200
        found = json.loads(rig.broker.arrivals[1].text)
        assert (found["retry_attempt"], found["retry_reason"]) == (1, "http_timeout")


async def test_what_could_not_be_journaled_is_a_503_that_slack_retries() -> None:
    async with receiver() as rig:
        rig.broker.settles = False
        answering = asyncio.create_task(post(rig, event()))
        await rig.broker.until(lambda: rig.broker.arrivals)
        rig.broker.refuse(rig.broker.arrivals)
        status, headers, body = await answering
        assert (status, body) == (503, b"slackd could not journal this\n")
        assert headers["retry-after"] == "1"
        assert "x-slack-no-retry" not in headers
        rig.broker.settles = True
        assert (await post(rig, event()))[0] == 200, "the same request, since it was not accepted"


async def test_a_broker_that_restarts_meanwhile_costs_nothing() -> None:
    async with receiver() as rig:
        rig.broker.settles = False
        answering = asyncio.create_task(post(rig, event()))
        await rig.broker.until(lambda: rig.broker.arrivals)
        rig.link.close()
        await asyncio.sleep(0.3)
        rig.broker.settles = True
        rig.relink()
        assert (await answering)[0] == 200


async def test_nothing_settled_in_time_is_a_503_and_the_answer_goes_another_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(transport, "ANSWER_WITHIN", 0.2)
    async with receiver() as rig:
        rig.broker.settles = False
        rig.broker.payload = '{"text":"late"}'
        assert (await post(rig, command(), FORM))[0] == 503
        (arrival,) = rig.broker.arrivals
        await rig.broker.until(lambda: rig.broker.closings)
        assert rig.broker.closings[0].mute
        rig.broker.settle([arrival])
        await rig.broker.until(lambda: rig.broker.unsent == [arrival.number])


async def test_who_hangs_up_gets_the_answer_another_way() -> None:
    async with receiver() as rig:
        rig.broker.settles = False
        rig.broker.payload = '{"text":"late"}'
        _, writer = await asyncio.open_connection("127.0.0.1", rig.port)
        body = command()
        writer.write(request(body, headers_for(body, FORM)))
        await rig.broker.until(lambda: rig.broker.arrivals)
        writer.transport.abort()
        await rig.broker.until(lambda: rig.broker.closings)
        rig.broker.settle(rig.broker.arrivals)
        await rig.broker.until(lambda: rig.broker.unsent)


async def test_many_requests_on_one_connection() -> None:
    async with receiver() as rig:
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
        bodies = [event(f"Ev{number}") for number in range(50)]
        writer.write(b"".join(request(body, headers_for(body, JSON)) for body in bodies))
        assert [(await read_answer(reader))[0] for _ in bodies] == [200] * 50
        writer.close()
        assert len(rig.broker.arrivals) == 50


async def test_a_drain_answers_what_came_in_and_takes_nothing_more() -> None:
    async with receiver() as rig:
        rig.broker.settles = False
        answering = asyncio.create_task(post(rig, event()))
        await rig.broker.until(lambda: rig.broker.arrivals)
        draining = asyncio.create_task(rig.drain())
        await rig.broker.until(lambda: "drain" in rig.broker.cues())
        rig.broker.settle(rig.broker.arrivals)
        status, headers, _ = await answering
        assert (status, headers["connection"]) == (200, "close")
        async with asyncio.timeout(5):
            await draining
        assert rig.broker.phases(rig.broker.changes[0].state.connection) == ["ready", "retiring", "closed"]


# What others send.


GOOD = event()


def changed(drop: str = "", **headers: str) -> list[tuple[str, str]]:
    """Slack's headers, but for some."""
    made = {**headers_for(GOOD, JSON), **{name.replace("_", "-"): value for name, value in headers.items()}}
    return [(name, value) for name, value in made.items() if name != drop]


def twice(name: str, value: str = "") -> list[tuple[str, str]]:
    pairs = changed()
    return [*pairs, (name, value or dict(pairs)[name])]


@pytest.mark.parametrize(
    ("data", "status", "word"),
    [
        (request(GOOD, changed(X_Slack_Signature="v0=" + "0" * 64)), 401, "signature is not Slack's"),
        (request(GOOD + b" ", changed(Content_Length=str(len(GOOD) + 1))), 401, "signature is not Slack's"),
        (request(GOOD, changed("X-Slack-Signature")), 401, "no signature"),
        (request(GOOD, changed("X-Slack-Request-Timestamp")), 401, "no signature"),
        (request(GOOD, headers_for(GOOD, JSON, at=int(time.time()) - 400)), 401, "five minutes"),
        (request(GOOD, headers_for(GOOD, JSON, at=int(time.time()) + 40_000)), 401, "five minutes"),
        (request(GOOD, headers_for(GOOD, JSON, "another app's")), 401, "another app's"),
        (request(GOOD, changed(), path="/slack/other"), 404, "no app"),
        (request(GOOD, changed(), path="/slack/../slack/main"), 404, "no app"),
        (request(GOOD, changed(), path="/slack//main"), 404, "no app"),
        (request(GOOD, changed(), path="/slack/%6dain"), 404, "no app"),
        (request(GOOD, changed(), path="/slack/main/"), 404, "no app"),
        (request(GOOD, changed(), path="/slack/main?x=1"), 404, "no app"),
        (request(GOOD, changed(), path="http://elsewhere/slack/main"), 404, "no app"),
        (request(b"", {"Host": "x"}, method="GET"), 405, "Slack posts"),
        (request(GOOD, changed(), method="PUT"), 405, "Slack posts"),
        (request(GOOD, twice("Content-Type")), 400, "twice"),
        (request(GOOD, twice("X-Slack-Signature", "v0=1")), 400, "twice"),
        (request(GOOD, twice("X-Slack-Request-Timestamp", "1")), 400, "twice"),
        (request(GOOD, twice("Content-Length", "1")), 400, ""),
        (request(GOOD, twice("Host", "y")), 400, ""),
        (request(GOOD, changed("Content-Length", Transfer_Encoding="chunked")), 411, "Content-Length"),
        (request(GOOD, changed(Transfer_Encoding="chunked")), 411, "Content-Length"),
        (request(GOOD, changed(Transfer_Encoding="chunked, identity")), 501, ""),
        (request(b"", changed("Content-Length")), 411, "Content-Length"),
        (request(GOOD, changed(Content_Length="-1")), 400, ""),
        (request(GOOD, changed(Content_Length="+5")), 400, ""),
        (request(GOOD, changed(Content_Length=str(BODY_LIMIT + 1))), 413, "bytes"),
        (request(GOOD, changed(Content_Length="9" * 15)), 413, "bytes"),
        (request(GOOD, changed(Content_Encoding="gzip")), 415, "packed"),
        (request(GOOD, changed(Content_Encoding="deflate")), 415, "packed"),
        (request(GOOD, changed(Content_Type="text/xml")), 415, "JSON nor a form"),
        (request(GOOD, changed("Content-Type")), 415, "JSON nor a form"),
        (request(GOOD, changed(X_Long="x" * (http1.HEAD_LIMIT + 1))), 431, ""),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 50 + b"\r\n\r\n", 400, "no HTTP"),
        (b"POST /slack/main HTTP/1.1\r\nHost : x\r\n\r\n", 400, "no HTTP"),
        (b"POST /slack/main HTTP/1.1\r\nHost: x\r\nX-A: a\r\n b\x00c\r\n\r\n", 400, "no HTTP"),
        (b"POST /slack/main HTTP/1.1\r\nX-A: a\nX-Slack-Signature: v0=1\x0b\r\n\r\n", 400, "no HTTP"),
        (b"POST /slack/main\r\n\r\n", 400, "no HTTP"),
        (b"POST  /slack/main  HTTP/1.1\r\nHost: x\r\n\r\n", 400, "no HTTP"),
        (b"POST /slack/main HTTP/3.7\r\nHost: x\r\n\r\n", 505, ""),
    ],
)
async def test_what_is_not_slacks_is_refused_with_words(data: bytes, status: int, word: str) -> None:
    async with receiver() as rig:
        found, headers, body = await send(rig, data)
        assert found in (status, 400 if status in (501, 505) else status)
        assert word in body.decode()
        if found not in (401, 405) and word not in ("", "no HTTP"):
            assert headers["x-slack-no-retry"] == "1"
        assert rig.broker.arrivals == []
        assert (await post(rig, GOOD))[0] == 200, "and nobody else notices"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(b"{", JSON), (b"\xff", JSON), (b"[]", JSON), (b"command=%ff", FORM), (b"a=1&a=2", FORM), (b"x=1", FORM)],
)
async def test_what_is_signed_and_yet_nothing_of_slacks_is_refused(body: bytes, content_type: str) -> None:
    async with receiver() as rig:
        status, headers, words = await post(rig, body, content_type)
        assert (status, headers["x-slack-no-retry"]) == (400, "1")
        assert words
        assert rig.broker.arrivals == []


@pytest.mark.parametrize(("body", "content_type"), [(event(), JSON), (command(), FORM)])
async def test_a_replay_is_refused(body: bytes, content_type: str) -> None:
    async with receiver() as rig:
        data = request(body, headers_for(body, content_type))
        assert (await send(rig, data))[0] == 200
        status, headers, words = await send(rig, data)
        assert (status, headers["x-slack-no-retry"]) == (409, "1")
        assert b"answered before" in words
        assert len(rig.broker.arrivals) == 1


async def test_a_command_that_calls_itself_a_retry_is_a_replay_also_while_the_first_waits() -> None:
    async with receiver() as rig:
        rig.broker.settles = False
        body = command()
        headers = headers_for(body, FORM)
        first = asyncio.create_task(send(rig, request(body, headers)))
        await rig.broker.until(lambda: rig.broker.arrivals)
        assert (await send(rig, request(body, {**headers, "X-Slack-Retry-Num": "1"})))[0] == 409
        rig.broker.settle(rig.broker.arrivals)
        assert (await first)[0] == 200
        assert len(rig.broker.arrivals) == 1


async def test_who_dawdles_over_a_body_is_told_so_and_others_are_served(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http1, "REQUEST_PATIENCE", 0.3)
    async with receiver() as rig:
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
        writer.write(request(GOOD[:10], changed()))
        assert (await post(rig, GOOD))[0] == 200
        status, headers, _ = await read_answer(reader)
        assert (status, headers["connection"]) == (408, "close")
        writer.close()
        assert len(rig.broker.arrivals) == 1


async def test_who_dawdles_over_a_head_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http1, "REQUEST_PATIENCE", 0.3)
    async with receiver() as rig:
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
        writer.write(b"POST /slack/main HTTP/1.1\r\nHost: x\r\n")
        assert (await read_answer(reader))[0] == 408
        writer.close()
        silent, other = await asyncio.open_connection("127.0.0.1", rig.port)
        assert await silent.read() == b"", "who says nothing is hung up on"
        other.close()


@pytest.mark.parametrize("is_first", [True, False], ids=["the first", "the next"])
async def test_a_head_that_comes_in_drops_has_no_more_time_than_any_other(
    monkeypatch: pytest.MonkeyPatch, is_first: bool
) -> None:
    monkeypatch.setattr(http1, "REQUEST_PATIENCE", 0.4)
    async with receiver() as rig:
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
        if not is_first:
            writer.write(request(GOOD, changed()))
            assert (await read_answer(reader))[0] == 200

        async def drip() -> None:
            while True:
                writer.write(b"P")
                await asyncio.sleep(0.1)

        dripping = asyncio.create_task(drip())
        async with asyncio.timeout(2):
            assert (await read_answer(reader))[0] == 408
        dripping.cancel()
        writer.close()


async def test_what_comes_right_behind_a_request_has_no_more_time_than_any_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http1, "REQUEST_PATIENCE", 0.3)
    async with receiver() as rig:
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
        writer.write(request(GOOD, changed()) + request(event("Ev2"), changed())[:-10])
        assert (await read_answer(reader))[0] == 200
        async with asyncio.timeout(5):
            assert (await read_answer(reader))[0] == 408
        writer.close()


async def test_who_asks_before_it_sends_a_body_is_answered_before_it_does() -> None:
    """`Expect: 100-continue` (RFC 9110, 10.1.1): go on, or the refusal at once."""
    async with receiver() as rig:
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
        writer.write(request(b"", changed(Expect="100-continue")))
        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 \r\n\r\n"
        writer.write(GOOD)
        assert (await read_answer(reader))[0] == 200
        writer.write(request(b"", changed(Expect="100-continue"), path="/elsewhere"))
        assert (await read_answer(reader))[0] == 404
        writer.close()


async def test_a_body_that_is_cut_off_is_no_request() -> None:
    async with receiver() as rig:
        reader, writer = await asyncio.open_connection("127.0.0.1", rig.port)
        writer.write(request(GOOD[:-1], changed()))
        writer.write_eof()
        async with asyncio.timeout(10):
            assert b"200" not in await reader.read()
        writer.close()
        assert rig.broker.arrivals == []


async def test_a_request_byte_by_byte_is_a_request() -> None:
    async with receiver() as rig:
        data = request(GOOD, changed())
        assert (await send(rig, data, parts=len(data)))[0] == 200


async def test_what_is_sent_ahead_is_bounded() -> None:
    async with receiver() as rig:
        rig.broker.settles = False
        _, writer = await asyncio.open_connection("127.0.0.1", rig.port)
        writer.write(request(GOOD, changed()))
        await rig.broker.until(lambda: rig.broker.arrivals)

        async def flood() -> None:
            for _ in range(64):
                writer.write(b"x" * (1 << 20))
                await writer.drain()

        with pytest.raises(TimeoutError):
            await asyncio.wait_for(flood(), 1.0)
        writer.transport.abort()


async def test_refusals_are_logged_once_a_minute_and_reason(caplog: pytest.LogCaptureFixture) -> None:
    async with receiver(trusted=("127.0.0.1",)) as rig:
        with caplog.at_level(logging.WARNING):
            for _ in range(20):
                await post(rig, GOOD, X_Slack_Signature="v0=0", X_Forwarded_For="192.0.2.7\x1b[2J")
        lines = [record.getMessage() for record in caplog.records if "refused" in record.getMessage()]
        assert len(lines) == 1
        assert SECRET not in lines[0]
        assert "\x1b" not in lines[0]
        assert rig.server.refusals == {401: 20}


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.1", ["203.0.113.5"], "192.0.2.1"),
        ("127.0.0.1", ["203.0.113.5"], "203.0.113.5"),
        ("127.0.0.1", ["6.6.6.6, 203.0.113.5"], "203.0.113.5"),
        ("127.0.0.1", ["6.6.6.6", "203.0.113.5, 10.0.0.1"], "203.0.113.5"),
        ("unix", ["203.0.113.5"], "203.0.113.5"),
        ("127.0.0.1", [], "127.0.0.1"),
        ("::ffff:127.0.0.1", ["203.0.113.5"], "203.0.113.5"),
        ("127.0.0.1", ["203.0.113.5, ::ffff:10.0.0.1"], "203.0.113.5"),
        ("2001:db8::1", ["203.0.113.5"], "203.0.113.5"),
        ("2001:db8::2", ["203.0.113.5"], "2001:db8::2"),
    ],
)
def test_a_forwarded_address_counts_where_a_trusted_proxy_says_it(
    peer: str, forwarded: list[str], client: str
) -> None:
    assert trusted_client(peer, forwarded, ("127.0.0.1", "10.0.0.1", "2001:0DB8::1", "unix")) == client


@pytest.mark.parametrize(("body", "content_type"), [(event(), JSON), (command("x y"), FORM)])
def test_the_shapes_are_those_that_slack_sdk_and_bolt_accept(body: bytes, content_type: str) -> None:
    headers = headers_for(body, content_type)
    assert SignatureVerifier(SECRET).is_valid_request(body, headers)
    app = BoltApp(signing_secret=SECRET, token="xoxb-1", token_verification_enabled=False)
    sent: dict[str, Any] = {name: [value] for name, value in headers.items()}
    assert app.dispatch(BoltRequest(body=body.decode(), headers=sent)).status != 401
    assert sign(SECRET, body, headers["X-Slack-Request-Timestamp"]) == headers["X-Slack-Signature"]
    assert PATH == "/slack/main"
