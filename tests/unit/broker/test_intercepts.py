"""Intercepts: one person's deliveries go to whoever develops the plugin, all else to production."""

from typing import Any

import attrs
import pytest

from slackd.broker.dispatch.dispatcher import SendDeliveries
from slackd.broker.dispatch.intercepted import intercepted_key, intercepted_person, is_intercepted
from slackd.broker.dispatch.subscriptions import steered_key
from slackd.broker.intercepts import MOST, Intercept, Intercepts, InterceptTakenError
from slackd.broker.journal.writes import OpenDelivery
from tests.support.slack_texts import command, event
from tests.unit.broker import test_ingest, test_plugin_dispatch
from tests.unit.broker.test_ingest import RESPONDS, payloads, plugin

DEV = Intercept("bot", "main", "U1", 1000, "ticket")


class Bench(test_ingest.Bench):
    """A core with production's session `s`, and a developer's `dev`."""

    def begins(self, intercept: Intercept = DEV) -> None:
        self.core.begin_intercept(intercept, self.now)
        self.pump()

    def dev_joins(self, session: str = "dev", intercept: Intercept = DEV) -> list[Any]:
        self.core.joined(intercept.plugin, session, 99, (), {}, self.now, named=True, person=intercept.person)
        return self.pump()

    def sent(self, *texts: str) -> list[tuple[str, str]]:
        return [sent_to(each) for each in self.deliver(*texts) if isinstance(each, SendDeliveries)]


def sent_to(send: SendDeliveries) -> tuple[str, str]:
    return send.session, ",".join(each.key for each in send.deliveries)


def test_what_the_person_does_goes_to_the_developer_and_all_else_to_production() -> None:
    bench = Bench(plugin(RESPONDS))
    bench.begins()
    bench.dev_joins()
    assert bench.sent(command(user_id="U1")) == [("dev", "dev:main/U1 main/C1/U1")]
    assert bench.sent(command(2, user_id="U2")) == [("s", "main/C1/U2")]


def test_without_an_intercept_no_key_is_another_than_before() -> None:
    bench = Bench(plugin(RESPONDS))
    assert bench.sent(command(user_id="U1")) == [("s", "main/C1/U1")]


def test_the_person_waits_for_a_developer_who_starts_again_and_production_never_gets_it() -> None:
    bench = Bench(plugin(RESPONDS))
    bench.begins()
    assert bench.sent(event()) == []
    assert [sent_to(each)[0] for each in bench.dev_joins() if isinstance(each, SendDeliveries)] == ["dev"]


def test_when_the_intercept_ends_what_waits_and_what_the_developer_had_goes_to_production() -> None:
    bench = Bench(plugin(RESPONDS))
    bench.begins()
    bench.dev_joins()
    assert [session for session, _ in bench.sent(event(1))] == ["dev"]
    bench.core.left("bot", "dev", bench.now)
    elsewhere = {"type": "message", "channel": "C2", "channel_type": "channel", "user": "U1", "ts": "2.0"}
    assert bench.sent(event(2, elsewhere)) == []
    bench.core.end_intercept(DEV, bench.now)
    assert [sent_to(each)[0] for each in bench.pump() if isinstance(each, SendDeliveries)] == ["s"]
    after = bench.passes(2.1)
    assert [sent_to(each)[0] for each in after if isinstance(each, SendDeliveries)] == ["s"]


def test_a_developers_session_counts_for_nobody_else() -> None:
    bench = Bench(plugin(RESPONDS), connected=False)
    bench.begins()
    bench.dev_joins()
    bench.passes(20)
    assert "not available" in str(payloads(bench.deliver(command(user_id="U2")))[0])
    assert [session for session, _ in bench.sent(command(2, user_id="U1"))] == ["dev"]


def test_one_person_of_one_plugin_is_one_developers() -> None:
    intercepts = Intercepts()
    intercepts.begin(DEV)
    with pytest.raises(InterceptTakenError, match="uid 1000 develops bot as U1 of main already"):
        intercepts.begin(attrs.evolve(DEV, uid=1001, ticket="other"))
    intercepts.begin(attrs.evolve(DEV, user="U2", ticket="other"))
    assert intercepts.of_ticket("other") == attrs.evolve(DEV, user="U2", ticket="other")
    intercepts.end(DEV)
    assert intercepts.of_ticket("ticket") is None


