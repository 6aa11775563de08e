"""Deliveries that go ahead of their turn, to a program that keeps the order of a key itself (promise P3)."""

import random
from pathlib import Path
from typing import Any

import attrs
import pytest

from slackd.broker.dispatch.actions import PAGE, LoadKey, SendDeliveries, TakeBack
from slackd.broker.dispatch.dispatcher import Dispatcher
from slackd.broker.dispatch.followers import AHEAD_OF_KEY
from slackd.broker.dispatch.leases import LeaseState
from slackd.broker.instant import Instant
from slackd.broker.journal.writes import (
    AnswerState,
    CloseDelivery,
    Done,
    Lane,
    OpenDelivery,
    RetryDelivery,
    StoredEnvelope,
)
from slackd.config import Delivery, PluginConfig
from tests.support.dispatch import wanted

EPOCH = 1_800_000_000.0
GRACE = 2.0
TEXT = StoredEnvelope(1, "main", "e", "events_api", "{}", EPOCH, AnswerState.NONE, None, "")


class Bench:
    """One plugin, whose deliveries are all in memory with their texts."""

    def __init__(self, **rules: Any) -> None:
        self.time = 0.0
        plugin = PluginConfig("p", Path("/p"), delivery=Delivery(**{"window": 9, "ack_timeout": 30.0, **rules}))
        self.it = Dispatcher(plugin, grace=GRACE, rng=random.Random(1), now=self.now, empty=True)
        self.ids = 0

    @property
    def now(self) -> Instant:
        return Instant(self.time, EPOCH + self.time)

    def opens(self, key: str = "k", **more: Any) -> OpenDelivery:
        self.ids += 1
        kept = {"lane": Lane.EVENTS, "stored": TEXT, **more}
        delivery = OpenDelivery(self.ids, self.ids, "p", key=key, **kept)
        self.it.opened([delivery], self.now)
        return delivery

    def joins(self, session: str = "a", *claims: OpenDelivery, **more: Any) -> None:
        said = {"window": 9, "remembers": 99, "ahead": 99, **more}
        pairs, rows = [(each.id, each.attempt) for each in claims], {each.id: each for each in claims}
        self.it.joined(session, claims=pairs, rows=rows, now=self.now, named=True, **said)

    def does(self, kind: Any) -> list[Any]:
        return wanted(self.it, kind, self.now)

    def hands(self) -> list[tuple[str, str, str]]:
        """What goes out: the session, which attempt of which delivery, and which it follows."""
        return [
            (send.session, f"{each.id}.{each.attempt}", send.after.get(each.id, ""))
            for send in self.does(SendDeliveries)
            for each in send.deliveries
        ]

    def answers(self, delivery: OpenDelivery, session: str = "a") -> bool:
        return self.it.accept(session, delivery.id, delivery.attempt, self.now) is not None

    def commits(self, delivery: OpenDelivery) -> None:
        self.it.committed(CloseDelivery(delivery.id, delivery.attempt), Done(), self.now)

    def passes(self, seconds: float) -> None:
        self.time += seconds
        self.it.tick(self.now)

    def states(self) -> dict[int, LeaseState]:
        return {each.delivery.id: each.state for each in self.it.leases()}


def test_what_follows_goes_to_the_same_session_and_says_what_it_follows() -> None:
    bench = Bench()
    bench.joins("a")
    bench.joins("b")
    for _ in range(3):
        bench.opens()
    bench.opens("other")
    assert bench.hands() == [("a", "1.1", ""), ("a", "2.1", "1.1"), ("a", "3.1", "2.1"), ("b", "4.1", "")]


@pytest.mark.parametrize("said", [{"ahead": 0}, {"remembers": 0}], ids=["says nothing", "remembers nothing"])
def test_nothing_goes_ahead_to_a_program_that(said: dict[str, Any]) -> None:
    bench = Bench()
    bench.joins(**said)
    bench.opens()
    bench.opens()
    assert bench.hands() == [("a", "1.1", "")]


def test_a_session_has_as_many_ahead_as_it_says_and_a_key_a_bounded_number() -> None:
    bench = Bench()
    bench.joins(ahead=2)
    for _ in range(5):
        bench.opens()
    assert len(bench.hands()) == 1 + 2
    another = Bench()
    another.joins()
    for _ in range(AHEAD_OF_KEY + 5):
        another.opens()
    assert len(another.hands()) == 1 + AHEAD_OF_KEY


def test_what_waits_takes_no_slot_of_another_key() -> None:
    bench = Bench(window=2)
    bench.joins()
    for _ in range(4):
        bench.opens()
    bench.hands()
    bench.opens("other")
    assert bench.hands() == [("a", "5.1", "")]


def test_with_the_answer_comes_the_turn_of_the_next_and_one_more_goes_ahead() -> None:
    bench = Bench()
    bench.joins(ahead=1)
    first, second, _ = bench.opens(), bench.opens(), bench.opens()
    bench.hands()
    assert bench.states() == {1: LeaseState.HELD, 2: LeaseState.WAITING}
    assert not bench.answers(second), "it is not its turn"
    assert bench.answers(first)
    assert bench.hands() == [("a", "3.1", "2.1")]
    assert bench.answers(second)


