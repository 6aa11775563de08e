"""The whole core on a disk that fills up: what must be written is written later, in its order, and once."""

from typing import Any

import attrs
import pytest

from slackd.broker.actions import NotifyLate, Submit, ToConnector
from slackd.broker.dispatch.actions import SendDeliveries
from slackd.broker.instant import Instant
from slackd.broker.journal import LateAnswer, Opening
from slackd.broker.journal.writes import (
    CloseHandled,
    DeadLetterDelivery,
    DeadReason,
    ForgetSession,
    InFlight,
    ListSession,
    Revive,
)
from slackd.broker.write_batch import CLOSES_TOGETHER
from slackd.broker.write_queue import CLOSE_WITHIN, REWRITE_AFTER
from slackd.config import Delivery
from slackd.errors import JournalError, JournalUnwritable
from slackd.link.messages import Promised
from tests.support.slack_texts import command, event
from tests.unit.broker.test_ingest import RESPONDS, Bench, handed, payloads, plugin, the


def written(actions: list[Any], kind: Any) -> list[Any]:
    return [
        write
        for each in actions
        if isinstance(each, Submit)
        for write in each.writes
        if isinstance(write, kind)
    ]


def handled_in(actions: list[Any]) -> list[int]:
    """The deliveries that are written as handled."""
    return [delivery for write in written(actions, CloseHandled) for delivery, _ in write.deliveries]


def test_an_answer_that_cannot_be_written_is_written_when_there_is_room_again() -> None:
    bench = Bench(plugin(RESPONDS))
    delivery = the(bench.deliver(event()))
    bench.disk_is_full = True
    bench.answers(delivery)
    assert len(bench.store.open) == 1
    assert handled_in(bench.passes(REWRITE_AFTER)) == [delivery.id]  # tried again, in vain
    bench.disk_is_full = False
    bench.passes(REWRITE_AFTER)
    assert not bench.core.has_unwritten
    assert len(bench.store.open) == 0


def test_answers_reach_the_disk_in_the_order_in_which_they_came() -> None:
    bench = Bench(plugin(RESPONDS))
    first = the(bench.deliver(event(1, {"type": "message", "channel": "C1"})))
    second = the(bench.deliver(event(2, {"type": "message", "channel": "C2"})))
    bench.disk_is_full = True
    bench.answers(first)
    bench.disk_is_full = False
    assert handled_in(bench.answers(second)) == []
    assert handled_in(bench.passes(REWRITE_AFTER)) == [first.id, second.id]


def test_what_fails_later_is_still_written_later() -> None:
    bench = Bench(plugin(RESPONDS))
    deliveries = handed(bench.deliver(*(event(n, {"type": "message", "channel": f"C{n}"}) for n in (1, 2))))
    submits = []
    for delivery in deliveries:
        bench.core.answered("bot", "s", delivery.id, 1, None, bench.now)
        submits += [each for each in bench.core.end_turn() if isinstance(each, Submit)]
    first, second = submits
    full = JournalUnwritable("the disk is full")
    bench.core.committed(first.token, full, bench.now)
    assert bench.passes(REWRITE_AFTER) == []  # the second may fail yet
    bench.core.committed(second.token, full, bench.now)
    assert handled_in(bench.passes(REWRITE_AFTER)) == [each.id for each in deliveries]


def test_what_comes_while_something_waits_to_be_written_is_behind_all_that_was_submitted() -> None:
    bench = Bench(plugin(RESPONDS))
    deliveries = handed(bench.deliver(*(event(n, {"type": "message", "channel": f"C{n}"}) for n in (1, 2, 3))))
    submits = []
    for delivery in deliveries[:2]:
        bench.core.answered("bot", "s", delivery.id, 1, None, bench.now)
        submits += [each for each in bench.core.end_turn() if isinstance(each, Submit)]
    full = JournalUnwritable("the disk is full")
    bench.core.committed(submits[0].token, full, bench.now)
    assert bench.answers(deliveries[2]) == []
    bench.core.committed(submits[1].token, full, bench.now)
    assert handled_in(bench.passes(REWRITE_AFTER)) == [each.id for each in deliveries]


