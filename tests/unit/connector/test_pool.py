"""The pool, row by row: what Slack says and what the network does, and what the pool does about it."""

import logging
import random
from collections.abc import Callable

import pytest

from slackd.connector.socketmode import dial_failures
from slackd.connector.socketmode.actions import Action, CloseConnection, Dial, EndWaiting, Moved, Ping
from slackd.connector.socketmode.draining import BEFORE_FAREWELL, FAREWELL, LAST_PATIENCE, QUIET_PATIENCE
from slackd.connector.socketmode.pool import Pool
from slackd.connector.socketmode.protocol import Disconnect, SlackHello
from slackd.connector.socketmode.transitions import PoolPolicy
from slackd.connector.socketmode.troubles import ALL_SILENT, UNKNOWN_REASONS
from tests.unit.connector.pool_world import PoolWorld


@pytest.fixture
def world() -> PoolWorld:
    """One connection that is READY."""
    world = PoolWorld(1)
    world.start()
    world.run(5)
    assert world.ready == ["c1-main-1"]
    return world


def happen(world: PoolWorld) -> list[Action]:
    """What the pool wants at once; it is carried out, too."""
    actions = list(world.todo)
    world.carry_out()
    return actions


def no_place(world: PoolWorld) -> Callable[[str], None]:
    return lambda name: world.disconnect(name, "too_many_websockets")


def dials(actions: list[Action]) -> int:
    return sum(isinstance(action, Dial) for action in actions)


@pytest.mark.parametrize("reason", ["warning", "refresh_requested", "a reason of next year"])
def test_an_announced_end_is_answered_with_a_dial_at_once(world: PoolWorld, reason: str) -> None:
    world.todo += world.pool.said_disconnect("c1-main-1", Disconnect(reason), world.now)
    assert dials(happen(world)) == 1
    assert world.in_phase("leaving") == ["c1-main-1"]
    world.run(2)
    assert world.only() == "c1-main-2"
    assert world.in_phase("retiring") == ["c1-main-1"]
    assert ("disconnect-unknown" in world.warnings()) == (reason == "a reason of next year")


def test_a_reason_that_nobody_knows_is_logged_once_however_often_slack_says_it(world: PoolWorld) -> None:
    for number in range(100):
        reason = "a reason of next year" if number < 50 else f"reason {number}"
        for connection in world.ready[:1]:
            world.todo += world.pool.said_disconnect(connection, Disconnect(reason), world.now)
        world.run(60)
    said = [name for name in world.warnings() if name == "disconnect-unknown"]
    assert len(said) == UNKNOWN_REASONS


def test_connections_that_all_fall_silent_after_the_hello_are_a_trouble() -> None:
    world = PoolWorld(1)

    def says_hello_and_nothing_more(name: str) -> None:
        world.todo += world.pool.heard(name, world.now)
        world.todo += world.pool.said_hello(name, SlackHello("applink-1", 1, world.lifetime), world.now)

    world.hello = says_hello_and_nothing_more
    world.start()
    world.run(ALL_SILENT * 45)
    (troubled,) = world.troubles
    assert "every connection falls silent right after Slack's hello" in troubled.trouble.reason
    world.run(60)
    assert len(world.troubles) == 1, "another hello alone is no end of it"
    world.todo += world.pool.heard(world.ready[-1], world.now)
    world.carry_out()
    assert world.troubles[-1].trouble.reason == ""


def test_what_waits_dials_at_once_when_a_person_asks(world: PoolWorld) -> None:
    world.answer = lambda: dial_failures.of_api_error("invalid_auth", "main")
    world.drop("c1-main-1")
    world.carry_out()
    world.run(10)
    assert world.pool.next_dial_at is not None
    assert world.pool.next_dial_at > world.now + 200
    world.answer = lambda: None
    world.todo += world.pool.retry(world.now)
    world.run(2)
    assert world.ready
    assert world.pool.next_dial_at is None


def test_pings_of_our_own_are_sent_as_often_as_configured() -> None:
    pool = Pool(PoolPolicy("main", 1, keepalive=5.0), random.Random(1))
    pool.start(0.0)
    pool.said_hello("c1-main-1", SlackHello(lifetime=18_060.0), 1.0)
    pings = []
    now = 1.0
    while now < 31.0:
        now = pool.wake_at() or now
        pool.heard("c1-main-1", now, is_ping=True)
        pings += [now for action in pool.tick(now) if isinstance(action, Ping)]
    assert pings == [6.0, 11.0, 16.0, 21.0, 26.0, 31.0]


