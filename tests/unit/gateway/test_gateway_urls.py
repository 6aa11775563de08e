"""Slack's URLs in what an app gets lead through the gateway, and nowhere that Slack hasn't named."""

import copy
from typing import Any

import pytest

from slackd.gateway.url_rewriting import UrlSeal, is_file_url, restore_files, rewrite_files, rewrite_payload

SEAL = UrlSeal("bot", "secret", "http://127.0.0.1:9743", "slack.com", "xoxb-slackd-bot-1")


def parts(url: str) -> list[str]:
    assert url.startswith("http://127.0.0.1:9743/")
    return url.removeprefix("http://127.0.0.1:9743/").split("/")


def test_a_response_url_leads_back_to_the_one_that_slack_gave() -> None:
    url = "https://hooks.slack.com/actions/T1/2/x"
    payload = rewrite_payload({"type": "block_actions", "response_url": url, "channel": {"id": "C1"}}, SEAL)
    purpose, plugin, mac, packed = parts(payload["response_url"])
    assert (purpose, plugin) == ("respond", "bot")
    assert SEAL.unseal("respond", mac, packed) == url
    assert payload["channel"] == {"id": "C1"}


def test_a_views_response_urls_too() -> None:
    given = {"response_urls": [{"block_id": "b", "response_url": "https://hooks.slack.com/app/T1/2/x"}, "?"]}
    payload = rewrite_payload(given, SEAL)
    assert parts(payload["response_urls"][0]["response_url"])[0] == "respond"
    assert payload["response_urls"][0]["block_id"] == "b"
    assert payload["response_urls"][1] == "?"


def test_files_lead_through_the_gateway_wherever_they_stand() -> None:
    file = {
        "id": "F1",
        "url_private": "https://files.slack.com/files-pri/T1-F1/a.txt",
        "permalink": "https://x",
    }
    payload = rewrite_payload({"event": {"message": {"files": [file]}}}, SEAL)
    (rewritten,) = payload["event"]["message"]["files"]
    purpose, _, mac, packed = parts(rewritten["url_private"])
    assert (purpose, SEAL.unseal("file", mac, packed)) == ("file", file["url_private"])
    assert rewritten["permalink"] == "https://x"


def test_what_has_no_files_is_passed_on_as_it_is() -> None:
    given = {"event": {"blocks": [{"elements": [{"url": "https://x", "thumb": 1}]}], "text": "http"}}
    assert rewrite_files(given, SEAL) is given


def test_what_slack_said_is_left_as_it_was() -> None:
    given = {
        "response_url": "https://hooks.slack.com/x",
        "event": {"bot_access_token": "", "files": [[{"thumb_64": "https://files.slack.com/a"}]]},
    }
    before = copy.deepcopy(given)
    rewritten = rewrite_payload(given, SEAL)
    assert given == before
    assert parts(rewritten["event"]["files"][0][0]["thumb_64"])[0] == "file"


def test_a_steps_token_is_the_apps_local_one() -> None:
    payload = rewrite_payload({"event": {"type": "function_executed", "bot_access_token": ""}}, SEAL)
    assert payload["event"]["bot_access_token"] == "xoxb-slackd-bot-1"


def test_nobody_makes_such_a_url_without_the_secret() -> None:
    _, _, mac, packed = parts(SEAL.seal("respond", "https://hooks.slack.com/x"))
    other = UrlSeal("bot", "another", "http://127.0.0.1:9743", "slack.com")
    assert other.unseal("respond", mac, packed) is None
    assert SEAL.unseal("file", mac, packed) is None
    assert SEAL.unseal("respond", mac, packed + "AA") is None
    assert SEAL.unseal("respond", "é", packed) is None


@pytest.mark.parametrize(
    ("url", "is_slacks"),
    [
        ("https://files.slack.com/files-pri/T1-F1/a", True),
        ("https://files.slack-gov.com/files-pri/T1-F1/a", True),
        ("http://files.slack.com/files-pri/T1-F1/a", False),
        ("https://files.slack.com@evil.example/a", False),
        ("https://user@files.slack.com/a", False),
        ("https://evil.example/files.slack.com", False),
        ("https://files.slack.com.evil.example/", False),
        ("https://slack.com/files/a", True),
        ("https://[", False),
    ],
)
def test_only_slacks_file_hosts_are_rewritten(url: str, is_slacks: bool) -> None:
    assert is_file_url(url, "slack.com") is is_slacks


def test_what_is_nested_without_end_is_left_as_it_is() -> None:
    deep: Any = {"url_private": "https://files.slack.com/a"}
    for _ in range(80):
        deep = {"in": deep}
    assert rewrite_payload(deep, SEAL) == deep


def test_what_goes_to_slack_has_slacks_own_urls_of_files() -> None:
    true = "https://files.slack.com/files-pri/T1-F1/a.txt"
    ours = SEAL.seal("file", true)
    others = UrlSeal("bot", "another", "http://127.0.0.1:9743").seal("file", true)
    answer = SEAL.seal("respond", "https://hooks.slack.com/x")
    sent = {
        "text": f"see <{ours}|it>, {others} and https://x.example/file/bot/{'0' * 32}/a",
        "blocks": [{"type": "image", "slack_file": {"url": ours}, "image_url": f"{ours}?t=1"}],
        "view": {"private_metadata": f"{ours} {answer}", "blocks": [{"value": ours}]},
        "metadata": {"event_payload": {"url": ours}},
        "more": answer,
    }
    restored = restore_files(sent, lambda mac, packed: SEAL.unseal("file", mac, packed))
    assert restored == {
        **sent,
        "text": f"see <{true}|it>, {others} and https://x.example/file/bot/{'0' * 32}/a",
        "blocks": [{"type": "image", "slack_file": {"url": true}, "image_url": f"{true}?t=1"}],
    }
