"""What both connectors tell of their connections: who is READY, the budget, ghosts, foreign, and gaps."""

from typing import Any

import attrs

from slackd.broker.connection_registry import KEPT_FOR, NOT_RUNNING, SETTLE, STOPPED, ConnectionRegistry
from slackd.broker.instant import Instant
from slackd.broker.journal.writes import GapRecord, Ghost, SeenReady
from slackd.link.messages import KEPT_SOCKET, RECEIVER, AppPeers, AppTrouble, Changed, ConnectionState, Hello
from slackd.slack.limits import MAX_CONNECTIONS

EPOCH = 1_800_000_000.0


def at(moment: float) -> Instant:
    return Instant(moment, EPOCH + moment)


def state(
    name: str, phase: str, since: float, ready_since: float | None = None, **more: Any
) -> ConnectionState:
    return ConnectionState(name, "main", phase, since, ready_since, **more)


def hello(number: int, *states: ConnectionState) -> Hello:
    return Hello(1, number, number, "digest", states=states, apps={"main": 1})


def both(ghosts: tuple[Ghost, ...] = (), gaps: tuple[GapRecord, ...] = ()) -> ConnectionRegistry:
    """Two connectors with one READY connection each, settled."""
    found = ConnectionRegistry(("main",), ghosts, gaps)
    for number in (1, 2):
        found.hello(number, hello(number, state(f"c{number}", "ready", 0.0, 0.0)), at(0.0))
    found.gaps(at(SETTLE))
    return found


def drops(found: ConnectionRegistry, link: int, moment: float, ghost_until: float | None = None) -> list[Ghost]:
    closed = state(f"c{link}", "closed", moment, 0.0)
    return found.changed(link, Changed(1, closed, "dropped", moment, ghost_until), at(moment))


def comes(found: ConnectionRegistry, link: int, name: str, moment: float, counted: int = 0) -> None:
    ready = state(name, "ready", moment, moment, num_connections=counted)
    found.changed(link, Changed(2, ready, "hello", moment), at(moment))


def test_a_gap_of_an_ordinary_stop_says_that_slackd_was_stopped() -> None:
    found = both()
    for link in (1, 2):
        closed = state(f"c{link}", "closed", 10.0, 0.0)
        found.changed(link, Changed(1, closed, "drain", 10.0), at(10.0))
    (gap,) = found.gaps(at(13.0))
    assert gap.reason == STOPPED == "slackd was stopped"


def test_one_that_drops_is_no_gap_while_the_other_is_ready() -> None:
    found = both()
    drops(found, 1, 10.0)
    assert found.gaps(at(11.0)) == []
    assert found.ready("main") == 1


def test_a_gap_is_told_when_it_begins_and_when_it_ends_with_its_reason() -> None:
    found = both()
    drops(found, 1, 10.0)
    drops(found, 2, 12.0)
    assert found.gaps(at(13.0)) == [GapRecord("main", EPOCH + 12.0, None, "dropped")]
    assert found.gaps(at(14.0)) == []
    comes(found, 1, "c1b", 15.0)
    assert found.gaps(at(16.0)) == [GapRecord("main", EPOCH + 12.0, EPOCH + 15.0, "dropped")]
    assert found.seconds_without == {"main": 3.0}


def test_a_gap_keeps_its_name_when_the_clock_is_set_meanwhile() -> None:
    found = both()
    drops(found, 1, 10.0)
    drops(found, 2, 10.0)
    (began,) = found.gaps(at(11.0))
    comes(found, 1, "c1b", 12.0)
    (ended,) = found.gaps(Instant(13.0, EPOCH - 5_000.0))
    assert (ended.start, ended.end) == (began.start, began.start + 2.0)


def test_a_gap_that_a_late_word_fills_is_taken_back() -> None:
    found = both()
    drops(found, 1, 10.0)
    found.lost(2, at(10.0))
    (began,) = found.gaps(at(11.0))
    found.hello(3, hello(2, state("c2", "ready", 0.0, 0.0)), at(12.0))
    assert found.gaps(at(12.0)) == []  # the others may still tell their part
    assert found.gaps(at(12.0 + SETTLE)) == [attrs.evolve(began, end=began.start)]