def test_a_second_announcement_dials_no_second_time(world: PoolWorld) -> None:
    for reason in ("warning", "refresh_requested", "warning"):
        world.todo += world.pool.said_disconnect("c1-main-1", Disconnect(reason), world.now)
    assert dials(happen(world)) == 1


def test_a_drop_that_races_with_a_warning_yields_one_replacement(world: PoolWorld) -> None:
    world.todo += world.pool.said_disconnect("c1-main-1", Disconnect("warning"), world.now)
    world.todo += world.pool.ended("c1-main-1", False, world.now)
    assert dials(happen(world)) == 1
    world.run(60)
    assert len(world.dials) == 2
    assert world.only() == "c1-main-2"


def test_a_replaced_connection_is_slacks_to_close(world: PoolWorld) -> None:
    world.disconnect("c1-main-1", "warning")
    world.carry_out()
    world.run(FAREWELL - 5.1)
    assert world.in_phase("retiring") == ["c1-main-1"]
    world.run(1)
    assert world.in_phase("retiring") == []
    assert all(move.ghost_until is None for move in world.moves)


def test_a_replaced_connection_that_slack_forgets_is_closed_when_nothing_is_in_flight(world: PoolWorld) -> None:
    world.todo += world.pool.said_disconnect("c1-main-1", Disconnect("warning"), world.now)
    world.busy.add("c1-main-1")
    world.carry_out()
    world.run(FAREWELL + 5)
    assert world.in_phase("retiring") == ["c1-main-1"]
    world.busy.clear()
    world.todo += world.pool.tick(world.now)
    assert CloseConnection("c1-main-1") in happen(world)
    world.run(3)
    assert world.in_phase("retiring") == []


def test_a_drop_without_a_word_is_dialled_again_with_jitter_and_may_leave_a_ghost(world: PoolWorld) -> None:
    world.drop("c1-main-1")
    (moved,) = [action for action in happen(world) if isinstance(action, Moved)]
    (ready,) = [move for move in world.moves if move.state.phase == "ready"]
    assert (moved.state.phase, moved.cue.value) == ("backoff", "dropped")
    assert moved.ghost_until == ready.at + 18_060
    assert world.ready == []
    world.run(2)
    assert world.only() == "c1-main-2"
    assert world.dials[1] - moved.at <= 0.25


def test_a_close_that_slack_confirmed_leaves_no_ghost(world: PoolWorld) -> None:
    world.end("c1-main-1", confirmed=True)
    world.run(5)
    assert all(move.ghost_until is None for move in world.moves)
    assert world.only() == "c1-main-2"


def test_a_silent_connection_is_replaced_first_and_then_ended(world: PoolWorld) -> None:
    world.stall("c1-main-1")
    world.run(60)
    steps = [(move.state.connection, move.state.phase, move.cue.value) for move in world.moves[2:]]
    assert steps == [
        ("c1-main-1", "retiring", "stalled"),
        ("c1-main-2", "dialling", "retry due"),
        ("c1-main-2", "ready", "hello"),
        ("c1-main-1", "closed", "closed by either side"),
    ]
    assert world.moves[-1].ghost_until is not None
    assert 29 < world.dials[1] < 45


def test_a_silent_connection_was_deaf_from_its_last_frame_on(world: PoolWorld) -> None:
    world.todo += world.pool.heard("c1-main-1", world.now)
    last_frame = world.now
    world.stall("c1-main-1")
    world.run(60)
    (deaf,) = [move for move in world.moves if move.cue.value == "stalled"]
    assert deaf.at == deaf.state.since == last_frame
    assert world.dials[1] - last_frame >= 30


def test_a_silent_connection_that_wakes_is_read_until_its_replacement_is_up(world: PoolWorld) -> None:
    world.stall("c1-main-1")
    world.answer = lambda: dial_failures.of_handshake(404)
    world.run(40)
    assert world.in_phase("retiring") == ["c1-main-1"]
    world.sockets["c1-main-1"].silent = False
    world.todo += world.pool.heard("c1-main-1", world.now)
    world.answer = lambda: None
    world.run(25)
    assert world.in_phase("retiring") == []
    assert len(world.ready) == 1
    assert all(move.ghost_until is None for move in world.moves)


