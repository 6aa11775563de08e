"""One plugin: its sessions, what they have in flight (rules R4 to R7), timeouts, and time that steps."""

import random
from pathlib import Path
from typing import Any

import attrs
import pytest

from slackd.broker.dispatch import leases
from slackd.broker.dispatch.actions import CountOld, SendDeliveries
from slackd.broker.dispatch.dispatcher import Dispatcher
from slackd.broker.instant import Instant
from slackd.broker.journal.writes import (
    CloseDelivery,
    DeadLetterDelivery,
    DeadReason,
    Done,
    ForgetSession,
    Lane,
    OpenDelivery,
    RetryDelivery,
)
from slackd.config import Delivery, PluginConfig
from tests.support.dispatch import wanted

EPOCH = 1_800_000_000.0
GRACE = 2.0


class Bench:
    def __init__(self, **rules: Any) -> None:
        self.time, self.step = 0.0, 0.0
        plugin = PluginConfig("p", Path("/p"), delivery=Delivery(**{"window": 2, **rules}))
        self.it = Dispatcher(plugin, grace=GRACE, rng=random.Random(1), now=self.now, empty=True)
        self.ids = 0

    @property
    def now(self) -> Instant:
        return Instant(self.time, EPOCH + self.time + self.step)

    def opens(self, key: str = "", **more: Any) -> OpenDelivery:
        self.ids += 1
        delivery = OpenDelivery(self.ids, self.ids, "p", Lane.EVENTS, key, **more)
        self.it.opened([delivery], self.now)
        return delivery

    def joins(
        self,
        session: str,
        *claims: OpenDelivery,
        window: int = 99,
        named: bool = True,
        remembers: int = 0,
    ) -> None:
        pairs, rows = [(each.id, each.attempt) for each in claims], {each.id: each for each in claims}
        self.it.joined(session, window, pairs, rows, self.now, named=named, remembers=remembers)

    def passes(self, seconds: float) -> None:
        self.time += seconds
        self.it.tick(self.now)

    def does(self, kind: Any) -> list[Any]:
        return wanted(self.it, kind, self.now)

    def hands(self) -> list[tuple[str, int, int]]:
        sends = self.does(SendDeliveries)
        return [(send.session, each.id, each.attempt) for send in sends for each in send.deliveries]

    def is_handled(self, session: str, delivery: OpenDelivery) -> bool:
        accepted = self.it.accept(session, delivery.id, delivery.attempt, self.now)
        if accepted is not None:
            self.it.committed(CloseDelivery(delivery.id, delivery.attempt), Done(), self.now)
        return accepted is not None


def test_turns_go_round_within_the_window_of_all_and_of_each() -> None:
    bench = Bench(window=3)
    bench.joins("a", window=1)
    bench.joins("b")
    for _ in range(5):
        bench.opens()
    assert bench.hands() == [("a", 1, 1), ("b", 2, 1), ("b", 3, 1)]


def test_key_and_slot_are_free_at_the_commit_and_not_before() -> None:
    bench = Bench()
    bench.joins("a")
    first, second = bench.opens("k"), bench.opens("k")
    assert bench.hands() == [("a", first.id, 1)]
    assert bench.it.accept("a", first.id, 1, bench.now) == first
    assert bench.hands() == []
    bench.it.committed(CloseDelivery(first.id, 1), Done(), bench.now)
    assert bench.hands() == [("a", second.id, 1)]


def test_what_gives_up_its_place_in_the_order_lets_the_next_one_go_and_is_tried_again_by_itself() -> None:
    bench = Bench(window=3, ack_timeout=30.0)
    bench.joins("a")
    first, second, third = (bench.opens("k") for _ in range(3))
    assert bench.hands() == [("a", first.id, 1)]
    bench.it.unorder("b", first.id, 1, bench.now)
    bench.it.unorder("a", first.id, 2, bench.now)
    assert bench.hands() == []
    bench.it.unorder("a", first.id, 1, bench.now)
    assert bench.hands() == [("a", second.id, 1)]
    assert bench.it.nack("a", first.id, 1, "", bench.now, retry_after=0.0)
    bench.does(SendDeliveries)
    assert bench.hands() == [("a", first.id, 2)]
    assert bench.is_handled("a", second)
    assert bench.hands() == [("a", third.id, 1)]
    assert bench.is_handled("a", attrs.evolve(first, attempt=2))


