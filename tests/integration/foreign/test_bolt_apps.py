"""Apps in the shapes that Bolt for Python's users write, against the emulated Slack: what they call is answered
as Slack would, and what a person does next follows from it.
"""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from slack_bolt import App
from slack_bolt.async_app import AsyncApp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from slackd.emulator import Emulator, EmulatorClient, EmulatorSettings
from tests.support.foreign_apps import bolt, bolt_async, direct

PATIENCE = 45.0


def plain(words: str) -> dict[str, str]:
    return {"type": "plain_text", "text": words}


def modal(callback_id: str, *blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    inputs = any(block["type"] == "input" for block in blocks)
    more |= {"submit": plain("Send")} if inputs else {}
    return {"type": "modal", "callback_id": callback_id, "title": plain("Ask"), "blocks": list(blocks), **more}


def text_input(block_id: str) -> dict[str, Any]:
    element = {"type": "plain_text_input", "action_id": "typed"}
    return {"type": "input", "block_id": block_id, "label": plain("Say"), "element": element}


def button(action_id: str, value: str) -> dict[str, Any]:
    element = {"type": "button", "action_id": action_id, "text": plain("Click"), "value": value}
    return {"type": "actions", "block_id": "buttons", "elements": [element]}


@pytest.fixture
async def slack() -> AsyncIterator[EmulatorClient]:
    settings = EmulatorSettings(time_scale=0.05, ack_deadline=1_000.0, trigger_lifetime=1_000.0, seed=3)
    async with Emulator(settings=settings).serving() as emulated:
        emulated.add_channel("one", channel="C1")
        yield emulated


@asynccontextmanager
async def bolt_ready(slack: EmulatorClient, declare: Callable[[App], None]) -> AsyncIterator[None]:
    async with bolt(direct(slack), declare):
        await slack.wait_until_ready(timeout=PATIENCE)
        yield


@asynccontextmanager
async def bolt_async_ready(slack: EmulatorClient, declare: Callable[[AsyncApp], None]) -> AsyncIterator[None]:
    async with bolt_async(direct(slack), declare):
        await slack.wait_until_ready(timeout=PATIENCE)
        yield


async def posted(slack: EmulatorClient, count: int = 1) -> list[Any]:
    """Texts of what the app has posted, as soon as there are so many."""

    def found() -> list[Any]:
        texts = [call.args.get("text") for call in slack.ledger.calls_of("chat.postMessage")]
        return texts if len(texts) >= count else []

    return await slack.wait_until(found, timeout=PATIENCE, what=f"{count} posts")


async def test_middleware_asks_who_speaks_and_a_listener_reads_the_channel(
    slack: EmulatorClient,
) -> None:
    def declare(app: App) -> None:
        @app.use
        def know(client: Any, context: Any, payload: Any, next_: Callable[[], None]) -> None:
            person = client.users_info(user=payload["user"])["user"]
            context["email"], context["tz"] = person["profile"]["email"], person["tz"]
            next_()

        @app.message("hello")
        def hello(message: Any, say: Any, context: Any, client: Any) -> None:
            channel = client.conversations_info(channel=message["channel"])["channel"]
            before = client.conversations_history(channel=message["channel"], limit=1)["messages"]
            say(f"{context['email']} in {channel['name']} said {before[0]['text']}", thread_ts=message["ts"])
            thread = client.conversations_replies(channel=message["channel"], ts=message["ts"])["messages"]
            client.chat_postMessage(channel=message["channel"], text=f"{len(thread)} in the thread")
            link = client.chat_getPermalink(channel=message["channel"], message_ts=message["ts"])["permalink"]
            client.chat_postMessage(channel=message["channel"], text=link)

    async with bolt_ready(slack, declare):
        slack.post_message("hello there", channel="C0RANDOM", user="U0BOB")
        first, second, third = await posted(slack, 3)
    assert first == "bob@example.com in random said hello there"
    assert second == "2 in the thread"
    assert "/archives/C0RANDOM/p" in third


async def test_a_lazy_listener_works_on_after_the_acknowledgement(slack: EmulatorClient) -> None:
    def declare(app: App) -> None:
        def at_once(ack: Any) -> None:
            ack("On it")

        def later(respond: Any, client: Any, command: Any) -> None:
            time.sleep(0.3)
            respond(f"Done: {command['text']}")
            post = client.chat_postMessage(channel=command["channel_id"], text="working")
            client.chat_update(channel=post["channel"], ts=post["ts"], text="worked")
            client.reactions_add(channel=post["channel"], timestamp=post["ts"], name="eyes")
            reacted = client.reactions_get(channel=post["channel"], timestamp=post["ts"])["message"]
            client.chat_postMessage(channel=post["channel"], text=f"{reacted['text']} {reacted['reactions']}")

        app.command("/deploy")(ack=at_once, lazy=[later])

    async with bolt_ready(slack, declare):
        command = slack.command("/deploy", "main")
        assert (await slack.wait_for_answer(command, timeout=PATIENCE))["text"] == "On it"
        post = await slack.wait_for_post(command, timeout=PATIENCE)
        assert post["text"] == "Done: main"
        texts = await posted(slack, 2)
    assert texts[1].startswith("worked [{'name': 'eyes'")


async def test_modals_are_opened_pushed_updated_and_answered(slack: EmulatorClient) -> None:
    def declare(app: App) -> None:
        @app.shortcut("ask")
        def ask(ack: Any, shortcut: Any, client: Any) -> None:
            ack()
            client.views_open(
                trigger_id=shortcut["trigger_id"], view=modal("first", text_input("say"), button("more", "1"))
            )

        @app.action("more")
        def more(ack: Any, body: Any, client: Any) -> None:
            ack()
            pushed = client.views_push(trigger_id=body["trigger_id"], view=modal("second", external_id="mine"))
            assert pushed["view"]["root_view_id"] == pushed["view"]["previous_view_id"] == body["view"]["id"]
            client.views_update(
                external_id="mine", view=modal("second", text_input("more"), external_id="mine")
            )

        @app.view("second")
        def second(ack: Any, view: Any) -> None:
            if view["state"]["values"]["more"]["typed"]["value"] == "wrong":
                ack(response_action="errors", errors={"more": "That is wrong"})
            else:
                ack(response_action="update", view=modal("third", private_metadata="from the second"))

        @app.view("third")
        def third(ack: Any, view: Any, client: Any) -> None:
            ack(response_action="clear")
            client.chat_postMessage(channel="C1", text=view["private_metadata"])

    async with bolt_ready(slack, declare):
        shortcut = slack.shortcut("ask")
        await slack.wait_for_call("views.open", timeout=PATIENCE)
        await slack.wait_for_ack(shortcut, timeout=PATIENCE)
        slack.click("more")
        await slack.wait_for_call("views.update", timeout=PATIENCE)
        wrong = slack.submit_view({"more": {"typed": {"value": "wrong"}}}, callback_id="second")
        assert (await slack.wait_for_answer(wrong, timeout=PATIENCE))["errors"] == {"more": "That is wrong"}
        right = slack.submit_view({"more": {"typed": {"value": "right"}}}, callback_id="second")
        assert (await slack.wait_for_answer(right, timeout=PATIENCE))["response_action"] == "update"
        last = slack.submit_view(callback_id="third")
        assert (await slack.wait_for_answer(last, timeout=PATIENCE)) == {"response_action": "clear"}
        assert await posted(slack) == ["from the second"]


async def test_options_a_home_tab_a_message_shortcut_and_a_file(slack: EmulatorClient) -> None:
    def declare(app: AsyncApp) -> None:
        @app.options("team")
        async def team(ack: Any, payload: Any) -> None:
            await ack(options=[{"text": plain(payload["value"].upper()), "value": payload["value"]}])

        @app.event("app_home_opened")
        async def home(event: Any, client: Any) -> None:
            views = [
                (await client.views_publish(user_id=event["user"], view={"type": "home", "blocks": []}))["view"]
                for _ in range(2)
            ]
            assert views[0]["id"] == views[1]["id"]
            assert views[0]["hash"] != views[1]["hash"]
            await client.chat_postMessage(channel=event["user"], text="published")

        @app.shortcut("keep")
        async def keep(ack: Any, shortcut: Any, client: Any) -> None:
            await ack()
            opened = await client.conversations_open(users=shortcut["user"]["id"])
            again = await client.conversations_open(users=shortcut["user"]["id"])
            assert opened["channel"]["id"] == again["channel"]["id"]
            kept = await client.files_upload_v2(
                channel=opened["channel"]["id"], content=shortcut["message"]["text"], filename="kept.txt"
            )
            await client.chat_postMessage(channel=opened["channel"]["id"], text=f"kept {len(kept['files'])}")

    async with bolt_async_ready(slack, declare):
        menu = slack.options("team", "ops", made_up=True)
        assert (await slack.wait_for_answer(menu, timeout=PATIENCE))["options"][0]["text"]["text"] == "OPS"
        slack.send_event({"type": "app_home_opened", "user": "U0BOB", "channel": "D1", "tab": "home"})
        assert await posted(slack) == ["published"]
        slack.message_shortcut("keep", {"type": "message", "text": "worth keeping", "ts": "1.2", "user": "U1"})
        assert (await posted(slack, 2))[1] == "kept 1"


async def test_what_slack_refuses_the_emulator_refuses(slack: EmulatorClient) -> None:
    client = AsyncWebClient(token=slack.apps[0].bot_token, base_url=slack.api_url)
    person = slack.post_message("mine", channel="C1")
    ts = str(person.message_ts)
    trigger = str(slack.shortcut("ask").trigger_id)

    async def refusal(call: Any) -> str:
        with pytest.raises(SlackApiError) as refused:
            await call
        return str(refused.value.response["error"])

    assert await refusal(client.chat_update(channel="C1", ts=ts, text="yours")) == "cant_update_message"
    assert await refusal(client.chat_delete(channel="C1", ts=ts)) == "cant_delete_message"
    assert await refusal(client.chat_getPermalink(channel="C1", message_ts="1.1")) == "message_not_found"
    assert await refusal(client.conversations_replies(channel="C1", ts="1.1")) == "thread_not_found"
    assert await refusal(client.users_lookupByEmail(email="nobody")) == "users_not_found"
    assert await refusal(client.views_publish(user_id="U0ALICE0001", view=modal("x"))) == "invalid_arguments"
    assert await refusal(client.views_open(trigger_id=trigger, view={"type": "modal"})) == "invalid_arguments"
    assert await refusal(client.views_push(trigger_id=trigger, view=modal("x"))) == "not_found"
    assert await refusal(client.reactions_remove(channel="C1", timestamp=ts, name="eyes")) == "no_reaction"
    assert await refusal(client.chat_scheduleMessage(channel="C1", text="x", post_at=1)) == "time_in_past"


async def test_pages_are_turned_with_the_cursor(slack: EmulatorClient) -> None:
    client = AsyncWebClient(token=slack.apps[0].bot_token, base_url=slack.api_url)
    for number in range(5):
        slack.post_message(f"message {number}", channel="C1")
    texts = []
    async for page in await client.conversations_history(channel="C1", limit=2):
        assert len(page["messages"]) <= 2
        texts += [each["text"] for each in page["messages"]]
    assert texts == [f"message {number}" for number in (4, 3, 2, 1, 0)]
    channels = (await client.conversations_list())["channels"]
    assert "C1" in [each["id"] for each in channels]
    assert (await client.users_list())["members"][0]["profile"]["display_name"]
    assert (await client.conversations_members(channel="C1"))["members"]
    assert (await client.team_info())["team"]["id"] == slack.apps[0].team_id