def test_a_connection_whose_far_end_reads_nothing_is_replaced_first_and_then_closed(world: PoolWorld) -> None:
    world.todo += world.pool.unread("c1-main-1", world.now)
    world.todo += world.pool.unread("c1-main-1", world.now)
    world.carry_out()
    world.run(60)
    assert [(move.state.connection, move.state.phase, move.cue.value) for move in world.moves[-4:]] == [
        ("c1-main-1", "retiring", "stalled"),
        ("c1-main-2", "dialling", "retry due"),
        ("c1-main-2", "ready", "hello"),
        ("c1-main-1", "closed", "closed by either side"),
    ]
    assert world.pool.unread("c1-main-1", world.now) == []


def test_after_the_machines_sleep_what_was_open_is_replaced_at_once(world: PoolWorld) -> None:
    world.todo += world.pool.heard("c1-main-1", world.now)
    last_frame = world.now
    world.stall("c1-main-1")
    world.run(5)
    world.todo += world.pool.slept(3_600.0, world.now)
    world.carry_out()
    world.run(2)
    assert world.ready == ["c1-main-2"]
    (stalled,) = [move for move in world.moves if move.cue.value == "stalled"]
    assert (stalled.at, stalled.detail) == (last_frame, "the machine slept for 3600 s")
    assert world.dials[1] == last_frame + 5
    assert world.troubles == []


def test_after_the_machines_sleep_what_waits_to_dial_does(world: PoolWorld) -> None:
    world.answer = lambda: dial_failures.of_api_error("team_disabled", "main")
    world.drop("c1-main-1")
    world.carry_out()
    world.run(10)
    assert (world.pool.next_dial_at or 0.0) > world.now + 200
    world.answer = lambda: None
    world.todo += world.pool.slept(3_600.0, world.now)
    world.run(2)
    assert len(world.ready) == 1


def test_a_silent_connection_without_replacement_is_given_up_after_a_second_silence(world: PoolWorld) -> None:
    world.stall("c1-main-1")
    world.answer = lambda: dial_failures.of_handshake(404)
    world.run(70)
    assert world.in_phase("retiring") == []
    assert world.moves[-1].state.phase in ("backoff", "dialling")


def test_who_never_pings_is_asked_once_in_a_silence_and_who_pings_is_not() -> None:
    for pings in (False, True):
        pool = Pool(PoolPolicy("main", 1, stall_timeout=30.0), random.Random(1))
        pool.start(0.0)
        pool.said_hello("c1-main-1", SlackHello(), 1.0)
        pool.heard("c1-main-1", 1.0, is_ping=pings)
        asked = [action for now in (15.9, 16.0, 20.0, 30.9) for action in pool.tick(now)]
        assert asked == ([] if pings else [Ping("c1-main-1")])
        pool.heard("c1-main-1", 30.95)
        assert pool.tick(45.95) == ([] if pings else [Ping("c1-main-1")])
        pool.tick(60.95)
        assert pool.ready == 0


def test_silence_means_nothing_while_nobody_reads(world: PoolWorld) -> None:
    world.stall("c1-main-1")
    world.pool.reading_paused(world.now)
    world.run(600)
    assert world.only() == "c1-main-1"
    world.todo += world.pool.reading_resumed(world.now)
    world.run(29)
    assert world.only() == "c1-main-1"
    world.run(5)
    assert world.only() == "c1-main-2"


def test_link_disabled_is_said_once_and_tried_slowly(world: PoolWorld) -> None:
    world.disconnect("c1-main-1", "link_disabled")
    world.answer = lambda: dial_failures.of_api_error("not_allowed_token_type", "main")
    happen(world)
    assert world.in_phase("backoff") == ["c1-main-1"]
    (said,) = world.troubles
    assert "Socket Mode" in said.trouble.hint
    world.run(250)
    assert len(world.dials) == 1


@pytest.mark.parametrize("error", sorted(dial_failures.FATAL))
def test_what_only_a_person_can_repair_is_said_once_and_tried_slowly(error: str) -> None:
    world = PoolWorld(2, connections=2)
    world.answer = lambda: dial_failures.of_api_error(error, "main")
    world.start()
    world.run(3_600)
    assert 2 * 10 <= len(world.dials) <= 2 * 15
    (said,) = world.troubles
    assert said.trouble.reason.startswith(error)
    assert "apps.main.app_token" in said.trouble.hint
    world.answer = lambda: None
    world.run(400)
    assert len(world.ready) == 2
    assert [trouble.trouble.reason for trouble in world.troubles[1:]] == [""]


