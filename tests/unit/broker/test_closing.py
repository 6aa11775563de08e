"""A connection that closes: nobody waits longer than it can, and every answer goes one way, once (P1, P5)."""

import random
from typing import Any

import pytest

from slackd.broker import unsent_answers
from slackd.broker.actions import NotifyLate, PostLate, Submit, ToConnector
from slackd.broker.core import BrokerCore
from slackd.broker.journal import LateAnswer, Opening
from slackd.broker.journal.writes import AnswerPassed, DeadLetterDelivery, DeadReason, OpenDelivery, Record
from slackd.broker.pending_acks import REMEMBERED, ClosingConnections
from slackd.broker.unsent_answers import GivenAnswer, UnsentAnswers
from slackd.broker.write_queue import REWRITE_AFTER
from slackd.envelope import Arrival
from slackd.errors import JournalUnwritable
from slackd.link.messages import Closing, Settled
from tests.support.slack_texts import arrival, command, interactive
from tests.unit.broker.test_ingest import RESPONDS, Bench, config, payloads, plugin, the, told

HERE, THERE = "c1-main-1", "c1-main-2"
DONE = {"text": "done"}


def late(actions: list[Any]) -> list[str]:
    """What goes out through a `response_url`."""
    return [each.late.response for each in actions if isinstance(each, PostLate)]


def closing(bench: Bench, link: int = 1, connection: str = HERE, **how: bool) -> list[Any]:
    bench.core.closing(link, Closing(connection, **how))
    return bench.pump()


def settled_as(actions: list[Any]) -> list[int]:
    """Numbers of the arrivals that are settled."""
    return [each.number for said in told(actions, Settled) for each in said.settlements]


def repeat(bench: Bench, number: int, connection: str, text: str) -> list[Any]:
    """The same text once more, on another connection."""
    bench.core.deliver(1, [Arrival(number, "main", connection, bench.time, text)], bench.now)
    return bench.pump()


def test_who_waits_is_acknowledged_after_the_commit_and_the_answer_follows() -> None:
    bench = Bench(plugin(RESPONDS))
    delivery = the(bench.deliver(command()))
    actions = closing(bench)
    submit, *settled = [each for each in actions if isinstance(each, Submit | ToConnector)]
    assert isinstance(submit, Submit)
    assert submit.writes == (AnswerPassed(delivery.envelope),)
    assert payloads(settled) == [None]
    bench.time += 1.0
    (post,) = [each for each in bench.answers(delivery, DONE) if isinstance(each, PostLate)]
    assert post.late.response == '{"text": "done"}'
    bench.core.late_posted(post.late, post.session, post.attempt, "response_url")
    (told,) = [each for each in bench.pump() if isinstance(each, NotifyLate)]
    assert (told.delivery, told.session, told.sent) == (delivery.id, "s", "response_url")
    assert bench.store.late == {}


def test_what_still_comes_over_it_is_acknowledged_once_it_is_journaled() -> None:
    bench = Bench(plugin(RESPONDS))
    closing(bench)
    submit, *actions = bench.deliver(command())
    assert isinstance(submit, Submit)
    assert [type(write) for write in submit.writes] == [Record], "one commit is enough"
    assert payloads(actions) == [None]
    assert late(bench.answers(the(actions), DONE)) == ['{"text": "done"}']


def test_a_duplicate_that_comes_over_it_ends_the_waiting() -> None:
    bench = Bench(plugin(RESPONDS))
    delivery = the(bench.deliver(command()))
    closing(bench, connection=THERE)
    assert payloads(repeat(bench, 9, THERE, command())) == [None, None]
    assert late(bench.answers(delivery, DONE)) == ['{"text": "done"}']


def test_what_comes_over_others_waits_as_ever() -> None:
    bench = Bench(plugin(RESPONDS))
    delivery = the(bench.deliver(command()))
    assert closing(bench, connection=THERE) == []
    assert closing(bench, link=2) == []
    assert payloads(bench.answers(delivery, DONE)) == [DONE]


