"""The ledger adds up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slackd.emulator.ledger import ReadySpans, summarise
from slackd.emulator.settings import EmulatedApp
from tests.unit.emulator.simulated_slack import SimulatedSlack


@given(st.lists(st.integers(0, 3), max_size=40))
def test_the_gaps_are_the_spans_without_a_ready_connection_after_the_first(counts: list[int]) -> None:
    spans = ReadySpans()
    for now, count in enumerate(counts):
        spans.changed(count, float(now))
    first = next((now for now, count in enumerate(counts) if count), len(counts))
    empty = {now for now, count in enumerate(counts) if now > first and not count}
    covered = {
        now
        for since, until in spans.gaps
        for now in range(int(since), len(counts) if until is None else int(until))
    }
    assert covered == empty
    assert spans.most == max(counts, default=0)


def test_each_app_has_its_own_numbers() -> None:
    one, two = EmulatedApp.numbered(1), EmulatedApp.numbered(2)
    world = SimulatedSlack(one, two)
    client = world.connect(one)
    world.connect(two)
    world.event(app=one)
    world.event(app=two)
    world.pass_seconds(1)
    world.ack(client, client.envelopes[0])
    whole, first, second = (summarise(world.slack.ledger, name) for name in (None, one.app_id, two.app_id))
    assert (whole.sent, first.sent, second.sent) == (2, 1, 1)
    assert (whole.acked, first.acked, second.acked) == (1, 1, 0)
    assert (whole.ready_now, first.ready_now) == (2, 1)
    assert first.slowest_ack == pytest.approx(1)
    assert (second.never_acked, second.unanswered) == (1, 1)


def test_a_new_ledger_begins_with_the_connections_that_are_ready() -> None:
    world = SimulatedSlack()
    client = world.connect()
    world.event()
    world.slack.ledger.forget(world.now)
    summary = summarise(world.slack.ledger)
    assert (summary.sent, summary.ready_now, summary.ready_gaps) == (0, 1, [])
    world.lose(client)
    assert len(summarise(world.slack.ledger).ready_gaps) == 1


def test_what_was_under_way_before_a_new_ledger_does_not_come_again() -> None:
    world = SimulatedSlack()
    client = world.connect()
    world.event()
    world.slack.ledger.forget(world.now)
    world.slack.side().deliveries.forget()
    world.pass_seconds(3600)
    assert len(client.envelopes) == 1


def test_payloads_are_let_go_once_acknowledged_unless_asked_for() -> None:
    for keep in (False, True):
        world = SimulatedSlack(keep_payloads=keep)
        client = world.connect()
        entry = world.event()
        world.ack(client, client.envelopes[0])
        assert (entry.payload is not None) is keep


def test_an_app_token_never_shows_in_what_is_printed() -> None:
    assert "xapp" not in repr(EmulatedApp())
    assert "xoxb" not in repr(EmulatedApp())