@pytest.mark.parametrize("error", ["internal_error", "fatal_error", "service_unavailable", "never_heard_of_it"])
def test_errors_of_slacks_own_are_tried_again_soon(error: str) -> None:
    world = PoolWorld(3)
    world.answer = lambda: dial_failures.of_api_error(error, "main")
    world.start()
    world.run(1.5)
    world.answer = lambda: None
    assert not world.troubles
    world.run(10)
    assert world.ready


@pytest.mark.parametrize("status", [404, 408, 200, 407, 500])
def test_a_failed_handshake_is_tried_again_soon(status: int) -> None:
    world = PoolWorld(4)
    failure = dial_failures.of_handshake(status)
    assert not failure.fatal
    world.answer = lambda: failure
    world.start()
    world.run(1.5)
    assert world.pool.last_failure.startswith(f"HTTP {status}")
    world.answer = lambda: None
    world.run(10)
    assert world.ready
    assert world.pool.last_failure == ""


def test_a_429_holds_back_every_place_for_as_long_as_slack_says() -> None:
    world = PoolWorld(5, connections=2)
    world.answer = lambda: dial_failures.of_rate_limit(30.0)
    world.start()
    world.run(29)
    assert len(world.dials) == 2
    world.answer = lambda: None
    world.run(10)
    assert len(world.ready) == 2


def test_dials_that_fail_on_and_on_become_rare_and_the_app_is_in_trouble() -> None:
    world = PoolWorld(6)
    world.answer = lambda: dial_failures.DialFailure("slack.com:443 can't be reached")
    world.start()
    world.run(3_600)
    assert 60 <= len(world.dials) <= 200
    (said,) = world.troubles
    assert "proxy" in said.trouble.hint


def test_the_trouble_that_is_told_is_the_one_there_is_now() -> None:
    world = PoolWorld(6)
    world.answer = lambda: dial_failures.DialFailure("slack.com:443 can't be reached")
    world.start()
    world.run(600)
    world.answer = lambda: dial_failures.of_handshake(407)
    world.run(600)
    assert [said.trouble.reason for said in world.troubles] == [
        "slack.com:443 can't be reached",
        "HTTP 407 at the WebSocket's handshake",
    ]
    assert "name and password" in world.troubles[-1].trouble.hint


def test_what_a_person_must_repair_is_not_hidden_by_what_comes_and_goes() -> None:
    world = PoolWorld(6)
    world.answer = lambda: dial_failures.of_api_error("invalid_auth", "apps.main.app_token")
    world.start()
    world.run(600)
    world.answer = lambda: dial_failures.DialFailure("slack.com:443 can't be reached")
    world.run(3_600)
    assert len(world.troubles) == 1
    assert world.troubles[0].trouble.reason.startswith("invalid_auth")


def test_a_hello_that_never_comes_ends_the_dial() -> None:
    world = PoolWorld(7)
    world.answer = lambda: None
    world.hello = lambda name: None
    world.start()
    world.run(20.6)
    assert len(world.dials) >= 1
    assert world.pool.last_failure == "no hello from Slack within 20 s"
    assert "c1-main-1" not in world.sockets


def test_a_server_that_says_hello_and_hangs_up_is_not_dialled_in_a_loop() -> None:
    world = PoolWorld(8)
    hello = world.hello

    def hello_and_goodbye(name: str) -> None:
        hello(name)
        world.end(name, confirmed=True)

    world.hello = hello_and_goodbye
    world.start()
    world.run(600)
    assert len(world.dials) <= 45


def test_a_server_that_warns_at_once_is_not_dialled_in_a_loop() -> None:
    world = PoolWorld(9)
    hello = world.hello

    def hello_and_warning(name: str) -> None:
        hello(name)
        world.disconnect(name, "warning")

    world.hello = hello_and_warning
    world.start()
    world.run(600)
    assert len(world.dials) <= 60


def test_no_place_at_slack_is_said_and_waited_for() -> None:
    world = PoolWorld(10)
    world.hello = no_place(world)
    world.start()
    world.run(600)
    assert len(world.dials) <= 12
    assert set(world.warnings()) == {"no-place"}
    assert world.in_phase("backoff") or world.in_phase("dialling")


