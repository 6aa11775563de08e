"""Whose turn it is to call Slack, against a Slack that takes one message a second in each channel."""

import heapq
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from slackd.broker.call_queue import ABREAST, FORGOTTEN_AFTER, CallQueue, Ticket

POST = "chat.postMessage"


class Slack:
    """A Slack that takes one call a second in each lane, and says so with a 429; an answer takes 0.1 s."""

    def __init__(self) -> None:
        self.queue = CallQueue()
        self.now = 0.0
        self.made: Counter[tuple[str, str, str]] = Counter()
        self.done: list[tuple[float, Ticket]] = []
        self.last: dict[tuple[str, str, str], float] = {}
        self._answers: list[tuple[float, int, Ticket, bool]] = []

    def asks(self, plugin: str, channel: str, count: int) -> list[Ticket]:
        tickets = [Ticket(("main", POST, channel), plugin) for _ in range(count)]
        for ticket in tickets:
            self.queue.enter(ticket)
        return tickets

    def run(self, until: float = 1_000.0) -> None:
        while self.now < until:
            for ticket in self.queue.take(self.now):
                self.made[ticket.lane] += 1
                taken = self.now - self.last.get(ticket.lane, -1.0) >= 1.0
                if taken:
                    self.last[ticket.lane] = self.now
                heapq.heappush(self._answers, (self.now + 0.1, ticket.number, ticket, taken))
            due = self.queue.next_due(self.now)
            times = [each for each in (due, self._answers[0][0] if self._answers else None) if each is not None]
            if not times:
                return
            self.now = max(self.now, min(times))
            while self._answers and self._answers[0][0] <= self.now:
                _, _, ticket, taken = heapq.heappop(self._answers)
                if taken:
                    self.done.append((self.now, ticket))
                    self.queue.leave(ticket, self.now, answered=True)
                else:
                    self.queue.refused(ticket, 1.0, self.now)


def test_fifty_messages_at_once_to_one_channel_all_go_out_with_few_calls_too_many() -> None:
    slack = Slack()
    tickets = slack.asks("bot", "C1", 50)
    slack.run()
    assert len(slack.done) == 50
    assert sum(slack.made.values()) <= 75, "372 calls were made once, and 42 messages failed"
    assert max(each.refusals for each in tickets) < 8
    assert slack.now < 80


def test_they_go_out_in_the_order_in_which_they_came() -> None:
    slack = Slack()
    slack.asks("bot", "C1", 30)
    slack.run()
    late = [ticket.number for at, ticket in slack.done if at > 0.2]
    assert late == sorted(late)


def test_other_channels_do_not_wait() -> None:
    slack = Slack()
    slack.asks("bot", "C1", 20)
    slack.run(until=3.0)
    (other,) = slack.asks("bot", "C2", 1)
    asked_at = slack.now
    slack.run()
    assert next(at for at, ticket in slack.done if ticket is other) == asked_at + 0.1


def test_plugins_take_turns() -> None:
    slack = Slack()
    slack.asks("greedy", "C1", 50)
    slack.run(until=2.0)
    asked_at = slack.now
    modest = slack.asks("modest", "C1", 3)
    slack.run()
    last = max(at for at, ticket in slack.done if ticket in modest)
    assert last - asked_at < 10, "not behind the fifty"


def test_after_a_429_one_probe_goes_when_its_time_is_over_and_nothing_before() -> None:
    queue = CallQueue()
    first, second, third = (Ticket(("main", POST, "C1"), "bot") for _ in range(3))
    for each in (first, second, third):
        queue.enter(each)
    assert queue.take(0.0) == [first, second, third]
    for each in (first, second, third):
        queue.refused(each, 5.0, 0.0)
    assert queue.take(4.9) == []
    assert queue.wait_for(first.lane, 1.0) == 4.0
    assert queue.next_due(1.0) == 5.0
    assert queue.take(5.0) == [first]
    assert queue.take(6.0) == [], "the probe's answer is not there yet"
    queue.leave(first, 6.0, answered=True)
    assert queue.take(6.0) == [second]


def test_without_a_limit_a_few_go_abreast() -> None:
    queue = CallQueue()
    for _ in range(ABREAST + 3):
        queue.enter(Ticket(("main", "users.info", ""), "bot"))
    assert len(queue.take(0.0)) == ABREAST


def test_a_limit_is_forgotten_when_the_lane_was_empty_for_long() -> None:
    queue = CallQueue()
    ticket = Ticket(("main", POST, "C1"), "bot")
    queue.enter(ticket)
    queue.take(0.0)
    queue.refused(ticket, 1.0, 0.0)
    queue.give_up(ticket, 0.5)
    assert queue.wait_for(ticket.lane, 0.5) == 0.5
    queue.next_due(0.5 + FORGOTTEN_AFTER)
    for _ in range(2):
        queue.enter(Ticket(ticket.lane, "bot"))
    assert len(queue.take(FORGOTTEN_AFTER + 1.0)) == 2


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(("C1", "C2")), st.integers(1, 4)), max_size=6))
def test_nobody_is_forgotten_and_nobody_goes_twice(asked: list[tuple[str, str, int]]) -> None:
    slack = Slack()
    tickets = [each for plugin, channel, count in asked for each in slack.asks(plugin, channel, count)]
    slack.run()
    assert sorted(each.number for _, each in slack.done) == [each.number for each in tickets]


def test_channels_that_a_plugin_invents_are_forgotten_with_their_calls() -> None:
    queue = CallQueue()
    for number in range(1_000):
        queue.enter(Ticket(("main", POST, f"C{number}"), "bot"))
        (ticket,) = queue.take(0.0)
        queue.leave(ticket, 0.1, answered=True)
    given_up = Ticket(("main", POST, "C"), "bot")
    queue.enter(given_up)
    queue.give_up(given_up, 0.2)
    assert not queue._lanes
    assert queue.take(0.3) == []
