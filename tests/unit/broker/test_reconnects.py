"""Whoever fails again and again waits longer and longer for its next connection, and for nobody else's sake."""

import asyncio
import socket
from collections.abc import Iterator
from typing import cast

import pytest

from slackd.broker.plugins.conduct import Fault
from slackd.broker.plugins.connection import PluginConnection
from slackd.broker.plugins.host import Host
from slackd.broker.plugins.peer_group import PeerGroup
from slackd.broker.plugins.reconnects import FORGOTTEN_AFTER, FREE, LONGEST, MOST, SHORTEST, ReconnectPacing
from tests.unit.broker.test_plugin_connection import House, Transport


def failed(times: int, now: float = 100.0) -> ReconnectPacing:
    pacing = ReconnectPacing()
    for _ in range(times):
        pacing.fault(now)
    return pacing


class TestPacing:
    def test_the_first_failures_are_free(self) -> None:
        assert failed(FREE).wait(100.0) == 0.0

    def test_each_more_doubles_the_time_between_two_connections(self) -> None:
        assert [failed(FREE + more).interval(100.0) for more in (1, 2, 3)] == [
            SHORTEST,
            2 * SHORTEST,
            4 * SHORTEST,
        ]

    def test_it_ends_at_a_few_seconds_however_often_it_failed(self) -> None:
        assert failed(10_000).interval(100.0) == LONGEST
        assert failed(10_000).interval(100.0 + (MOST - FREE) * FORGOTTEN_AFTER) == 0.0

    def test_the_next_connection_waits_from_the_last_one_on(self) -> None:
        pacing = failed(MOST)
        pacing.served(99.0)
        assert pacing.wait(100.0) == pytest.approx(LONGEST - 1.0)
        assert pacing.wait(100.0 + LONGEST) == 0.0

    def test_who_fails_at_every_turn_gets_one_in_a_few_seconds(self) -> None:
        pacing, now, served = ReconnectPacing(), 0.0, 0
        while now < 300.0:
            now += max(pacing.wait(now), 0.001)
            pacing.served(now)
            pacing.fault(now)
            served += 1
        assert served < FREE + 10 + 2 * 300.0 / LONGEST

    def test_who_fails_now_and_then_never_waits(self) -> None:
        pacing = ReconnectPacing()
        for step in range(1_000):
            pacing.fault(step * FORGOTTEN_AFTER)
            assert pacing.wait(step * FORGOTTEN_AFTER) == 0.0


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    here, there = socket.socketpair(socket.AF_UNIX)
    with here, there:
        yield here, there


Ends = tuple[socket.socket, socket.socket]


def failing_group() -> PeerGroup:
    group = PeerGroup()
    for _ in range(MOST):
        group.note_fault(Fault.REFUSED, "no")
    return group


def connect(group: PeerGroup, end: socket.socket) -> tuple[PluginConnection, Transport]:
    connection, transport = PluginConnection(cast(Host, House(group))), Transport(end)
    connection.connection_made(cast(asyncio.Transport, transport))
    return connection, transport


class TestConnections:
    async def test_the_next_one_is_not_read_before_its_turn(
        self, ends: Ends, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("slackd.broker.plugins.reconnects.LONGEST", 0.25)
        group = failing_group()
        _, first = connect(group, ends[0])
        assert first.reads
        _, second = connect(group, ends[0])
        assert not second.reads
        await asyncio.wait_for(second.resumed.wait(), 5.0)
        assert second.reads

    async def test_who_has_hung_up_meanwhile_takes_nobodys_turn(
        self, ends: Ends, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("slackd.broker.plugins.reconnects.LONGEST", 0.25)
        group = failing_group()
        connect(group, ends[0])
        here, there = socket.socketpair(socket.AF_UNIX)
        with here:
            _, gone = connect(group, here)
            there.close()
            _, waiting = connect(group, ends[0])
            await asyncio.wait_for(waiting.resumed.wait(), 5.0)
            assert gone.aborted

    async def test_a_program_that_does_not_wait_for_its_turn_is_not_even_read(
        self, ends: Ends, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It says who it is and hangs up: what that takes is its user's fault."""
        monkeypatch.setattr("slackd.broker.plugins.reconnects.LONGEST", 0.25)
        plugin, user = failing_group(), PeerGroup()
        house = House(plugin)
        monkeypatch.setattr(house, "group_of_user", lambda connection: user, raising=False)
        connect(plugin, ends[0])
        here, there = socket.socketpair(socket.AF_UNIX)
        with here:
            connection = PluginConnection(cast(Host, house))
            connection.plugin = "p"
            connection.connection_made(cast(asyncio.Transport, Transport(here)))
            there.close()
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(5.0):
                while not list(user.conduct.recent(loop.time())):
                    await asyncio.sleep(0.01)

    async def test_the_group_says_that_connections_wait(self, ends: Ends) -> None:
        group = failing_group()
        connect(group, ends[0])
        connection, _ = connect(group, ends[0])
        kinds = {each.fault for each in group.conduct.recent(asyncio.get_running_loop().time())}
        assert Fault.HELD in kinds
        connection.connection_lost(None)

    async def test_a_group_without_failures_lets_everybody_in(self, ends: Ends) -> None:
        group = PeerGroup()
        assert all(connect(group, ends[0])[1].reads for _ in range(300))


class TestCallsOnly:
    async def test_a_connection_for_calls_that_makes_none_has_failed(self, ends: Ends) -> None:
        group = PeerGroup()
        connection, _ = connect(group, ends[0])
        connection.calls_only = True
        connection.note_end()
        (fault,) = group.conduct.recent(asyncio.get_running_loop().time())
        assert fault.fault is Fault.CRASHED

    async def test_one_that_made_some_has_not(self, ends: Ends) -> None:
        group = PeerGroup()
        connection, _ = connect(group, ends[0])
        connection.calls_only = True
        connection.call_began()
        connection.note_end()
        assert list(group.conduct.recent(asyncio.get_running_loop().time())) == []
