"""What Slack refuses, call by call, with the errors of the reference; and the right shapes of the rest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from slackd.emulator import EmulatedApp, Emulator, EmulatorClient, EmulatorSettings

APP = EmulatedApp()
CHANNEL = "C0GENERAL01"
ALICE, BOB, NOBODY = "U0ALICE0001", "U0BOB000001", "U0NOBODY001"
GHOST = "1700000000.000001"
BLOCKS = [{"type": "section"}]
RECIPIENT: dict[str, Any] = {"recipient_team_id": APP.team_id, "recipient_user_id": ALICE}


@pytest.fixture
async def slack() -> AsyncIterator[EmulatorClient]:
    async with Emulator([APP], EmulatorSettings(trigger_lifetime=60.0)).serving() as running:
        yield running


@pytest.fixture
def web(slack: EmulatorClient) -> AsyncWebClient:
    return AsyncWebClient(token=APP.bot_token, base_url=slack.api_url)


REFUSALS: list[tuple[str, dict[str, Any], str]] = [
    ("chat.postMessage", {"channel": "C0NOWHERE01", "text": "x"}, "channel_not_found"),
    ("chat.postMessage", {"channel": NOBODY, "text": "x"}, "channel_not_found"),
    ("chat.postMessage", {"channel": CHANNEL}, "no_text"),
    ("chat.postMessage", {"channel": CHANNEL, "text": "x", "thread_ts": GHOST}, "thread_not_found"),
    ("chat.postMessage", {"channel": CHANNEL, "text": "x", "blocks": BLOCKS}, "invalid_blocks"),
    ("chat.postMessage", {"channel": CHANNEL, "text": "x", "blocks": {}}, "invalid_blocks_format"),
    ("chat.postMessage", {"channel": CHANNEL, "text": "x", "metadata": {"a": 1}}, "invalid_metadata_format"),
    ("chat.postMessage", {"channel": CHANNEL, "text": "x", "markdown_text": "y"}, "markdown_text_conflict"),
    ("chat.postMessage", {"channel": CHANNEL, "attachments": [{}] * 101}, "too_many_attachments"),
    ("chat.postEphemeral", {"channel": CHANNEL, "user": NOBODY, "text": "x"}, "user_not_in_channel"),
    ("chat.update", {"channel": CHANNEL, "ts": GHOST, "text": "x"}, "message_not_found"),
    ("chat.delete", {"channel": CHANNEL, "ts": GHOST}, "message_not_found"),
    ("chat.getPermalink", {"channel": CHANNEL, "message_ts": GHOST}, "message_not_found"),
    ("chat.scheduleMessage", {"channel": CHANNEL, "text": "x", "post_at": 1}, "time_in_past"),
    ("chat.scheduleMessage", {"channel": CHANNEL, "text": "x", "post_at": 9_999_999_999}, "time_too_far"),
    ("chat.scheduleMessage", {"channel": CHANNEL, "text": "x", "post_at": "soon"}, "invalid_time"),
    (
        "chat.deleteScheduledMessage",
        {"channel": CHANNEL, "scheduled_message_id": "Q1"},
        "invalid_scheduled_message_id",
    ),
    ("chat.startStream", {"channel": CHANNEL}, "missing_recipient_team_id"),
    ("chat.startStream", {"channel": CHANNEL, **RECIPIENT, "thread_ts": GHOST}, "thread_not_found"),
    ("chat.appendStream", {"channel": CHANNEL, "ts": GHOST, "markdown_text": "x"}, "message_not_found"),
    ("conversations.info", {"channel": "C0NOWHERE01"}, "channel_not_found"),
    ("conversations.list", {"types": "public"}, "invalid_types"),
    ("conversations.list", {"cursor": "!!"}, "invalid_cursor"),
    ("conversations.replies", {"channel": CHANNEL, "ts": GHOST}, "thread_not_found"),
    ("conversations.create", {"name": "General"}, "invalid_name_specials"),
    ("conversations.create", {"name": "general"}, "name_taken"),
    ("conversations.create", {"name": "x" * 81}, "invalid_name_maxlength"),
    ("conversations.invite", {"channel": CHANNEL, "users": NOBODY}, "user_not_found"),
    ("conversations.invite", {"channel": CHANNEL, "users": BOB}, "already_in_channel"),
    ("conversations.kick", {"channel": CHANNEL, "user": BOB}, "cant_kick_from_general"),
    ("conversations.leave", {"channel": CHANNEL}, "cant_leave_general"),
    ("conversations.archive", {"channel": CHANNEL}, "cant_archive_general"),
    ("conversations.open", {"users": NOBODY}, "user_not_found"),
    ("conversations.open", {}, "users_list_not_supplied"),
    ("conversations.close", {"channel": CHANNEL}, "method_not_supported_for_channel_type"),
    ("conversations.mark", {"channel": CHANNEL, "ts": GHOST}, "invalid_timestamp"),
    ("users.info", {"user": NOBODY}, "user_not_found"),
    ("users.profile.get", {"user": NOBODY}, "user_not_found"),
    ("users.lookupByEmail", {"email": "nobody@example.com"}, "users_not_found"),
    ("bots.info", {"bot": "B0NOBODY001"}, "bot_not_found"),
    ("reactions.add", {"channel": CHANNEL, "timestamp": GHOST, "name": "eyes"}, "message_not_found"),
    ("reactions.add", {"channel": CHANNEL, "timestamp": "now", "name": "eyes"}, "bad_timestamp"),
    ("reactions.add", {"channel": CHANNEL, "timestamp": GHOST, "name": "Eyes!"}, "invalid_name"),
    ("reactions.add", {"name": "eyes"}, "no_item_specified"),
    ("pins.add", {"channel": CHANNEL, "timestamp": GHOST}, "message_not_found"),
    ("bookmarks.add", {"channel_id": CHANNEL, "title": "x", "type": "link", "link": "x"}, "invalid_link"),
    ("usergroups.users.list", {"usergroup": "S1"}, "no_such_subteam"),
    ("files.info", {"file": "F1"}, "file_not_found"),
    ("files.getUploadURLExternal", {"filename": "x"}, "missing_argument"),
    ("files.completeUploadExternal", {"files": [{"id": "F1"}]}, "file_not_found"),
    ("views.open", {"trigger_id": "1.1.x", "view": {"type": "modal"}}, "invalid_arguments"),
    ("views.publish", {"user_id": NOBODY, "view": {"type": "home", "blocks": []}}, "invalid_arguments"),
    ("views.update", {"view_id": "V1", "view": {}}, "not_found"),
    (
        "functions.completeSuccess",
        {"function_execution_id": "Fx1", "outputs": {}},
        "function_execution_not_found",
    ),
    (
        "assistant.threads.setStatus",
        {"channel_id": CHANNEL, "thread_ts": GHOST, "status": "x"},
        "invalid_thread_ts",
    ),
    ("api.test", {"error": "my_error"}, "my_error"),
    ("team.info", {"team": "T0NOWHERE01"}, "team_not_found"),
    ("conversations.setTopic", {"channel": CHANNEL}, "invalid_arguments"),
    ("conversations.setPurpose", {"channel": CHANNEL}, "invalid_arguments"),
    ("conversations.list", {"limit": "many"}, "invalid_limit"),
    ("conversations.list", {"limit": 1001}, "invalid_limit"),
    ("conversations.list", {"limit": -1}, "invalid_limit"),
    ("users.conversations", {"limit": "many"}, "invalid_limit"),
    ("conversations.members", {"channel": CHANNEL, "limit": "many"}, "invalid_limit"),
    ("dnd.teamInfo", {}, "no_users_provided"),
    ("chat.unfurl", {"channel": CHANNEL, "ts": GHOST}, "missing_unfurls"),
    ("chat.unfurl", {"channel": CHANNEL, "ts": GHOST, "unfurls": "x"}, "invalid_unfurls_format"),
    ("chat.unfurl", {"ts": GHOST, "unfurls": {"https://example.com": {}}}, "missing_channel"),
    ("chat.unfurl", {"channel": CHANNEL, "unfurls": {"https://example.com": {}}}, "missing_ts"),
    (
        "chat.unfurl",
        {"channel": "C0NOWHERE01", "ts": GHOST, "unfurls": {"https://example.com": {}}},
        "cannot_find_channel",
    ),
    (
        "chat.unfurl",
        {"channel": CHANNEL, "ts": GHOST, "unfurls": {"https://example.com": {}}},
        "cannot_find_message",
    ),
    ("assistant.threads.setStatus", {"channel_id": CHANNEL, "thread_ts": GHOST}, "invalid_arguments"),
    ("files.getUploadURLExternal", {"filename": "x", "length": 1, "alt_txt": "x" * 1001}, "alt_txt_too_large"),
    (
        "bookmarks.add",
        {"channel_id": CHANNEL, "title": "x", "type": "link", "link": "https://a.b", "emoji": "no colons"},
        "invalid_emoji",
    ),
]


@pytest.mark.parametrize(("method", "args", "error"), REFUSALS)
async def test_what_slack_refuses(web: AsyncWebClient, method: str, args: dict[str, Any], error: str) -> None:
    with pytest.raises(SlackApiError) as refused:
        await web.api_call(method, json=args)
    assert refused.value.response["error"] == error


async def test_a_violation_names_its_place(web: AsyncWebClient) -> None:
    with pytest.raises(SlackApiError) as refused:
        await web.chat_postMessage(channel=CHANNEL, text="x", blocks=BLOCKS)
    answer = refused.value.response
    assert answer["errors"] == ["missing required field: text or fields [json-pointer:/blocks/0]"]
    assert answer["response_metadata"]["messages"] == [f"[ERROR] {each}" for each in answer["errors"]]


async def test_blocks_may_be_a_text_in_json_too(web: AsyncWebClient) -> None:
    posted = await web.chat_postMessage(channel=CHANNEL, text="x", blocks='[{"type": "divider"}]')
    assert posted["message"]["blocks"][0]["type"] == "divider"
    assert await error_of(web, "chat.postMessage", channel=CHANNEL, text="x", blocks="[") == (
        "invalid_blocks_format"
    )


async def test_leniency_can_be_had_back(slack: EmulatorClient, web: AsyncWebClient) -> None:
    slack.core.change_settings(lenient=True)
    posted = await web.chat_postMessage(channel="C0NOWHERE01", text="x", blocks=BLOCKS)
    assert posted["channel"] == "C0NOWHERE01"
    assert (await web.users_info(user=NOBODY))["user"]["id"] == NOBODY
    assert (await web.api_call("calls.add"))["ok"]


async def test_a_users_id_as_channel_is_the_direct_message(web: AsyncWebClient) -> None:
    posted = await web.chat_postMessage(channel=BOB, text="hi")
    assert posted["channel"].startswith("D")
    opened = await web.conversations_open(users=[BOB])
    assert (opened["channel"]["id"], opened["already_open"]) == (posted["channel"], True)
    assert (await web.conversations_info(channel=posted["channel"]))["channel"]["user"] == BOB
    assert (await web.chat_postMessage(channel="#random", text="hi"))["channel"] == "C0RANDOM001"


async def test_a_text_has_blocks_and_an_update_keeps_metadata(web: AsyncWebClient) -> None:
    about = {"event_type": "deployed", "event_payload": {"id": 1}}
    posted = await web.chat_postMessage(channel=CHANNEL, text=f"*hi* <@{BOB}> :eyes:", metadata=about)
    (block,) = posted["message"]["blocks"]
    kinds = [each["type"] for each in block["elements"][0]["elements"]]
    assert kinds == ["text", "text", "user", "text", "emoji"]
    await web.chat_update(channel=CHANNEL, ts=posted["ts"], text="changed")
    page = await web.conversations_history(channel=CHANNEL, include_all_metadata=True)
    (message,) = page["messages"]
    assert (message["text"], message["metadata"]) == ("changed", about)
    assert message["blocks"][0]["elements"][0]["elements"] == [{"type": "text", "text": "changed"}]
    assert message["edited"]["user"] == APP.bot_id
    assert "metadata" not in (await web.conversations_history(channel=CHANNEL))["messages"][0]


async def test_markdown_is_shown_in_slacks_own_marks(web: AsyncWebClient) -> None:
    posted = await web.api_call(
        "chat.postMessage",
        json={"channel": CHANNEL, "markdown_text": "**now** see [docs](https://example.com)"},
    )
    assert posted["message"]["text"] == "*now* see <https://example.com|docs>"
    parts = posted["message"]["blocks"][0]["elements"][0]["elements"]
    assert parts[0] == {"type": "text", "text": "now", "style": {"bold": True}}
    assert parts[2] == {"type": "link", "url": "https://example.com", "text": "docs"}


async def test_threads_are_counted_and_read(web: AsyncWebClient) -> None:
    root = await web.chat_postMessage(channel=CHANNEL, text="root")
    reply = await web.chat_postMessage(channel=CHANNEL, text="reply", thread_ts=root["ts"])
    await web.chat_postMessage(channel=CHANNEL, text="loud", thread_ts=reply["ts"], reply_broadcast=True)
    history = (await web.conversations_history(channel=CHANNEL))["messages"]
    assert [each["text"] for each in history] == ["loud", "root"]
    assert (history[1]["reply_count"], history[1]["reply_users"]) == (2, [APP.bot_user_id])
    replies = (await web.conversations_replies(channel=CHANNEL, ts=root["ts"]))["messages"]
    assert [each["text"] for each in replies] == ["root", "reply", "loud"]


async def test_a_scheduled_message_is_listed_and_posted_when_its_time_has_come(
    slack: EmulatorClient, web: AsyncWebClient
) -> None:
    wall = slack.core.context.wall(asyncio.get_running_loop().time())
    later = await web.chat_scheduleMessage(channel=CHANNEL, text="later", post_at=int(wall) + 3600)
    await web.chat_scheduleMessage(channel=CHANNEL, text="soon", post_at=int(wall) + 2)
    listed = (await web.chat_scheduledMessages_list())["scheduled_messages"]
    assert {each["text"] for each in listed} == {"later", "soon"}
    await web.chat_deleteScheduledMessage(channel=CHANNEL, scheduled_message_id=later["scheduled_message_id"])
    slack.core.scheduler.run_due(asyncio.get_running_loop().time() + 7200)
    history = (await web.conversations_history(channel=CHANNEL))["messages"]
    assert [each["text"] for each in history] == ["soon"]
    assert (await web.chat_scheduledMessages_list())["scheduled_messages"] == []


async def test_a_stream_is_in_progress_until_it_is_stopped(web: AsyncWebClient) -> None:
    root = await web.chat_postMessage(channel=CHANNEL, text="root")
    about: dict[str, Any] = {"channel": CHANNEL, "thread_ts": root["ts"]}
    stream = await web.chat_startStream(**about, **RECIPIENT, markdown_text="a")
    here = {"channel": CHANNEL, "ts": stream["ts"]}
    with pytest.raises(SlackApiError, match="streaming_state_conflict"):
        await web.chat_update(**here, text="x")
    with pytest.raises(SlackApiError, match="no_text"):
        await web.api_call("chat.appendStream", json=here)
    await web.chat_appendStream(**here, markdown_text="b")
    done = await web.chat_stopStream(**here, markdown_text="c")
    assert done["message"]["text"] == "abc"
    with pytest.raises(SlackApiError, match="message_not_in_streaming_state"):
        await web.chat_appendStream(**here, markdown_text="d")
    with pytest.raises(SlackApiError, match="message_not_in_streaming_state"):
        await web.api_call("chat.stopStream", json={"channel": CHANNEL, "ts": root["ts"]})


async def test_pins_bookmarks_and_groups_are_kept(web: AsyncWebClient) -> None:
    posted = await web.chat_postMessage(channel=CHANNEL, text="keep")
    await web.pins_add(channel=CHANNEL, timestamp=posted["ts"])
    (pin,) = (await web.pins_list(channel=CHANNEL))["items"]
    assert pin["message"]["text"] == "keep"
    with pytest.raises(SlackApiError, match="already_pinned"):
        await web.pins_add(channel=CHANNEL, timestamp=posted["ts"])
    await web.bookmarks_add(channel_id=CHANNEL, title="Docs", type="link", link="https://example.com")
    assert (await web.bookmarks_list(channel_id=CHANNEL))["bookmarks"][0]["title"] == "Docs"
    group = (await web.usergroups_create(name="Ops"))["usergroup"]
    await web.usergroups_users_update(usergroup=group["id"], users=[BOB])
    assert (await web.usergroups_users_list(usergroup=group["id"]))["users"] == [BOB]
    assert (await web.usergroups_list(include_count=True))["usergroups"][0]["user_count"] == 1


async def test_a_channel_that_the_bot_is_not_in(slack: EmulatorClient, web: AsyncWebClient) -> None:
    slack.add_channel("quiet", channel="C0QUIET0001", members=[ALICE])
    slack.add_channel("secret", channel="C0SECRET001", private=True, members=[ALICE])
    with pytest.raises(SlackApiError, match="not_in_channel"):
        await web.chat_postMessage(channel="C0QUIET0001", text="x")
    with pytest.raises(SlackApiError, match="channel_not_found"):
        await web.conversations_info(channel="C0SECRET001")
    await web.conversations_join(channel="C0QUIET0001")
    assert (await web.chat_postMessage(channel="C0QUIET0001", text="x"))["ok"]
    names = {each["name"] for each in (await web.conversations_list())["channels"]}
    assert names == {"general", "random", "deploys", "quiet"}


async def test_a_token_of_a_step_is_known(slack: EmulatorClient, web: AsyncWebClient) -> None:
    entry = slack.run_step("sum", {"a": 1})
    (execution,) = slack.surfaces_of().executions.values()
    with_step = AsyncWebClient(token=execution["token"], base_url=slack.api_url)
    assert (await with_step.auth_test())["user_id"] == APP.bot_user_id
    posted = await with_step.chat_postMessage(channel=CHANNEL, text="from the step")
    assert slack.surfaces_of().step_of(posted["ts"]) == execution
    await with_step.functions_completeSuccess(
        function_execution_id=execution["execution_id"], outputs={"sum": 2}
    )
    assert execution["status"] == "completed"
    with pytest.raises(SlackApiError, match="execution_not_in_running_state"):
        await web.functions_completeError(function_execution_id=execution["execution_id"], error="late")
    assert execution["key"] == entry.key
    unknown = AsyncWebClient(token="xwfp-unknown", base_url=slack.api_url)
    with pytest.raises(SlackApiError, match="invalid_auth"):
        await unknown.auth_test()


async def test_scopes_by_a_setting(slack: EmulatorClient, web: AsyncWebClient) -> None:
    assert (await web.usergroups_list())["ok"]
    slack.core.change_settings(enforces_scopes=True)
    with pytest.raises(SlackApiError) as refused:
        await web.usergroups_list()
    assert refused.value.response["error"] == "missing_scope"
    assert refused.value.response["needed"] == "usergroups:read"
    assert "chat:write" in refused.value.response["provided"]
    assert (await web.chat_postMessage(channel=CHANNEL, text="x"))["ok"]


async def test_message_comes_beside_app_mention_as_far_as_it_is_subscribed(slack: EmulatorClient) -> None:
    mention = slack.mention("hello")
    assert mention.name == "app_mention"
    assert [each.name for each in slack.ledger.entries.values()] == ["app_mention", "message"]
    (first, second) = slack.ledger.entries.values()
    assert first.message_ts == second.message_ts
    slack.post_message(f"<@{APP.bot_user_id}> by hand")
    assert [each.name for each in slack.ledger.entries.values()][2:] == ["app_mention", "message"]
    alone = EmulatedApp(events=("app_mention",))
    async with Emulator([alone]).serving() as quiet:
        quiet.mention("hello")
        assert [each.name for each in quiet.ledger.entries.values()] == ["app_mention"]


async def test_an_answer_to_a_command_that_slack_does_not_take_fails_it(slack: EmulatorClient) -> None:
    entry = slack.command("/broken")
    slack.answers[APP.app_id].acknowledged(entry, {"blocks": BLOCKS}, 0.0)
    assert entry.failure == "invalid_command_response"
    assert slack.workspace().conversations[CHANNEL].ephemeral == {}
    async with aiohttp.ClientSession() as session:
        assert entry.response_url is not None
        async with session.post(entry.response_url, json={"blocks": BLOCKS}) as response:
            assert (response.status, await response.text()) == (400, "invalid_blocks")
        async with session.post(entry.response_url, json={"text": "hi", "response_type": "in_channel"}) as done:
            assert done.status == 200
    (message,) = slack.workspace().conversations[CHANNEL].messages.values()
    assert message["text"] == "hi"


async def error_of(web: AsyncWebClient, method: str, **args: Any) -> str:
    with pytest.raises(SlackApiError) as refused:
        await web.api_call(method, json=args)
    return str(refused.value.response["error"])


async def test_an_update_takes_a_tenth_of_what_a_message_may_have(web: AsyncWebClient) -> None:
    posted = await web.chat_postMessage(channel=CHANNEL, text="x" * 4_001)
    here = {"channel": CHANNEL, "ts": posted["ts"]}
    assert await error_of(web, "chat.update", **here, text="x" * 4_001) == "msg_too_long"
    assert (await web.chat_update(**here, text="x" * 4_000))["ok"]


async def test_an_archived_channel_is_as_good_as_frozen(web: AsyncWebClient) -> None:
    made = await web.conversations_create(name="frozen")
    channel = made["channel"]["id"]
    posted = await web.chat_postMessage(channel=channel, text="hi")
    await web.conversations_archive(channel=channel)
    here = {"channel": channel, "timestamp": posted["ts"], "name": "eyes"}
    assert await error_of(web, "reactions.add", **here) == "is_archived"
    assert await error_of(web, "chat.update", channel=channel, ts=posted["ts"], text="x") == "is_inactive"
    assert await error_of(web, "chat.postMessage", channel=channel, text="x") == "is_archived"


async def test_only_a_member_archives_a_channel_and_the_last_one_stays(
    slack: EmulatorClient, web: AsyncWebClient
) -> None:
    slack.add_channel("quiet", channel="C0QUIET0001", members=[ALICE])
    assert await error_of(web, "conversations.archive", channel="C0QUIET0001") == "not_in_channel"
    made = await web.conversations_create(name="alone")
    assert await error_of(web, "conversations.leave", channel=made["channel"]["id"]) == "last_member"


async def test_thirty_messages_are_the_most_that_are_scheduled_within_five_minutes(
    slack: EmulatorClient, web: AsyncWebClient
) -> None:
    wall = int(slack.core.context.wall(asyncio.get_running_loop().time()))
    for number in range(30):
        await web.chat_scheduleMessage(channel=CHANNEL, text="x", post_at=wall + 600 + number * 5)
    more: dict[str, Any] = {"channel": CHANNEL, "text": "x"}
    assert await error_of(web, "chat.scheduleMessage", **more, post_at=wall + 800) == "restricted_too_many"
    assert (await web.chat_scheduleMessage(**more, post_at=wall + 1_200))["ok"]
    assert (await web.chat_scheduleMessage(channel=BOB, text="x", post_at=wall + 800))["ok"]


async def test_what_is_posted_within_a_minute_is_not_taken_back(
    slack: EmulatorClient, web: AsyncWebClient
) -> None:
    wall = int(slack.core.context.wall(asyncio.get_running_loop().time()))
    soon = await web.chat_scheduleMessage(channel=CHANNEL, text="x", post_at=wall + 50)
    assert await error_of(
        web,
        "chat.deleteScheduledMessage",
        channel=CHANNEL,
        scheduled_message_id=soon["scheduled_message_id"],
    ) == ("invalid_scheduled_message_id")


async def test_only_a_url_that_stands_in_the_message_is_unfurled(web: AsyncWebClient) -> None:
    posted = await web.chat_postMessage(channel=CHANNEL, text="see <https://example.com/a>")
    here = {"channel": CHANNEL, "ts": posted["ts"]}
    elsewhere = {"https://example.com/b": {"text": "b"}}
    assert await error_of(web, "chat.unfurl", **here, unfurls=elsewhere) == "cannot_unfurl_message"
    await web.chat_unfurl(**here, unfurls={"https://example.com/a": {"text": "a"}})


async def test_prompts_may_be_set_for_the_whole_conversation(web: AsyncWebClient) -> None:
    opened = await web.conversations_open(users=[ALICE])
    prompts = [{"title": "Plan", "message": "Make a plan"}]
    answer = await web.api_call(
        "assistant.threads.setSuggestedPrompts",
        json={"channel_id": opened["channel"]["id"], "prompts": prompts},
    )
    assert answer["ok"]


async def test_a_file_is_for_those_with_a_token_and_stays_deleted(
    slack: EmulatorClient, web: AsyncWebClient
) -> None:
    uploaded = await web.files_upload_v2(content="hello", filename="a.txt", channel=CHANNEL)
    file = uploaded["file"]
    async with aiohttp.ClientSession() as session:
        async with session.get(file["url_private"]) as response:
            assert "hello" not in await response.text()
            assert (response.status, response.content_type) == (200, "text/html")
        for token, content in ((APP.bot_token, "hello"), (APP.app_token, None), ("xoxb-wrong", None)):
            headers = {"Authorization": f"Bearer {token}"}
            async with session.get(file["url_private"], headers=headers) as response:
                assert (await response.text() == content) is (content is not None)
    await web.files_delete(file=file["id"])
    for method in ("files.info", "files.delete"):
        assert await error_of(web, method, file=file["id"]) == "file_deleted"


HISTORY_OF_DIRECTS = EmulatedApp(scopes=("im:history", "im:read", "im:write", "chat:write", "users:read"))
SCOPES_OF_KINDS: list[tuple[str, dict[str, Any], str | None]] = [
    ("conversations.history", {"channel": CHANNEL}, "channels:history"),
    ("conversations.info", {"channel": CHANNEL}, "channels:read"),
    ("conversations.list", {}, "channels:read"),
    ("conversations.list", {"types": "im"}, None),
    ("conversations.list", {"types": "im,mpim"}, "mpim:read"),
    ("conversations.create", {"name": "new", "is_private": True}, "groups:write"),
    ("conversations.open", {"users": BOB}, None),
    ("conversations.open", {"users": f"{BOB},{ALICE}"}, "mpim:write"),
    ("chat.postMessage", {"channel": CHANNEL, "text": "x"}, None),
    ("chat.postMessage", {"channel": CHANNEL, "text": "x", "username": "me"}, "chat:write.customize"),
    ("users.lookupByEmail", {"email": "bob@example.com"}, "users:read.email"),
]


@pytest.mark.parametrize(("method", "args", "needed"), SCOPES_OF_KINDS)
async def test_a_scope_is_good_for_its_kind_of_conversation(
    method: str, args: dict[str, Any], needed: str | None
) -> None:
    async with Emulator([HISTORY_OF_DIRECTS], EmulatorSettings(enforces_scopes=True)).serving() as slack:
        web = AsyncWebClient(token=HISTORY_OF_DIRECTS.bot_token, base_url=slack.api_url)
        if needed is None:
            assert (await web.api_call(method, json=args))["ok"]
            return
        with pytest.raises(SlackApiError) as refused:
            await web.api_call(method, json=args)
        assert refused.value.response["error"] == "missing_scope"
        assert refused.value.response["needed"] == needed


async def test_an_email_address_needs_its_scope() -> None:
    app = EmulatedApp(scopes=("users:read", "users.profile:read"))
    async with Emulator([app], EmulatorSettings(enforces_scopes=True)).serving() as slack:
        web = AsyncWebClient(token=app.bot_token, base_url=slack.api_url)
        assert "email" not in (await web.users_info(user=BOB))["user"]["profile"]
        assert "email" not in (await web.users_profile_get(user=BOB))["profile"]
        assert all("email" not in each["profile"] for each in (await web.users_list())["members"])
        slack.core.change_settings(enforces_scopes=False)
        assert "email" in (await web.users_info(user=BOB))["user"]["profile"]
