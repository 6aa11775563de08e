"""What Bolt for Python has helpers for works unchanged: assistants, custom steps, streams, uploads, modals of
several pages, options, shortcuts.
"""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from slack_bolt import App, Assistant
from slack_sdk.errors import SlackApiError

from slackd.emulator import Emulator, EmulatorClient, EmulatorError, EmulatorSettings, LedgerEntry
from tests.support.foreign_apps import bolt, direct

PATIENCE = 20.0
USER = "U0BOB000001"


def plain(words: str) -> dict[str, str]:
    return {"type": "plain_text", "text": words}


def button(action_id: str, value: str = "1") -> dict[str, Any]:
    element = {"type": "button", "action_id": action_id, "text": plain("Go"), "value": value}
    return {"type": "actions", "block_id": "buttons", "elements": [element]}


def text_input(block_id: str) -> dict[str, Any]:
    element = {"type": "plain_text_input", "action_id": "typed"}
    return {"type": "input", "block_id": block_id, "label": plain(block_id), "element": element}


def modal(callback_id: str, *blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    words = {"title": plain("Ask"), "submit": plain("Next")}
    return {"type": "modal", "callback_id": callback_id, **words, "blocks": list(blocks), **more}


@pytest.fixture
async def slack() -> AsyncIterator[EmulatorClient]:
    settings = EmulatorSettings(trigger_lifetime=60.0, ack_deadline=30.0)
    async with Emulator(settings=settings).serving() as running:
        yield running


@asynccontextmanager
async def bolt_ready(slack: EmulatorClient, declare: Callable[[App], None]) -> AsyncIterator[None]:
    async with bolt(direct(slack), declare):
        await slack.wait_until_ready(timeout=PATIENCE)
        yield


async def called(slack: EmulatorClient, method: str, count: int = 1) -> Any:
    call = await slack.wait_for_call(method, count=count, timeout=PATIENCE)
    assert call.ok, call.answer
    return call


async def acknowledged(slack: EmulatorClient, entry: LedgerEntry) -> LedgerEntry:
    return await slack.wait_for_ack(entry, timeout=PATIENCE)


def texts(slack: EmulatorClient, channel: str) -> list[str]:
    return [each["text"] for each in slack.workspace().conversations[channel].messages.values()]


async def test_the_assistant_helper_greets_suggests_says_its_status_and_answers(slack: EmulatorClient) -> None:
    def declare(app: App) -> None:
        assistant = Assistant()

        @assistant.thread_started
        def started(say: Any, set_suggested_prompts: Any, get_thread_context: Any) -> None:
            say(f"You come from {get_thread_context().channel_id}")
            set_suggested_prompts(prompts=[{"title": "Weather", "message": "What is the weather?"}])

        @assistant.thread_context_changed
        def changed(save_thread_context: Any, context: Any, payload: Any) -> None:
            save_thread_context(payload["assistant_thread"]["context"])

        @assistant.user_message
        def asked(set_title: Any, set_status: Any, say: Any, payload: Any, get_thread_context: Any) -> None:
            set_title(payload["text"])
            set_status("is looking out of the window...")
            say(f"Rain in {get_thread_context().channel_id}")

        app.use(assistant)

    async with bolt_ready(slack, declare):
        thread = slack.start_assistant_thread(user=USER, channel="C0RANDOM001")
        await acknowledged(slack, thread)
        await called(slack, "assistant.threads.setSuggestedPrompts")
        direct, thread_ts = str(thread.channel), str(thread.message_ts)
        moved = slack.change_assistant_context(thread_ts, user=USER, channel="C0DEPLOYS01")
        await acknowledged(slack, moved)
        await called(slack, "chat.update")
        slack.post_message("What is the weather?", channel=direct, user=USER, thread_ts=thread_ts)
        await called(slack, "chat.postMessage", 2)
    surfaces = slack.surfaces_of()
    assert surfaces.thread_titles[direct, thread_ts] == "What is the weather?"
    assert surfaces.suggested_prompts[direct, thread_ts]["prompts"][0]["title"] == "Weather"
    assert texts(slack, direct)[1:] == [
        "You come from C0RANDOM001",
        "What is the weather?",
        "Rain in C0DEPLOYS01",
    ]
    assert slack.summary().not_emulated == {}


async def test_a_custom_step_completes_fails_and_has_a_button_of_its_own(slack: EmulatorClient) -> None:
    def declare(app: App) -> None:
        @app.function("sum")
        def add(inputs: Any, complete: Any, fail: Any) -> None:
            if inputs["b"]:
                complete({"sum": inputs["a"] + inputs["b"]})
            else:
                fail("nothing to add")

        @app.function("ask")
        def ask(inputs: Any, say: Any, ack: Any) -> None:
            ack()
            say(channel=inputs["user"], text="Shall I?", blocks=[button("yes")])

        @app.action("yes")
        def yes(ack: Any, complete: Any, client: Any, body: Any) -> None:
            ack()
            complete({"said": body["function_data"]["inputs"]["user"]})
            client.chat_postMessage(channel=body["user"]["id"], text="Thanks")

    async with bolt_ready(slack, declare):
        slack.run_step("sum", {"a": 1, "b": 2})
        await called(slack, "functions.completeSuccess")
        slack.run_step("sum", {"a": 1, "b": 0})
        await called(slack, "functions.completeError")
        slack.run_step("ask", {"user": USER})
        await called(slack, "chat.postMessage")
        await acknowledged(slack, slack.click("yes", user=USER))
        await called(slack, "functions.completeSuccess", 2)
        await called(slack, "chat.postMessage", 2)
    added, failed, asked = slack.surfaces_of().executions.values()
    assert (added["status"], added["outputs"]) == ("completed", {"sum": 3})
    assert (failed["status"], failed["error"]) == ("failed", "nothing to add")
    assert (asked["status"], asked["outputs"]) == ("completed", {"said": USER})


async def test_chat_stream_writes_and_a_person_stops_it(slack: EmulatorClient) -> None:
    said: list[str] = []
    stopped = threading.Event()

    def declare(app: App) -> None:
        @app.event("app_mention")
        def mentioned(client: Any, event: Any, context: Any) -> None:
            stream = client.chat_stream(
                channel=event["channel"],
                thread_ts=event["ts"],
                recipient_team_id=context.team_id,
                recipient_user_id=event["user"],
                buffer_size=1,
            )
            stream.append(markdown_text="one ")
            stream.append(markdown_text="two ")
            if "on and on" in event["text"]:
                for _ in range(200):
                    stream.append(markdown_text=".")
                    said.append("more")
                    if stopped.wait(0.01):
                        break
                try:
                    stream.append(markdown_text="after")
                except SlackApiError as error:
                    said.append(str(error.response["error"]))
                    return
            stream.stop(blocks=[{"type": "context", "elements": [plain("done")]}])

    async with bolt_ready(slack, declare):
        slack.mention("count")
        await called(slack, "chat.stopStream")
        (written,) = [each for each in texts(slack, "C0GENERAL01") if each.startswith("one")]
        assert written == "one two "
        slack.mention("on and on")
        await slack.wait_for_call("chat.appendStream", count=3, timeout=PATIENCE)
        stream = list(slack.workspace().conversations["C0GENERAL01"].messages.values())[-1]
        entry = slack.press_stop(stream["ts"])
        stopped.set()
        assert entry.name == "agent_session_stopped"
        await slack.wait_until(lambda: "stopped_by_user" in said, timeout=PATIENCE)
        with pytest.raises(EmulatorError, match="not being streamed"):
            slack.press_stop(stream["ts"])


async def test_an_upload_is_shared_where_it_was_asked(slack: EmulatorClient) -> None:
    def declare(app: App) -> None:
        @app.command("/report")
        def report(ack: Any, client: Any, command: Any) -> None:
            ack()
            done = client.files_upload_v2(
                channel=command["channel_id"],
                initial_comment="Here it is",
                file_uploads=[
                    {"content": "a,b\n1,2\n", "filename": "report.csv", "title": "Report"},
                    {"content": "notes", "filename": "notes.txt"},
                ],
            )
            about = client.files_info(file=done["files"][0]["id"])["file"]
            client.chat_postMessage(channel=command["channel_id"], text=f"{about['title']} {about['size']}")

    async with bolt_ready(slack, declare):
        slack.command("/report")
        await called(slack, "chat.postMessage")
    shared, said = slack.workspace().conversations["C0GENERAL01"].messages.values()
    assert [each["name"] for each in shared["files"]] == ["report.csv", "notes.txt"]
    assert shared["text"] == "Here it is"
    assert said["text"] == "Report 8"


async def test_a_view_of_several_pages_goes_on_shows_errors_and_closes(slack: EmulatorClient) -> None:
    def declare(app: App) -> None:
        @app.shortcut("order")
        def order(ack: Any, shortcut: Any, client: Any) -> None:
            ack()
            client.views_open(trigger_id=shortcut["trigger_id"], view=modal("first", text_input("name")))

        @app.view("first")
        def first(ack: Any, view: Any) -> None:
            name = view["state"]["values"]["name"]["typed"]["value"]
            if name == "nobody":
                ack(response_action="errors", errors={"name": "Who?"})
            else:
                ack(response_action="push", view=modal("second", text_input("what"), private_metadata=name))

        @app.view("second")
        def second(ack: Any, view: Any) -> None:
            what = view["state"]["values"]["what"]["typed"]["value"]
            about = f"{view['private_metadata']}: {what}"
            ack(response_action="update", view=modal("third", button("more"), private_metadata=about))

        @app.action("more")
        def more(ack: Any, client: Any, body: Any) -> None:
            ack()
            view = modal("third", button("more"), text_input("why"), private_metadata="m")
            client.views_update(view_id=body["view"]["id"], hash=body["view"]["hash"], view=view)

        @app.view("third")
        def third(ack: Any) -> None:
            ack(response_action="clear")

    async with bolt_ready(slack, declare):
        await acknowledged(slack, slack.shortcut("order"))
        await called(slack, "views.open")
        surfaces = slack.surfaces_of()
        await acknowledged(slack, slack.submit_view({"name": {"typed": "nobody"}}, callback_id="first"))
        (opened,) = surfaces.open_modals
        assert surfaces.view_errors[opened] == {"name": "Who?"}
        await acknowledged(slack, slack.submit_view({"name": {"typed": "bob"}}, callback_id="first"))
        assert len(surfaces.open_modals) == 2
        assert surfaces.view_errors == {}
        await acknowledged(slack, slack.submit_view({"what": {"typed": "tea"}}, callback_id="second"))
        assert [surfaces.views[each]["callback_id"] for each in surfaces.open_modals] == ["first", "third"]
        await acknowledged(slack, slack.click("more"))
        await called(slack, "views.update")
        await acknowledged(slack, slack.submit_view({"why": {"typed": "so"}}, callback_id="third"))
        assert surfaces.open_modals == {}


async def test_options_and_both_kinds_of_shortcuts(slack: EmulatorClient) -> None:
    menu = {"type": "external_select", "action_id": "team", "min_query_length": 0}
    block = {"type": "section", "block_id": "b", "text": plain("Team"), "accessory": menu}

    def declare(app: App) -> None:
        @app.message("menu")
        def offer(say: Any) -> None:
            say(text="Team", blocks=[block])

        @app.options("team")
        def team(ack: Any, payload: Any) -> None:
            ack(options=[{"text": plain(payload["value"].upper()), "value": payload["value"]}])

        @app.action("team")
        def chosen(ack: Any, action: Any, respond: Any) -> None:
            ack()
            respond(f"chosen {action['selected_option']['value']}", replace_original=False)

        @app.shortcut("keep")
        def keep(ack: Any, shortcut: Any, respond: Any) -> None:
            ack()
            respond(f"kept {shortcut['message']['text']}")

        @app.event("message")
        def others() -> None: ...

    async with bolt_ready(slack, declare):
        said = slack.post_message("menu, please", user=USER)
        await called(slack, "chat.postMessage")
        answer = await slack.wait_for_answer(slack.options("team", "ops", user=USER), timeout=PATIENCE)
        assert answer["options"][0]["text"]["text"] == "OPS"
        click = slack.click("team", answer["options"][0], user=USER)
        assert (await slack.wait_for_post(click, timeout=PATIENCE))["text"] == "chosen ops"
        kept = slack.message_shortcut("keep", message_ts=said.message_ts, user=USER)
        assert (await slack.wait_for_post(kept, timeout=PATIENCE))["text"] == "kept menu, please"
        seen = [each["text"] for each in slack.workspace().conversations["C0GENERAL01"].ephemeral.values()]
    assert seen == ["chosen ops", "kept menu, please"]


async def test_people_click_in_what_only_they_see_and_the_app_changes_it(slack: EmulatorClient) -> None:
    def declare(app: App) -> None:
        @app.command("/ask")
        def ask(ack: Any) -> None:
            ack(text="Shall I?", blocks=[button("answered")])

        @app.action("answered")
        def answered(ack: Any, respond: Any) -> None:
            ack()
            respond(text="Done", replace_original=True)

        @app.event("app_mention")
        def mentioned(client: Any, event: Any) -> None:
            client.chat_postEphemeral(
                channel=event["channel"], user=event["user"], text="Psst", blocks=[button("gone")]
            )

        @app.action("gone")
        def gone(ack: Any, respond: Any) -> None:
            ack()
            respond(delete_original=True)

    async with bolt_ready(slack, declare):
        ephemeral = slack.workspace().conversations["C0GENERAL01"].ephemeral
        await acknowledged(slack, slack.command("/ask", user=USER))
        with pytest.raises(EmulatorError, match="sees no element"):
            slack.click("answered", user="U0CAROL0001")
        click = slack.click("answered", user=USER)
        assert '"is_ephemeral":true' in str(click.payload)
        await slack.wait_for_post(click, timeout=PATIENCE)
        assert [each["text"] for each in ephemeral.values()] == ["Done"]
        await acknowledged(slack, slack.mention("hello", user=USER))
        await called(slack, "chat.postEphemeral")
        await slack.wait_for_post(slack.click("gone", user=USER), timeout=PATIENCE)
        assert [each["text"] for each in ephemeral.values()] == ["Done"]
