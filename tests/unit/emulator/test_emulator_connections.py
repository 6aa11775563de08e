"""Who may connect, who is READY, who gets what, and how connections end."""

from __future__ import annotations

import collections
from typing import Any

import pytest

from slackd.emulator.errors import EmulatorError
from slackd.emulator.settings import EmulatedApp
from slackd.slack_server.admission import Admit, Hang, RefuseDial, Reset
from slackd.slack_server.connections import ServerState
from tests.unit.emulator.simulated_slack import SimulatedSlack


def test_a_ticket_is_good_once() -> None:
    world = SimulatedSlack()
    ticket = world.ticket()
    assert isinstance(world.dial(ticket), Admit)
    assert world.dial(ticket) == RefuseDial(404)


def test_a_ticket_expires() -> None:
    world = SimulatedSlack(ticket_lifetime=30)
    early, late = world.ticket(), world.ticket()
    world.pass_seconds(29.9)
    assert isinstance(world.dial(early), Admit)
    world.pass_seconds(0.1)
    assert world.dial(late) == RefuseDial(404)


def test_an_unknown_or_missing_ticket_is_refused() -> None:
    world = SimulatedSlack()
    assert world.dial("nonsense") == RefuseDial(404)
    assert world.slack.dial("/link/", world.now) == RefuseDial(404)


@pytest.mark.parametrize(
    ("details", "admission"),
    [
        ({"status": 404}, RefuseDial(404)),
        ({"status": 408}, RefuseDial(408)),
        ({"status": 200, "body": "<html>"}, RefuseDial(200, "<html>")),
        ({"hang": True}, Hang()),
        ({"reset": True}, Reset()),
    ],
)
def test_a_planned_handshake_fault_strikes_once_and_spends_the_ticket(
    details: dict[str, Any], admission: object
) -> None:
    world = SimulatedSlack()
    world.slack.fault("handshake", world.now, **details)
    ticket = world.ticket()
    assert world.dial(ticket) == admission
    assert world.dial(ticket) == RefuseDial(404)
    assert isinstance(world.dial(world.ticket()), Admit)


def test_hello_comes_first_and_counts_the_connections() -> None:
    world = SimulatedSlack()
    first, second = world.connect(), world.connect()
    assert first.texts == [
        {
            "type": "hello",
            "num_connections": 1,
            "debug_info": {"host": "applink-1", "build_number": 18, "approximate_connection_time": 18060},
            "connection_info": {"app_id": world.app.app_id},
        }
    ]
    assert second.texts[0]["num_connections"] == 2


def test_the_eleventh_connection_is_told_too_many_websockets_in_place_of_hello_and_closed() -> None:
    world = SimulatedSlack()
    for _ in range(10):
        world.connect()
    surplus = world.connect()
    assert surplus.told == ["too_many_websockets"]
    assert surplus.texts[0]["num_connections"] == 10
    assert surplus.close_code == 1000
    assert len(world.slack.side().registry) == 10


def test_ghosts_count_towards_the_ten() -> None:
    world = SimulatedSlack()
    clients = [world.connect() for _ in range(10)]
    for client in clients:
        world.slack.fault("ghost", world.now, connection=client.connection.id)
        world.lose(client)
    assert world.connect().told == ["too_many_websockets"]
    world.slack.fault("forget_ghosts", world.now)
    assert world.connect().told == ["hello"]


def test_a_stalled_connection_is_a_ghost_that_can_be_forgotten_before_its_client_closes_it() -> None:
    world = SimulatedSlack()
    stalled, muted, well = (world.connect() for _ in range(3))
    world.slack.fault("stall", world.now, connection=stalled.connection.id)
    world.slack.fault("mute", world.now, connection=muted.connection.id)
    assert world.slack.fault("forget_ghosts", world.now) == [stalled.connection.id]
    assert world.slack.side().registry.all() == [muted.connection, well.connection]
    assert stalled.aborted
    assert not muted.aborted
    assert not well.aborted


def test_nothing_is_struck_where_there_are_no_ghosts() -> None:
    world = SimulatedSlack()
    client = world.connect()
    world.slack.fault("ghost", world.now)
    assert world.slack.fault("forget_ghosts", world.now) == []
    world.lose(client)
    assert world.slack.fault("forget_ghosts", world.now) == [client.connection.id]