def test_a_gap_of_before_the_restart_ends_with_the_first_connection() -> None:
    before = GapRecord("main", EPOCH - 50.0, None, "dropped")
    found = ConnectionRegistry(("main",), (), (before,))
    assert found.open_gap("main") == before
    found.hello(1, hello(1, state("c1", "ready", 3.0, 3.0)), at(4.0))
    assert found.gaps(at(4.0 + SETTLE)) == [attrs.evolve(before, end=EPOCH + 3.0)]
    assert found.seconds_without == {"main": EPOCH + 3.0 - before.start}
    assert found.open_gap("main") is None


def test_a_connection_that_is_leaving_is_still_ready() -> None:
    found = both()
    found.changed(1, Changed(1, state("c1", "leaving", 5.0, 0.0), "warned", 5.0), at(5.0))
    assert found.ready("main") == 2


def test_a_close_that_slack_did_not_confirm_takes_a_place_until_slack_must_have_noticed() -> None:
    found = both()
    assert found.free("main") == MAX_CONNECTIONS - 2
    (ghost,) = drops(found, 1, 10.0, ghost_until=110.0)
    assert ghost == Ghost("main", "c1", EPOCH + 110.0)
    assert (found.free("main"), found.ghosts_of("main")) == (MAX_CONNECTIONS - 2, 1)
    found.gaps(at(110.0))
    assert (found.free("main"), found.ghosts_of("main")) == (MAX_CONNECTIONS - 1, 0)


def test_a_dial_that_slack_has_not_seen_yet_costs_no_ghost_its_place() -> None:
    found = both(ghosts=(Ghost("main", "c9", EPOCH + 1_000.0),))
    found.lost(1, at(10.0))
    found.hello(3, hello(1, state("c3", "dialling", 11.0), state("c4", "dialling", 11.0)), at(11.0))
    comes(found, 3, "c3", 12.0, counted=3)
    assert (found.foreign["main"], found.ghosts_of("main")) == (0, 1)
    comes(found, 3, "c4", 13.0, counted=4)
    assert (found.foreign["main"], found.ghosts_of("main")) == (0, 1)


def test_one_that_retires_may_be_gone_at_slack_already() -> None:
    found = both(ghosts=(Ghost("main", "c9", EPOCH + 1_000.0),))
    retiring = state("c1", "retiring", 10.0, 0.0)
    found.changed(1, Changed(1, retiring, "replacement ready", 10.0), at(10.0))
    comes(found, 1, "c3", 10.0, counted=3)
    assert (found.foreign["main"], found.ghosts_of("main")) == (0, 1)


def test_whose_connector_tells_of_it_late_was_no_stranger() -> None:
    found = ConnectionRegistry(("main",), (), ())
    found.hello(1, hello(1, state("c1", "ready", 0.0, 0.0)), at(0.0))
    comes(found, 1, "c3", 10.0, counted=3)
    assert found.foreign["main"] == 1
    found.hello(2, hello(2, state("c2", "ready", 0.0, 0.0)), at(11.0))
    assert found.foreign["main"] == 0


def test_what_slack_counts_beyond_ours_and_the_ghosts_is_foreign_and_less_means_fewer_ghosts() -> None:
    found = both()
    drops(found, 1, 10.0, ghost_until=1_000.0)
    comes(found, 1, "c1b", 11.0, counted=6)
    assert (found.foreign["main"], found.ghosts_of("main")) == (3, 1)
    drops(found, 2, 12.0)
    comes(found, 2, "c2b", 13.0, counted=2)
    assert (found.foreign["main"], found.ghosts_of("main")) == (0, 0)


def test_an_unconfirmed_connection_that_slack_does_not_count_is_forgotten_in_the_journal_too() -> None:
    ghosts = tuple(Ghost("main", name, EPOCH + 9_000.0) for name in ("g1", "g2"))
    found = both(ghosts)
    ready = state("c1b", "ready", 20.0, 20.0, num_connections=3)
    written = found.changed(1, Changed(2, ready, "hello", 20.0), at(20.0))
    assert written == [Ghost("main", name, 0.0) for name in ("g1", "g2")]
    assert found.ghosts_of("main") == 0


def test_each_connector_is_told_of_the_other_when_it_changes() -> None:
    found = both()
    assert found.peers()[1].apps == {"main": AppPeers(1, MAX_CONNECTIONS - 2)}
    assert found.peers() == {}
    drops(found, 2, 10.0)
    assert found.peers()[1].apps == {"main": AppPeers(0, MAX_CONNECTIONS - 1)}