def test_a_place_that_becomes_free_is_taken_at_once() -> None:
    world = PoolWorld(10)
    hello = world.hello
    world.hello = no_place(world)
    world.start()
    world.run(5)
    world.todo += world.pool.places_counted(0, world.now)
    world.hello = hello
    assert len(world.dials) == 1
    world.todo += world.pool.places_counted(1, world.now)
    world.run(2)
    assert len(world.ready) == 1


def test_a_replacement_without_place_takes_that_of_the_connection_it_replaces(world: PoolWorld) -> None:
    hello = world.hello
    world.hello = no_place(world)
    world.disconnect("c1-main-1", "warning")
    world.carry_out()
    world.run(5)
    assert world.in_phase("backoff") == ["c1-main-2"]
    assert world.in_phase("leaving") == ["c1-main-1"]
    world.hello = hello
    world.run(8)
    assert world.only() == "c1-main-3"


def test_planned_rotation_waits_for_two_free_places_and_says_so(world: PoolWorld) -> None:
    world.todo += world.pool.places_counted(1, world.now)
    world.run(17_950)
    assert len(world.dials) == 1
    assert world.warnings() == ["rotation-waits"]
    world.todo += world.pool.places_counted(2, world.now)
    world.run(40)
    assert len(world.dials) == 2


def test_a_warning_is_answered_whatever_the_budget(world: PoolWorld) -> None:
    world.todo += world.pool.places_counted(0, world.now)
    world.todo += world.pool.said_disconnect("c1-main-1", Disconnect("warning"), world.now)
    assert dials(happen(world)) == 1


def test_without_a_broker_the_hello_tells_what_is_free() -> None:
    world = PoolWorld(11)
    world.start()
    world.run(0.4)
    world.todo += world.pool.said_hello("c1-main-1", SlackHello("applink-1", 9, 18_060.0), world.now)
    world.carry_out()
    world.run(17_970)
    assert "rotation-waits" in world.warnings()


def test_a_hello_that_says_nothing_plans_no_rotation() -> None:
    world = PoolWorld(12, lifetime=0.0)
    world.start()
    world.run(0.6)
    world.todo += world.pool.said_hello("c1-main-1", SlackHello(), world.now)
    world.carry_out()
    assert len(world.ready) == 1
    world.run(10)
    assert len(world.dials) == 1


def test_a_rotated_connection_is_read_until_slack_closes_it() -> None:
    world = PoolWorld(13)
    world.start()
    world.run(17_900)
    assert world.in_phase("retiring") == ["c1-main-1"]
    assert world.only() == "c1-main-2"
    assert not [move for move in world.moves if move.state.phase == "closed"]
    world.run(200)
    (closed,) = [move for move in world.moves if move.state.phase == "closed"]
    assert closed.ghost_until is None


def test_a_drain_closes_what_is_idle_and_waits_for_what_is_busy() -> None:
    world = PoolWorld(14, connections=2)
    world.start()
    world.run(5)
    idle, busy = world.ready
    world.busy.add(busy)
    world.todo += world.pool.drain(world.now)
    assert [action for action in happen(world) if isinstance(action, CloseConnection)] == [
        CloseConnection(idle)
    ]
    world.run(2)
    assert world.in_phase("retiring") == [busy]
    assert not world.pool.is_over
    world.busy.clear()
    world.todo += world.pool.tick(world.now)
    world.carry_out()
    world.run(2)
    assert world.pool.is_over


def test_a_drain_without_a_quiet_moment_ends_the_waiting_and_closes_in_the_first(world: PoolWorld) -> None:
    name, began = world.only(), world.now
    world.busy.add(name)
    world.todo += world.pool.drain(world.now)
    world.run(5)
    assert world.ended_waiting == [(began + QUIET_PATIENCE, EndWaiting(name, everything=False))]
    world.run(5)
    assert world.ended_waiting[1:] == [(began + LAST_PATIENCE, EndWaiting(name, everything=True))]
    assert world.in_phase("retiring") == [name]
    world.busy.clear()
    world.todo += world.pool.tick(world.now)
    assert happen(world) == [CloseConnection(name)]
    world.run(20)
    assert world.pool.is_over
    assert len(world.ended_waiting) == 2


def test_a_drain_with_a_quiet_moment_ends_no_waiting(world: PoolWorld) -> None:
    world.busy.add(world.only())
    world.todo += world.pool.drain(world.now)
    world.run(QUIET_PATIENCE - 0.1)
    world.busy.clear()
    world.todo += world.pool.tick(world.now)
    assert CloseConnection("c1-main-1") in happen(world)
    world.run(20)
    assert world.ended_waiting == []


