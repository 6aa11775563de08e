"""A person who stops an agent is heard while the turn that is to stop is still in flight, by who has it."""

from pathlib import Path

from slackd.broker.dispatch.dealing import STEER_AGAIN_AFTER
from slackd.broker.dispatch.held_up import HELD_UP_AFTER
from slackd.broker.dispatch.subscriptions import Matcher, control_key, ordering_key
from slackd.broker.journal.writes import Lane, OpenDelivery
from slackd.broker.notices import EVERY, RegularNotices
from slackd.config import Delivery, OrderBy, PluginConfig, Subscription
from slackd.slack.envelopes import EVENTS
from tests.support.slack_texts import event, understood
from tests.unit.broker.test_plugin_dispatch import Bench

PROMPT = {"type": "app_mention", "channel": "C1", "user": "U1", "ts": "1.0"}
STOP = {"type": "agent_session_stopped", "channel": "C1", "user": "U1", "thread_ts": "1.0"}


def stop_of(bench: Bench, turn: OpenDelivery) -> OpenDelivery:
    bench.ids += 1
    stop = OpenDelivery(bench.ids, bench.ids, "p", Lane.PROMPT, f"control:{turn.key}")
    bench.it.opened([stop], bench.now)
    return stop


def test_it_travels_in_the_prompt_lane_under_a_key_that_names_the_turns() -> None:
    for order_by in OrderBy:
        plugin = PluginConfig(
            "p", Path(__file__), subscriptions=(Subscription(EVENTS),), delivery=Delivery(order_by=order_by)
        )
        (turn,) = Matcher({"p": plugin}).matches(understood(event(event=PROMPT)))
        (stop,) = Matcher({"p": plugin}).matches(understood(event(2, event=STOP)))
        assert (turn.lane, stop.lane) == (Lane.EVENTS, Lane.PROMPT)
        assert stop.key
        assert stop.key != turn.key
        if order_by is not OrderBy.NONE:
            assert stop.key == f"control:{turn.key}"


def test_keys_of_other_turns_are_others() -> None:
    other = understood(event(event={**STOP, "thread_ts": "2.0"}))
    mine = understood(event(event=STOP))
    assert control_key(OrderBy.THREAD, mine) != control_key(OrderBy.THREAD, other)
    assert control_key(OrderBy.NONE, mine) != control_key(OrderBy.NONE, other)
    assert ordering_key(OrderBy.NONE, mine) == ""


def test_it_overtakes_the_turn_and_goes_to_the_session_that_has_it() -> None:
    for _ in range(2):
        bench = Bench()
        for session in ("a", "b", "c"):
            bench.joins(session)
        turn = bench.opens("main/C1/1.0")
        ((owner, _, _),) = bench.hands()
        stop = stop_of(bench, turn)
        assert bench.hands() == [(owner, stop.id, 1)]


def test_it_waits_for_a_session_that_is_back_in_a_moment_and_no_longer_than_that() -> None:
    bench = Bench()
    bench.joins("a")
    bench.joins("b")
    turn = bench.opens("k")
    assert bench.hands() == [("a", turn.id, 1)]
    bench.it.left("a", bench.now)
    stop = stop_of(bench, turn)
    assert bench.hands() == []
    bench.joins("a", turn)
    bench.passes(STEER_AGAIN_AFTER)
    assert bench.hands() == [("a", stop.id, 1)]


def test_without_a_turn_in_flight_anybody_gets_it() -> None:
    bench = Bench()
    bench.joins("a")
    turn = bench.opens("k")
    bench.hands()
    bench.is_handled("a", turn)
    stop = stop_of(bench, turn)
    assert bench.hands() == [("a", stop.id, 1)]


def test_one_stuck_thread_that_delays_its_channel_is_said_with_what_helps() -> None:
    bench = Bench(order_by=OrderBy.CHANNEL, ack_timeout=1_000.0)
    bench.joins("a")
    stuck = bench.opens("k")
    assert bench.hands() == [("a", stuck.id, 1)]
    bench.passes(HELD_UP_AFTER)
    assert bench.it.held_up(bench.now) == [], "nobody waits"
    bench.opens("k")
    (found,) = bench.it.held_up(bench.now)
    assert (found.delivery, found.place, found.waiting) == (stuck.id, "channel", 1)
    plugin, notices = PluginConfig("p", Path("/etc/p.toml")), RegularNotices()
    (line,) = notices.held_up(plugin, [found], 0.0)
    assert 'order_by = "thread"' in line.text
    assert "1 delivery" in line.text
    assert notices.held_up(plugin, [found], EVERY - 1) == []
    assert notices.held_up(plugin, [found], EVERY) != []


def test_a_thread_that_holds_up_itself_alone_is_no_news() -> None:
    bench = Bench(order_by=OrderBy.THREAD, ack_timeout=1_000.0)
    bench.joins("a")
    bench.opens("k")
    bench.hands()
    bench.opens("k")
    bench.passes(2 * HELD_UP_AFTER)
    assert bench.it.held_up(bench.now) == []


def test_envelopes_that_come_again_are_said_once_a_minute_and_app() -> None:
    notices = RegularNotices()
    assert notices.duplicates({}, 0.0) == []
    (line,) = notices.duplicates({("main", "events_api"): 1}, 1.0)
    assert (line.subject, line.text.startswith("main: 1 envelope came again")) == ("main", True)
    more = {("main", "events_api"): 3, ("main", "slash_commands"): 2, ("other", "events_api"): 1}
    assert [each.subject for each in notices.duplicates(more, 2.0)] == ["other"]
    (line,) = notices.duplicates(more, 1.0 + EVERY)
    assert "4 envelopes" in line.text
    assert notices.duplicates(more, 1_000.0) == []