def test_an_answer_that_has_no_other_way_is_waited_for_a_little_longer() -> None:
    bench = Bench(plugin(RESPONDS))
    view = bench.deliver(interactive("view_submission"))
    assert closing(bench) == []
    assert payloads(bench.answers(the(view), {"response_action": "clear"})) == [{"response_action": "clear"}]
    bench.deliver(interactive("view_submission", 2), interactive("block_suggestion", 3))
    assert payloads(closing(bench, everything=True)) == [None, {"options": []}]


def test_an_answer_that_was_there_first_is_in_the_acknowledgement() -> None:
    bench = Bench(plugin(RESPONDS))
    delivery = the(bench.deliver(command()))
    bench.core.answered("bot", "s", delivery.id, 1, '{"text": "done"}', bench.now)
    actions = closing(bench)
    assert payloads(actions) == [DONE]
    assert late(actions) == []


def test_an_answer_that_comes_while_it_is_committed_follows() -> None:
    bench = Bench(plugin(RESPONDS))
    delivery = the(bench.deliver(command()))
    bench.core.closing(1, Closing(HERE))
    actions = bench.answers(delivery, DONE)
    assert payloads(actions) == [None]
    assert late(actions) == ['{"text": "done"}']


def test_an_answer_that_no_message_can_carry_is_told_to_its_plugin() -> None:
    bench = Bench(plugin(RESPONDS))
    delivery = the(bench.deliver(command()))
    closing(bench)
    (told,) = [
        each
        for each in bench.answers(delivery, {"response_action": "clear"})
        if isinstance(each, PostLate | NotifyLate)
    ]
    assert told == NotifyLate("bot", "s", delivery.id, 1, None)


def test_a_duplicate_of_it_gets_the_same() -> None:
    bench = Bench(plugin(RESPONDS))
    bench.deliver(command())
    closing(bench)
    assert payloads(repeat(bench, 9, THERE, command())) == [None]


def test_whoever_waits_for_the_same_is_settled_with_it() -> None:
    """Slack takes the first acknowledgement: an answer in the second would be for nobody."""
    bench = Bench(plugin(RESPONDS))
    bench.deliver(command())
    repeat(bench, 9, THERE, command())
    assert payloads(closing(bench)) == [None, None]


class TestGone:
    def test_the_answer_goes_to_the_response_url(self) -> None:
        bench = Bench(plugin(RESPONDS))
        delivery = the(bench.deliver(command()))
        closing(bench, mute=True)
        assert late(bench.answers(delivery, DONE)) == ['{"text": "done"}']

    def test_what_crossed_our_close_too(self) -> None:
        bench = Bench(plugin(RESPONDS))
        closing(bench, mute=True)
        assert late(bench.answers(the(bench.deliver(command())), DONE)) == ['{"text": "done"}']

    def test_another_connection_that_waits_gets_it_in_its_acknowledgement(self) -> None:
        bench = Bench(plugin(RESPONDS))
        delivery = the(bench.deliver(command()))
        repeat(bench, 9, THERE, command())
        closing(bench, mute=True)
        actions = bench.answers(delivery, DONE)
        assert payloads(actions) == [DONE, DONE]
        assert late(actions) == []

    def test_when_the_last_of_them_is_gone_it_follows(self) -> None:
        bench = Bench(plugin(RESPONDS))
        delivery = the(bench.deliver(command()))
        repeat(bench, 9, THERE, command())
        closing(bench, mute=True)
        closing(bench, connection=THERE, mute=True)
        assert late(bench.answers(delivery, DONE)) == ['{"text": "done"}']

    def test_what_has_no_other_way_is_left_as_it_is(self) -> None:
        bench = Bench(plugin(RESPONDS))
        bench.deliver(interactive("view_submission"))
        assert closing(bench, mute=True, everything=True) == []


def successor_on(bench: Bench) -> None:
    """A broker that starts on the same disk."""
    bench.core = BrokerCore(config(plugin(RESPONDS)), rng=random.Random(1), now=bench.now)
    bench.core.start(Opening((), None, 0), {}, bench.now)
    bench.pump()


