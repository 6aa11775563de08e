"""What happens in Slack has the fields that Slack's documentation and the SDKs' fixtures show."""

from __future__ import annotations

import json
from typing import Any

import pytest
from slack_sdk.socket_mode.request import SocketModeRequest

from slackd.emulator.batch import Batch, BatchSender, EventPress
from slackd.emulator.ids import IdSource
from slackd.emulator.payloads import Payloads, PlayedEvent
from slackd.emulator.settings import EmulatedApp
from tests.unit.emulator.simulated_slack import WALL, SimulatedSlack

APP = EmulatedApp()
MAKE = Payloads(APP, IdSource(1))
VIEW = {"id": "V1", "type": "modal", "callback_id": "ask", "hash": "1.a", "state": {"values": {}}}


def test_an_event_stands_in_its_callback() -> None:
    played = MAKE.message("hi", WALL, event_type="app_mention", channel="C1", user="U1")
    payload = played.payload
    assert payload.keys() == {
        *("token", "team_id", "api_app_id", "event", "type", "event_id", "event_time", "authorizations"),
        *("is_ext_shared_channel", "event_context", "context_team_id", "context_enterprise_id"),
    }
    assert payload["type"] == "event_callback"
    assert payload["event_time"] == int(WALL)
    assert payload["event_context"] == f"1-app_mention-{APP.team_id}-C1"
    assert payload["event"]["text"] == f"<@{APP.bot_user_id}> hi"
    assert payload["event"]["ts"] == payload["event"]["event_ts"]
    assert payload["authorizations"][0]["user_id"] == APP.bot_user_id
    assert played.key == payload["event_id"]
    assert payload["event_id"].startswith("Ev")


def test_app_rate_limited_has_no_inner_event() -> None:
    payload = MAKE.app_rate_limited(WALL).payload
    assert payload.keys() == {"token", "type", "team_id", "minute_rate_limited", "api_app_id"}
    assert payload["minute_rate_limited"] % 60 == 0


def test_a_command_has_neither_event_nor_type() -> None:
    played = MAKE.command("/deploy", "api", channel="C1")
    assert {"command", "text", "trigger_id", "response_url", "channel_id", "user_id", "token"} <= (
        played.payload.keys()
    )
    assert not {"event", "type"} & played.payload.keys()
    assert played.accepts_response_payload


@pytest.mark.parametrize(
    ("played", "name", "fields", "accepts"),
    [
        (MAKE.shortcut("go", WALL), "shortcut", {"callback_id", "trigger_id"}, False),
        (
            MAKE.message_action("go", {"ts": "1.2"}, WALL),
            "message_action",
            {"callback_id", "trigger_id", "message", "channel", "response_url"},
            False,
        ),
        (
            MAKE.block_actions([{"action_id": "a"}], WALL),
            "block_actions",
            {"actions", "container", "message", "channel", "response_url", "trigger_id"},
            True,
        ),
        (
            MAKE.block_actions([{"action_id": "a"}], WALL, view=VIEW),
            "block_actions",
            {"view", "container"},
            False,
        ),
        (MAKE.view_submission(VIEW), "view_submission", {"view", "trigger_id"}, True),
        (MAKE.view_closed(VIEW), "view_closed", {"view", "is_cleared"}, False),
        (MAKE.block_suggestion("pick", "a"), "block_suggestion", {"action_id", "block_id", "value"}, True),
    ],
)
def test_interactions_have_their_fields(
    played: PlayedEvent, name: str, fields: set[str], accepts: bool
) -> None:
    assert (played.type, played.name) == ("interactive", name)
    assert fields | {"type", "team", "user", "token"} <= played.payload.keys()
    assert played.accepts_response_payload is accepts


def test_envelopes_are_what_slack_sdk_takes_for_envelopes() -> None:
    world = SimulatedSlack()
    client = world.connect()
    world.event()
    world.command()
    event, command = (SocketModeRequest.from_dict(envelope) for envelope in client.envelopes)
    assert event is not None
    assert (event.type, event.retry_attempt, event.retry_reason) == ("events_api", 0, "")
    assert command is not None
    assert (command.type, command.accepts_response_payload) == ("slash_commands", True)
    assert client.envelopes[1].keys() == {"envelope_id", "payload", "type", "accepts_response_payload"}


def test_ids_never_repeat_and_timestamps_rise() -> None:
    ids = IdSource(1)
    drawn = [
        *(ids.event_id() for _ in range(1000)),
        *(ids.envelope_id() for _ in range(1000)),
        *(ids.trigger_id() for _ in range(1000)),
    ]
    assert len(set(drawn)) == 3000
    stamps = [ids.ts(WALL) for _ in range(1000)]
    assert stamps == sorted(set(stamps))


def test_two_emulators_share_no_event_id() -> None:
    assert IdSource().event_id() != IdSource().event_id()


def batch_of(world: SimulatedSlack, **plan: Any) -> Batch:
    batch = Batch(**{"label": "load", **plan})
    side = world.slack.side()
    press = EventPress(world.slack.context, side, world.payloads(), batch)
    BatchSender(world.slack.context, side, batch, press.send).tick(world.now)
    return batch


def test_a_batch_keeps_its_rate() -> None:
    world = SimulatedSlack()
    world.connect()
    batch = batch_of(world, count=1000, rate=100)
    assert batch.sent == 1
    world.pass_seconds(5)
    assert 500 <= batch.sent <= 502
    world.pass_seconds(5)
    assert batch.complete


def test_a_batchs_label_is_any_text() -> None:
    world = SimulatedSlack()
    world.connect()
    batch = batch_of(world, count=1, label='say "hello" \\')
    assert json.loads(batch.entries[0].payload or "")["event"]["text"] == 'say "hello" \\ 0 0'


def test_a_batch_keeps_its_window() -> None:
    world = SimulatedSlack()
    client = world.connect()
    batch = batch_of(world, count=100, window=10)
    assert batch.sent == 10
    for envelope in client.envelopes:
        world.ack(client, envelope)
    world.pass_seconds(0.01)
    assert batch.sent == 20
    assert batch.acknowledged == 10


def test_a_large_window_is_filled_up_less_often() -> None:
    world = SimulatedSlack()
    client = world.connect()
    batch = batch_of(world, count=8000, window=4000)
    world.pass_seconds(0.001)
    assert batch.sent == 4000
    for envelope in client.envelopes:
        world.ack(client, envelope)
    world.pass_seconds(0.006)
    assert batch.sent == 4000
    world.pass_seconds(0.002)
    assert batch.complete


def test_a_rate_is_kept_whatever_the_window() -> None:
    world = SimulatedSlack()
    world.connect()
    batch = batch_of(world, count=8000, window=9000, rate=1000)
    world.pass_seconds(0.005)
    assert 4 <= batch.sent <= 6


def test_a_batch_of_events_is_as_large_as_asked_and_each_is_itself() -> None:
    world = SimulatedSlack()
    client = world.connect()
    batch_of(world, count=4, channels=2, size=2000)
    payloads = [envelope["payload"] for envelope in client.envelopes]
    assert [payload["event"]["text"] for payload in payloads] == [
        "load 0 0",
        "load 1 0",
        "load 2 1",
        "load 3 1",
    ]
    assert len({payload["event_id"] for payload in payloads}) == 4
    assert all(payload["event"]["ts"] == payload["event"]["event_ts"] for payload in payloads)
    sizes = [len(json.dumps(payload, separators=(",", ":"))) for payload in payloads]
    assert all(1950 <= size <= 2050 for size in sizes)
