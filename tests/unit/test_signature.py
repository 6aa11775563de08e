"""Slack's signature: made as slack_sdk makes it, refused when it is old, forged or missing."""

import base64
import contextlib
import json
import runpy
import subprocess
import sys
import threading
import time
import timeit
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slack_sdk.signature import SignatureVerifier

import slackd
from slackd.signature import WINDOW, sign, verify
from slackd.signature import SignatureVerdict as Verdict

SECRET, NOW = "8f742231b10e8888abcd99yyyzzz85a5", 1_531_420_618
BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&"
    b"channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&"
    b"response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F"
    b"96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
OFFICIAL = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"


def test_slacks_own_example() -> None:
    """ "Verifying requests from Slack", step by step."""
    assert sign(SECRET, BODY, NOW) == OFFICIAL
    assert verify(SECRET, BODY, str(NOW), OFFICIAL, NOW + 10.0) is Verdict.GOOD


@given(st.text(max_size=200).map(str.encode), st.integers(0, 2_000_000_000))
def test_it_is_slack_sdks(body: bytes, timestamp: int) -> None:
    made = SignatureVerifier(SECRET).generate_signature(timestamp=str(timestamp), body=body)
    assert sign(SECRET, body, timestamp) == made


@given(st.binary(max_size=100), st.integers(0, 70), st.integers(1, 255))
def test_one_wrong_byte_anywhere_is_a_forgery(body: bytes, at: int, flip: int) -> None:
    good = sign(SECRET, body, NOW).encode()
    at %= len(good)
    bad = (good[:at] + bytes([good[at] ^ flip]) + good[at + 1 :]).decode("latin-1")
    assert verify(SECRET, body, str(NOW), bad, NOW) is Verdict.FORGED
    assert verify(SECRET, body + b" ", str(NOW), good.decode(), NOW) is Verdict.FORGED


@pytest.mark.parametrize(
    ("away", "verdict"),
    [(0, Verdict.GOOD), (299, Verdict.GOOD), (301, Verdict.STALE)],
)
@pytest.mark.parametrize("direction", [1, -1])
def test_five_minutes_in_both_directions(away: int, direction: int, verdict: Verdict) -> None:
    assert WINDOW == 300
    assert verify(SECRET, BODY, str(NOW), OFFICIAL, NOW + away * direction) is verdict


@pytest.mark.parametrize("timestamp", ["-1", "1e9", " 1531420618", "1531420618 ", "9" * 13, "١٥٣", "0x1"])
def test_a_timestamp_that_is_no_number_is_a_forgery(timestamp: str) -> None:
    signature = sign(SECRET, BODY, timestamp)
    assert verify(SECRET, BODY, timestamp, signature, NOW) is Verdict.FORGED


@pytest.mark.parametrize(("timestamp", "signature"), [(None, OFFICIAL), ("", OFFICIAL), (str(NOW), None)])
def test_a_header_that_is_missing(timestamp: str | None, signature: str | None) -> None:
    assert verify(SECRET, BODY, timestamp, signature, NOW) is Verdict.MISSING


def test_two_secrets_while_one_is_rotated_and_none_without() -> None:
    assert verify(("new", SECRET), BODY, str(NOW), OFFICIAL, NOW) is Verdict.GOOD
    assert verify(("new", "other"), BODY, str(NOW), OFFICIAL, NOW) is Verdict.FORGED
    assert verify((), BODY, str(NOW), OFFICIAL, NOW) is Verdict.FORGED
    assert verify(("",), BODY, str(NOW), sign("", BODY, NOW), NOW) is Verdict.FORGED


def test_it_needs_the_standard_library_alone_and_little_of_it() -> None:
    script = "import sys; import slackd.signature; print(*sorted(m.split('.')[0] for m in sys.modules))"
    command = [sys.executable, "-S", "-c", script]
    root = str(Path(slackd.__file__).parent.parent)
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "slackd" in loaded
    assert not loaded & {"asyncio", "ssl", "json", "urllib", "attr", "aiohttp", "logging", "typing"}
    assert loaded - {"slackd"} <= set(sys.stdlib_module_names) | {"__main__", "sitecustomize"}