def test_an_answer_in_time_is_acknowledged_at_the_deadline_also_on_a_full_disk() -> None:
    bench = Bench(plugin(RESPONDS))
    delivery = the(bench.deliver(command()))
    bench.disk_is_full = True
    assert payloads(bench.answers(delivery, {"text": "done"})) == []
    assert payloads(bench.passes(2.5)) == [{"text": "done"}]


def test_what_somebody_waits_for_is_tried_once_and_he_is_told() -> None:
    bench = Bench(plugin(RESPONDS))
    bench.disk_is_full = True
    told: list[Any] = []
    bench.core.write([ListSession("bot", "t")], told.append)
    bench.pump()
    assert isinstance(told[0], JournalError)
    assert not bench.core.has_unwritten


def test_a_session_that_came_back_meanwhile_is_not_forgotten_afterwards() -> None:
    bench = Bench(plugin(RESPONDS))
    bench.core.left("bot", "s", bench.now)
    bench.disk_is_full = True
    bench.passes(2.0)
    bench.disk_is_full = False
    bench.core.write([ListSession("bot", "s")], lambda _: None)
    bench.pump()
    bench.joins("bot", "s")
    bench.passes(REWRITE_AFTER)
    assert written(bench.seen, ForgetSession) == [ForgetSession("bot", "s")]  # the one that failed
    assert ("bot", "s") in bench.store.sessions


def test_what_a_journal_has_of_a_plugin_whose_file_is_gone_harms_nobody() -> None:
    bench = Bench(plugin(RESPONDS))
    late = LateAnswer(5, 5, "gone", "main", "https://hooks.slack.com/x", '{"text":"x"}')
    opening = Opening((("gone", "s"),), (InFlight(9, "gone", "s"),), 9, late=(late,))
    bench.core.start(opening, {}, bench.now)
    actions = bench.pump()
    assert written(actions, ForgetSession) == [ForgetSession("gone", "s")]
    bench.core.late_posted(late, "", 0, None)
    bench.core.dead_lettered("gone", {9}, {9}, bench.now)
    bench.passes(1.0)
    assert payloads(bench.deliver(event())) == [None]


def test_a_delivery_that_the_journal_dead_lettered_settles_who_waits_for_it() -> None:
    bench = Bench(plugin(RESPONDS))
    delivery = the(bench.deliver(command()))
    bench.store.apply([DeadLetterDelivery(delivery.id, None, DeadReason.BACKLOG_FULL, "")], bench.now.unix)
    bench.core.dead_lettered("bot", {delivery.id}, {delivery.envelope}, bench.now)
    assert payloads(bench.pump()) == [None]
    late = bench.answers(delivery, {"text": "too late"})  # what becomes of it is stale, and nothing is stuck
    assert [each for each in late if isinstance(each, NotifyLate)] == []
    assert len(handed(bench.deliver(command(2)))) == 1


def test_a_delivery_goes_out_before_the_promise_to_its_connector() -> None:
    bench = Bench(plugin(RESPONDS))
    actions = bench.deliver(command())
    said = [type(each.message if isinstance(each, ToConnector) else each) for each in actions]
    assert said.index(SendDeliveries) < said.index(Promised), "somebody waits for its answer"


def test_a_machine_that_slept_settles_everybody_when_it_wakes() -> None:
    bench = Bench(plugin(RESPONDS))
    bench.deliver(command(1), command(2))
    assert payloads(bench.passes(3_600.0)) == [None, None]
    assert bench.core.answers.next_due() is None


@pytest.mark.parametrize("step", [-1_000_000.0, 1_000_000.0])
def test_a_clock_that_is_set_moves_no_deadline(step: float) -> None:
    bench = Bench(plugin(RESPONDS))
    delivery = the(bench.deliver(command()))
    bench.time += 1.0
    at = Instant(bench.time, bench.now.unix + step)
    bench.core.tick(at)
    bench.core.answered("bot", "s", delivery.id, 1, '{"text":"done"}', at)
    assert payloads(bench.pump()) == [{"text": "done"}]


