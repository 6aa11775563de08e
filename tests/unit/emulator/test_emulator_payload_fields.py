"""What can be played has the fields of Slack's reference, page by page, and Bolt's own types take it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
import pytest
from slack_bolt import BoltRequest
from slack_bolt.request.payload_utils import (
    is_action,
    is_block_actions,
    is_event,
    is_function,
    is_options,
    is_shortcut,
    is_slash_command,
    is_view,
    is_view_closed,
    is_view_submission,
    to_action,
    to_command,
    to_event,
    to_message,
    to_options,
    to_shortcut,
    to_view,
)
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

from slackd.emulator.conversation import Conversation
from slackd.emulator.ids import IdSource
from slackd.emulator.methods.chat import changed_event, deleted_event
from slackd.emulator.methods.reactions import reaction_event
from slackd.emulator.payloads import Payloads, PlayedEvent
from slackd.emulator.settings import EmulatedApp
from slackd.emulator.workspace import Workspace
from tests.unit.emulator.simulated_slack import WALL

APP = EmulatedApp()
IDS = IdSource(1)
WORKSPACE = Workspace.of([APP], IDS)
MAKE = Payloads(APP, IDS, WORKSPACE)
GENERAL = WORKSPACE.conversations["C0GENERAL01"]
DIRECT = Conversation(id="D0DIRECT001", name="", kind="im", members={"U0ALICE0001": None})
STEP = {"token": "xwfp-1", "execution_id": "Fx1", "callback_id": "sum", "inputs": {"a": 1}}
VIEW = {
    "id": "V1",
    "type": "modal",
    "callback_id": "ask",
    "title": {"type": "plain_text", "text": "Ask"},
    "blocks": [],
    "hash": "1.a",
    "state": {"values": {}},
}

CALLBACK = "token team_id api_app_id event type event_id event_time authorizations event_context"
CALLBACK += " is_ext_shared_channel context_team_id context_enterprise_id"
MESSAGE = "type channel user text ts event_ts channel_type team blocks client_msg_id"
INTERACTION = "type team user api_app_id token enterprise is_enterprise_install"
CHANGED = "type subtype hidden channel channel_type ts event_ts message previous_message"


@attrs.frozen
class ReferencePage:
    """One page of Slack's reference: what is played, and the fields that it shows."""

    page: str
    played: Callable[[], PlayedEvent]
    fields: str
    inside: str = ""

    @property
    def sample(self) -> dict[str, Any]:
        payload: dict[str, Any] = dict(self.played().payload)
        for part in self.inside.split("."):
            payload = payload[part] if part else payload
        return payload


def message() -> dict[str, Any]:
    return MAKE.new_message("hi <@U0BOTUSER01>", WALL, user="U0ALICE0001", thread_ts="1.1")


def membership(kind: str) -> Callable[[], PlayedEvent]:
    play = MAKE.joined_channel if kind == "joined" else MAKE.left_channel
    return lambda: play(WALL, user="U0BOB000001", conversation=GENERAL)


def assistant(kind: str) -> Callable[[], PlayedEvent]:
    about = {"channel_id": "C0GENERAL01", "team_id": APP.team_id, "enterprise_id": None}
    return lambda: MAKE.assistant_thread(
        kind, WALL, user="U0ALICE0001", channel="D1", thread_ts="1.1", context=about
    )


def clicked(**more: Any) -> Callable[[], PlayedEvent]:
    action = {"type": "button", "action_id": "a", "block_id": "b", "text": {}, "value": "1"}
    return lambda: MAKE.block_actions([action], WALL, **more)


def step() -> PlayedEvent:
    return MAKE.function_executed("sum", {"a": 1, "b": "x", "c": True}, WALL, token="xwfp-1")


