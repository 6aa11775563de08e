"""One app in Bolt for Python with what such apps do, and what people do with it, step by step."""

import json
import re
import time
import urllib.request
from collections.abc import Mapping
from typing import Any

from slack_bolt import App

from slackd.emulator import EmulatorClient
from slackd.emulator.ledger import LedgerEntry

PATIENCE = 45.0


def plain(words: str) -> dict[str, str]:
    return {"type": "plain_text", "text": words}


def modal(callback_id: str, **more: Any) -> dict[str, Any]:
    element = {"type": "plain_text_input", "action_id": "typed"}
    block = {"type": "input", "block_id": "say", "label": plain("Say"), "element": element}
    return {
        "type": "modal",
        "callback_id": callback_id,
        "title": plain("Ask"),
        "submit": plain("Send"),
        "blocks": [block],
        **more,
    }


BUTTON = {
    "type": "actions",
    "block_id": "buttons",
    "elements": [{"type": "button", "action_id": "more", "text": plain("More"), "value": "1"}],
}


def declare(app: App) -> None:
    """Listeners in every shape that Bolt has."""

    def quickly(ack: Any) -> None:
        ack("On it")

    def lazily(respond: Any, command: Any) -> None:
        time.sleep(0.2)
        respond(text=f"Done: {command['text']}", response_type="in_channel")

    app.command("/deploy")(ack=quickly, lazy=[lazily])

    @app.message(re.compile("hello (.*)"))
    def hello(say: Any, context: Any, message: Any) -> None:
        say(text=f"hello to {context['matches'][0]}", thread_ts=message["ts"], blocks=[BUTTON])

    @app.event("app_mention")
    def mentioned(event: Any, client: Any) -> None:
        client.reactions_add(channel=event["channel"], timestamp=event["ts"], name="eyes")

    @app.event("app_home_opened")
    def home(event: Any, client: Any) -> None:
        client.views_publish(user_id=event["user"], view={"type": "home", "blocks": [BUTTON]})

    @app.action("more")
    def more(ack: Any, respond: Any, action: Any) -> None:
        ack()
        respond(text=f"clicked {action['value']}", replace_original=True)

    @app.shortcut("ask")
    def ask(ack: Any, shortcut: Any, client: Any) -> None:
        ack()
        client.views_open(trigger_id=shortcut["trigger_id"], view=modal("first"))

    @app.view("first")
    def first(ack: Any, view: Any) -> None:
        said = view["state"]["values"]["say"]["typed"]["value"]
        if said == "wrong":
            ack(response_action="errors", errors={"say": "That is wrong"})
        else:
            ack(
                response_action="update",
                view=modal("second", private_metadata=said, notify_on_close=True),
            )

    @app.view_closed("second")
    def closed(ack: Any, client: Any) -> None:
        ack()
        client.chat_postMessage(channel="C0GENERAL01", text="closed")

    @app.options("team")
    def team(ack: Any, payload: Any) -> None:
        ack(options=[{"text": plain(payload["value"].upper()), "value": payload["value"]}])

    @app.shortcut({"type": "message_action", "callback_id": "keep"})
    def keep(ack: Any, shortcut: Any, client: Any) -> None:
        ack()
        client.chat_postEphemeral(
            channel="C0GENERAL01", user=shortcut["user"]["id"], text=shortcut["message"]["text"]
        )

    @app.function("sum")
    def step(inputs: Any, complete: Any, fail: Any) -> None:
        if inputs["b"] == 0:
            fail("there is no such sum")
        else:
            complete({"sum": inputs["a"] + inputs["b"]})

    @app.event("reaction_added")
    def stream(event: Any, client: Any) -> None:
        about = {"channel": event["item"]["channel"]}
        reader = {"recipient_team_id": client.auth_test()["team_id"], "recipient_user_id": event["user"]}
        thread = {"thread_ts": event["item"]["ts"]}
        started = client.api_call("chat.startStream", params={**about, **reader, **thread})
        ts = started["ts"]
        for words in ("one ", "two"):
            client.api_call("chat.appendStream", params={**about, "ts": ts, "markdown_text": words})
        client.api_call("chat.stopStream", params={**about, "ts": ts})

    @app.event("pin_added")
    def upload(event: Any, client: Any) -> None:
        client.files_upload_v2(channel=event["channel_id"], content="as it was", filename="a.txt")

    @app.event("file_shared")
    def download(event: Any, client: Any) -> None:
        url = client.files_info(file=event["file_id"])["file"]["url_private"]
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {client.token}"})
        with urllib.request.urlopen(request) as answer:
            client.chat_postMessage(channel=event["channel_id"], text=f"read: {answer.read().decode()}")