class TestACloseThatTheProgramRemembers:
    """Each commit costs: a close that would be repeated after a crash waits a moment for company."""

    def bench(self, deliveries: int, remembers: int = 2 * CLOSES_TOGETHER) -> tuple[Bench, list[Any]]:
        wide = attrs.evolve(plugin(RESPONDS), delivery=Delivery(window=deliveries))
        bench = Bench(wide, connected=False)
        bench.core.joined("bot", "s", deliveries, (), {}, bench.now, named=True, remembers=remembers)
        texts = [event(n, {"type": "message", "channel": f"C{n}"}) for n in range(deliveries)]
        return bench, handed(bench.pump() + bench.deliver(*texts))

    def test_rides_with_what_is_written_next(self) -> None:
        bench, (first,) = self.bench(1)
        assert handled_in(bench.answers(first)) == []
        assert bench.core.has_unwritten
        assert handled_in(bench.deliver(event(7))) == [first.id]
        assert first.id not in bench.store.open

    def test_is_written_soon_also_without_company(self) -> None:
        bench, (first,) = self.bench(1)
        bench.answers(first)
        assert bench.core.next_wakeup <= bench.time + CLOSE_WITHIN
        assert handled_in(bench.passes(CLOSE_WITHIN)) == [first.id]
        assert not bench.core.has_unwritten

    def test_does_not_wait_with_many_others(self) -> None:
        bench, deliveries = self.bench(CLOSES_TOGETHER + 1)
        for each in deliveries[:CLOSES_TOGETHER]:
            assert handled_in(bench.answers(each)) == []
        assert len(handled_in(bench.answers(deliveries[-1]))) == CLOSES_TOGETHER + 1

    def test_does_not_wait_in_a_broker_that_stops(self) -> None:
        bench, (first, second) = self.bench(2)
        bench.answers(first)
        bench.core.halt()
        assert handled_in(bench.pump()) == [first.id]
        assert handled_in(bench.answers(second)) == [second.id]

    def test_that_the_program_has_no_room_to_remember_does_not_wait(self) -> None:
        bench, (first, second) = self.bench(2, remembers=1)
        bench.answers(first)
        assert len(handled_in(bench.answers(second))) == 2


def test_what_an_operator_delivers_again_goes_before_what_arrives_in_the_same_turn() -> None:
    bench = Bench(plugin(RESPONDS))
    failed = the(bench.deliver(event(1)))
    bench.core.nacked("bot", "s", failed.id, 1, "no", bench.now, permanent=True)
    bench.pump()
    bench.core.write([Revive(failed.id)], lambda _: None)
    revived = the(bench.deliver(event(2)))
    assert revived.envelope == failed.envelope
    assert the(bench.answers(revived)).envelope > failed.envelope


def test_a_session_that_is_being_listed_again_is_not_forgotten_afterwards() -> None:
    bench = Bench(plugin(RESPONDS))
    bench.core.left("bot", "s", bench.now)
    bench.disk_is_full = True
    bench.passes(2.0)
    bench.core.write([ListSession("bot", "s")], lambda _: None)
    (listing,) = (each for each in bench.core.end_turn() if isinstance(each, Submit))
    bench.disk_is_full = False
    assert written(bench.passes(REWRITE_AFTER), ForgetSession) == []
    bench.core.committed(listing.token, bench.store.apply(listing.writes, bench.now.unix), bench.now)
    bench.joins("bot", "s")
    bench.passes(REWRITE_AFTER)
    assert ("bot", "s") in bench.store.sessions
    assert not bench.core.has_unwritten


def test_a_session_that_comes_back_in_the_turn_in_which_its_grace_ends_stays_listed() -> None:
    bench = Bench(plugin(RESPONDS))
    bench.core.write([ListSession("bot", "s")], lambda _: None)
    bench.pump()
    bench.core.left("bot", "s", bench.now)
    bench.time += 2.0
    bench.core.tick(bench.now)
    bench.core.write([ListSession("bot", "s")], lambda _: bench.joins("bot", "s"))
    bench.pump()
    assert ("bot", "s") in bench.store.sessions


def test_an_answer_that_a_session_repeats_when_it_comes_back_is_no_fault_of_its_program() -> None:
    bench = Bench(plugin(RESPONDS))
    delivery = the(bench.deliver(event()))
    bench.answers(delivery)
    named = [(delivery.id, delivery.attempt)]
    bench.core.joined("bot", "s", 4, named, {}, bench.now, named=True, remembers=4)
    bench.answers(delivery)
    assert bench.core.counters.answers["bot", "stale"] == 0
    bench.answers(delivery)
    assert bench.core.counters.answers["bot", "stale"] == 1