@pytest.mark.parametrize("clean", [True, False], ids=["a clean stop", "a crash"])
@pytest.mark.parametrize("order", [("a", "b"), ("b", "a")], ids=["the first", "the second"])
def test_what_went_out_past_one_without_a_place_is_still_its_sessions_after(
    clean: bool, order: tuple[str, str]
) -> None:
    bench = Bench(window=3)
    mine = {"a": OpenDelivery(1, 1, "p", Lane.EVENTS, "k"), "b": OpenDelivery(2, 2, "p", Lane.EVENTS, "k")}
    noted = [(each, session) for session, each in mine.items()] if clean else None
    bench.it.restore(["a", "b"], noted, 2, bench.now)
    for session in order:
        bench.joins(session, mine[session])
    assert bench.hands() == []
    assert {each.delivery.key for each in bench.it.leases()} == {"k", "\0001"}
    assert bench.is_handled("b", mine["b"])
    assert bench.is_handled("a", mine["a"])


def test_a_program_that_remembers_its_answers_has_key_and_slot_back_at_once() -> None:
    bench = Bench(window=1)
    bench.joins("a", remembers=1)
    first, second, third = (bench.opens("k") for _ in range(3))
    assert bench.hands() == [("a", first.id, 1)]
    bench.it.accept("a", first.id, 1, bench.now)
    assert bench.hands() == [("a", second.id, 1)]
    bench.it.accept("a", second.id, 1, bench.now)
    assert bench.hands() == [], "it remembers one, and the journal has none of the two yet"
    bench.it.committed(CloseDelivery(first.id, 1), Done(), bench.now)
    assert bench.hands() == [], "the second still has its slot"
    bench.it.committed(CloseDelivery(second.id, 1), Done(), bench.now)
    assert bench.hands() == [("a", third.id, 1)]


def test_until_the_journal_has_an_answer_the_next_of_its_key_goes_to_the_same_session_alone() -> None:
    bench = Bench(window=9)
    bench.joins("a", remembers=9, window=1)
    bench.joins("b", remembers=9)
    first, second, third = bench.opens("k"), bench.opens("k"), bench.opens("other")
    assert bench.hands() == [("a", first.id, 1), ("b", third.id, 1)]
    bench.it.pause("a", True, bench.now)
    bench.it.accept("a", first.id, 1, bench.now)
    assert bench.hands() == [], "b is free, and may not have it"
    bench.it.committed(CloseDelivery(first.id, 1), Done(), bench.now)
    assert bench.hands() == [("b", second.id, 1)]


def test_a_nack_keeps_its_slot_until_the_commit_however_much_is_remembered() -> None:
    bench = Bench(window=1)
    bench.joins("a", remembers=9)
    first, _ = bench.opens("k"), bench.opens("l")
    bench.hands()
    bench.it.nack("a", first.id, 1, "no", bench.now, retry_after=0.0)
    assert [type(each) for each in bench.it.end_turn()] == [RetryDelivery]


def test_after_a_crash_all_of_one_key_that_a_session_claims_is_its_own_in_order() -> None:
    bench = Bench(window=1)
    answered, in_hand, waiting = (bench.opens("k") for _ in range(3))
    successor = Bench(window=1)
    successor.it.restore(["a"], None, waiting.id, successor.now)
    successor.joins("a", in_hand, answered, remembers=9)
    assert successor.hands() == []
    assert successor.is_handled("a", answered)
    assert successor.is_handled("a", in_hand)
    assert not successor.is_handled("a", waiting)


def test_a_program_that_came_back_without_its_memory_waits_for_the_journal() -> None:
    bench = Bench()
    bench.joins("a", remembers=9)
    first, second = bench.opens("k"), bench.opens("k")
    bench.hands()
    bench.it.accept("a", first.id, 1, bench.now)
    bench.it.left("a", bench.now)
    bench.joins("a", remembers=9)
    assert bench.hands() == []
    bench.it.committed(CloseDelivery(first.id, 1), Done(), bench.now)
    assert bench.hands() == [("a", second.id, 1)]


def test_what_comes_free_again_goes_in_the_order_in_which_it_came() -> None:
    first, second = OpenDelivery(1, 1, "p", Lane.EVENTS, "k"), OpenDelivery(2, 2, "p", Lane.EVENTS, "k")
    bench = Bench()
    bench.it.restore(["a"], None, second.id, bench.now)
    bench.joins("a", first, second, remembers=9)
    bench.it.left("a", bench.now)
    bench.joins("a", remembers=9)
    assert bench.hands() == [("a", first.id, 1)]


def test_however_many_sessions_answer_a_bounded_number_is_on_its_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "MOST_UNWRITTEN", 1)
    bench = Bench(window=2)
    bench.joins("a", remembers=9, window=1)
    bench.joins("b", remembers=9, window=1)
    first, second = bench.opens("k"), bench.opens("l")
    bench.opens("m")
    bench.hands()
    bench.it.accept("a", first.id, 1, bench.now)
    assert bench.hands() == [("a", 3, 1)]
    bench.it.accept("b", second.id, 1, bench.now)
    bench.opens("n")
    assert bench.hands() == []


