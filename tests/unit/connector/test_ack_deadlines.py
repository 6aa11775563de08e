"""A deadline that no broker keeps is kept by the connector; one that a broker kept is left alone."""

from slackd.connector.ack_deadlines import AckDeadlines
from slackd.envelope import Promise, Settlement


def promise(number: int, due: float, payload: str | None = None) -> Promise:
    return Promise(Settlement(number, f"e-{number}", payload), due)


def test_nothing_is_acknowledged_before_it_is_due() -> None:
    promises = AckDeadlines()
    promises.add([promise(1, 12.75)])
    assert promises.take_due(12.7, {1}) == []
    assert promises.next_due() == 12.75


def test_what_is_due_and_unsettled_is_acknowledged_once() -> None:
    promises = AckDeadlines()
    promises.add([promise(1, 12.75, '{"options":[]}'), promise(2, 13.0)])
    assert promises.take_due(12.8, {1, 2}) == [Settlement(1, "e-1", '{"options":[]}')]
    assert promises.take_due(12.8, {1, 2}) == []
    assert promises.next_due() == 13.0


def test_what_the_broker_has_settled_is_left_alone() -> None:
    promises = AckDeadlines()
    promises.add([promise(1, 12.75)])
    assert promises.take_due(20.0, set()) == []
    assert promises.next_due() is None


def test_a_promise_made_again_over_a_new_link_counts_once() -> None:
    promises = AckDeadlines()
    promises.add([promise(1, 12.75)])
    promises.add([promise(1, 12.75)])
    assert len(promises.take_due(13.0, {1})) == 1
