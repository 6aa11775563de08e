"""An app in Bolt for Python with something for each journey through the page."""

from __future__ import annotations

import threading
from typing import Any

from slack_bolt import App, Assistant
from slack_sdk.errors import SlackApiError


def plain(words: str) -> dict[str, str]:
    return {"type": "plain_text", "text": words}


def mrkdwn(words: str) -> dict[str, str]:
    return {"type": "mrkdwn", "text": words}


def button(action_id: str, words: str, style: str | None = None, **more: Any) -> dict[str, Any]:
    styled = {"style": style} if style else {}
    return {"type": "button", "action_id": action_id, "text": plain(words), "value": "api", **styled, **more}


def option(words: str) -> dict[str, Any]:
    return {"text": plain(words), "value": words.lower()}


ANSWER = [
    {"type": "header", "text": plain("Deploy api to production?")},
    {
        "type": "section",
        "text": mrkdwn("*3 commits* since yesterday, all `green`. It takes about *4 minutes*. :rocket:"),
        "fields": [mrkdwn("*Version*\n2026.11.28"), mrkdwn("*Owner*\n<@U0BOB000001>")],
        "accessory": {
            "type": "static_select",
            "action_id": "where",
            "placeholder": plain("Where to"),
            "options": [option("Production"), option("Staging")],
        },
    },
    {"type": "divider"},
    {
        "type": "actions",
        "block_id": "decision",
        "elements": [
            button("approve", "Approve", "primary"),
            button(
                "reject",
                "Reject",
                "danger",
                confirm={
                    "title": plain("Reject it?"),
                    "text": plain("Nothing will be rolled out."),
                    "confirm": plain("Reject"),
                    "deny": plain("Keep"),
                },
            ),
            button("details", "Details…"),
            {"type": "datepicker", "action_id": "when", "placeholder": plain("When")},
        ],
    },
    {"type": "context", "elements": [mrkdwn("Asked for with `/deploy` by <@U0ALICE0001>")]},
]

MODAL = {
    "type": "modal",
    "callback_id": "details",
    "title": plain("Deploy api"),
    "submit": plain("Schedule"),
    "close": plain("Not now"),
    "notify_on_close": True,
    "blocks": [
        {
            "type": "input",
            "block_id": "reason",
            "label": plain("Why now?"),
            "element": {"type": "plain_text_input", "action_id": "typed", "placeholder": plain("A sentence")},
            "hint": plain("It stands in the change log."),
        },
        {
            "type": "input",
            "block_id": "team",
            "label": plain("Team"),
            "element": {"type": "external_select", "action_id": "team", "min_query_length": 1},
        },
        {
            "type": "input",
            "block_id": "steps",
            "optional": True,
            "label": plain("Steps"),
            "element": {
                "type": "checkboxes",
                "action_id": "steps",
                "options": [option("Migrate"), option("Announce"), option("Watch")],
            },
        },
    ],
}

HOME = {
    "type": "home",
    "blocks": [
        {"type": "header", "text": plain("Your deploys")},
        {
            "type": "section",
            "text": mrkdwn("*api* is on `2026.11.27` :white_check_mark:"),
            "accessory": button("approve", "Roll out"),
        },
        {"type": "divider"},
        {"type": "section", "text": mrkdwn("*web* waits for <@U0CAROL0001> :hourglass:")},
    ],
}


def declare(app: App, done: threading.Event) -> None:
    """What the app does, until it is done."""

    @app.command("/deploy")
    def deploy(ack: Any) -> None:
        ack(response_type="in_channel", text="Deploy api to production?", blocks=ANSWER)

    @app.command("/broken")
    def broken(ack: Any, client: Any, command: Any) -> None:
        ack()
        nothing = [{"type": "section"}, {"type": "actions", "elements": [button("x", "y" * 80)]}]
        client.chat_postMessage(channel=command["channel_id"], text="Never seen", blocks=nothing)

    @app.action("approve")
    def approve(ack: Any, respond: Any, body: Any) -> None:
        ack()
        respond(text=f":white_check_mark: approved by <@{body['user']['id']}>", response_type="in_channel")

    @app.action("where")
    def where(ack: Any, say: Any, action: Any) -> None:
        ack()
        say(f"to {action['selected_option']['value']}")

    @app.action("when")
    def when(ack: Any, say: Any, action: Any) -> None:
        ack()
        say(f"on {action['selected_date']}")

    @app.action("details")
    def details(ack: Any, client: Any, body: Any) -> None:
        ack()
        client.views_open(trigger_id=body["trigger_id"], view=MODAL)

    @app.options("team")
    def team(ack: Any, payload: Any) -> None:
        known = ("Operations", "Platform", "Payments")
        ack(options=[option(each) for each in known if payload["value"].lower() in each.lower()])

    @app.view("details")
    def submitted(ack: Any, view: Any, client: Any, body: Any) -> None:
        values = view["state"]["values"]
        reason = values["reason"]["typed"]["value"]
        if len(reason) < 10:
            ack(response_action="errors", errors={"reason": "Say it in a whole sentence."})
            return
        ack()
        owner = values["team"]["team"]["selected_option"]["value"]
        client.chat_postMessage(channel="C0GENERAL01", text=f"Scheduled for {owner}: _{reason}_")

    @app.event("app_home_opened")
    def home(event: Any, client: Any) -> None:
        client.views_publish(user_id=event["user"], view=HOME)

    @app.event("app_mention")
    def mentioned(event: Any, say: Any) -> None:
        say(text=f"<@{event['user']}> here is a thread for it", thread_ts=event["ts"])

    @app.event("file_shared")
    def shared(event: Any, client: Any) -> None:
        name = client.files_info(file=event["file_id"])["file"]["name"]
        client.chat_postMessage(channel=event["channel_id"], text=f"Read `{name}`, thank you")

    @app.shortcut("ask")
    def ask(ack: Any, shortcut: Any, client: Any) -> None:
        ack()
        client.views_open(trigger_id=shortcut["trigger_id"], view=MODAL)

    @app.shortcut("keep")
    def keep(ack: Any, shortcut: Any, respond: Any) -> None:
        ack()
        respond(f"Kept: {shortcut['message']['text']}")

    assistant = Assistant()

    @assistant.thread_started
    def started(say: Any, set_suggested_prompts: Any) -> None:
        say("How can I help?")
        set_suggested_prompts(
            title="For instance",
            prompts=[
                {"title": "What is live?", "message": "What is live?"},
                {"title": "Who is on call?", "message": "Who is on call?"},
            ],
        )

    @assistant.user_message
    def asked(payload: Any, client: Any, set_status: Any, set_title: Any) -> None:
        set_title(payload["text"])
        set_status("is looking it up…")
        about = {"channel": payload["channel"], "thread_ts": payload["thread_ts"]}
        stream = client.chat_startStream(**about, markdown_text="**api** is live since this morning")
        here = {"channel": payload["channel"], "ts": stream["ts"]}
        while not done.wait(0.5):
            try:
                client.chat_appendStream(**here, markdown_text=" …")
            except SlackApiError:
                return
        client.chat_stopStream(**here)

    app.use(assistant)

    @app.event("agent_session_stopped")
    def stopped() -> None:
        pass

    @app.event("message")
    def message() -> None:
        pass

    @app.event("reaction_added")
    def reacted() -> None:
        pass
