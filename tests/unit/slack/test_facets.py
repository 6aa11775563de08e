"""What a payload is about is read once: the broker's subscriptions and the SDK's envelope say the same."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from slackd.plugin import Envelope
from slackd.slack.envelopes import COMMANDS, EVENTS, INTERACTIVE
from slackd.slack.facets import Facets, event_names, facets

CASES: list[dict[str, Any]] = json.loads(Path(__file__).with_name("facets.json").read_text())["cases"]


def sdk(kind: str, payload: dict[str, Any]) -> Envelope:
    return Envelope("1", 1, "main", kind, 0.0, None, {"type": kind, "payload": payload})


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["case"])
def test_events_as_they_came_from_slack(case: dict[str, Any]) -> None:
    own = [case["own_bot_id"]] if "own_bot_id" in case else []
    found = facets(EVENTS, case["payload"], own)
    assert {name: getattr(found, name) for name in case["expect"]} == case["expect"]
    envelope = sdk(EVENTS, case["payload"])
    shared = {"channel", "user", "thread", "text", "callback_id"} & set(case["expect"])
    assert {name: getattr(envelope, name) for name in shared} == {n: case["expect"][n] for n in shared}


SAMPLES = [
    json.loads(line) for line in Path(__file__).with_name("event_samples.jsonl").read_text().splitlines()
]


def sample_name(sample: dict[str, Any]) -> str:
    return f"{sample['event']['type']}.{sample['event'].get('subtype', '')}".rstrip(".")


@pytest.mark.parametrize("sample", SAMPLES, ids=sample_name)
def test_every_documented_event(sample: dict[str, Any]) -> None:
    """What the sample doesn't name is not in it: a facet that is found there by chance fails, too."""
    expect = dict(sample["expect"])
    names = expect.pop("names", None)
    payload = {
        "type": "event_callback",
        "api_app_id": "A1",
        "authorizations": [{"user_id": "U0BOT", "is_bot": True}],
        "event": sample["event"],
    }
    found = facets(EVENTS, payload, ["B1"])
    assert asdict(found) == asdict(Facets(events=found.events, **expect))
    assert names is None or list(found.events) == names
    assert found.events[0] == sample["event"]["type"]


def test_an_apps_own_message_is_unknown_as_such_to_who_was_not_told_its_bot() -> None:
    case = next(each for each in CASES if each["case"].startswith("the app's own message"))
    assert not facets(EVENTS, case["payload"]).from_self


@pytest.mark.parametrize(
    ("element", "values"),
    [
        ({"type": "button", "value": "v"}, ("v",)),
        ({"type": "plain_text_input", "value": "typed"}, ("typed",)),
        ({"type": "static_select", "selected_option": {"value": "a"}}, ("a",)),
        ({"type": "radio_buttons", "selected_option": {"value": "b"}}, ("b",)),
        ({"type": "radio_buttons", "selected_option": None}, ()),
        ({"type": "users_select", "selected_user": "U1"}, ("U1",)),
        ({"type": "channels_select", "selected_channel": "C1"}, ("C1",)),
        ({"type": "conversations_select", "selected_conversation": "D1"}, ("D1",)),
        ({"type": "datepicker", "selected_date": "2026-11-28"}, ("2026-11-28",)),
        ({"type": "timepicker", "selected_time": "09:30"}, ("09:30",)),
        ({"type": "datetimepicker", "selected_date_time": 1764322200}, ("1764322200",)),
        ({"type": "multi_static_select", "selected_options": [{"value": "a"}, {"value": "b"}]}, ("a", "b")),
        ({"type": "checkboxes", "selected_options": []}, ()),
        ({"type": "multi_users_select", "selected_users": ["U1", "U2"]}, ("U1", "U2")),
        ({"type": "multi_channels_select", "selected_channels": ["C1"]}, ("C1",)),
        ({"type": "multi_conversations_select", "selected_conversations": ["D1", "C1"]}, ("D1", "C1")),
        ({"type": "overflow", "selected_option": {"value": "o"}}, ("o",)),
        ({"type": "select", "name": "legacy", "selected_options": [{"value": "old"}]}, ("old",)),
    ],
    ids=lambda value: value.get("type", "") if isinstance(value, dict) else "",
)
def test_what_a_person_chose_whatever_the_element(element: dict[str, Any], values: tuple[str, ...]) -> None:
    envelope = sdk(INTERACTIVE, {"type": "block_actions", "actions": [{"action_id": "a", **element}]})
    assert envelope.values == values
    assert envelope.value == next(iter(values), "")


def test_a_message_shortcut_has_the_text_and_the_thread_of_its_message() -> None:
    message = {"type": "message", "user": "U2", "ts": "2.0", "thread_ts": "1.0", "text": "look at this"}
    payload = {
        "type": "message_action",
        "callback_id": "file",
        "user": {"id": "U1"},
        "channel": {"id": "C1"},
        "message": message,
    }
    envelope = sdk(INTERACTIVE, payload)
    assert (envelope.text, envelope.thread, envelope.user) == ("look at this", "1.0", "U1")
    assert facets(INTERACTIVE, payload) == envelope.facets


def test_a_command_has_what_was_typed_after_it() -> None:
    payload = {"command": "/deploy", "text": "api", "user_id": "U1", "channel_id": "C1"}
    assert facets(COMMANDS, payload) == Facets(channel="C1", user="U1", text="api", command="/deploy")


@pytest.mark.parametrize("odd", [None, 7, [], {}, "", True])
@pytest.mark.parametrize("kind", [EVENTS, COMMANDS, INTERACTIVE, "new"])
def test_nothing_that_anybody_sends_raises(kind: str, odd: object) -> None:
    event = dict.fromkeys(
        ("type", "subtype", "user", "channel", "message", "previous_message", "item", "function", "file"), odd
    )
    payload = dict.fromkeys(("user", "channel", "view", "container", "message", "actions", "action_id"), odd)
    facets(kind, {**payload, "event": event, "authorizations": odd}, ["B1"])
    facets(kind, {**payload, "event": odd})


@pytest.mark.parametrize(
    "payload",
    [
        {
            "type": "event_callback",
            "event": {"type": "message", "channel_type": "im", "subtype": "bot_message"},
        },
        {"type": "event_callback", "event": {"type": "app_mention"}},
        {"type": "app_rate_limited"},
        {"event": 7},
        {"event": {"type": 7, "subtype": []}},
    ],
)
def test_an_events_names_alone_are_the_names_among_all_the_rest(payload: dict[str, Any]) -> None:
    assert event_names(payload) == facets("events_api", payload).events