async def use(slack: EmulatorClient) -> None:
    """What people do, each step when the one before has come to its end."""

    async def called(method: str, count: int = 1) -> None:
        await slack.wait_for_call(method, count=count, timeout=PATIENCE)

    async def acknowledged(entry: LedgerEntry) -> None:
        await slack.wait_for_ack(entry, timeout=PATIENCE)

    command = slack.command("/deploy", "main")
    await acknowledged(command)
    await slack.wait_for_post(command, timeout=PATIENCE)
    await acknowledged(slack.post_message("hello world", channel="D0DIRECT001"))
    await called("chat.postMessage")
    click = slack.click("more")
    await acknowledged(click)
    await slack.wait_for_post(click, timeout=PATIENCE)
    mention = slack.mention("look")
    await acknowledged(mention)
    await called("reactions.add")
    await acknowledged(
        slack.send_event({"type": "app_home_opened", "user": "U0BOB", "channel": "D1", "tab": "home"})
    )
    await called("views.publish")
    await acknowledged(slack.shortcut("ask"))
    await called("views.open")
    for said in ("wrong", "right"):
        await acknowledged(slack.submit_view({"say": {"typed": {"value": said}}}, callback_id="first"))
    await acknowledged(slack.close_view(callback_id="second"))
    await called("chat.postMessage", 2)
    await acknowledged(slack.options("team", "ops", made_up=True))
    await acknowledged(
        slack.message_shortcut("keep", {"type": "message", "text": "kept", "ts": "1.2", "user": "U1"})
    )
    await called("chat.postEphemeral")
    for b, method in ((2, "functions.completeSuccess"), (0, "functions.completeError")):
        step = {
            "type": "function_executed",
            "function": {"callback_id": "sum", "id": "Fn1", "app_id": "A1"},
            "inputs": {"a": 1, "b": b},
            "function_execution_id": f"Fx{b}",
            "workflow_execution_id": "Wx1",
            "event_ts": "1.3",
            "bot_access_token": slack.apps[0].bot_token,
        }
        await acknowledged(slack.send_event(step))
        await called(method)
    await acknowledged(slack.react("tada", str(mention.message_ts)))
    await called("chat.stopStream")
    await acknowledged(slack.send_event({"type": "pin_added", "channel_id": "C0GENERAL01", "user": "U0BOB"}))
    await called("files.completeUploadExternal")
    completed = slack.ledger.calls_of("files.completeUploadExternal")[-1]
    file_id = completed.answer["files"][0]["id"]
    await acknowledged(
        slack.send_event({"type": "file_shared", "channel_id": "C0GENERAL01", "file_id": file_id})
    )
    await called("chat.postMessage", 3)
    assert slack.ledger.calls_of("chat.postMessage")[-1].args["text"] == "read: as it was"


def digest(slack: EmulatorClient) -> dict[str, Any]:
    """What the ledger says, without what differs from run to run."""
    entries = [
        (entry.type, entry.name, _plain(entry.response or None), [_plain(post.body) for post in entry.posts])
        for entry in slack.ledger.entries.values()
    ]
    calls = [
        (call.method, _plain(call.args))
        for call in slack.ledger.calls
        if call.method not in ("auth.test", "apps.connections.open")
    ]
    return {"entries": entries, "calls": calls}


def _plain(value: Any) -> Any:
    text = json.dumps(value, sort_keys=True)
    for pattern, words in (
        (r"\d{10}\.\d{6}", "TS"),
        (r"\d+\.\d+\.[0-9a-f]{32}", "TRIGGER"),
        (r"\b[VF]0[0-9A-Z]{8,}", "ID"),
        (r"http://127\.0\.0\.1:\d+/[^\"]*", "URL"),
    ):
        text = re.sub(pattern, words, text)
    return _without_defaults(json.loads(text))


def _without_defaults(value: Any) -> Any:
    """A form says nothing of what is empty, and `true` in letters."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return {name: _without_defaults(each) for name, each in value.items() if each not in (None, "")}
    return [_without_defaults(each) for each in value] if isinstance(value, list) else value