def test_the_example_of_a_serverless_front(monkeypatch: pytest.MonkeyPatch) -> None:
    example = Path(slackd.__file__).parent.parent / "docs" / "examples" / "signature_front.py"
    handler = runpy.run_path(str(example))["handler"]
    monkeypatch.setenv("SLACK_SIGNING_SECRET", SECRET)
    monkeypatch.delenv("FORWARD_TO", raising=False)
    now = int(time.time())

    def answer(raw: bytes, secret: str = SECRET, **more: object) -> dict[str, object]:
        headers = {"X-Slack-Request-Timestamp": str(now), "X-Slack-Signature": sign(secret, raw, now)}
        found: dict[str, object] = handler({"headers": headers, "body": raw.decode()} | more)
        return found

    assert answer(BODY) == {"statusCode": 200, "body": ""}
    packed: dict[str, Any] = {"body": base64.b64encode(BODY).decode(), "isBase64Encoded": True}
    assert answer(BODY, **packed)["statusCode"] == 200
    assert answer(BODY, "another app's")["statusCode"] == 401
    challenge = b'{"type":"url_verification","challenge":"3eZb"}'
    assert answer(challenge) == {"statusCode": 200, "body": "3eZb"}
    monkeypatch.setenv("FORWARD_TO", "http://127.0.0.1:9/slack/main")
    assert answer(BODY)["statusCode"] == 503, "Slack sends it again"


@pytest.fixture
def front(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """The example of a serverless front, posted to as Slack does."""
    example = Path(slackd.__file__).parent.parent / "docs" / "examples" / "signature_front.py"
    handler = runpy.run_path(str(example))["handler"]
    monkeypatch.setenv("SLACK_SIGNING_SECRET", SECRET)

    def answer(raw: bytes, content_type: str = "application/json", **more: str) -> dict[str, Any]:
        now = int(time.time())
        signed = {"X-Slack-Request-Timestamp": str(now), "X-Slack-Signature": sign(SECRET, raw, now)}
        headers = {"Content-Type": content_type, **signed, **more}
        found: dict[str, Any] = handler({"headers": headers, "body": raw.decode()})
        return found

    return answer


@contextlib.contextmanager
def receiver_that_answers(status: int, body: bytes, **headers: str) -> Iterator[tuple[str, list[bytes]]]:
    """A receiver in place of slackd's; its URL, and what was posted to it."""
    posted: list[bytes] = []

    class Answering(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            posted.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Answering) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/slack/main", posted
        finally:
            server.shutdown()
            thread.join()


def test_a_message_that_says_url_verification_is_handed_on_and_not_taken_for_one(
    front: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    event = b'{"type":"event_callback","event":{"type":"message","text":"url_verification"}}'
    with receiver_that_answers(200, b"") as (url, posted):
        monkeypatch.setenv("FORWARD_TO", url)
        assert front(event)["statusCode"] == 200
        assert posted == [event]


def test_the_fronts_answer_has_what_slack_reads_of_the_receivers(
    front: Callable[..., dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """JSON is shown as JSON, and a retry that can't help is not asked for."""
    words = json.dumps({"text": "deployed é"}, ensure_ascii=False).encode()
    with receiver_that_answers(200, words, Content_Type="application/json; charset=utf-8") as (url, _):
        monkeypatch.setenv("FORWARD_TO", url)
        answer = front(BODY, "application/x-www-form-urlencoded")
        assert (answer["statusCode"], json.loads(answer["body"])) == (200, {"text": "deployed é"})
        assert answer["headers"] == {"content-type": "application/json; charset=utf-8"}
    with receiver_that_answers(409, b"answered before\n", X_Slack_No_Retry="1", Server="any") as (url, _):
        monkeypatch.setenv("FORWARD_TO", url)
        answer = front(BODY, "application/x-www-form-urlencoded")
        assert (answer["statusCode"], answer["headers"]) == (409, {"x-slack-no-retry": "1"})


def test_the_front_answers_an_ssl_check_without_a_signature(front: Callable[..., dict[str, Any]]) -> None:
    form = "application/x-www-form-urlencoded"
    unsigned = {"X-Slack-Signature": ""}
    for body in (b"ssl_check=1&token=x", b"token=x&ssl_check=1"):
        assert front(body, form, **unsigned)["statusCode"] == 200
    assert front(BODY + b"&ssl_check=1", form, **unsigned)["statusCode"] == 401


def test_verifying_four_kilobytes_costs_little() -> None:
    body = b"x" * 4096
    signature = sign(SECRET, body, NOW)
    seconds = min(timeit.repeat(lambda: verify(SECRET, body, str(NOW), signature, NOW), number=200, repeat=20))
    assert seconds / 200 < 50e-6
