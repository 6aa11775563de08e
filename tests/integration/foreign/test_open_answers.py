"""What `apps.connections.open` may answer, and where it can't lead: a connector tries again, and says why."""

import asyncio
import gzip
import json
from collections.abc import Callable, Mapping

import pytest

from slackd.connector.credentials import Secret
from slackd.connector.http_session import ANSWER_LIMIT, slack_session
from slackd.connector.slackapi import SlackAnswer, SlackApi
from slackd.connector.socketmode.dialler import DialError, Dialler
from slackd.connector.trust import tls_context
from slackd.link.messages import Call, CallKind
from tests.integration.foreign.sloppy_slack import (
    APP_TOKEN,
    BOT_TOKEN,
    HELLO,
    Line,
    SloppySlack,
    dialled,
    http,
    sloppy,
    text,
)
from tests.support.connector_rig import Rig


async def greet(line: Line, number: int) -> None:
    line.write(text(HELLO))
    await line.until_the_end()


def failures(rig: Rig, caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was said of the dials that failed."""
    return [each.getMessage() for each in caplog.records if "dial failed" in each.getMessage()]


ODD_BUT_GOOD: dict[str, Callable[[SloppySlack], bytes]] = {
    "spaces and other members": lambda slack: http(
        "200 OK", json.dumps({"url": slack.link, "warning": "x", "ok": True}, indent=4).encode()
    ),
    "slashes escaped": lambda slack: http("200 OK", slack.open_body().replace(b"/", b"\\/")),
    "labelled as text": lambda slack: http("200 OK", slack.open_body(), "text/plain; charset=utf-8"),
    "labelled as HTML": lambda slack: http("200 OK", slack.open_body(), "text/html"),
    "not labelled": lambda slack: http("200 OK", slack.open_body(), ""),
    "nonsense for a label": lambda slack: http("200 OK", slack.open_body(), ";;;"),
    "gzip": lambda slack: http(
        "200 OK", gzip.compress(slack.open_body()), "application/json", "Content-Encoding: gzip"
    ),
    "in chunks": lambda slack: (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n"
        + b"".join(b"1\r\n%c\r\n" % byte for byte in slack.open_body())
        + b"0\r\n\r\n"
    ),
    "until the end": lambda slack: b"HTTP/1.0 200 OK\r\n\r\n" + slack.open_body(),
    "another host's name": lambda slack: http("200 OK", slack.open_body().replace(b"127.0.0.1", b"localhost")),
}


@pytest.mark.parametrize("how", ODD_BUT_GOOD)
async def test_an_answer_may_look_odd(how: str) -> None:
    async with sloppy(greet) as slack:
        slack.answers.append(ODD_BUT_GOOD[how](slack))
        async with dialled(slack) as rig:
            await rig.ready()
            assert len(slack.opened) == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (http("200 OK", b'{"ok":true}'), "gave no WebSocket URL"),
        (http("200 OK", b'{"ok":true,"url":null}'), "gave no WebSocket URL"),
        (http("200 OK", b'{"ok":true,"url":"https://example.com/"}'), "gave no WebSocket URL"),
        (http("200 OK", b'{"ok":true,"url":"file:///etc/passwd"}'), "gave no WebSocket URL"),
        (http("200 OK", b'{"ok":true,"url":"wss://"}'), "at the WebSocket's handshake"),
        (http("200 OK", b'{"ok":true,"url":"ws://[::1/"}'), "at the WebSocket's handshake"),
        (http("200 OK", b'{"ok":true,"url":"ws://127.0.0.1:99999/"}'), "at the WebSocket's handshake"),
        (http("200 OK", b'{"ok":true,"url":"ws://127.0.0.1:1/"}'), "127.0.0.1:1 can't be reached"),
        (http("200 OK", b"<html>Sign in</html>", "text/html"), "HTTP 200, and the answer is not Slack's JSON"),
        (http("200 OK", b""), "HTTP 200, and the answer is not Slack's JSON"),
        (http("204 No Content", b""), "HTTP 204, and the answer is not Slack's JSON"),
        (http("200 OK", b"null"), "not Slack's JSON"),
        (http("200 OK", b"[]"), "not Slack's JSON"),
        (http("200 OK", b'"xapp"'), "not Slack's JSON"),
        (http("200 OK", b"\xff\xfe{}"), "not Slack's JSON"),
        (http("200 OK", b'{"ok":true'), "HTTP 200, and the answer is not Slack's JSON"),
        (http("200 OK", b"[" * 100_000), "not Slack's JSON"),
        (http("200 OK", b"x" * (ANSWER_LIMIT + 1)), "an answer of more than"),
        (
            http("200 OK", gzip.compress(bytes(ANSWER_LIMIT * 8)), "text/html", "Content-Encoding: gzip"),
            "an answer of more than",
        ),
        (http("200 OK", b"not gzip", "application/json", "Content-Encoding: gzip"), "apps.connections.open"),
        (http("500 Internal Server Error", b"oops", "text/plain"), "HTTP 500"),
        (http("502 Bad Gateway", b"<html></html>", "text/html"), "HTTP 502"),
        (http("503 Service Unavailable", b""), "HTTP 503"),
        (http("503 Service Unavailable", b'{"ok":false,"error":"service_unavailable"}'), "service_unavailable"),
        (http("200 OK", b'{"ok":false}'), "unknown_error"),
        (http("200 OK", b'{"ok":"true"}'), "not Slack's JSON"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "apps.connections.open"),
        (b"", "apps.connections.open"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", "apps.connections.open"),
    ],
)
async def test_an_answer_that_leads_nowhere_is_said_and_asked_for_again(
    answer: bytes, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with sloppy(greet) as slack:
        slack.answers.append(answer)
        async with dialled(slack) as rig:
            await rig.ready()
            (said,) = failures(rig, caplog)
            assert words in said
            assert len(slack.opened) == 2


@pytest.mark.parametrize("retry_after", ["Retry-After: 1", "retry-after: 1.0"])
@pytest.mark.parametrize("body", [b'{"ok":false,"error":"ratelimited"}', b"<html>slow down</html>", b""])
async def test_a_429_is_waited_out_whatever_its_body_is(body: bytes, retry_after: str) -> None:
    async with sloppy(greet) as slack:
        slack.answers.append(http("429 Too Many Requests", body, "application/json", retry_after))
        async with dialled(slack) as rig:
            await rig.ready()
        (first, _), (second, _) = slack.opened
        assert second - first >= 1.0


@pytest.mark.parametrize(
    "retry_after", ["X-Nothing: 1", "Retry-After: soon", "Retry-After: -5", "Retry-After: nan"]
)
async def test_a_429_that_says_no_time_is_no_reason_to_hurry(retry_after: str) -> None:
    async with sloppy(greet) as slack:
        slack.answers.append(http("429 Too Many Requests", b"{}", "application/json", retry_after))
        async with dialled(slack) as rig:
            await rig.broker.until(lambda: "dial failed" in rig.broker.cues())
            assert len(slack.opened) == 1


@pytest.mark.parametrize("status", [200, 302, 307, 401, 404, 407, 408, 429, 500, 503])
async def test_a_handshake_that_fails_gets_a_new_url(status: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    async with sloppy(greet) as slack:
        slack.handshakes.append(
            http(
                f"{status} No", b"<html></html>", "text/html", "Location: http://portal.example/login?ticket=x"
            )
        )
        async with dialled(slack) as rig:
            await rig.ready()
            (said,) = failures(rig, caplog)
            assert f"HTTP {status}" in said
            assert "ticket=" not in said
            assert len(slack.opened) == 2


@pytest.mark.parametrize(
    "handshake",
    [
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"RFB 003.008\n",
        b"",
    ],
)
async def test_a_handshake_that_is_none_gets_a_new_url(handshake: bytes) -> None:
    async with sloppy(greet) as slack:
        slack.handshakes.append(handshake)
        async with dialled(slack) as rig:
            await rig.ready()
            assert len(slack.opened) == 2


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("same_host", [True, False])
async def test_no_redirect_is_followed(status: int, same_host: bool, caplog: pytest.LogCaptureFixture) -> None:
    """The token and what people wrote stay with the host that the operator has named."""
    caplog.set_level("INFO")
    foreign: list[bytes] = []

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        foreign.append(await reader.read(65_536))
        writer.close()

    other_host = await asyncio.start_server(listen, "127.0.0.1", 0)
    async with other_host, sloppy(greet) as slack:
        port = slack.port if same_host else other_host.sockets[0].getsockname()[1]
        location = f"Location: http://127.0.0.1:{port}/api/apps.connections.open"
        slack.answers.append(http(f"{status} Moved", b"", "text/html", location))
        async with dialled(slack) as rig:
            await rig.ready()
            (said,) = failures(rig, caplog)
        assert f"HTTP {status} leads on to 127.0.0.1, and was not followed" in said
        assert len(slack.opened) == 2
        assert foreign == []


class AnotherApi(SlackApi):
    """Gives a URL on another host, and without TLS."""

    async def call(self, method: str, form: Mapping[str, str] | None = None) -> SlackAnswer:
        return SlackAnswer({"ok": True, "url": "ws://wss-primary.slack.example/link/?ticket=t"})


async def test_a_url_without_tls_is_not_dialled_where_the_api_has_it() -> None:
    """It is refused before any name is looked up."""
    tls = tls_context(None)
    async with slack_session(tls) as session:
        api_url = "https://slack.com/api/"
        api = AnotherApi(Secret(APP_TOKEN), api_url, session, None, tls)
        dialler = Dialler("main", api, api_url, session, lambda url: None, tls)
        with pytest.raises(DialError, match="without TLS anybody could read along"):
            await dialler.dial()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (http("307 Moved", b"", "text/html", "Location: http://127.0.0.1:1/api/"), "and was not followed"),
        (http("200 OK", b"[" * 100_000), "not Slack's JSON"),
        (http("200 OK", b"x" * (ANSWER_LIMIT + 1)), "an answer of more than"),
        (http("502 Bad Gateway", b"<html></html>", "text/html"), "HTTP 502"),
        (b"", "the connection ended without an answer"),
    ],
)
async def test_a_call_gets_an_error_and_its_words_go_nowhere_else(answer: bytes, words: str) -> None:
    async with sloppy(greet) as slack, dialled(slack) as rig:
        await rig.ready()
        slack.call_answers.append(answer)
        args = {"channel": "C1", "text": "between us"}
        returned = await rig.broker.call(Call(1, "foreign", CallKind.METHOD, "chat.postMessage", args, 20.0))
        assert returned.body is None
        assert words in returned.error
        assert BOT_TOKEN not in repr(returned)
        (call,) = slack.calls
        assert f"Authorization: Bearer {BOT_TOKEN}" in call
        assert (await rig.broker.call(Call(2, "foreign", CallKind.PROBE, "", {}, 20.0))).body == {"ok": True}


async def test_the_token_goes_into_the_header_of_the_api_alone(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    shaken: list[str] = []

    class Listening(SloppySlack):
        async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            kept = asyncio.StreamReader()
            head = await reader.readuntil(b"\r\n\r\n")
            shaken.append(head.decode())
            kept.feed_data(head)
            await super()._answer(kept, writer)

    async with sloppy(greet, Listening) as slack, dialled(slack) as rig:
        await rig.ready()
        told = repr(
            (rig.broker.changes, rig.broker.hellos, rig.connector.status(), rig.connector.status_text())
        )
    asked, link = (head for head in shaken if "/api/auth.test " not in head)
    assert f"Authorization: Bearer {APP_TOKEN}" in asked
    assert "Authorization" not in link
    for token in (APP_TOKEN, BOT_TOKEN):
        assert asked.count(token) == (1 if token is APP_TOKEN else 0)
        assert token not in link
        assert token not in told
        assert token not in caplog.text