def test_there_are_no_more_of_them_than_may_be() -> None:
    intercepts = Intercepts()
    for number in range(MOST):
        intercepts.begin(attrs.evolve(DEV, user=f"U{number}"))
    with pytest.raises(InterceptTakenError, match="the most there may be"):
        intercepts.begin(attrs.evolve(DEV, user="U99"))


@pytest.mark.parametrize(
    ("key", "intercepted"),
    [
        ("main/C1", "dev:main/U1 main/C1"),
        ("control:main/C1/1.2", "control:dev:main/U1 main/C1/1.2"),
        ("", "dev:main/U1 e7"),
    ],
)
def test_the_key_names_the_person_and_steers_the_persons_turn(key: str, intercepted: str) -> None:
    made = intercepted_key("main/U1", key, "e7")
    assert made == intercepted
    assert is_intercepted(made)
    assert intercepted_person(made) == "main/U1"
    assert not is_intercepted(key)
    assert intercepted_person(key) == ""
    if (turn := steered_key(key)) is not None:
        assert steered_key(made) == intercepted_key("main/U1", turn, "e7")


class Dispatch(test_plugin_dispatch.Bench):
    """A dispatcher with production's session `s` and a developer's `dev`."""

    def __init__(self, **rules: Any) -> None:
        super().__init__(**rules)
        self.joins("s")
        self.it.intercept("main/U1", True, self.now)
        self.it.joined("dev", 99, (), {}, self.now, named=True, person="main/U1")

    def does_something(self, key: str = "main/C1", person: str = "") -> OpenDelivery:
        return self.opens(intercepted_key(person, key, "e") if person else key)


def test_a_developer_at_a_breakpoint_takes_no_slot_of_productions_window() -> None:
    bench = Dispatch(window=1)
    theirs, ours = bench.does_something(person="main/U1"), bench.does_something()
    assert bench.hands() == [("dev", theirs.id, 1), ("s", ours.id, 1)]
    assert bench.is_handled("s", ours)
    ours = bench.does_something()
    assert bench.hands() == [("s", ours.id, 1)]
    assert bench.is_handled("dev", theirs)


def test_a_busy_production_leaves_the_developer_room() -> None:
    bench = Dispatch(window=1)
    ours = bench.does_something()
    assert bench.hands() == [("s", ours.id, 1)]
    theirs = bench.does_something(person="main/U1")
    assert bench.hands() == [("dev", theirs.id, 1)]


def test_a_persons_deliveries_stay_in_their_order() -> None:
    bench = Dispatch()
    first, second = (bench.does_something(person="main/U1") for _ in range(2))
    assert bench.hands() == [("dev", first.id, 1)]
    assert bench.is_handled("dev", first)
    assert bench.hands() == [("dev", second.id, 1)]


def test_a_developer_whose_window_is_full_is_waited_for() -> None:
    bench = Dispatch()
    bench.it.joined("dev", 1, (), {}, bench.now, named=True, person="main/U1")
    first, second = (bench.does_something(f"main/C{number}", "main/U1") for number in range(2))
    assert bench.hands() == [("dev", first.id, 1)]
    assert bench.is_handled("dev", first)
    assert bench.hands() == [("dev", second.id, 1)]


def test_an_intercepted_delivery_that_fails_is_tried_again_with_the_developer() -> None:
    bench = Dispatch()
    theirs = bench.does_something(person="main/U1")
    assert bench.hands() == [("dev", theirs.id, 1)]
    assert bench.it.nack("dev", theirs.id, 1, "a bug", bench.now)
    assert bench.hands() == []
    bench.passes(1.1)
    assert bench.hands() == [("dev", theirs.id, 2)]


def test_a_delivery_of_an_intercept_that_nobody_remembers_goes_to_production() -> None:
    """The broker was started again: the key is in the journal, the intercept is not."""
    bench = Dispatch()
    theirs = bench.does_something(person="main/U9")
    assert bench.hands() == [("s", theirs.id, 1)]


def test_a_window_given_back_by_an_intercepted_delivery_is_no_wider_than_before() -> None:
    bench = Dispatch(window=1)
    for _ in range(3):
        theirs = bench.does_something(person="main/U1")
        assert bench.hands() == [("dev", theirs.id, 1)]
        assert bench.is_handled("dev", theirs)
    first, _ = bench.does_something("main/C1"), bench.does_something("main/C2")
    assert bench.hands() == [("s", first.id, 1)]
