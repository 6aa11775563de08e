"""Three seconds to acknowledge; events come again, commands do not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slackd.emulator.ledger import summarise
from slackd.emulator.settings import EmulatedApp
from tests.unit.emulator.simulated_slack import SimulatedSlack


def attempts(world: SimulatedSlack, entry_sends: list[object]) -> list[tuple[float, int, bool]]:
    return [
        (round(send.at - 1000.0, 3), send.attempt, send.repeat)  # type: ignore[attr-defined]
        for send in entry_sends
    ]


def test_an_acknowledged_event_is_sent_once() -> None:
    world = SimulatedSlack()
    client = world.connect()
    entry = world.event()
    world.pass_seconds(2.9)
    world.ack(client, client.envelopes[0])
    world.pass_seconds(3600)
    assert len(client.envelopes) == 1
    assert entry.acknowledged
    assert entry.ack_seconds == pytest.approx(2.9)
    assert not entry.acks[0].late


def test_an_event_without_acknowledgement_comes_again_nearly_at_once_after_a_minute_and_after_five() -> None:
    world = SimulatedSlack(redelivery_ids="fresh")
    client = world.connect()
    entry = world.event()
    world.pass_seconds(7200)
    assert attempts(world, list(entry.sends)) == [
        (0, 0, False),
        (4, 1, False),
        (67, 2, False),
        (370, 3, False),
    ]
    assert [(e["retry_attempt"], e["retry_reason"]) for e in client.envelopes] == [
        (0, ""),
        (1, "timeout"),
        (2, "timeout"),
        (3, "timeout"),
    ]
    assert len({e["envelope_id"] for e in client.envelopes}) == 4
    assert len({e["payload"]["event_id"] for e in client.envelopes}) == 1
    assert entry.failure == "given_up"


def test_each_of_what_is_sent_together_has_its_deadline_and_so_has_what_follows() -> None:
    world = SimulatedSlack(redelivery_ids="fresh", redelivery_delays=(1.0,))
    client = world.connect()
    together = [world.event() for _ in range(3)]
    world.ack(client, client.envelopes[1])
    world.pass_seconds(0.5)
    later = world.event()
    world.pass_seconds(60)
    assert [len(entry.sends) for entry in (*together, later)] == [2, 1, 2, 2]
    assert attempts(world, list(later.sends)) == [(0.5, 0, False), (4.5, 1, False)]
    assert [entry.failure for entry in (*together, later)] == ["given_up", None, "given_up", "given_up"]
    assert world.slack.side().deliveries.waiting == 0


def test_redeliveries_may_keep_the_envelope_id() -> None:
    world = SimulatedSlack(redelivery_ids="same")
    client = world.connect()
    world.event()
    world.pass_seconds(7200)
    assert [e["retry_attempt"] for e in client.envelopes] == [0, 1, 2, 3]
    assert len({e["envelope_id"] for e in client.envelopes}) == 1


def test_as_in_the_field_the_old_envelope_comes_again_beside_the_new_ones() -> None:
    world = SimulatedSlack()
    client = world.connect()
    world.event()
    world.pass_seconds(20)
    seen = [(e["envelope_id"], e["retry_attempt"]) for e in client.envelopes]
    assert [attempt for _, attempt in seen] == [0, 1, 0, 1]
    assert seen[0] == seen[2]
    assert seen[1] == seen[3]
    assert seen[0][0] != seen[1][0]


def test_an_acknowledgement_of_any_redelivery_is_enough() -> None:
    world = SimulatedSlack()
    client = world.connect()
    entry = world.event()
    world.pass_seconds(4.5)
    world.ack(client, client.envelopes[-1])
    world.pass_seconds(3600)
    assert entry.acknowledged
    assert len(client.envelopes) == 2


def test_a_late_acknowledgement_is_noted_and_does_not_stop_the_redelivery() -> None:
    world = SimulatedSlack(redelivery_ids="fresh")
    client = world.connect()
    entry = world.event()
    world.pass_seconds(3.5)
    world.ack(client, client.envelopes[0])
    assert entry.acks[0].late
    assert not entry.acknowledged
    world.pass_seconds(1)
    assert len(client.envelopes) == 2
    summary = summarise(world.slack.ledger)
    assert (summary.acked, summary.late, summary.never_acked, summary.late_acks) == (0, 1, 0, 1)


def test_commands_are_never_sent_again_and_the_person_sees_a_timeout() -> None:
    world = SimulatedSlack()
    client = world.connect()
    entry = world.command()
    world.pass_seconds(3600)
    assert len(client.envelopes) == 1
    assert "retry_attempt" not in client.envelopes[0]
    assert entry.failure == "operation_timeout"


def test_a_command_without_any_connection_fails_at_once() -> None:
    world = SimulatedSlack()
    assert world.command().failure == "dispatch_failed"


def test_an_event_without_any_connection_is_tried_again() -> None:
    world = SimulatedSlack()
    entry = world.event()
    world.pass_seconds(0.5)
    client = world.connect()
    world.pass_seconds(1)
    assert client.envelopes[0]["retry_attempt"] == 1
    world.ack(client, client.envelopes[0])
    assert entry.acknowledged
    assert summarise(world.slack.ledger).unsent == 1


def test_an_event_given_to_a_connection_that_ends_comes_again_on_another() -> None:
    world = SimulatedSlack()
    first = world.connect()
    entry = world.event()
    world.lose(first)
    second = world.connect()
    world.pass_seconds(5)
    assert second.envelopes[0]["retry_attempt"] == 1
    world.ack(second, second.envelopes[0])
    assert entry.acknowledged


def test_delayed_events_go_on_hourly_for_a_day() -> None:
    world = SimulatedSlack(EmulatedApp(delayed_events=True), redelivery_ids="fresh")
    world.connect(world.app)
    entry = world.event()
    world.pass_seconds(30 * 3600)
    assert len(entry.sends) == 1 + 3 + 24


def test_the_response_is_the_payload_of_the_first_acknowledgement_in_time() -> None:
    world = SimulatedSlack()
    client = world.connect()
    entry = world.command()
    world.ack(client, client.envelopes[0], payload={"text": "first"})
    world.ack(client, client.envelopes[0], payload={"text": "second"})
    assert entry.response == {"text": "first"}
    assert [ack.again for ack in entry.acks] == [False, True]
    assert world.oddities() == {"envelope acknowledged again": 1}


def test_a_late_response_is_no_response() -> None:
    world = SimulatedSlack()
    client = world.connect()
    entry = world.command()
    world.pass_seconds(3.1)
    world.ack(client, client.envelopes[0], payload={"text": "late"})
    assert entry.response is None
    assert entry.failure == "operation_timeout"


@pytest.mark.parametrize("counts", [True, False])
def test_an_acknowledgement_on_another_connection_is_noted(counts: bool) -> None:
    world = SimulatedSlack(acks_on_any_connection=counts, distribution="round_robin")
    one, two = world.connect(), world.connect()
    entry = world.event()
    receiver, other = (one, two) if one.envelopes else (two, one)
    world.ack(other, receiver.envelopes[0])
    assert entry.acknowledged is counts
    assert world.oddities() == {"ack on another connection": 1}


def test_a_payload_where_none_is_accepted_is_noted() -> None:
    world = SimulatedSlack()
    client = world.connect()
    world.event()
    world.ack(client, client.envelopes[0], payload={"text": "?"})
    assert world.oddities() == {"response payload that is not accepted": 1}


@pytest.mark.parametrize(
    ("message", "whole", "oddity"),
    [
        (b"{", True, "message that is no acknowledgement"),
        (b"[]", True, "message that is no acknowledgement"),
        (b'{"envelope_id": 7}', True, "message that is no acknowledgement"),
        (b'{"envelope_id": "x"}', True, "ack of an unknown envelope"),
        (b'{"envelope_id": "x"}', False, "fragmented message"),
    ],
)
def test_what_acknowledges_nothing_is_noted(message: bytes, whole: bool, oddity: str) -> None:
    world = SimulatedSlack()
    client = world.connect()
    world.say(client, message, whole=whole)
    assert world.oddities() == {oddity: 1}


def test_what_comes_after_slack_has_closed_is_not_heard() -> None:
    world = SimulatedSlack()
    client = world.connect()
    entry = world.event()
    world.slack.fault("close", world.now)
    world.ack(client, client.envelopes[0])
    assert not entry.acks


@given(st.lists(st.tuples(st.floats(0, 30), st.booleans()), max_size=30))
def test_every_event_is_acknowledged_or_given_up_and_counted_once(
    steps: list[tuple[float, bool]],
) -> None:
    world = SimulatedSlack()
    client = world.connect()
    answered = 0
    for seconds, acknowledges in steps:
        world.event()
        world.pass_seconds(seconds)
        if acknowledges:
            for envelope in client.envelopes[answered:]:
                world.ack(client, envelope)
            answered = len(client.envelopes)
    world.pass_seconds(3600)
    entries = list(world.slack.ledger.find())
    assert all(entry.acknowledged != (entry.failure == "given_up") for entry in entries)
    summary = summarise(world.slack.ledger)
    assert summary.sent == len(steps) == summary.acked + summary.late + summary.never_acked
    assert summary.unanswered == 0 == world.slack.side().deliveries.unanswered
