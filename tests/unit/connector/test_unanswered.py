"""What was acknowledged without its answer comes back to the broker until nothing is owed any more."""

from slackd.connector.unanswered import REMEMBERED, REPEATED_FOR, Unanswered
from slackd.envelope import Arrival


def arrival(number: int, received_at: float = 10.0) -> Arrival:
    return Arrival(number, "main", "c1-main-1", received_at, "{}")


def test_what_was_acknowledged_as_promised_is_delivered_again() -> None:
    unanswered = Unanswered()
    unanswered.acknowledged_as_promised(arrival(1))
    assert unanswered.to_repeat(11.0) == (arrival(1),)


def test_so_is_what_was_settled_with_an_answer_that_could_not_be_sent() -> None:
    unanswered = Unanswered()
    for number in (1, 2):
        unanswered.settled_with_answer(arrival(number))
    unanswered.unsent(2)
    assert 1 not in unanswered
    assert unanswered.to_repeat(11.0) == (arrival(2),)


def test_not_once_the_broker_has_settled_it_without_an_answer() -> None:
    unanswered = Unanswered()
    unanswered.acknowledged_as_promised(arrival(1))
    unanswered.forget(1)
    assert unanswered.to_repeat(11.0) == ()


def test_nor_when_nobody_remembers_what_it_was_about() -> None:
    unanswered = Unanswered()
    unanswered.acknowledged_as_promised(arrival(1))
    assert unanswered.to_repeat(10.0 + REPEATED_FOR) == ()


def test_only_the_newest_are_remembered() -> None:
    unanswered = Unanswered()
    for number in range(REMEMBERED + 1):
        unanswered.acknowledged_as_promised(arrival(number))
    assert 0 not in unanswered
    assert REMEMBERED in unanswered


def test_a_broker_that_refuses_one_is_asked_again() -> None:
    unanswered = Unanswered()
    unanswered.acknowledged_as_promised(arrival(1))
    unanswered.refused(1)
    unanswered.refused(2)
    assert unanswered.take_refused(11.0) == (arrival(1),)
    assert unanswered.take_refused(11.0) == ()


def test_what_was_acknowledged_here_is_unheard_until_a_broker_has_said_its_word() -> None:
    unanswered = Unanswered()
    for number in (1, 2):
        unanswered.acknowledged_as_promised(arrival(number))
    unanswered.forget(1)
    assert unanswered.is_unheard
    unanswered.forget(2)
    assert not unanswered.is_unheard


def test_an_answer_that_was_not_sent_is_unheard_until_the_broker_s_journal_knows_that_it_follows() -> None:
    unanswered = Unanswered()
    unanswered.settled_with_answer(arrival(1))
    unanswered.unsent(1)
    assert unanswered.is_unheard


def test_and_not_from_then_on() -> None:
    unanswered = Unanswered()
    unanswered.settled_with_answer(arrival(1))
    unanswered.unsent(1)
    unanswered.forget(1)
    assert not unanswered.is_unheard