def test_the_program_goes_on_though_it_remembers_no_more_and_the_window_is_kept() -> None:
    bench = Bench(window=1)
    bench.joins(remembers=1, ahead=2)
    first, second, third, _ = (bench.opens() for _ in range(4))
    bench.hands()
    assert all(bench.answers(each) for each in (first, second, third))
    assert bench.hands() == [], "the slots wait for the journal"
    assert [each.value for each in bench.states().values()] == ["answered", "committing", "committing"]
    for each in (first, second, third):
        bench.commits(each)
    assert [each[1] for each in bench.hands()] == ["4.1"]


def test_a_nack_takes_back_what_follows_and_the_next_attempt_goes_first() -> None:
    bench = Bench()
    bench.joins()
    first, _, _ = bench.opens(), bench.opens(), bench.opens()
    bench.hands()
    assert bench.it.nack("a", first.id, 1, "no", bench.now, retry_after=5.0)
    assert bench.states() == {1: LeaseState.COMMITTING}
    assert bench.does(SendDeliveries | TakeBack) == [], "its program knows, and threw them away"
    assert bench.hands() == []
    bench.passes(5.0)
    assert bench.hands() == [("a", "1.2", ""), ("a", "2.1", "1.2"), ("a", "3.1", "2.1")]


def test_of_a_timeout_the_program_hears_what_was_taken_back() -> None:
    bench = Bench(ack_timeout=10.0)
    bench.joins()
    first, second, third = bench.opens(), bench.opens(), bench.opens()
    bench.hands()
    bench.passes(10.0)
    [taken_back] = bench.does(TakeBack)
    assert taken_back == TakeBack("p", "a", (second, third))
    assert not bench.answers(first)
    assert not bench.answers(second), "too late: it goes again"


def test_what_crossed_the_word_that_it_was_taken_back_goes_to_another_session_as_the_same_attempt() -> None:
    bench = Bench(ack_timeout=10.0, backoff_initial=1.0)
    bench.joins("a")
    first, second = bench.opens(), bench.opens()
    bench.hands()
    bench.it.pause("a", True, bench.now)
    bench.joins("b")
    bench.passes(10.0)
    assert bench.does(TakeBack) == [TakeBack("p", "a", (second,))]
    bench.passes(1.0)
    assert bench.hands() == [("b", "1.2", ""), ("b", "2.1", "1.2")]
    assert bench.answers(attrs.evolve(first, attempt=2), "b")
    assert not bench.answers(second, "a"), "it began this one when its answer to the first was on its way"
    assert bench.answers(second, "b")


def test_of_two_sessions_that_have_begun_the_same_attempt_the_first_to_come_back_has_it() -> None:
    bench = Bench()
    bench.it.restore(["a", "b"], None, 1, bench.now)
    begun = OpenDelivery(1, 1, "p", key="k", lane=Lane.EVENTS, stored=TEXT)
    bench.joins("a", begun)
    bench.joins("b", begun)
    assert not bench.answers(begun, "b")
    assert bench.answers(begun, "a")


def test_the_time_of_what_waits_does_not_run_and_begins_with_its_turn() -> None:
    bench = Bench(ack_timeout=10.0)
    bench.joins()
    first, second = bench.opens(), bench.opens()
    bench.hands()
    bench.passes(9.0)
    bench.it.extend("a", first.id, 1, bench.now)
    bench.it.extend("a", second.id, 1, bench.now)
    bench.passes(9.0)
    assert bench.answers(first)
    bench.passes(9.0)
    assert bench.states()[second.id] is LeaseState.HELD
    bench.passes(1.0)
    assert bench.states()[second.id] is LeaseState.COMMITTING


def test_what_gives_up_its_place_lets_what_follows_have_its_turn() -> None:
    bench = Bench()
    bench.joins()
    first, second = bench.opens(), bench.opens()
    bench.hands()
    bench.it.unorder("a", first.id, 1, bench.now)
    assert bench.answers(second)
    assert bench.it.nack("a", first.id, 1, "no", bench.now)


def test_nothing_that_waits_is_an_attempt_when_its_session_ends() -> None:
    bench = Bench()
    bench.joins()
    for _ in range(3):
        bench.opens()
    bench.hands()
    bench.it.left("a", bench.now)
    bench.passes(GRACE)
    assert [each.delivery for each in bench.does(RetryDelivery)] == [1]
    bench.joins("b", ahead=0)
    assert bench.hands() == [("b", "1.2", "")]


def test_what_waited_and_is_not_claimed_was_never_begun() -> None:
    bench = Bench()
    bench.joins()
    first, _, _ = bench.opens(), bench.opens(), bench.opens()
    bench.hands()
    bench.it.left("a", bench.now)
    bench.joins("a", first)
    assert bench.states() == {1: LeaseState.HELD}
    assert bench.answers(first)
    assert bench.hands() == [("a", "2.1", ""), ("a", "3.1", "2.1")]


