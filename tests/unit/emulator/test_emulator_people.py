"""What people do changes the workspace, reaches the app, and makes sense or is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from slackd.emulator.client import EmulatorClient
from slackd.emulator.core import SlackCore
from slackd.emulator.errors import EmulatorError
from slackd.emulator.ledger import LedgerEntry
from slackd.emulator.settings import EmulatedApp, EmulatorSettings
from tests.unit.emulator.simulated_slack import WALL

CHANNEL = "C0GENERAL01"
ALICE, BOB = "U0ALICE0001", "U0BOB000001"


@pytest.fixture
def slack() -> EmulatorClient:
    core = SlackCore([EmulatedApp()], EmulatorSettings(seed=1), now=0.0, wall=WALL)
    return EmulatorClient(core, "http://127.0.0.1:1", lambda: 1.0)


def event(entry: LedgerEntry) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(entry.payload or "{}")["event"]
    return found


def post_menu(slack: EmulatorClient, *elements: dict[str, Any]) -> None:
    """A message of the app's with these elements."""
    app = slack.apps[0]
    message = {"ts": "1700000000.000001", "app_id": app.app_id, "user": app.bot_user_id, "text": "?"}
    block = {"type": "actions", "block_id": "b", "elements": list(elements)}
    slack.workspace().conversations[CHANNEL].add({**message, "blocks": [block]})


def test_an_edit_and_a_deletion_change_the_message_and_name_what_it_was(slack: EmulatorClient) -> None:
    ts = str(slack.post_message("teh").message_ts)
    edited = event(slack.edit_message("the", ts))
    assert (edited["subtype"], edited["previous_message"]["text"], edited["message"]["text"]) == (
        "message_changed",
        "teh",
        "the",
    )
    with pytest.raises(EmulatorError, match="is not U0BOB000001's"):
        slack.edit_message("mine now", ts, user=BOB)
    deleted = event(slack.delete_message(ts))
    assert (deleted["subtype"], deleted["deleted_ts"]) == ("message_deleted", ts)
    with pytest.raises(EmulatorError, match="no message"):
        slack.delete_message(ts)


def test_a_reaction_is_there_until_it_is_taken_back(slack: EmulatorClient) -> None:
    ts = str(slack.post_message("hi").message_ts)
    slack.react("eyes", ts)
    slack.react("eyes", ts, user=BOB)
    message = slack.workspace().conversations[CHANNEL].messages[ts]
    assert message["reactions"] == [{"name": "eyes", "users": [ALICE, BOB], "count": 2}]
    with pytest.raises(EmulatorError, match="already"):
        slack.react("eyes", ts)
    assert event(slack.unreact("eyes", ts))["type"] == "reaction_removed"
    slack.unreact("eyes", ts, user=BOB)
    assert "reactions" not in message
    with pytest.raises(EmulatorError, match="has not reacted"):
        slack.unreact("eyes", ts)


def test_people_come_and_go(slack: EmulatorClient) -> None:
    assert event(slack.join_channel(user="U0DAVE00001"))["type"] == "member_joined_channel"
    assert "U0DAVE00001" in slack.workspace().people
    assert event(slack.leave_channel(user="U0DAVE00001"))["type"] == "member_left_channel"
    with pytest.raises(EmulatorError, match="is not in"):
        slack.leave_channel(user="U0DAVE00001")


def test_the_home_tab_is_opened_with_the_view_that_was_published(slack: EmulatorClient) -> None:
    assert "view" not in event(slack.open_home())
    view = slack.surfaces_of().keep_view({"type": "home", "blocks": []}, WALL)
    slack.surfaces_of().homes[ALICE] = view["id"]
    assert event(slack.open_home())["view"]["id"] == view["id"]
    assert event(slack.open_home(tab="messages"))["tab"] == "messages"
    with pytest.raises(EmulatorError, match="tab="):
        slack.open_home(tab="about")


def test_a_file_comes_as_a_message_and_as_an_event(slack: EmulatorClient) -> None:
    shared = slack.share_file("plan.txt", "first this", comment="look")
    said = event(next(iter(slack.ledger.entries.values())))
    assert (said["subtype"], said["files"][0]["id"]) == ("file_share", event(shared)["file_id"])
    assert slack.workspace().files[event(shared)["file_id"]].content == b"first this"


def test_an_app_hears_nothing_of_where_it_is_not(slack: EmulatorClient) -> None:
    slack.add_channel("quiet", channel="C0QUIET0001", members=[ALICE])
    with pytest.raises(EmulatorError, match="is not in quiet"):
        slack.post_message("psst", channel="C0QUIET0001")
    with pytest.raises(EmulatorError, match="already"):
        slack.add_channel("quiet")