def test_a_connection_that_is_lost_and_noticed_frees_its_place() -> None:
    world = SimulatedSlack()
    clients = [world.connect() for _ in range(10)]
    world.lose(clients[3])
    assert world.connect().told == ["hello"]


def test_another_app_has_ten_of_its_own() -> None:
    one, two = EmulatedApp.numbered(1), EmulatedApp.numbered(2)
    world = SimulatedSlack(one, two)
    for _ in range(10):
        world.connect(one)
    assert world.connect(two).texts[0]["num_connections"] == 1


@pytest.mark.parametrize("distribution", ["random", "round_robin"])
def test_each_envelope_goes_to_one_connection_and_all_get_a_share(distribution: str) -> None:
    world = SimulatedSlack(distribution=distribution)
    clients = [world.connect() for _ in range(4)]
    for number in range(400):
        world.event(str(number))
    shares = [len(client.envelopes) for client in clients]
    assert sum(shares) == 400
    assert min(shares) > 50
    if distribution == "round_robin":
        assert shares == [100] * 4


def test_a_ghost_swallows_its_share() -> None:
    world = SimulatedSlack(distribution="round_robin")
    ghost, alive = world.connect(), world.connect()
    world.slack.fault("stall", world.now, connection=ghost.connection.id)
    world.lose(ghost)
    assert ghost.connection.state is ServerState.GHOST
    entries = [world.event(str(number)) for number in range(10)]
    assert len(alive.envelopes) == 5
    assert sum(entry.sends[0].swallowed for entry in entries) == 5


def test_a_ghost_is_gone_when_its_lifetime_is_over() -> None:
    world = SimulatedSlack(connection_lifetime=18000)
    ghost = world.connect()
    world.slack.fault("ghost", world.now)
    world.pass_seconds(5)
    world.lose(ghost)
    world.pass_seconds(17994)
    assert ghost.connection.ended_at is None
    world.pass_seconds(1)
    assert ghost.connection.ended_at is not None


def test_with_lost_connections_unnoticed_every_end_without_a_close_frame_leaves_a_ghost() -> None:
    world = SimulatedSlack(notices_lost_connections=False)
    client = world.connect()
    world.lose(client)
    assert world.connect().texts[0]["num_connections"] == 2
    world.slack.side().lifecycle.closed(client.connection, 1000, world.now)


def test_a_stalled_connection_is_silent_and_hears_nothing() -> None:
    world = SimulatedSlack()
    client = world.connect()
    entry = world.event()
    world.slack.fault("stall", world.now)
    world.ack(client, client.envelopes[0])
    world.pass_seconds(60)
    assert not entry.acks
    assert not client.pings
    assert len(client.envelopes) == 1


def test_a_mute_connection_pings_but_delivers_nothing() -> None:
    world = SimulatedSlack()
    client = world.connect()
    world.slack.fault("mute", world.now)
    world.event()
    world.pass_seconds(60)
    assert not client.envelopes
    assert len(client.pings) == 6


def test_a_ping_comes_every_ten_seconds() -> None:
    world = SimulatedSlack()
    client = world.connect()
    world.pass_seconds(35)
    assert client.pings == [b"Ping from applink-1"] * 3


def test_a_warned_connection_works_on_for_ten_seconds_and_is_closed() -> None:
    world = SimulatedSlack()
    client = world.connect()
    world.slack.fault("warning", world.now)
    assert client.told == ["hello", "warning"]
    world.pass_seconds(9.9)
    world.event()
    assert len(client.envelopes) == 1
    assert client.close_code is None
    world.pass_seconds(0.2)
    assert client.close_code == 1000


def test_a_warned_connection_can_end_abruptly() -> None:
    world = SimulatedSlack()
    client = world.connect()
    world.slack.fault("warning", world.now, abrupt=True)
    world.pass_seconds(10)
    assert client.aborted
    assert client.close_code is None


@pytest.mark.parametrize("reason", ["refresh_requested", "link_disabled", "too_many_websockets"])
def test_other_reasons_end_the_connection_at_once(reason: str) -> None:
    world = SimulatedSlack()
    client = world.connect()
    world.slack.fault(reason, world.now)
    assert client.told == ["hello", reason]
    assert client.close_code == 1000


