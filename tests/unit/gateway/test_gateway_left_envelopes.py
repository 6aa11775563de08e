"""What an app leaves unacknowledged: nothing waits for it, and only what the operator says is discarded."""

from pathlib import Path

import pytest

from slackd.config import Delivery, PluginConfig
from slackd.config.values import IfUnacknowledged, PluginGateway
from slackd.gateway.left_envelopes import UNORDERED_FOR, LeftEnvelopes
from slackd.plugin.envelope import Envelope

RULES = Delivery(ack_timeout=10.0, max_attempts=4)


def left_envelopes(if_unacknowledged: IfUnacknowledged = IfUnacknowledged.DISCARD) -> LeftEnvelopes:
    gateway = PluginGateway(socket_mode=True, unacknowledged=if_unacknowledged)
    return LeftEnvelopes(PluginConfig("bot", Path("bot.toml"), delivery=RULES, gateway=gateway))


def delivery(attempt: int, kind: str = "events_api", number: str = "7") -> Envelope:
    payload = {"type": "event_callback", "event": {"type": "message"}}
    return Envelope(number, attempt, "main", kind, 1.0, None, {"envelope_id": "e", "payload": payload})


def test_what_was_left_every_time_is_discarded_just_before_the_broker_gives_it_up() -> None:
    left = left_envelopes()
    for attempt in (2, 3):
        left.left(delivery(attempt), 0.0)
        assert left.discard_after(delivery(attempt)) is None
    left.left(delivery(4), 0.0)
    after = left.discard_after(delivery(4))
    assert after is not None
    assert RULES.ack_timeout / 2 < after < RULES.ack_timeout


@pytest.mark.parametrize("lost", [2, 3, 4])
def test_what_a_connection_gave_back_even_once_is_not(lost: int) -> None:
    left = left_envelopes()
    for attempt in {2, 3, 4} - {lost}:
        left.left(delivery(attempt), 0.0)
    assert left.discard_after(delivery(4)) is None


@pytest.mark.parametrize("kind", ["slash_commands", "interactive"])
def test_what_a_person_waits_for_is_not(kind: str) -> None:
    left = left_envelopes()
    for attempt in (2, 3, 4):
        left.left(delivery(attempt, kind), 0.0)
    assert left.discard_after(delivery(4, kind)) is None


def test_nothing_is_by_default() -> None:
    assert PluginGateway().unacknowledged is IfUnacknowledged.DEAD_LETTER
    left = left_envelopes(IfUnacknowledged.DEAD_LETTER)
    for attempt in (2, 3, 4):
        left.left(delivery(attempt), 0.0)
    assert left.discard_after(delivery(4)) is None


def test_an_acknowledgement_that_comes_after_all_begins_the_count_anew() -> None:
    left = left_envelopes()
    for attempt in (2, 3):
        left.left(delivery(attempt), 0.0)
    left.acknowledged("7")
    left.left(delivery(4), 0.0)
    assert left.discard_after(delivery(4)) is None


def test_nothing_waits_for_such_an_app_for_a_while_and_it_is_said_once_of_each_kind() -> None:
    left = left_envelopes(IfUnacknowledged.DEAD_LETTER)
    assert not left.is_unordered(0.0)
    words = left.left(delivery(2), 5.0)
    assert words is not None
    assert "'message'" in words
    assert 'unacknowledged = "discard"' in words
    assert left.is_unordered(5.0 + UNORDERED_FOR - 1.0)
    assert not left.is_unordered(5.0 + UNORDERED_FOR)
    assert left.left(delivery(2, number="8"), 6.0) is None
    assert left.left(delivery(2, "interactive"), 6.0) is not None


def test_what_is_remembered_is_bounded_and_the_oldest_becomes_a_dead_letter() -> None:
    left = left_envelopes()
    for number in range(20_000):
        for attempt in (2, 3, 4):
            left.left(delivery(attempt, number=str(number)), 0.0)
    assert left.discard_after(delivery(4, number="0")) is None
    assert left.discard_after(delivery(4, number="19999")) is not None
    assert len(left._left) < 10_000