class TestUnsent:
    """The answer was there, was journaled as given and settled; then there was no connection to send it on."""

    def unsent(self, bench: Bench, *numbers: int) -> list[Any]:
        bench.core.unsent(1, numbers)
        return bench.pump()

    def test_it_follows_and_a_duplicate_is_acknowledged_without(self) -> None:
        bench = Bench(plugin(RESPONDS))
        (number,) = settled_as(bench.answers(the(bench.deliver(command())), DONE))
        (post,) = [each for each in self.unsent(bench, number) if isinstance(each, PostLate)]
        assert (post.late.response, post.session, post.attempt) == ('{"text": "done"}', "s", 1)
        assert payloads(repeat(bench, 9, THERE, command())) == [None]
        bench.core.late_posted(post.late, post.session, post.attempt, "response_url")
        bench.pump()
        assert bench.store.late == {}

    def test_it_follows_once_and_only_if_it_went_out_nowhere(self) -> None:
        bench = Bench(plugin(RESPONDS))
        delivery = the(bench.deliver(command()))
        repeat(bench, 9, THERE, command())
        first, second = settled_as(bench.answers(delivery, DONE))
        assert late(self.unsent(bench, first)) == []
        assert late(self.unsent(bench, first)) == []
        assert late(self.unsent(bench, second)) == ['{"text": "done"}']
        assert late(self.unsent(bench, first, second)) == []

    def test_its_connector_keeps_it_until_the_journal_knows_that_it_follows(self) -> None:
        bench = Bench(plugin(RESPONDS))
        (number,) = settled_as(bench.answers(the(bench.deliver(command())), DONE))
        bench.disk_is_full = True
        assert settled_as(self.unsent(bench, number)) == []
        bench.disk_is_full = False
        actions = bench.passes(REWRITE_AFTER)
        assert (late(actions), settled_as(actions), payloads(actions)) == (
            ['{"text": "done"}'],
            [number],
            [None],
        )

    def test_it_need_not_keep_what_another_settlement_carries_or_what_is_owed_nothing(self) -> None:
        bench = Bench(plugin(RESPONDS))
        delivery = the(bench.deliver(command()))
        repeat(bench, 9, THERE, command())
        first, second = settled_as(bench.answers(delivery, DONE))
        assert settled_as(self.unsent(bench, first)) == [first]
        assert settled_as(self.unsent(bench, second)) == [second]
        assert settled_as(self.unsent(bench, second, 99)) == [second, 99]

    def test_nothing_is_said_over_a_link_that_is_gone(self) -> None:
        bench = Bench(plugin(RESPONDS))
        (number,) = settled_as(bench.answers(the(bench.deliver(command())), DONE))
        bench.disk_is_full = True
        self.unsent(bench, number)
        bench.core.link_lost(1)
        bench.disk_is_full = False
        actions = bench.passes(REWRITE_AFTER)
        assert (late(actions), settled_as(actions)) == (['{"text": "done"}'], [])

    def test_nor_in_the_acknowledgement_of_a_duplicate(self) -> None:
        bench = Bench(plugin(RESPONDS))
        delivery = the(bench.deliver(command()))
        bench.core.link_lost(1)  # its connector delivers again, over the next link
        bench.answers(delivery, DONE)
        again = repeat(bench, 9, HERE, command())
        assert payloads(again) == [DONE]
        assert late(self.unsent(bench, *settled_as(again))) == ['{"text": "done"}']

    def test_one_that_was_told_at_the_deadline_before_its_commit_follows_after_it(self) -> None:
        bench = Bench(plugin(RESPONDS))
        delivery = the(bench.deliver(command()))
        bench.disk_is_full = True
        bench.answers(delivery, DONE)
        told = bench.passes(2.5)
        assert payloads(told) == [DONE]
        assert settled_as(self.unsent(bench, *settled_as(told))) == []
        bench.disk_is_full = False
        assert late(bench.passes(REWRITE_AFTER)) == ['{"text": "done"}']

    def test_a_duplicate_that_was_on_its_way_to_the_journal_is_acknowledged_without(self) -> None:
        bench = Bench(plugin(RESPONDS))
        (number,) = settled_as(bench.answers(the(bench.deliver(command())), DONE))
        bench.core.deliver(1, [Arrival(9, "main", THERE, bench.time, command())], bench.now)
        actions = self.unsent(bench, number)
        assert sorted(settled_as(actions)) == [number, 9]
        assert (payloads(actions), late(actions)) == ([None, None], ['{"text": "done"}'])

    def test_one_that_an_earlier_broker_gave_follows_by_its_successor(self) -> None:
        bench = Bench(plugin(RESPONDS))
        bench.answers(the(bench.deliver(command())), DONE)
        successor_on(bench)
        again = repeat(bench, 9, THERE, command())
        assert payloads(again) == [DONE]
        (post,) = [each for each in self.unsent(bench, *settled_as(again)) if isinstance(each, PostLate)]
        assert (post.late.response, post.late.response_url != "") == ('{"text": "done"}', True)
        assert list(bench.store.late) == [post.late.delivery], "should this broker die, too"
        bench.core.late_posted(post.late, post.session, post.attempt, "response_url")
        assert [each for each in bench.pump() if isinstance(each, NotifyLate)] == []
        assert bench.store.late == {}
        assert payloads(repeat(bench, 10, THERE, command())) == [None]

    def test_one_that_an_earlier_broker_gave_and_a_duplicate_carries_stays_where_it_is(self) -> None:
        bench = Bench(plugin(RESPONDS))
        bench.answers(the(bench.deliver(command())), DONE)
        successor_on(bench)
        first, second = (settled_as(repeat(bench, number, THERE, command())) for number in (9, 10))
        assert late(self.unsent(bench, *first)) == []
        assert late(self.unsent(bench, *second)) == ['{"text": "done"}']

    def test_what_is_no_message_does_not(self) -> None:
        bench = Bench(plugin(RESPONDS))
        delivery = the(bench.deliver(interactive("view_submission")))
        (number,) = settled_as(bench.answers(delivery, {"response_action": "clear"}))
        assert late(self.unsent(bench, number)) == []

    def test_of_settlements_without_end_only_the_newest_are_remembered(self) -> None:
        known = UnsentAnswers()
        for number in range(unsent_answers.REMEMBERED + 1):
            answer = LateAnswer(number, number, "bot", "", "", "{}")
            known.committed(GivenAnswer(answer, "s", 1), [(1, number)], 0.0)
        assert known.unsent(1, [0]) == ([], [(1, 0)])
        assert [each.answer.delivery for each in known.unsent(1, [1])[0]] == [1]