def test_words_on_a_link_that_is_gone_are_of_no_account() -> None:
    found = both()
    found.lost(1, at(5.0))
    found.lost(1, at(5.0))
    assert drops(found, 1, 6.0) == []
    found.trouble(1, AppTrouble("main", "invalid_auth", "hint"))
    assert found.ready("main") == 1


def started_again(last_seen: float, now: float) -> ConnectionRegistry:
    """A broker that starts, and finds when an earlier one last knew of a READY connection."""
    found = ConnectionRegistry(("main",), (), (), (SeenReady("main", EPOCH + last_seen),))
    assert found.seen_ready(at(now)) == []
    return found


def test_a_time_in_which_everything_was_down_is_a_gap() -> None:
    found = started_again(100.0, 130.0)
    found.hello(1, hello(1, state("c1", "ready", 131.0, 131.0)), at(131.0))
    assert found.gaps(at(131.0 + SETTLE)) == [GapRecord("main", EPOCH + 100.0, EPOCH + 131.0, NOT_RUNNING)]
    assert found.gaps(at(140.0)) == []
    assert found.seconds_without == {"main": 31.0}


def test_it_lasts_while_nobody_is_ready_yet() -> None:
    found = started_again(100.0, 130.0)
    assert found.gaps(at(131.0)) == [GapRecord("main", EPOCH + 100.0, None, NOT_RUNNING)]
    found.hello(1, hello(1, state("c1", "ready", 150.0, 150.0)), at(150.0))
    assert found.gaps(at(150.0 + SETTLE)) == [GapRecord("main", EPOCH + 100.0, EPOCH + 150.0, NOT_RUNNING)]


def test_connectors_that_went_on_without_a_broker_make_it_no_gap() -> None:
    found = started_again(100.0, 130.0)
    found.hello(1, hello(1, state("c1", "ready", 20.0, 20.0)), at(130.0))
    assert found.gaps(at(130.0 + SETTLE)) == []


def test_who_is_ready_is_written_down() -> None:
    found = both()
    assert found.seen_ready(at(9.0)) == [SeenReady("main", EPOCH + 9.0)]
    drops(found, 1, 10.0)
    drops(found, 2, 10.5)
    assert found.seen_ready(at(11.0)) == [SeenReady("main", EPOCH + 10.5)]


def test_a_change_of_who_is_ready_is_written_down_at_once() -> None:
    found = both()
    assert found.moved_ready(at(9.0)) == [SeenReady("main", EPOCH + 9.0)]
    assert found.moved_ready(at(9.5)) == []
    drops(found, 1, 10.0)
    assert found.moved_ready(at(10.0)) == [SeenReady("main", EPOCH + 10.0)]
    found.lost(2, at(11.0))
    assert found.moved_ready(at(11.5)) == [SeenReady("main", EPOCH + 11.0)]


def test_a_stop_soon_after_the_start_is_a_gap_from_the_last_connections_end() -> None:
    before = ConnectionRegistry(("main",), (), ())
    for number in (1, 2):
        before.hello(number, hello(number, state(f"c{number}", "ready", 1.0, 1.0)), at(1.0))
        drops(before, number, 2.0)
    assert before.gaps(at(2.1)) == []

    after = ConnectionRegistry(("main",), (), (), before.seen_ready(at(2.1)))
    after.hello(1, hello(1, state("new", "ready", 2.5, 2.5)), at(2.5))
    assert after.gaps(at(2.5 + SETTLE)) == [GapRecord("main", EPOCH + 2.0, EPOCH + 2.5, NOT_RUNNING)]


def test_a_broker_that_ends_before_it_has_told_a_gap_leaves_it_to_the_next_one() -> None:
    short = started_again(100.0, 130.0)
    short.hello(1, hello(1, state("c1", "ready", 131.0, 131.0)), at(131.0))
    assert short.moved_ready(at(131.0)) == []
    assert short.seen_ready(at(132.0)) == []

    after = started_again(100.0, 133.0)
    after.hello(1, hello(1, state("c1", "ready", 131.0, 131.0)), at(133.0))
    assert after.gaps(at(133.0 + SETTLE)) == [GapRecord("main", EPOCH + 100.0, EPOCH + 131.0, NOT_RUNNING)]


