"""What one Socket Mode connection has in flight, and how a delivery looks to an app."""

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

from slackd.accelerators import json_encoder
from slackd.broker.nesting import DEEPEST
from slackd.gateway import envelopes
from slackd.gateway.envelopes import EnvelopesInFlight, ReturnedEnvelopes
from slackd.gateway.url_rewriting import UrlSeal
from slackd.plugin.envelope import Envelope

SEAL = UrlSeal("bot", "secret", "http://127.0.0.1:9743")


def delivery(number: str, attempt: int = 1, envelope_id: str = "e1", **raw: Any) -> Envelope:
    content = {"envelope_id": envelope_id, "type": "events_api", "payload": {"event_id": "Ev1"}, **raw}
    return Envelope(number, attempt, "main", "events_api", 1.0, None, content)


def in_flight() -> EnvelopesInFlight:
    numbers = itertools.count(1)
    return EnvelopesInFlight(30.0, lambda: f"drawn{next(numbers)}")


def test_slacks_id_and_payload_stay() -> None:
    sent = json.loads(in_flight().send(delivery("7", accepts_response_payload=False), SEAL, 0.0))
    assert sent == {
        "envelope_id": "e1",
        "type": "events_api",
        "payload": {"event_id": "Ev1"},
        "accepts_response_payload": False,
    }


def test_a_later_attempt_is_a_retry_of_slacks_under_the_same_id() -> None:
    flying = in_flight()
    flying.send(delivery("7", retry_attempt=1, retry_reason="timeout"), SEAL, 0.0)
    again = json.loads(flying.send(delivery("7", 3, retry_attempt=1, retry_reason="timeout"), SEAL, 1.0))
    assert (again["envelope_id"], again["retry_attempt"], again["retry_reason"]) == ("e1", 3, "timeout")
    assert len(flying) == 1


def test_an_acknowledgement_counts_once() -> None:
    flying = in_flight()
    flying.send(delivery("7"), SEAL, 0.0)
    assert flying.acknowledge("e1") == "7"
    assert flying.acknowledge("e1") is None
    assert flying.acknowledge("e2") is None


def test_a_replayed_envelope_is_told_apart_from_the_one_in_flight() -> None:
    flying = in_flight()
    flying.send(delivery("7"), SEAL, 0.0)
    replayed = json.loads(flying.send(delivery("9"), SEAL, 0.0))
    assert replayed["envelope_id"] == "drawn1"
    assert flying.acknowledge("drawn1") == "9"
    assert flying.acknowledge("e1") == "7"


def test_what_nobody_waits_for_any_more_is_forgotten() -> None:
    flying = in_flight()
    flying.send(delivery("7"), SEAL, 0.0)
    flying.send(delivery("8", envelope_id="e2"), SEAL, 5.0)
    assert flying.take_overdue(30.0) == ["7"]
    assert [each.delivery for each in flying.take_all()] == ["8"]
    assert len(flying) == 0


def test_what_was_sent_again_is_waited_for_from_then_on() -> None:
    flying = in_flight()
    flying.send(delivery("7"), SEAL, 0.0)
    flying.send(delivery("8", envelope_id="e2"), SEAL, 1.0)
    flying.send(delivery("7", 2), SEAL, 2.0)
    assert flying.take_overdue(31.0) == ["8"]
    assert flying.take_overdue(32.0) == ["7"]


@pytest.mark.parametrize("fast", [json_encoder(), None])
def test_half_a_character_of_a_persons_goes_to_the_app_as_the_escape_that_it_came_as(
    monkeypatch: pytest.MonkeyPatch, fast: Callable[[Any], bytes] | None
) -> None:
    monkeypatch.setattr(envelopes, "_encode_fast", fast)
    payload = json.loads(r'{"text": "\ud83d é", "amount": 1180591620717411303424}')
    sent = in_flight().send(delivery("7", payload=payload), SEAL, 0.0)
    assert json.loads(sent.encode())["payload"] == payload


@pytest.mark.parametrize("fast", [json_encoder(), None])
def test_deep_nesting_is_passed_on(
    monkeypatch: pytest.MonkeyPatch, fast: Callable[[Any], bytes] | None
) -> None:
    monkeypatch.setattr(envelopes, "_encode_fast", fast)
    deep: Any = []
    for _ in range(DEEPEST):
        deep = [deep]
    assert json.loads(in_flight().send(delivery("7", payload={"in": deep}), SEAL, 0.0))["payload"]["in"] == deep


def test_an_acknowledgement_over_the_next_connection_answers_what_the_last_one_brought() -> None:
    flying, returned = in_flight(), ReturnedEnvelopes()
    flying.send(delivery("7"), SEAL, 0.0)
    for sent in flying.take_all():
        returned.went_back(sent)
    assert returned.take("7") is None
    assert returned.acknowledge("e1", {"text": "done"})
    assert not returned.acknowledge("e1", {"text": "again"})
    assert not returned.acknowledge("e2", None)
    assert returned.take("7") == ({"text": "done"},)
    assert returned.take("7") is None


def test_no_more_is_remembered_of_what_went_back_than_there_is_room_for() -> None:
    flying, returned = in_flight(), ReturnedEnvelopes()
    for number in range(3_000):
        flying.send(delivery(str(number), envelope_id=f"e{number}"), SEAL, 0.0)
    for sent in flying.take_all():
        returned.went_back(sent)
    assert not returned.acknowledge("e0", None)
    assert returned.acknowledge("e2999", None)
