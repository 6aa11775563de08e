"""A delivery as the POST that Slack would have made, and what the app's answer means."""

import json
from typing import Any
from urllib.parse import parse_qs

import pytest
from slack_sdk.signature import SignatureVerifier

from slackd.config.values import PluginGateway
from slackd.gateway.request_url import answer_of, request_for
from slackd.gateway.url_rewriting import UrlSeal
from slackd.plugin.answers import Ack, Nack
from slackd.plugin.envelope import Envelope

SEAL = UrlSeal("bot", "secret", "http://127.0.0.1:9743")
ONE = PluginGateway(request_url="http://127.0.0.1:3000/slack/events")
SEVERAL = PluginGateway(
    request_url="http://a/events",
    commands_url="http://a/commands",
    interactivity_url="http://a/do",
    options_url="http://a/options",
)
NOW = 1_795_500_000.0


def delivery(kind: str, payload: dict[str, Any], attempt: int = 1, **raw: Any) -> Envelope:
    return Envelope("7", attempt, "main", kind, 1.0, None, {"envelope_id": "e", "payload": payload, **raw})


def test_an_event_is_posted_as_json_and_signed_as_slack_signs() -> None:
    event = {"type": "event_callback", "event": {"type": "message", "text": "grüß"}}
    request = request_for(delivery("events_api", event), ONE, SEAL)
    headers = request.headers("local secret", NOW)
    assert (request.url, json.loads(request.body)) == (ONE.request_url, event)
    assert headers["Content-Type"] == "application/json"
    assert headers["User-Agent"].startswith("Slackbot 1.0")
    verifier = SignatureVerifier("local secret", clock=type("Clock", (), {"now": lambda self: NOW})())
    assert verifier.is_valid_request(request.body, headers)
    assert not verifier.is_valid_request(request.body + b" ", headers)
    assert "X-Slack-Retry-Num" not in headers


def test_a_command_is_posted_as_form_fields() -> None:
    payload = {"command": "/deploy", "text": "a & b", "is_enterprise_install": False, "enterprise_id": None}
    request = request_for(delivery("slash_commands", payload), ONE, SEAL)
    fields = parse_qs(request.body.decode())
    assert fields == {"command": ["/deploy"], "text": ["a & b"], "is_enterprise_install": ["false"]}


def test_an_interaction_is_posted_as_a_form_with_its_payload() -> None:
    payload = {"type": "block_actions", "actions": []}
    request = request_for(delivery("interactive", payload), ONE, SEAL)
    assert json.loads(parse_qs(request.body.decode())["payload"][0]) == payload


@pytest.mark.parametrize("kind", ["events_api", "slash_commands", "interactive"])
def test_half_a_character_is_no_reason_to_post_nothing(kind: str) -> None:
    request = request_for(delivery(kind, {"text": "\ud83d"}), ONE, SEAL)
    assert b"ud83d" in request.body or request.body == b"text=%3F"


@pytest.mark.parametrize(
    ("kind", "payload", "url"),
    [
        ("events_api", {}, "http://a/events"),
        ("slash_commands", {}, "http://a/commands"),
        ("interactive", {"type": "view_submission"}, "http://a/do"),
        ("interactive", {"type": "block_suggestion"}, "http://a/options"),
    ],
)
def test_each_kind_goes_to_its_own_url(kind: str, payload: dict[str, Any], url: str) -> None:
    assert request_for(delivery(kind, payload), SEVERAL, SEAL).url == url
    assert request_for(delivery(kind, payload), ONE, SEAL).url == ONE.request_url


def test_a_later_attempt_says_so() -> None:
    request = request_for(delivery("events_api", {}, 3), ONE, SEAL)
    headers = request.headers("s", NOW)
    assert (headers["X-Slack-Retry-Num"], headers["X-Slack-Retry-Reason"]) == ("2", "http_error")


COMMAND = delivery("slash_commands", {})


@pytest.mark.parametrize(
    ("status", "body", "answer"),
    [
        (200, b"", Ack()),
        (200, b"{}", Ack()),
        (200, b"On it", Ack({"text": "On it"})),
        (200, b'"On it"', Ack({"text": '"On it"'})),
        (201, b'{"response_action":"clear"}', Ack({"response_action": "clear"})),
    ],
)
def test_the_body_of_a_2xx_is_the_answer(status: int, body: bytes, answer: Ack) -> None:
    assert answer_of(COMMAND, status, {}, body) == answer


def test_an_events_answer_says_nothing() -> None:
    assert answer_of(delivery("events_api", {}), 200, {}, b"ok") == Ack()


@pytest.mark.parametrize("status", [400, 401, 404, 410, 301, 307])
def test_what_trying_again_cannot_cure_is_dead_lettered(status: int) -> None:
    answer = answer_of(COMMAND, status, {}, b"")
    assert isinstance(answer, Nack)
    assert answer.permanent


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503])
def test_what_may_pass_is_retried_by_the_plugins_rules(status: int) -> None:
    answer = answer_of(COMMAND, status, {}, b"")
    assert isinstance(answer, Nack)
    assert not answer.permanent
    assert answer.retry_after is None


def test_the_app_may_say_when_and_that_it_wants_no_retry() -> None:
    later = answer_of(COMMAND, 429, {"Retry-After": "7"}, b"")
    assert isinstance(later, Nack)
    assert later.retry_after == 7.0
    never = answer_of(COMMAND, 500, {"X-Slack-No-Retry": "1"}, b"")
    assert isinstance(never, Nack)
    assert never.permanent
