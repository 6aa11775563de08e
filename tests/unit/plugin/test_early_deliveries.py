"""Deliveries that come ahead of their turn: each is begun when the one before it is answered, or not at all."""

from typing import Any

import pytest

from slackd import jsonrpc
from slackd.plugin.actions import Action, Send, Start
from slackd.plugin.answers import Ack, Nack
from slackd.plugin.session import Session


def ready(**more: Any) -> Session:
    session = Session("p", "s", client={}, ahead=16, **more)
    begins(session.connected())
    session.receive(accepted())
    return session


def accepted() -> bytes:
    result = {"protocol": 1, "window": 2, "deadline_window": 2, "journal": "j", "ahead": 16}
    return jsonrpc.encode_result(0, result)


def handed(attempt: str, after: str = "") -> bytes:
    params: dict[str, Any] = {
        "attempt": int(attempt.split(".")[1]),
        "app": "main",
        "type": "events_api",
        "received_at": 1.5,
        "respond_by": None,
        "envelope": {},
        **({"after": after} if after else {}),
    }
    return jsonrpc.encode_request(attempt, "envelope", params)


def begins(actions: list[Action]) -> list[str]:
    started = [action.envelope for action in actions if isinstance(action, Start)]
    return [f"{each.delivery}.{each.attempt}" for each in started]


def says(actions: list[Action]) -> list[Any]:
    reader = jsonrpc.LineReader(jsonrpc.MAX_LINE_FROM_PLUGIN)
    return reader.receive(b"".join(action.data for action in actions if isinstance(action, Send)))


def holding(session: Session) -> list[str]:
    first = says(session.connected())[0]
    found: list[str] = first.params["holding"]
    return found


def test_it_says_how_many_it_takes() -> None:
    assert says(Session("p", "s", client={}, ahead=16).connected())[0].params["ahead"] == 16
    assert "ahead" not in says(Session("p", "s", client={}).connected())[0].params


def test_each_is_begun_with_the_answer_to_the_one_before_it_which_is_said_first() -> None:
    session = ready()
    assert begins(session.receive(handed("1.1") + handed("2.1", "1.1") + handed("3.1", "2.1"))) == ["1.1"]
    actions = session.answer("1", Ack())
    assert [type(action) for action in actions] == [Send, Start]
    assert begins(actions) == ["2.1"]
    assert begins(session.answer("2", Ack())) == ["3.1"]
    assert begins(session.answer("3", Ack())) == []


def test_one_that_comes_after_the_answer_is_begun_at_once() -> None:
    session = ready()
    session.receive(handed("1.1"))
    session.answer("1", Ack())
    assert begins(session.receive(handed("2.1", "1.1"))) == ["2.1"]


def test_nothing_is_begun_behind_a_nack_whenever_it_comes() -> None:
    session = ready()
    session.receive(handed("1.1") + handed("2.1", "1.1") + handed("3.1", "2.1"))
    assert begins(session.answer("1", Nack("no"))) == []
    assert begins(session.receive(handed("4.1", "3.1"))) == []
    assert begins(session.receive(handed("1.2") + handed("2.1", "1.2"))) == ["1.2"]
    assert begins(session.answer("1", Ack())) == ["2.1"]
    assert begins(session.answer("2", Ack())) == []


def test_what_is_taken_back_is_not_begun_nor_what_waits_behind_it() -> None:
    session = ready()
    session.receive(handed("1.1") + handed("2.1", "1.1") + handed("3.1", "2.1"))
    session.receive(jsonrpc.encode_notification("taken_back", {"ids": ["2.1"]}))
    assert begins(session.answer("1", Ack())) == []


@pytest.mark.parametrize("ids", [None, "2.1", [1, None, "9.9", {}]])
def test_a_word_that_takes_back_nothing_it_has_changes_nothing(ids: Any) -> None:
    session = ready()
    session.receive(handed("1.1") + handed("2.1", "1.1"))
    session.receive(jsonrpc.encode_notification("taken_back", {"ids": ids}))
    assert begins(session.answer("1", Ack())) == ["2.1"]


def test_behind_a_newer_attempt_it_waits_for_that_one() -> None:
    session = ready()
    session.receive(handed("1.1") + handed("2.1", "1.1"))
    session.receive(handed("1.2"))
    assert begins(session.answer("1", Ack())) == [], "what waited for the older attempt was taken back"
    assert begins(session.receive(handed("2.1", "1.2"))) == ["2.1"]


def test_what_is_handled_already_is_answered_from_memory_in_its_turn() -> None:
    session = ready()
    session.receive(handed("1.1") + handed("2.1", "1.1"))
    session.answer("1", Ack())
    session.answer("2", Ack())
    actions = session.receive(handed("1.2") + handed("2.1", "1.2") + handed("3.1", "2.1"))
    assert [each.id for each in says(actions)] == ["1.2", "2.1"]
    assert begins(actions) == ["3.1"]


def test_what_waits_is_not_claimed_and_never_begun_on_another_connection() -> None:
    session = ready()
    session.receive(handed("1.1") + handed("2.1", "1.1"))
    session.disconnected()
    assert holding(session) == ["1.1"]
    session.receive(accepted())
    assert begins(session.answer("1", Ack())) == []


def test_one_that_was_begun_is_claimed_with_what_it_followed() -> None:
    session = ready()
    session.receive(handed("1.1") + handed("2.1", "1.1"))
    session.answer("1", Ack())
    session.disconnected()
    assert holding(session) == ["2.1", "1.1"]


def test_a_session_that_leaves_says_so_and_begins_nothing_more() -> None:
    session = ready()
    session.receive(handed("1.1") + handed("2.1", "1.1"))
    leaving = jsonrpc.Notification("leaving", {"holding": ["1.1"]})
    assert says(session.drain()) == [leaving]
    assert begins(session.receive(handed("3.1", "2.1"))) == []
    session.disconnected()
    session.connected()
    assert leaving in says(session.receive(accepted()))
    assert begins(session.answer("1", Ack())) == []


def test_a_slackd_that_sends_nothing_ahead_is_told_nothing_of_leaving() -> None:
    session = Session("p", "s", client={}, ahead=16)
    session.connected()
    session.receive(jsonrpc.encode_result(0, {"protocol": 1}))
    assert session.drain() == []


def test_it_remembers_as_many_answers_more() -> None:
    session = ready()
    for number in range(3_000):
        session.receive(handed(f"{number}.1"))
        session.answer(str(number), Ack())
    session.disconnected()
    assert len(holding(session)) == 2 + 2 + 2_000 + 16