def test_only_old_ones_are_taken_from_the_count_of_old_ones() -> None:
    bench = Bench(window=4)
    old = [bench.opens(), bench.opens(), bench.opens()]
    successor = Bench(window=4)
    successor.it.restore(["a", "b"], None, old[-1].id, successor.now)
    successor.ids = old[-1].id
    successor.it.old_counted(Lane.EVENTS, 3, successor.now)
    successor.joins("a")
    successor.opens("new")
    assert successor.hands() == [("a", 4, 1)]
    successor.it.old_counted(Lane.EVENTS, 3, successor.now)
    successor.opens("newer")
    assert successor.hands() == []


def test_answers_to_another_attempt_or_of_another_session_are_ignored() -> None:
    bench = Bench()
    bench.joins("a")
    bench.joins("b")
    delivery = bench.opens()
    bench.hands()
    assert not bench.is_handled("b", delivery)
    assert not bench.is_handled("a", attrs.evolve(delivery, attempt=2))
    assert not bench.is_handled("a", attrs.evolve(delivery, id=99))
    assert bench.is_handled("a", delivery)
    assert not bench.is_handled("a", delivery)


def test_a_session_that_comes_back_frees_what_it_does_not_claim_no_attempt_counted() -> None:
    bench = Bench()
    bench.joins("a")
    held, lost = bench.opens(), bench.opens()
    bench.hands()
    bench.it.left("a", bench.now)
    bench.passes(GRACE - 0.1)
    bench.joins("a", held)
    assert bench.hands() == [("a", lost.id, 1)]
    assert bench.is_handled("a", held)


def test_a_session_that_stays_away_is_forgotten_and_its_work_is_the_next_attempt() -> None:
    bench = Bench()
    bench.joins("a")
    bench.joins("b", window=1)
    bench.opens()
    bench.hands()
    bench.it.left("a", bench.now)
    bench.passes(GRACE)
    forgotten = bench.does((RetryDelivery, ForgetSession))
    assert [type(each) for each in forgotten] == [RetryDelivery, ForgetSession]
    assert bench.hands() == [("b", 1, 2)]


def test_a_session_without_a_name_is_not_awaited() -> None:
    bench = Bench()
    bench.joins("\x001", named=False)
    bench.opens()
    bench.hands()
    bench.it.left("\x001", bench.now)
    assert bench.it.sessions.is_empty
    assert bench.it.in_flight() == []
    bench.does(RetryDelivery)
    bench.joins("\x002", named=False)
    assert bench.hands() == [("\x002", 1, 2)], "at once, as the next attempt"


def test_a_program_that_ends_again_and_again_uses_up_no_attempts_in_a_moment() -> None:
    bench = Bench(backoff_initial=1.0)
    delivery = bench.opens("k")
    bench.joins("a", named=False)
    assert bench.hands() == [("a", delivery.id, 1)]
    bench.it.left("a", bench.now)
    assert [each.not_before for each in bench.does(RetryDelivery)] == [0.0]
    bench.joins("b", named=False)
    assert bench.hands() == [("b", delivery.id, 2)], "once is no crash: it goes to the next one at once"
    bench.it.left("b", bench.now)
    assert [each.attempt for each in bench.does(RetryDelivery)] == [2]
    bench.joins("c", named=False)
    assert bench.hands() == []
    bench.passes(2.0)
    assert bench.hands() == [("c", delivery.id, 3)]


def test_silence_costs_an_attempt_extend_starts_again_up_to_an_hour() -> None:
    bench = Bench(ack_timeout=1_000.0)
    bench.joins("a")
    delivery = bench.opens()
    bench.hands()
    for _ in range(3):
        bench.passes(999.0)
        bench.it.extend("a", delivery.id, 1, bench.now)
        assert bench.does(RetryDelivery) == []
    bench.passes(604.0)
    assert [each.attempt for each in bench.does(RetryDelivery)] == [1]


def test_the_last_attempt_is_a_dead_letter() -> None:
    bench = Bench(max_attempts=1, ack_timeout=5.0)
    bench.joins("a")
    bench.opens()
    bench.hands()
    bench.passes(5.0)
    assert [each.reason for each in bench.does(DeadLetterDelivery)] == [DeadReason.ATTEMPTS]


def test_what_expired_is_dead_lettered_and_never_handed_out() -> None:
    bench = Bench()
    bench.opens(expires_at=EPOCH + 1.0)
    bench.time = 2.0
    bench.joins("a")
    assert [each.reason for each in bench.does((DeadLetterDelivery, SendDeliveries))] == [DeadReason.EXPIRED]