def test_a_drop_has_no_frame() -> None:
    world = SimulatedSlack()
    client = world.connect()
    world.slack.fault("drop", world.now, reset=True)
    assert (client.told, client.close_code, client.aborted, client.reset) == (["hello"], None, True, True)


def test_at_the_end_of_its_lifetime_a_connection_is_warned_and_refreshed() -> None:
    world = SimulatedSlack(connection_lifetime=18000)
    client = world.connect()
    world.pass_seconds(17989.9)
    assert client.told == ["hello"]
    world.pass_seconds(0.2)
    assert client.told == ["hello", "warning"]
    assert client.close_code is None
    world.pass_seconds(10)
    assert client.told == ["hello", "warning", "refresh_requested"]
    assert client.close_code == 1000


def test_debug_reconnects_makes_it_live_360_seconds() -> None:
    world = SimulatedSlack()
    client = world.connect(more="&debug_reconnects=true")
    assert client.texts[0]["debug_info"]["approximate_connection_time"] == 360
    world.pass_seconds(360)
    assert client.close_code == 1000


def test_one_factor_scales_all_delays() -> None:
    world = SimulatedSlack(time_scale=0.1)
    client = world.connect()
    assert client.texts[0]["debug_info"]["approximate_connection_time"] == 1806
    world.pass_seconds(1.05)
    assert len(client.pings) == 1
    world.slack.fault("warning", world.now)
    world.pass_seconds(1.0)
    assert client.close_code == 1000


def test_hello_may_be_late_or_never_come_and_until_then_no_event_does() -> None:
    world = SimulatedSlack()
    world.slack.fault("hello", world.now, delay=5)
    world.slack.fault("hello", world.now, hang=True)
    late, never = world.connect(), world.connect()
    world.event()
    world.pass_seconds(4.9)
    assert not late.texts
    world.pass_seconds(0.2)
    assert late.told == ["hello"]
    world.pass_seconds(3600)
    assert not never.texts


def test_the_spans_without_a_ready_connection_are_kept() -> None:
    world = SimulatedSlack()
    spans = world.slack.side().ready_spans
    world.pass_seconds(5)
    first = world.connect()
    second = world.connect()
    world.lose(first)
    assert spans.gaps == []
    world.pass_seconds(1)
    world.lose(second)
    gone = world.now
    world.pass_seconds(3)
    world.connect()
    assert spans.gaps == [(gone, gone + 3)]
    assert (spans.count, spans.most) == (1, 2)


def test_a_stalled_connection_is_not_ready_in_truth() -> None:
    world = SimulatedSlack()
    world.connect()
    world.slack.fault("stall", world.now)
    assert world.slack.side().ready_spans.gaps == [(world.now, None)]
    world.slack.fault("heal", world.now)
    assert world.slack.side().ready_spans.gaps == [(world.now, world.now)]


def test_faults_choose_their_connections() -> None:
    world = SimulatedSlack()
    clients = [world.connect() for _ in range(3)]
    ids = [client.connection.id for client in clients]
    fault = world.slack.fault
    assert fault("stall", world.now) == ids
    assert fault("heal", world.now, connection="oldest") == ids[:1]
    assert fault("heal", world.now, connection="newest") == ids[-1:]
    assert fault("heal", world.now, connection=ids[1]) == [ids[1]]
    assert fault("heal", world.now, connection="any")[0] in ids


def test_what_makes_no_sense_is_refused_in_words() -> None:
    world = SimulatedSlack()
    world.connect()
    for wrong in (
        lambda: world.slack.fault("earthquake", world.now),
        lambda: world.slack.fault("drop", world.now, connection="c99"),
        lambda: world.slack.fault("drop", world.now, app="nobody"),
        lambda: world.slack.fault("drop", world.now, colour="red"),
        lambda: world.slack.fault("raw", world.now, wire="not base64"),
        lambda: world.slack.change_settings(time_scale=-1),
        lambda: world.slack.change_settings(colour="red"),
        lambda: SimulatedSlack(EmulatedApp(), EmulatedApp()),
    ):
        with pytest.raises(EmulatorError):
            wrong()


def test_random_distribution_repeats_with_a_seed() -> None:
    def shares(seed: int) -> collections.Counter[str | None]:
        world = SimulatedSlack(seed=seed)
        for _ in range(3):
            world.connect()
        return collections.Counter(world.event(str(n)).sends[0].connection for n in range(50))

    assert shares(7) == shares(7)