class TestFailures:
    def successor(self, bench: Bench, delivery: OpenDelivery) -> Bench:
        """A broker that starts on the same disk, with the delivery in the program's hands."""
        bench.core = BrokerCore(config(plugin(RESPONDS)), rng=random.Random(1), now=bench.now)
        bench.core.start(Opening((("bot", "s"),), None, delivery.id), {}, bench.now)
        rows = dict(bench.store.open)
        bench.core.joined("bot", "s", 99, [(delivery.id, delivery.attempt)], rows, bench.now, named=True)
        bench.pump()
        return bench

    def test_an_answer_that_no_connector_asks_for_follows(self) -> None:
        """The connector that had the command ended while there was no broker."""
        bench = Bench(plugin(RESPONDS))
        delivery = the(bench.deliver(command()))
        bench = self.successor(bench, delivery)
        assert late(bench.answers(delivery, DONE)) == []
        assert late(bench.passes(unsent_answers.ASKED_FOR_WITHIN)) == ['{"text": "done"}']

    def test_one_that_a_connector_asks_for_goes_into_the_acknowledgement_alone(self) -> None:
        bench = Bench(plugin(RESPONDS))
        delivery = the(bench.deliver(command()))
        bench = self.successor(bench, delivery)
        bench.answers(delivery, DONE)
        assert payloads(repeat(bench, 9, HERE, command())) == [DONE]
        assert late(bench.passes(unsent_answers.ASKED_FOR_WITHIN)) == []

    @pytest.mark.parametrize("ended", [False, True])
    def test_a_broker_that_dies_leaves_the_journal_to_decide(self, ended: bool) -> None:
        """Before the deadline, and nobody tells the next broker how the acknowledgement went out."""
        bench = Bench(plugin(RESPONDS))
        delivery = the(bench.deliver(command()))
        if ended:
            closing(bench)
        actions = self.successor(bench, delivery).answers(delivery, DONE)
        assert late(actions) == ['{"text": "done"}'] * ended
        assert payloads(repeat(bench, 9, THERE, command())) == [None if ended else DONE]

    def test_on_a_full_disk_the_deadline_ends_the_waiting_and_the_answer_follows(self) -> None:
        bench = Bench(plugin(RESPONDS))
        delivery = the(bench.deliver(command()))
        bench.disk_is_full = True
        assert payloads(closing(bench)) == []
        bench.answers(delivery, DONE)
        assert payloads(bench.passes(2.5)) == [None]
        bench.disk_is_full = False
        assert late(bench.passes(REWRITE_AFTER)) == ['{"text": "done"}']
        assert not bench.core.has_unwritten

    def test_what_the_journal_has_as_given_is_given_whatever_was_under_way(self) -> None:
        """The end of the waiting could not be written, and the answer that came after it could."""
        bench = Bench(plugin(RESPONDS))
        delivery = the(bench.deliver(command()))
        bench.core.closing(1, Closing(HERE))
        (ends,) = bench.core.end_turn()
        bench.core.answered("bot", "s", delivery.id, 1, '{"text": "done"}', bench.now)
        (given,) = bench.core.end_turn()
        assert isinstance(ends, Submit)
        assert isinstance(given, Submit)
        bench.core.committed(ends.token, JournalUnwritable("the disk is full"), bench.now)
        came = bench.store.apply(given.writes, bench.now.unix)
        bench.core.committed(given.token, came, bench.now)
        actions = bench.pump() + bench.passes(REWRITE_AFTER)
        assert payloads(actions) == [DONE]
        assert late(actions) == []

    def test_a_lost_link_forgets_what_was_told_on_it(self) -> None:
        bench = Bench(plugin(RESPONDS))
        closing(bench)
        bench.core.link_lost(1)
        assert payloads(bench.deliver(command())) == []

    def test_nobody_waits_on_a_link_that_was_lost_during_the_commit(self) -> None:
        bench = Bench(plugin(RESPONDS))
        texts = (command(), "{broken")
        bench.core.deliver(1, [arrival(text, number) for number, text in enumerate(texts, 1)], bench.now)
        bench.core.link_lost(1)
        actions = bench.pump()
        assert [each for each in actions if isinstance(each, ToConnector)] == []
        assert len(bench.core.answers) == 0
        bench.answers(the(actions), DONE)
        assert payloads(repeat(bench, 1, HERE, command())) == [DONE]

    def test_an_answer_that_the_journal_does_not_take_leaves_nothing_behind(self) -> None:
        """The journal's limits dead-lettered the delivery before; nobody has been notified yet."""
        bench = Bench(plugin(RESPONDS))
        delivery = the(bench.deliver(command()))
        bench.store.apply([DeadLetterDelivery(delivery.id, None, DeadReason.BACKLOG_FULL, "")], bench.now.unix)
        assert payloads(bench.answers(delivery, DONE)) == []
        bench.core.link_lost(1)
        assert payloads(repeat(bench, 9, THERE, command())) == [None]
        assert len(bench.core.answers) == 0
        assert bench.core.answers._on_the_way == {}


def test_of_connections_without_end_only_the_newest_are_remembered() -> None:
    known = ClosingConnections()
    for number in range(REMEMBERED + 1):
        known.note(1, Closing(f"c{number}", mute=True))
    known.note(1, Closing("c1", everything=True))
    assert known.of(1, "c0") is None
    assert known.of(1, "c1") == Closing("c1", everything=True, mute=True)
    known.forget(1)
    assert known.of(1, "c1") is None