@pytest.mark.parametrize(
    ("element", "value", "field", "chosen"),
    [
        ({"type": "button", "value": "7"}, None, "value", "7"),
        ({"type": "datepicker"}, "2026-11-28", "selected_date", "2026-11-28"),
        ({"type": "timepicker"}, "09:30", "selected_time", "09:30"),
        ({"type": "datetimepicker"}, 1_800_000_000, "selected_date_time", 1_800_000_000),
        ({"type": "users_select"}, BOB, "selected_user", BOB),
        ({"type": "channels_select"}, CHANNEL, "selected_channel", CHANNEL),
        ({"type": "multi_users_select"}, [ALICE, BOB], "selected_users", [ALICE, BOB]),
        ({"type": "plain_text_input"}, "words", "value", "words"),
    ],
)
def test_a_choice_is_made_as_the_element_has_it(
    slack: EmulatorClient, element: dict[str, Any], value: Any, field: str, chosen: Any
) -> None:
    post_menu(slack, {**element, "action_id": "a"})
    payload = json.loads(slack.click("a", value).payload or "")
    (action,) = payload["actions"]
    assert (action[field], action["block_id"], action["type"]) == (chosen, "b", element["type"])


@pytest.mark.parametrize("kind", ["static_select", "radio_buttons", "overflow", "checkboxes"])
def test_options_are_chosen_by_their_value(slack: EmulatorClient, kind: str) -> None:
    options = [{"text": {"type": "plain_text", "text": word}, "value": word} for word in ("a", "b")]
    post_menu(slack, {"type": kind, "action_id": "pick", "options": options})
    many = kind == "checkboxes"
    payload = json.loads(slack.click("pick", ["b"] if many else "b").payload or "")
    chosen = payload["actions"][0]["selected_options" if many else "selected_option"]
    assert chosen == ([options[1]] if many else options[1])
    if kind != "overflow":
        assert payload["state"]["values"]["b"]["pick"]["type"] == kind
    with pytest.raises(EmulatorError, match="has no option"):
        slack.click("pick", ["z"] if many else "z")


def test_what_nobody_shows_cannot_be_clicked_but_made_up(slack: EmulatorClient) -> None:
    post_menu(slack, {"type": "button", "action_id": "approve"})
    with pytest.raises(EmulatorError, match="there are approve"):
        slack.click("aprove")
    with pytest.raises(EmulatorError, match="no view 'ask' is open"):
        slack.submit_view(callback_id="ask")
    with pytest.raises(EmulatorError, match="sees no element"):
        slack.options("team", "x")
    assert slack.click("aprove", made_up=True).name == "block_actions"
    assert slack.submit_view(callback_id="ask", made_up=True).name == "view_submission"


def test_a_form_begins_with_its_initial_values(slack: EmulatorClient) -> None:
    options = [{"text": {"type": "plain_text", "text": word}, "value": word} for word in ("a", "b")]
    elements: list[dict[str, Any]] = [
        {"type": "plain_text_input", "action_id": "t", "initial_value": "typed"},
        {"type": "static_select", "action_id": "s", "options": options, "initial_option": options[0]},
        {"type": "checkboxes", "action_id": "c", "options": options},
    ]
    blocks = [
        {"type": "input", "block_id": f"b{n}", "element": each, "optional": each["type"] == "checkboxes"}
        for n, each in enumerate(elements)
    ]
    view = {"type": "modal", "callback_id": "form", "blocks": blocks}
    slack.surfaces_of().keep_view(view, WALL, user=ALICE)
    entry = slack.submit_view({"b1": {"s": "b"}}, callback_id="form")
    values = json.loads(entry.payload or "")["view"]["state"]["values"]
    assert values["b0"]["t"] == {"type": "plain_text_input", "value": "typed"}
    assert values["b1"]["s"]["selected_option"]["value"] == "b"
    assert values["b2"]["c"] == {"type": "checkboxes", "selected_options": []}


