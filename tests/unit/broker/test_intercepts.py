"""Intercepts: one person's deliveries go to whoever develops the plugin, all else to production."""

import random
from pathlib import Path
from typing import Any

import attrs
import pytest

from slackd.broker.dispatch.actions import LoadKey, LoadKeys, SendDeliveries
from slackd.broker.dispatch.dispatcher import Dispatcher
from slackd.broker.dispatch.intercepted import intercepted_key, intercepted_person, is_intercepted
from slackd.broker.dispatch.subscriptions import steered_key
from slackd.broker.intercepts import MOST, Intercept, Intercepts, InterceptTakenError
from slackd.broker.journal.writes import CloseDelivery, Done, Lane, OpenDelivery
from slackd.config import Delivery, PluginConfig
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


@pytest.mark.parametrize(("session", "mine"), [("dev", "main/U1"), ("s", "")])
@pytest.mark.parametrize("whose", ["main/U1", "main/U2", ""])
def test_nobody_resumes_with_what_it_would_never_have_been_given(session: str, mine: str, whose: str) -> None:
    """Ids are easily guessed, and whoever has a delivery may answer it."""
    bench = Dispatch()
    bench.it.intercept("main/U2", True, bench.now)
    theirs = bench.does_something(person=whose)
    claims, rows = ((theirs.id, 1),), {theirs.id: theirs}
    bench.it.joined(session, 99, claims, rows, bench.now, named=True, person=mine)
    assert bench.it.holds(session, theirs) == (whose == mine)


def test_production_resumes_with_what_an_intercept_had_that_is_over() -> None:
    bench = Dispatch()
    theirs = bench.does_something(person="main/U9")
    bench.it.joined("s", 99, ((theirs.id, 1),), {theirs.id: theirs}, bench.now, named=True)
    assert bench.it.holds("s", theirs)


def test_after_a_crash_production_has_what_it_had_though_the_intercept_has_begun_again() -> None:
    bench = test_plugin_dispatch.Bench()
    theirs = OpenDelivery(7, 7, "p", Lane.EVENTS, intercepted_key("main/U1", "main/C1", "e"), 1)
    bench.it.restore(["s"], None, 7, bench.now)
    bench.it.intercept("main/U1", True, bench.now)
    rows = {7: theirs}
    bench.it.joined("dev", 99, ((7, 1),), rows, bench.now, named=True, person="main/U9")
    assert not bench.it.holds("dev", theirs)
    bench.it.joined("s", 99, ((7, 1),), rows, bench.now, named=True)
    assert bench.it.holds("s", theirs)


@pytest.mark.parametrize(("before", "after"), [("s", "dev"), ("dev", "s")])
def test_who_answered_the_last_of_a_key_does_not_get_the_next_one_across_an_intercepts_beginning_or_end(
    before: str, after: str
) -> None:
    bench = Dispatch()
    bench.joins("s", remembers=9)
    bench.it.joined("dev", 99, (), {}, bench.now, named=True, remembers=9, person="main/U1")
    bench.it.intercept("main/U1", before == "dev", bench.now)
    first, second = (bench.does_something(person="main/U1") for _ in range(2))
    assert bench.hands() == [(before, first.id, 1)]
    bench.it.intercept("main/U1", after == "dev", bench.now)
    assert bench.it.accept(before, first.id, 1, bench.now) is not None
    assert bench.hands() == [], "it waits until the journal has the answer"
    bench.it.committed(CloseDelivery(first.id, 1), Done(), bench.now)
    assert bench.hands() == [(after, second.id, 1)]


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