def test_what_was_begun_before_the_answer_arrived_is_claimed_with_it() -> None:
    bench = Bench()
    bench.joins()
    first, second, _ = bench.opens(), bench.opens(), bench.opens()
    bench.hands()
    bench.it.left("a", bench.now)
    bench.joins("a", second, first)
    assert bench.answers(first), "the answer that was lost with its connection"
    assert bench.answers(second)


def test_what_is_claimed_without_the_one_before_it_goes_after_that() -> None:
    bench = Bench()
    bench.joins()
    _, second = bench.opens(), bench.opens()
    bench.hands()
    bench.it.left("a", bench.now)
    bench.joins("a", second)
    assert bench.hands() == [("a", "1.1", ""), ("a", "2.1", "1.1")]


def test_a_clean_stop_leaves_what_waits_to_nobody() -> None:
    bench = Bench()
    bench.joins()
    bench.opens()
    bench.opens()
    bench.hands()
    noted = bench.it.in_flight()
    assert noted is not None
    assert [each.delivery for each in noted] == [1]


def test_a_session_that_leaves_gets_nothing_more_and_what_waited_goes_to_others() -> None:
    bench = Bench()
    bench.joins("a")
    first, _, _ = bench.opens(), bench.opens(), bench.opens()
    bench.hands()
    bench.joins("b")
    bench.it.leaving("a", [(first.id, 1)], bench.now)
    bench.opens("other")
    assert bench.hands() == [("b", "4.1", "")]
    assert bench.answers(first)
    bench.commits(first)
    assert bench.hands() == [("b", "2.1", ""), ("b", "3.1", "2.1")]


def test_what_came_to_a_session_that_had_left_already_is_no_attempt() -> None:
    bench = Bench(max_attempts=1)
    bench.joins("a")
    bench.opens("k")
    bench.opens("l")
    bench.hands()
    bench.joins("b")
    bench.it.leaving("a", [(1, 1), (2, 7)], bench.now)
    assert bench.hands() == [("b", "2.1", "")]


@pytest.mark.parametrize(
    "more",
    [{"stored": None}, {"not_before": EPOCH + 1.0}, {"expires_at": EPOCH - 1.0}, {"lane": Lane.PROMPT}],
    ids=["is to be read", "waits for its time", "comes too late", "has a person waiting"],
)
def test_what_stays_behind(more: dict[str, Any]) -> None:
    bench = Bench()
    bench.joins()
    bench.opens(**({"lane": more["lane"]} if "lane" in more else {}))
    bench.opens(**more)
    assert bench.hands() == [("a", "1.1", "")]


def test_nothing_goes_ahead_behind_what_is_still_to_be_read_from_the_journal() -> None:
    bench = Bench()
    bench.joins()
    bench.opens(stored=None)
    bench.opens()
    assert bench.hands() == [("a", "1.1", "")]


def test_a_full_session_keeps_no_other_from_getting_something_ahead() -> None:
    bench = Bench()
    bench.joins("a", ahead=1)
    bench.joins("b", ahead=1)
    for key in ("k", "l", "k", "k", "l"):
        bench.opens(key)
    assert bench.hands() == [("a", "1.1", ""), ("a", "3.1", "1.1"), ("b", "2.1", "")]
    bench.opens("m")
    assert bench.hands() == [("a", "6.1", ""), ("b", "5.1", "2.1")]


def test_a_later_attempt_that_is_taken_back_keeps_its_attempt() -> None:
    bench = Bench()
    bench.joins()
    first, second = bench.opens(), bench.opens()
    bench.hands()
    assert bench.answers(first)
    bench.commits(first)
    assert bench.it.nack("a", second.id, 1, "no", bench.now, retry_after=0.0)
    third = bench.opens()
    bench.does(SendDeliveries)
    assert bench.hands() == [("a", "2.2", ""), ("a", "3.1", "2.2")]
    assert bench.answers(attrs.evolve(second, attempt=2))
    assert bench.answers(third)


def test_the_next_page_of_a_busy_channel_is_asked_for_while_half_a_page_is_left() -> None:
    bench = Bench()
    bench.joins()
    opened = [bench.opens() for _ in range(2 * PAGE)]
    asked_at = []
    for delivery in opened[: PAGE // 2 + 2]:
        asked_at += [delivery.id for each in bench.does(LoadKey)]
        bench.answers(delivery)
        bench.commits(delivery)
    left = PAGE - asked_at[0] - AHEAD_OF_KEY
    assert left == pytest.approx(PAGE // 2, abs=1)


def test_what_its_program_has_begun_counts_though_the_word_that_its_turn_came_was_lost() -> None:
    bench = Bench()
    bench.joins("a")
    first, second, third = (bench.opens() for _ in range(3))
    bench.hands()
    bench.it.left("a", bench.now)  # and with the connection `unorder` for the first
    bench.joins("a", first, second)
    assert bench.answers(second)
    bench.commits(second)
    assert bench.hands() == [("a", "3.1", "")]
    assert bench.answers(first)
    assert bench.answers(third)