def test_a_clock_that_is_set_ahead_expires_nothing() -> None:
    bench = Bench()
    waiting = bench.opens(expires_at=EPOCH + 1_800.0)
    jumped = EPOCH + 40 * 86_400.0
    set_ahead = Instant(2.0, jumped + 2.0, ahead=jumped - EPOCH, jumped_at=jumped)
    bench.it.joined("a", 4, [], {}, set_ahead, named=True, remembers=0)
    assert [each[1] for each in bench.hands()] == [waiting.id]


def test_after_a_crash_old_deliveries_wait_for_all_listed_sessions_and_new_ones_do_not() -> None:
    bench = Bench(window=4)
    bench.it.restore(["a", "b"], None, 2, bench.now)
    bench.it.end_turn()
    old = [bench.opens("x"), bench.opens("y")]
    new = bench.opens("z")
    bench.it.old_counted(Lane.EVENTS, 2, bench.now)
    bench.joins("a", old[0])
    assert bench.hands() == [("a", new.id, 1)]
    bench.joins("b")
    assert [each[1:] for each in bench.hands()] == [(old[1].id, 1)]


def test_after_a_crash_they_wait_no_longer_than_the_grace() -> None:
    bench = Bench()
    bench.it.restore(["gone"], None, 1, bench.now)
    assert len(bench.does(CountOld)) == 2
    bench.opens()
    bench.joins("new")
    assert bench.hands() == []
    bench.passes(GRACE)
    assert bench.hands() == [("new", 1, 1)]


def test_after_a_clean_stop_what_was_handed_out_is_its_sessions_and_the_rest_goes_at_once() -> None:
    bench = Bench()
    noted, other = OpenDelivery(1, 1, "p", Lane.EVENTS, "x"), OpenDelivery(2, 2, "p", Lane.EVENTS, "y")
    bench.ids = 2
    bench.it.restore(["a"], [(noted, "a")], 2, bench.now)
    bench.it.opened([other], bench.now)
    bench.joins("b")
    assert bench.hands() == [("b", other.id, 1)]
    assert [(each.delivery, each.session) for each in bench.it.in_flight() or ()] == [(1, "a"), (2, "b")]


def test_a_broker_that_stops_hands_out_nothing_takes_answers_and_wakes_up_for_nothing() -> None:
    bench = Bench(ack_timeout=5.0)
    bench.joins("a")
    delivery = bench.opens()
    bench.hands()
    bench.it.halt()
    bench.opens()
    assert bench.it.next_wakeup() is None
    bench.passes(10.0)
    assert bench.is_handled("a", delivery)
    assert bench.hands() == []


def test_nothing_wakes_up_for_deliveries_that_were_answered() -> None:
    bench = Bench()
    bench.joins("a")
    for _ in range(5_000):
        delivery = bench.opens()
        bench.hands()
        bench.is_handled("a", delivery)
        bench.time += 0.001
    assert bench.it.next_wakeup() is None


def test_waking_up_when_it_says_is_never_in_vain_twice() -> None:
    bench = Bench(ack_timeout=5.0, backoff_initial=1.0, max_attempts=99)
    bench.joins("a")
    for _ in range(4):
        bench.opens()
    moments: list[float] = []
    while len(moments) < 30:
        bench.does(())
        at = bench.it.next_wakeup()
        assert at is not None
        assert at > bench.time, "it would spin"
        moments.append(at)
        bench.passes(at - bench.time)
        for _ in range(3):
            bench.does(())


def test_a_clock_that_is_set_back_holds_no_retry_up() -> None:
    bench = Bench(backoff_initial=1.0, backoff_max=1.0)
    bench.joins("a")
    bench.opens()
    bench.hands()
    bench.it.nack("a", 1, 1, "no", bench.now)
    bench.does(RetryDelivery)
    bench.step = -1_000_000.0
    bench.passes(1.0)
    assert bench.hands() == [("a", 1, 2)]


def test_a_session_that_does_not_read_gets_nothing_until_it_does() -> None:
    bench = Bench()
    bench.joins("a")
    bench.it.pause("a", True, bench.now)
    bench.opens()
    assert bench.hands() == []
    bench.it.pause("a", False, bench.now)
    assert bench.hands() == [("a", 1, 1)]


def test_only_who_has_it_at_this_attempt_holds_it() -> None:
    bench = Bench()
    bench.joins("a")
    delivery = bench.opens()
    bench.hands()
    assert bench.it.holds("a", delivery)
    assert not bench.it.holds("b", delivery)
    assert not bench.it.holds("a", attrs.evolve(delivery, attempt=2))
    bench.is_handled("a", delivery)
    assert not bench.it.holds("a", delivery)