def open_modal(slack: EmulatorClient, *blocks: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A modal that Alice has open."""
    view = {"type": "modal", "callback_id": "ask", "blocks": list(blocks), **more}
    return slack.surfaces_of().keep_view(view, WALL, user=ALICE)


def text_input(**more: Any) -> dict[str, Any]:
    element = {"type": "plain_text_input", "action_id": "typed", "min_length": 2, "max_length": 4}
    return {"type": "input", "block_id": "say", "element": element, **more}


def test_an_app_hears_that_a_modal_was_closed_only_if_it_asked_to(slack: EmulatorClient) -> None:
    open_modal(slack)
    silent = slack.close_view(callback_id="ask")
    assert (silent.failure, silent.sends, list(slack.ledger.entries)) == ("not_sent", [], [])
    with pytest.raises(EmulatorError, match="no view 'ask' is open"):
        slack.close_view(callback_id="ask")
    open_modal(slack, notify_on_close=True)
    heard = slack.close_view(callback_id="ask")
    assert [entry.name for entry in slack.ledger.entries.values()] == ["view_closed"]
    assert heard.failure != "not_sent"


async def test_nobody_waits_for_the_acknowledgement_of_what_is_not_sent(slack: EmulatorClient) -> None:
    open_modal(slack)
    with pytest.raises(EmulatorError, match="sends no view_closed here"):
        await slack.wait_for_ack(slack.close_view(callback_id="ask"))


@pytest.mark.parametrize("values", [{}, {"say": {"typed": ""}}, {"say": {"typed": {"value": None}}}])
def test_a_modal_is_not_submitted_with_an_empty_input_unless_that_is_optional(
    slack: EmulatorClient, values: dict[str, Any]
) -> None:
    open_modal(slack, text_input())
    with pytest.raises(EmulatorError, match="'say' is empty and not optional"):
        slack.submit_view(values)
    open_modal(slack, text_input(optional=True))
    assert slack.submit_view(values).name == "view_submission"


@pytest.mark.parametrize("typed", ["x", "x" * 5])
def test_a_modal_is_not_submitted_with_a_text_of_the_wrong_length(slack: EmulatorClient, typed: str) -> None:
    open_modal(slack, text_input())
    with pytest.raises(EmulatorError, match="takes from 2 to 4 characters"):
        slack.submit_view({"say": {"typed": typed}})
    assert slack.submit_view({"say": {"typed": "yes"}}).name == "view_submission"


def test_a_menu_asks_the_app_from_so_many_characters_on(slack: EmulatorClient) -> None:
    post_menu(
        slack,
        {"type": "external_select", "action_id": "team"},
        {"type": "external_select", "action_id": "service", "min_query_length": 0},
    )
    with pytest.raises(EmulatorError, match="at least 3 characters"):
        slack.options("team", "op")
    assert slack.options("team", "ops").name == "block_suggestion"
    assert slack.options("service").name == "block_suggestion"


OPTION = {"text": {"type": "plain_text", "text": "Ops"}, "value": "ops"}


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        ({"options": [OPTION]}, None),
        ({"options": []}, None),
        ({"option_groups": [{"label": {"type": "plain_text", "text": "Teams"}, "options": [OPTION]}]}, None),
        ({"options": [OPTION] * 101}, "invalid_options_response"),
        ({"options": [{"text": "Ops", "value": "ops"}]}, "invalid_options_response"),
        ({"options": [{**OPTION, "text": {"type": "mrkdwn", "text": "*Ops*"}}]}, "invalid_options_response"),
        ({"options": [OPTION], "option_groups": []}, "invalid_options_response"),
        ({"choices": []}, "invalid_options_response"),
        (None, "invalid_options_response"),
    ],
)
def test_a_menu_shows_options_as_slack_documents_them(
    slack: EmulatorClient, answer: Any, failure: str | None
) -> None:
    asked = slack.options("team", "ops", made_up=True)
    asked.failure = None
    slack.answers[slack.apps[0].app_id].acknowledged(asked, answer, 1.0)
    assert asked.failure == failure


def test_an_app_is_sent_the_events_that_it_is_subscribed_to() -> None:
    app = EmulatedApp(events=("message.im", "app_mention"))
    core = SlackCore([app], EmulatorSettings(seed=1), now=0.0, wall=WALL)
    slack = EmulatorClient(core, "http://127.0.0.1:1", lambda: 1.0)
    posted = slack.post_message("hi")
    ts = str(posted.message_ts)
    unheard = [
        posted,
        slack.edit_message("hi!", ts),
        slack.react("eyes", ts),
        slack.unreact("eyes", ts),
        slack.delete_message(ts),
        slack.join_channel(user="U0DAVE00001"),
        slack.leave_channel(user="U0DAVE00001"),
        slack.open_home(),
        slack.share_file("plan.txt", "first this"),
    ]
    assert {each.failure for each in unheard} == {"not_sent"}
    assert list(slack.ledger.entries) == []
    assert slack.post_message(f"<@{app.bot_user_id}> hi").name == "app_mention"
    assert slack.post_message("hi", channel=slack.direct_message()).name == "message"
    assert [each.name for each in slack.ledger.entries.values()] == ["app_mention", "message"]


def test_a_direct_message_makes_no_mention(slack: EmulatorClient) -> None:
    with pytest.raises(EmulatorError, match="makes no app_mention"):
        slack.mention("hi", channel=slack.direct_message())


def test_what_is_chosen_in_an_input_comes_with_the_submission_unless_it_is_dispatched(
    slack: EmulatorClient,
) -> None:
    open_modal(slack, text_input())
    with pytest.raises(EmulatorError, match="has no dispatch_action"):
        slack.click("typed", "yes")
    open_modal(slack, text_input(dispatch_action=True))
    assert slack.click("typed", "yes").name == "block_actions"