def test_before_slack_closes_what_it_announced_the_waiting_ends(world: PoolWorld) -> None:
    old, began = world.only(), world.now
    world.busy.add(old)
    world.todo += world.pool.said_disconnect(old, Disconnect("warning"), world.now)
    world.carry_out()
    world.run(9)
    assert world.in_phase("retiring") == [old]
    assert world.ended_waiting == [(began + BEFORE_FAREWELL, EndWaiting(old, everything=False))]


def test_a_busy_connection_that_makes_room_ends_the_waiting_too(world: PoolWorld) -> None:
    old = world.only()
    world.busy.add(old)
    world.todo += world.pool.said_disconnect(old, Disconnect("warning"), world.now)
    world.carry_out()
    world.run(5)
    world.todo += world.pool.places_counted(1, world.now)
    world.run(4)
    assert [ended.connection for _, ended in world.ended_waiting] == [old]
    world.busy.clear()
    world.todo += world.pool.tick(world.now)
    assert CloseConnection(old) in happen(world)


def test_a_drain_in_the_midst_of_a_replacement_waits_for_none(world: PoolWorld) -> None:
    world.todo += world.pool.said_disconnect("c1-main-1", Disconnect("warning"), world.now)
    happen(world)
    world.todo += world.pool.drain(world.now)
    happen(world)
    world.run(3)
    assert world.pool.is_over
    assert len(world.dials) == 2


def test_a_drain_while_everything_waits_is_over_at_once() -> None:
    world = PoolWorld(15)
    world.answer = lambda: dial_failures.of_api_error("invalid_auth", "main")
    world.start()
    world.run(5)
    world.todo += world.pool.drain(world.now)
    assert world.pool.is_over


def test_a_drain_that_takes_too_long_closes_what_is_busy(world: PoolWorld) -> None:
    world.busy.add("c1-main-1")
    world.todo += world.pool.drain(world.now)
    assert CloseConnection("c1-main-1") not in happen(world)
    world.todo += world.pool.finish(world.now)
    assert CloseConnection("c1-main-1") in happen(world)
    world.run(3)
    assert world.pool.is_over


def test_slack_never_answering_our_close_is_a_ghost(world: PoolWorld) -> None:
    world.sockets["c1-main-1"].silent = True
    world.todo += world.pool.drain(world.now)
    happen(world)
    world.run(3)
    assert world.pool.is_over
    assert world.moves[-1].ghost_until is not None


def test_what_comes_late_about_a_connection_that_is_over_is_nothing(world: PoolWorld) -> None:
    world.drop("c1-main-1")
    happen(world)
    world.run(5)
    world.todo += world.pool.ended("c1-main-1", False, world.now)
    world.todo += world.pool.said_disconnect("c1-main-1", Disconnect("warning"), world.now)
    world.todo += world.pool.said_hello("c1-main-1", SlackHello(), world.now)
    world.todo += world.pool.heard("c1-main-1", world.now)
    world.todo += world.pool.dial_failed("c1-main-1", dial_failures.of_handshake(404), world.now)
    assert happen(world) == []


def test_the_log_levels_are_pythons(world: PoolWorld) -> None:
    assert all(said.level in (logging.INFO, logging.WARNING) for said in world.said)


def test_a_replaced_connection_makes_room_when_places_run_short() -> None:
    world = PoolWorld(13)
    world.start()
    world.run(17_900)
    assert world.in_phase("retiring") == ["c1-main-1"]
    world.todo += world.pool.places_counted(1, world.now)
    assert CloseConnection("c1-main-1") in happen(world)


def test_a_server_that_closes_before_its_hello_is_tried_again_ever_more_rarely() -> None:
    world = PoolWorld(16)
    world.hello = lambda name: world.end(name, confirmed=True)
    world.start()
    world.run(1_200)
    assert len(world.dials) <= 80
    assert world.pool.last_failure == "Slack closed the WebSocket before its hello"
    assert all(move.ghost_until is None for move in world.moves)


def test_reads_that_are_paused_do_not_hide_what_slack_announced(world: PoolWorld) -> None:
    world.pool.reading_paused(world.now)
    world.todo += world.pool.said_disconnect("c1-main-1", Disconnect("warning"), world.now)
    assert dials(happen(world)) == 1