class Paged(Dispatch):
    """A dispatcher that must read what waits from a journal, in small pages."""

    def __init__(self, **rules: Any) -> None:
        super().__init__(**rules)
        config = PluginConfig("p", Path("/p"), delivery=Delivery(**{"window": 2, **rules}))
        self.it = Dispatcher(config, grace=2.0, rng=random.Random(1), now=self.now)
        self.rows: dict[int, OpenDelivery] = {}

    def waits(self, key: str) -> OpenDelivery:
        self.ids += 1
        return self.rows.setdefault(self.ids, OpenDelivery(self.ids, self.ids, "p", Lane.EVENTS, key))

    def hands_all(self) -> list[tuple[str, int, int]]:
        found = []
        while actions := self.it.end_turn():
            for action in actions:
                if isinstance(action, SendDeliveries):
                    found += [(action.session, each.id, each.attempt) for each in action.deliveries]
                elif isinstance(action, LoadKeys):
                    keys = sorted({row.key for row in self.rows.values() if row.key > (action.after or "")})
                    names = keys[: action.limit] if action.lane is Lane.EVENTS else []
                    self.it.keys_loaded(action, names, self.now)
                elif isinstance(action, LoadKey):
                    rows = [
                        row for row in self.rows.values() if row.key == action.key and row.id > action.after
                    ]
                    self.it.key_loaded(action, rows[: action.limit], self.now)
        return found


def test_a_developer_gets_what_is_in_the_journal_although_production_is_away_and_has_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("slackd.broker.dispatch.lane_queue.PAGE", 2)
    bench = Paged()
    for number in range(100):
        bench.waits(f"a/C{number:03}")
    theirs = bench.waits(intercepted_key("main/U1", "main/C1", "e"))
    bench.it.intercept("main/U1", True, bench.now)
    bench.it.joined("dev", 99, (), {}, bench.now, named=True, person="main/U1")
    assert bench.hands_all() == [("dev", theirs.id, 1)]


@pytest.mark.parametrize("seed", range(30))
def test_whatever_comes_and_goes_each_gets_its_own_and_in_the_end_all_is_handled(seed: int) -> None:
    """Developers come, go and crash, intercepts begin and end, production comes and goes."""
    rng, bench = random.Random(seed), Dispatch(window=4, max_attempts=99)
    in_force, joined, held = True, {"s", "dev"}, dict[int, str]()
    waiting: dict[int, OpenDelivery] = {}

    def deal() -> None:
        for session, id_, attempt in bench.hands():
            delivery = attrs.evolve(waiting[id_], attempt=attempt)
            assert session in joined
            assert not any(waiting[each].key == delivery.key for each in held), "one of a key at a time"
            if is_intercepted(delivery.key):
                assert session == ("dev" if in_force else "s")
            else:
                assert session == "s"
            waiting[id_], held[id_] = delivery, session

    def leaves(session: str) -> None:
        joined.discard(session)
        bench.it.left(session, bench.now)
        for id_ in [each for each, owner in held.items() if owner == session]:
            del held[id_]
        bench.passes(2.1)

    for _ in range(150):
        match rng.choice(
            ("opens", "opens", "handles", "handles", "fails", "dev", "production", "intercept", "time")
        ):
            case "opens":
                person = rng.choice(("", "main/U1"))
                made = bench.does_something(f"main/C{rng.randrange(3)}", person if in_force else "")
                waiting[made.id] = made
            case "handles" if held:
                id_ = rng.choice(sorted(held))
                assert bench.is_handled(held.pop(id_), waiting.pop(id_))
            case "fails" if held:
                id_ = rng.choice(sorted(held))
                assert bench.it.nack(held.pop(id_), id_, waiting[id_].attempt, "a bug", bench.now)
            case "dev" | "production" as who:
                session = "dev" if who == "dev" else "s"
                if session in joined:
                    leaves(session)
                elif session == "s" or in_force:
                    person = "main/U1" if session == "dev" else ""
                    bench.it.joined(session, 99, (), {}, bench.now, named=True, person=person)
                    joined.add(session)
            case "intercept":
                if in_force and "dev" in joined:
                    leaves("dev")
                in_force = not in_force
                bench.it.intercept("main/U1", in_force, bench.now)
            case "time":
                bench.passes(rng.uniform(0, 3))
        deal()
    if "dev" in joined:
        leaves("dev")
    in_force = False
    bench.it.intercept("main/U1", False, bench.now)
    if "s" not in joined:
        bench.joins("s")
        joined.add("s")
    for _ in range(10 * len(waiting) + 10):
        deal()
        for id_ in sorted(held):
            assert bench.is_handled(held.pop(id_), waiting.pop(id_))
        bench.passes(60)
    assert waiting == {}