def test_a_gap_that_is_over_when_the_broker_stops_ends_there_and_another_may_begin() -> None:
    lasting = GapRecord("main", EPOCH + 100.0, None, NOT_RUNNING)
    short = ConnectionRegistry(("main",), (), (lasting,))
    short.hello(1, hello(1, state("c1", "ready", 131.0, 131.0)), at(131.0))
    drops(short, 1, 132.0)
    assert short.gaps(at(132.1)) == []
    assert short.gaps(at(132.1), at_last=True) == [attrs.evolve(lasting, end=EPOCH + 131.0)]

    after = ConnectionRegistry(("main",), (), (), short.seen_ready(at(132.1)))
    after.hello(1, hello(1, state("c2", "ready", 133.0, 133.0)), at(133.0))
    assert after.gaps(at(133.0 + SETTLE)) == [GapRecord("main", EPOCH + 132.0, EPOCH + 133.0, NOT_RUNNING)]


def test_a_stop_before_any_connector_has_said_a_word_changes_nothing() -> None:
    assert started_again(100.0, 130.0).gaps(at(131.0), at_last=True) == []


def test_a_connection_as_old_as_the_note_lets_it_be_written_anew_at_once() -> None:
    found = started_again(100.0, 130.0)
    found.hello(1, hello(1, state("c1", "ready", 20.0, 20.0)), at(130.0))
    assert found.moved_ready(at(130.0)) == [SeenReady("main", EPOCH + 130.0)]


def test_a_connector_that_died_and_was_replaced_before_the_broker_died_too_makes_it_no_gap() -> None:
    before = ConnectionRegistry(("main",), (), ())
    before.hello(1, hello(1, state("old", "ready", 1.0, 1.0)), at(1.0))
    noted = before.moved_ready(at(1.0))
    before.hello(2, hello(2, state("new", "ready", 3.0, 3.0)), at(3.0))
    noted = before.moved_ready(at(3.1)) or noted
    before.lost(1, at(4.0))

    after = ConnectionRegistry(("main",), (), (), noted)
    after.hello(1, hello(2, state("new", "ready", 3.0, 3.0)), at(5.0))
    assert after.gaps(at(5.0 + SETTLE)) == []


def receiver(number: int, since: float, features: tuple[str, ...] = (KEPT_SOCKET,)) -> Hello:
    ready = state(f"r{number}", "ready", since, since)
    return Hello(1, RECEIVER, number, "digest", states=(ready,), apps={"main": 1}, features=features)


def restarted(after: float, features: tuple[str, ...] = (KEPT_SOCKET,)) -> list[GapRecord]:
    """The gaps of a receiver that drains at 10, is gone, and is back so many seconds after that."""
    found = ConnectionRegistry(("main",), (), ())
    found.hello(1, receiver(1, 0.0, features), at(0.0))
    found.gaps(at(SETTLE))
    found.changed(1, Changed(1, state("r1", "closed", 10.0, 0.0), "drain", 10.0), at(10.0))
    found.lost(1, at(10.1))
    gaps = found.gaps(at(10.0 + after - 0.1))
    found.hello(2, receiver(2, 10.0 + after, features), at(10.0 + after))
    return [*gaps, *found.gaps(at(20.0 + after))]


def test_a_receivers_restart_is_no_gap_where_systemd_keeps_who_comes() -> None:
    assert restarted(KEPT_FOR - 0.1) == []


def test_it_is_one_where_its_socket_is_its_own_or_where_slack_has_given_up_waiting() -> None:
    assert [gap.end for gap in restarted(1.0, features=())] == [None, EPOCH + 11.0]
    began, ended = restarted(KEPT_FOR + 1.0)
    assert (began.start, began.end) == (EPOCH + 10.0, None)
    assert (ended.start, ended.end) == (EPOCH + 10.0, EPOCH + 11.0 + KEPT_FOR)


def test_a_receiver_that_is_killed_and_comes_back_is_no_gap_either() -> None:
    found = ConnectionRegistry(("main",), (), ())
    found.hello(1, receiver(1, 0.0), at(0.0))
    found.lost(1, at(10.0))
    found.hello(2, receiver(2, 11.0), at(11.0))
    assert found.gaps(at(20.0)) == []