PAGES = [
    ReferencePage("Events API", lambda: MAKE.message("hi", WALL), CALLBACK),
    ReferencePage("message", lambda: MAKE.message_posted(message(), GENERAL, WALL), MESSAGE, "event"),
    ReferencePage("message.im", lambda: MAKE.message_posted(message(), DIRECT, WALL), MESSAGE, "event"),
    ReferencePage(
        "app_mention",
        lambda: MAKE.app_mentioned(message(), GENERAL, WALL),
        "type user text ts channel event_ts team blocks client_msg_id thread_ts",
        "event",
    ),
    ReferencePage(
        "app_home_opened",
        lambda: MAKE.home_opened(WALL, user="U1", channel="D1", tab="home", view=VIEW),
        "type user channel tab view event_ts",
        "event",
    ),
    ReferencePage(
        "member_joined_channel",
        membership("joined"),
        "type user channel channel_type team event_ts",
        "event",
    ),
    ReferencePage(
        "member_left_channel", membership("left"), "type user channel channel_type team event_ts", "event"
    ),
    ReferencePage(
        "file_shared",
        lambda: MAKE.file_shared(WALL, file_id="F1", user="U1", channel="C1"),
        "type channel_id file_id user_id file event_ts",
        "event",
    ),
    ReferencePage(
        "function_executed",
        step,
        "type function inputs function_execution_id workflow_execution_id event_ts bot_access_token",
        "event",
    ),
    ReferencePage(
        "function_executed, the function",
        step,
        "id callback_id title description type input_parameters output_parameters app_id date_created"
        " date_updated date_deleted form_enabled",
        "event.function",
    ),
    ReferencePage(
        "assistant_thread_started",
        assistant("assistant_thread_started"),
        "user_id context channel_id thread_ts",
        "event.assistant_thread",
    ),
    ReferencePage(
        "assistant_thread_context_changed",
        assistant("assistant_thread_context_changed"),
        "channel_id team_id enterprise_id",
        "event.assistant_thread.context",
    ),
    ReferencePage(
        "message_changed",
        lambda: MAKE.event(changed_event(GENERAL, message(), message(), "2.1"), WALL),
        CHANGED,
        "event",
    ),
    ReferencePage(
        "message_deleted",
        lambda: MAKE.event(deleted_event(GENERAL, message(), "2.1"), WALL),
        "type subtype channel channel_type ts event_ts deleted_ts hidden previous_message",
        "event",
    ),
    ReferencePage(
        "reaction_added",
        lambda: MAKE.event(reaction_event("reaction_added", "U1", "eyes", "C1", message()), WALL),
        "type user reaction item_user item event_ts",
        "event",
    ),
    ReferencePage(
        "reaction_removed",
        lambda: MAKE.event(reaction_event("reaction_removed", "U1", "eyes", "C1", message()), WALL),
        "type channel ts",
        "event.item",
    ),
    ReferencePage(
        "app_rate_limited",
        lambda: MAKE.app_rate_limited(WALL),
        "token type team_id minute_rate_limited api_app_id",
    ),
    ReferencePage(
        "Slash commands",
        lambda: MAKE.command("/deploy", "api"),
        "token team_id team_domain channel_id channel_name user_id user_name command text api_app_id"
        " is_enterprise_install response_url trigger_id",
    ),
    ReferencePage(
        "block_actions in a message",
        clicked(message={"ts": "1.1", "text": "?", "thread_ts": "1.0"}),
        f"{INTERACTION} trigger_id container channel message state response_url actions",
    ),
    ReferencePage(
        "block_actions in an ephemeral message",
        clicked(message={"ts": "1.1"}, ephemeral=True),
        "type message_ts channel_id is_ephemeral",
        "container",
    ),
    ReferencePage(
        "block_actions in a view", clicked(view=VIEW), f"{INTERACTION} trigger_id container view actions"
    ),
    ReferencePage(
        "block_actions in a custom step",
        clicked(step=STEP),
        f"{INTERACTION} actions bot_access_token function_data interactivity",
    ),
    ReferencePage(
        "view_submission", lambda: MAKE.view_submission(VIEW), f"{INTERACTION} trigger_id view response_urls"
    ),
    ReferencePage("view_closed", lambda: MAKE.view_closed(VIEW), f"{INTERACTION} view is_cleared"),
    ReferencePage(
        "shortcut",
        lambda: MAKE.shortcut("go", WALL),
        "type token action_ts team user callback_id trigger_id is_enterprise_install enterprise",
    ),
    ReferencePage(
        "message_action",
        lambda: MAKE.message_action("go", message(), WALL),
        "type token action_ts team user channel callback_id trigger_id message_ts message response_url",
    ),
    ReferencePage(
        "block_suggestion",
        lambda: MAKE.block_suggestion("team", "ops", view=VIEW),
        f"{INTERACTION} action_id block_id value container view",
    ),
]

BY_NAME = {reference.page: reference for reference in PAGES}
BOLT = [
    ("message", is_event, to_message),
    ("app_mention", is_event, to_event),
    ("message_changed", is_event, to_event),
    ("reaction_added", is_event, to_event),
    ("function_executed", is_function, to_event),
    ("Slash commands", is_slash_command, to_command),
    ("block_actions in a message", is_block_actions, to_action),
    ("block_actions in a view", is_action, to_action),
    ("view_submission", is_view_submission, to_view),
    ("view_closed", is_view_closed, to_view),
    ("view_closed", is_view, to_view),
    ("shortcut", is_shortcut, to_shortcut),
    ("message_action", is_shortcut, to_shortcut),
    ("block_suggestion", is_options, to_options),
]


@pytest.mark.parametrize("reference", PAGES, ids=lambda reference: reference.page)
def test_what_is_played_has_the_fields_of_the_reference(reference: ReferencePage) -> None:
    assert set(reference.fields.split()) <= reference.sample.keys()


@pytest.mark.parametrize(("page", "is_one", "to_one"), BOLT)
def test_bolt_takes_it_for_what_it_is(
    page: str, is_one: Callable[[Any], bool], to_one: Callable[[Any], Any]
) -> None:
    request = BoltRequest(mode="socket_mode", body=dict(BY_NAME[page].played().payload))
    assert is_one(request.body)
    assert to_one(request.body)
    assert request.context.team_id == APP.team_id
    assert request.context.user_id or is_one is is_function, "nobody runs a step of a workflow"


def test_bolt_finds_the_token_and_the_inputs_of_a_step() -> None:
    context = BoltRequest(mode="socket_mode", body=dict(step().payload)).context
    assert context.function_bot_access_token == "xwfp-1"
    assert context.inputs == {"a": 1, "b": "x", "c": True}
    in_a_click = BoltRequest(mode="socket_mode", body=dict(clicked(step=STEP)().payload)).context
    assert in_a_click.function_execution_id == "Fx1"
    assert in_a_click.inputs == {"a": 1}


def test_the_sdks_types_take_its_blocks_and_views() -> None:
    (block,) = message()["blocks"]
    assert Block.parse(block) is not None
    view: dict[str, Any] = {**VIEW, "blocks": [{"type": "divider"}]}
    assert View(**{name: view[name] for name in ("type", "callback_id", "title", "blocks")}).to_dict()
