"""Slack's Web API and response URLs, as a bare client meets them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import pytest

from slackd.emulator import EmulatedApp, Emulator, EmulatorClient, EmulatorSettings

APP = EmulatedApp.numbered(1)
OTHER = EmulatedApp.numbered(2)


@pytest.fixture
async def slack() -> AsyncIterator[EmulatorClient]:
    async with Emulator([APP, OTHER], EmulatorSettings(trigger_lifetime=60.0)).serving() as running:
        for name in ("C1", "C2", "C7"):
            running.add_channel(name.lower(), channel=name)
        yield running


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


class Caller:
    """Calls methods with one token."""

    def __init__(self, slack: EmulatorClient, http: aiohttp.ClientSession) -> None:
        self._slack = slack
        self._http = http

    async def __call__(
        self,
        method: str,
        token: str | None = APP.bot_token,
        *,
        verb: str = "POST",
        **body: Any,
    ) -> tuple[int, Mapping[str, str], dict[str, Any]]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        url = self._slack.api_url + method
        async with self._http.request(verb, url, headers=headers, **body) as response:
            return response.status, response.headers, await response.json()

    async def error(self, method: str, token: str | None = APP.bot_token, **body: Any) -> str:
        status, _, answer = await self(method, token, **body)
        assert (status, answer["ok"]) == (200, False)
        return str(answer["error"])


@pytest.fixture
def call(slack: EmulatorClient, http: aiohttp.ClientSession) -> Caller:
    return Caller(slack, http)


async def test_only_an_app_token_in_the_header_of_a_post_opens_a_connection(call: Caller) -> None:
    method = "apps.connections.open"
    assert await call.error(method, None) == "not_authed"
    assert await call.error(method, None, data={"token": APP.app_token}) == "not_authed"
    assert await call.error(method, None, json={"token": APP.app_token}) == "not_authed"
    assert await call.error(method, "xapp-1-A0-1-wrong") == "invalid_auth"
    assert await call.error(method, APP.bot_token) == "not_allowed_token_type"
    assert await call.error(method, APP.app_token, verb="GET") == "insecure_request"
    _, headers, answer = await call(method, APP.app_token)
    assert answer["ok"] is True
    assert answer["url"].startswith("ws://127.0.0.1:")
    assert headers["x-oauth-scopes"] == "connections:write"


async def test_only_a_bot_token_calls_other_methods(call: Caller) -> None:
    message = {"channel": "C1", "text": "hi"}
    assert await call.error("chat.postMessage", None, json=message) == "not_authed"
    assert await call.error("chat.postMessage", APP.app_token, json=message) == "not_allowed_token_type"
    assert await call.error("chat.postMessage", "xoxb-wrong", json=message) == "invalid_auth"
    assert await call.error("chat.postMessage", None, json={**message, "token": APP.bot_token}) == "not_authed"
    _, _, answer = await call("chat.postMessage", None, data={**message, "token": APP.bot_token})
    assert answer["ok"] is True


async def test_auth_test_tells_who_the_token_is(call: Caller) -> None:
    _, headers, answer = await call("auth.test", OTHER.bot_token)
    assert answer["user_id"] == OTHER.bot_user_id
    assert answer["team_id"] == OTHER.team_id
    assert "chat:write" in headers["x-oauth-scopes"]
    assert (await call("auth.test", OTHER.app_token))[2]["app_id"] == OTHER.app_id


async def test_a_nonsense_method_is_unknown(call: Caller) -> None:
    assert await call.error("chat.shout") == "unknown_method"


async def test_a_body_that_is_no_json_object_is_refused(call: Caller) -> None:
    headers = {"Content-Type": "application/json"}
    for body, error in ((b"{", "invalid_json"), (b"[]", "json_not_object")):
        async with call._http.post(
            call._slack.api_url + "chat.postMessage",
            data=body,
            headers={**headers, "Authorization": f"Bearer {APP.bot_token}"},
        ) as response:
            assert (await response.json())["error"] == error


async def test_a_message_is_recorded_without_its_token(slack: EmulatorClient, call: Caller) -> None:
    blocks = '[{"type": "section", "text": {"type": "mrkdwn", "text": "hi"}}]'
    _, _, answer = await call(
        "chat.postMessage", None, data={"channel": "C1", "blocks": blocks, "token": APP.bot_token}
    )
    assert answer["channel"] == "C1"
    assert answer["message"]["bot_id"] == APP.bot_id
    found = await slack.wait_for_call("chat.postMessage", app=APP)
    assert found.args["blocks"][0]["type"] == "section"
    assert "token" not in found.args
    assert found.ok


async def test_messages_need_a_channel_and_content(call: Caller) -> None:
    assert await call.error("chat.postMessage", json={"text": "hi"}) == "channel_not_found"
    assert await call.error("chat.postMessage", json={"channel": "C1"}) == "no_text"


async def test_a_message_can_be_changed_and_deleted(call: Caller) -> None:
    _, _, posted = await call("chat.postMessage", json={"channel": "C1", "text": "one"})
    key = {"channel": "C1", "ts": posted["ts"]}
    _, _, updated = await call("chat.update", json={**key, "text": "two"})
    assert updated["text"] == "two"
    assert (await call("chat.delete", json=key))[2]["ok"]
    assert await call.error("chat.delete", json=key) == "message_not_found"


async def test_a_reaction_can_be_added_once(call: Caller) -> None:
    _, _, posted = await call("chat.postMessage", json={"channel": "C1", "text": "one"})
    reaction = {"channel": "C1", "timestamp": posted["ts"], "name": "eyes"}
    assert (await call("reactions.add", json=reaction))[2]["ok"]
    assert await call.error("reactions.add", json=reaction) == "already_reacted"


async def test_a_method_that_is_not_emulated_cannot_be_taken_for_success(
    slack: EmulatorClient, call: Caller
) -> None:
    for method in ("calls.add", "search.messages", "admin.users.list", "oauth.v2.access"):
        assert await call.error(method, data={"channel": "C1"}) == "not_emulated"
        (recorded,) = slack.ledger.calls_of(method)
        assert not recorded.emulated
    assert slack.summary().not_emulated == {
        "calls.add": 1,
        "search.messages": 1,
        "admin.users.list": 1,
        "oauth.v2.access": 1,
    }
    slack.core.change_settings(lenient=True)
    assert (await call("calls.add"))[2] == {"ok": True}
    assert not slack.ledger.calls_of("calls.add")[-1].emulated


async def test_a_trigger_opens_one_view_within_three_seconds(slack: EmulatorClient, call: Caller) -> None:
    view = {"type": "modal", "callback_id": "ask", "title": {"type": "plain_text", "text": "Ask"}, "blocks": []}
    entry = slack.command("/ask")
    body = {"trigger_id": entry.trigger_id, "view": view}
    _, _, opened = await call("views.open", json=body)
    assert opened["view"]["id"].startswith("V")
    assert await call.error("views.open", json=body) == "exchanged_trigger_id"
    submitted = slack.submit_view({"b": {"a": {"value": "yes"}}}, callback_id="ask")
    assert submitted.payload is not None
    assert opened["view"]["id"] in submitted.payload
    assert '"value":"yes"' in submitted.payload
    slack.core.change_settings(trigger_lifetime=0)
    expired = slack.command("/ask")
    assert await call.error("views.open", json={"trigger_id": expired.trigger_id, "view": view}) == (
        "expired_trigger_id"
    )


async def test_a_click_finds_the_button_that_the_app_posted(slack: EmulatorClient, call: Caller) -> None:
    button = {
        "type": "button",
        "action_id": "approve",
        "value": "42",
        "text": {"type": "plain_text", "text": "ok"},
    }
    blocks = [{"type": "actions", "block_id": "b1", "elements": [button]}]
    _, _, posted = await call("chat.postMessage", json={"channel": "C7", "text": "?", "blocks": blocks})
    entry = slack.click("approve")
    assert entry.payload is not None
    for part in ('"value":"42"', '"block_id":"b1"', posted["ts"], '"id":"C7"'):
        assert part in entry.payload


async def test_a_file_goes_up_in_three_steps(http: aiohttp.ClientSession, call: Caller) -> None:
    _, _, place = await call("files.getUploadURLExternal", data={"filename": "a.txt", "length": "5"})
    async with http.post(place["upload_url"], data=b"hello") as response:
        assert await response.text() == "OK - 5"
    _, _, done = await call("files.completeUploadExternal", json={"files": [{"id": place["file_id"]}]})
    assert done["files"][0]["id"] == place["file_id"]


async def test_planned_errors_strike_as_often_as_told(slack: EmulatorClient, call: Caller) -> None:
    for error in ("internal_error", "fatal_error", "invalid_auth", "account_inactive"):
        slack.fault("open_error", error=error, app=APP)
        assert await call.error("apps.connections.open", APP.app_token) == error
    slack.fault("ratelimited", method="chat.postMessage", retry_after=7, times=2)
    for _ in range(2):
        status, headers, answer = await call("chat.postMessage", json={"channel": "C1", "text": "hi"})
        assert (status, headers["Retry-After"], answer["error"]) == (429, "7", "ratelimited")
    assert (await call("chat.postMessage", json={"channel": "C1", "text": "hi"}))[2]["ok"]


async def test_a_fault_of_one_app_spares_the_other(slack: EmulatorClient, call: Caller) -> None:
    slack.fault("open_error", app=OTHER, times=None)
    assert (await call("apps.connections.open", APP.app_token))[2]["ok"]
    assert await call.error("apps.connections.open", OTHER.app_token) == "internal_error"
    slack.fault("forget_planned")
    assert (await call("apps.connections.open", OTHER.app_token))[2]["ok"]


async def test_an_answer_may_be_a_broken_page(slack: EmulatorClient, http: aiohttp.ClientSession) -> None:
    slack.fault("api_error", method="auth.test", status=503, body="<html>")
    headers = {"Authorization": f"Bearer {APP.bot_token}"}
    async with http.post(f"{slack.api_url}auth.test", headers=headers) as response:
        assert (response.status, await response.text()) == (503, "<html>")


async def test_rate_limits_are_enforced_when_asked_for(slack: EmulatorClient, call: Caller) -> None:
    slack.core.change_settings(rate_limits=True, time_scale=60.0)
    assert (await call("chat.postMessage", json={"channel": "C1", "text": "1"}))[0] == 200
    status, headers, _ = await call("chat.postMessage", json={"channel": "C1", "text": "2"})
    assert status == 429
    assert 1 <= int(headers["Retry-After"]) <= 60
    assert (await call("chat.postMessage", json={"channel": "C2", "text": "3"}))[0] == 200


async def test_a_response_url_takes_five_posts(slack: EmulatorClient, http: aiohttp.ClientSession) -> None:
    entry = slack.command("/deploy")
    assert entry.response_url is not None
    for number in range(5):
        async with http.post(entry.response_url, json={"text": str(number)}) as response:
            assert (response.status, await response.text()) == (200, "ok")
    async with http.post(entry.response_url, json={"text": "6"}) as response:
        assert (response.status, await response.text()) == (404, "used_url")
    assert [post.body["text"] for post in entry.posts] == ["0", "1", "2", "3", "4", "6"]
    assert await slack.wait_for_post(entry, count=2) == {"text": "1"}


async def test_a_response_url_expires_and_must_be_known(
    slack: EmulatorClient, http: aiohttp.ClientSession
) -> None:
    slack.core.change_settings(response_url_lifetime=0)
    entry = slack.command("/deploy")
    assert entry.response_url is not None
    async with http.post(entry.response_url, json={"text": "late"}) as response:
        assert (response.status, await response.text()) == (404, "expired_url")
    async with http.post(f"{slack.base_url}/commands/T1/2/3", json={"text": "?"}) as response:
        assert response.status == 404


async def test_a_response_url_can_fail(slack: EmulatorClient, http: aiohttp.ClientSession) -> None:
    slack.fault("response_url", status=500)
    entry = slack.command("/deploy")
    assert entry.response_url is not None
    async with http.post(entry.response_url, json={"text": "hi"}) as response:
        assert response.status == 500
    assert entry.posts[0].status == 500


async def test_an_app_that_hears_itself_gets_what_it_posts(http: aiohttp.ClientSession) -> None:
    async with Emulator([EmulatedApp(hears_itself=True)]).serving() as slack:
        app = slack.apps[0]
        message = {"channel": "C0GENERAL01", "text": "hi"}
        await Caller(slack, http)("chat.postMessage", app.bot_token, json=message)
        (entry,) = slack.ledger.find(envelope_type="events_api", name="message")
        assert entry.payload is not None
        assert f'"bot_id":"{app.bot_id}"' in entry.payload


async def test_an_answer_can_be_slow_and_true(slack: EmulatorClient, call: Caller) -> None:
    slack.fault("api_error", method="apps.connections.open", delay=0.05)
    assert (await call("apps.connections.open", APP.app_token))[2]["url"]


async def test_the_answer_to_a_person_is_the_acks_payload_or_a_post(
    slack: EmulatorClient, http: aiohttp.ClientSession
) -> None:
    entry = slack.command("/deploy")
    assert entry.response_url is not None
    async with http.post(entry.response_url, json={"text": "later"}) as response:
        assert response.status == 200
    assert await slack.wait_for_answer(entry) == {"text": "later"}


async def test_false_in_words_replaces_and_deletes_nothing(
    slack: EmulatorClient, http: aiohttp.ClientSession, call: Caller
) -> None:
    button = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}}
    blocks = [{"type": "actions", "elements": [button]}]
    _, _, posted = await call("chat.postMessage", json={"channel": "C7", "text": "?", "blocks": blocks})
    messages = slack.workspace(APP).conversations["C7"].messages
    url = slack.click("go", channel="C7").response_url
    assert url is not None
    for body in ({"text": "new", "replace_original": "false"}, {"text": "new", "delete_original": "false"}):
        async with http.post(url, json=body) as response:
            assert response.status == 200
    assert messages[posted["ts"]]["text"] == "?"
    async with http.post(url, json={"text": "changed", "replace_original": "true"}) as response:
        assert response.status == 200
    assert messages[posted["ts"]]["text"] == "changed"
    async with http.post(url, json={"delete_original": "true"}) as response:
        assert response.status == 200
    assert posted["ts"] not in messages


async def test_a_response_url_takes_json_that_says_that_it_is_json(
    slack: EmulatorClient, http: aiohttp.ClientSession
) -> None:
    entry = slack.command("/deploy")
    assert entry.response_url is not None
    for body, headers in (
        (b"{", {"Content-Type": "application/json"}),
        (b'{"text": "hi"}', {"Content-Type": "application/x-www-form-urlencoded"}),
    ):
        async with http.post(entry.response_url, data=body, headers=headers) as response:
            assert await response.text() == "invalid_payload"
    async with http.post(entry.response_url, data={"payload": '{"text": "as a form"}'}) as response:
        assert (response.status, await response.text()) == (200, "ok")
    assert await slack.wait_for_post(entry, count=3) == {"text": "as a form"}
    for empty in ({}, {"text": ""}, {"response_type": "in_channel"}):
        async with http.post(slack.command("/deploy").response_url or "", json=empty) as response:
            assert await response.text() == "no_text"
