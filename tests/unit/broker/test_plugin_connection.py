"""The daemon's end of a plugin connection: when it is read, and what of it comes into the log."""

import asyncio
import gc
import logging
import os
import socket
import time
from collections.abc import Iterator
from typing import Any, cast

import attrs
import pytest

from slackd.broker.plugins.connection import PluginConnection
from slackd.broker.plugins.events import Answered
from slackd.broker.plugins.flow_control import FlowControl, Pause
from slackd.broker.plugins.host import Host
from slackd.broker.plugins.peer_group import PeerGroup
from slackd.broker.plugins.peer_limits import (
    LOG_BURST,
    NOTICE_BURST,
    UNFINISHED_BYTES,
    UNREAD_BYTES,
    UNREAD_LIMIT,
    PeerLimits,
)
from slackd.broker.plugins.server import PluginHost
from slackd.rate_limit import Allowance

PATIENCE = 30.0
BUSY = 1_000.0
"""Seconds of work that no test needs."""
ANSWER = b'{"jsonrpc":"2.0","id":"1.1","result":{}}\n'
INITIALIZE = b'{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocol":1,"plugin":"p"}}\n'
FOREVER = 1e-9
"""A share with which the smallest debt is for ever."""


@attrs.define(eq=False)
class Transport:
    """What is done with a socket."""

    socket: socket.socket
    reads: bool = True
    unread: int = 0
    closing: bool = False
    aborted: bool = False
    resumed: asyncio.Event = attrs.field(factory=asyncio.Event)

    def set_write_buffer_limits(self, high: int) -> None: ...

    def get_extra_info(self, name: str) -> Any:
        return self.socket

    def pause_reading(self) -> None:
        self.reads = False
        self.resumed.clear()

    def resume_reading(self) -> None:
        self.reads = True
        self.resumed.set()

    def is_closing(self) -> bool:
        return self.closing

    def get_write_buffer_size(self) -> int:
        return self.unread

    def write(self, data: bytes) -> None: ...

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.closing = self.aborted = True


class House:
    """A daemon that takes everybody at their word; of each batch of answers so many count."""

    def __init__(self, group: PeerGroup, counting: int = 0) -> None:
        self._group, self._counting = group, counting
        self.heard: list[Answered] = []
        self.gone_by = 0

    def group_of(self, connection: PluginConnection) -> PeerGroup:
        return self._group

    def plugin(self, name: str) -> Any:
        return object()

    def answered(self, connection: PluginConnection, answers: list[Answered]) -> int:
        self.heard += answers
        return self._counting

    def disconnected(self, connection: PluginConnection) -> None:
        self.gone_by += 1

    def connected(self, connection: PluginConnection) -> None: ...

    def identify(self, connection: PluginConnection, plugin: Any, said: Any) -> None: ...

    def paused(self, connection: PluginConnection, paused: bool) -> None: ...


@pytest.fixture
def end() -> Iterator[socket.socket]:
    here, there = socket.socketpair(socket.AF_UNIX)
    with here, there:
        yield here


def connected(house: House, end: socket.socket) -> tuple[PluginConnection, Transport]:
    connection, transport = PluginConnection(cast(Host, house)), Transport(end)
    connection.connection_made(cast(asyncio.Transport, transport))
    return connection, transport


def opened(house: House, end: socket.socket) -> tuple[PluginConnection, Transport]:
    connection, transport = connected(house, end)
    connection.data_received(INITIALIZE)
    connection.opened(0, {})
    connection.read_on(lambda delivery, attempt: True)
    return connection, transport


def unhurried() -> PeerGroup:
    return PeerGroup(PeerLimits(Allowance(1.0, BUSY)))


class TestFlowControl:
    def test_it_is_read_again_when_the_last_reason_is_gone(self, end: socket.socket) -> None:
        transport = Transport(end)
        flow = FlowControl(cast(asyncio.Transport, transport))
        flow.pause(Pause.UNREAD)
        flow.pause(Pause.OVERDRAWN)
        flow.resume(Pause.UNREAD)
        assert not transport.reads
        flow.resume(Pause.OPENING)
        assert not transport.reads
        flow.resume(Pause.OVERDRAWN)
        assert transport.reads

    async def test_who_does_not_read_its_answers_is_not_read_when_its_session_opens(
        self, end: socket.socket
    ) -> None:
        connection, transport = connected(House(unhurried()), end)
        connection.data_received(INITIALIZE)
        transport.unread = UNREAD_BYTES + 1
        connection.send_result(1, "x" * (UNREAD_BYTES + 1))
        await asyncio.sleep(0)
        connection.opened(0, {})
        connection.read_on(lambda delivery, attempt: True)
        assert not transport.reads
        transport.unread = 0
        connection.resume_writing()
        assert transport.reads


class TestShareOfTheLoop:
    async def test_who_costs_more_than_its_share_is_not_read_until_that_is_made_good(
        self, end: socket.socket, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        group = PeerGroup(PeerLimits(reading=Allowance(1_000.0, 1.0)))
        house = House(group)
        connection, transport = opened(house, end)
        began_and_ended = iter((0.0, 6.0))
        monkeypatch.setattr(time, "thread_time", lambda: next(began_and_ended))
        connection.data_received(ANSWER)
        assert house.heard == [Answered(1, 1, None)]
        assert not transport.reads
        async with asyncio.timeout(PATIENCE):
            await transport.resumed.wait()
        assert transport.reads

    async def test_usual_answers_by_the_hundred_are_within_it(self, end: socket.socket) -> None:
        house = House(PeerGroup())
        connection, transport = opened(house, end)
        gc.disable()  # a whole test run's garbage is not for this plugin's account
        connection.data_received(ANSWER * 500)
        gc.enable()
        assert len(house.heard) == 500
        assert transport.reads

    @pytest.mark.parametrize(
        ("said", "counting", "is_read"),
        [
            ((ANSWER * 2,), 2, True),
            ((ANSWER * 2,), 1, False),
            ((ANSWER.replace(b"{}", b'{"x":"%b"}' % (b"x" * 200)),), 1, False),
            ((ANSWER[:20], ANSWER[20:]), 1, False),
        ],
        ids=["asked for", "half of them not asked for", "long", "in two pieces"],
    )
    async def test_short_answers_that_were_asked_for_are_on_slackds_account(
        self,
        said: tuple[bytes, ...],
        counting: int,
        is_read: bool,
        end: socket.socket,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        house = House(PeerGroup(PeerLimits(reading=Allowance(FOREVER, 1.0))), counting)
        connection, transport = opened(house, end)
        for piece in said[:-1]:
            connection.data_received(piece)
        began_and_ended = iter((0.0, 6.0))
        monkeypatch.setattr(time, "thread_time", lambda: next(began_and_ended))
        connection.data_received(said[-1])
        assert transport.reads is is_read

    async def test_all_connections_of_a_plugin_are_paused_and_so_is_one_that_comes_meanwhile(
        self, end: socket.socket
    ) -> None:
        group = PeerGroup(PeerLimits(reading=Allowance(FOREVER, 1.0)))
        (_, first), (_, second) = opened(House(group), end), opened(House(group), end)
        group.took(2.0, 1)
        _, third = connected(House(group), end)
        assert not any(each.reads for each in (first, second, third))

    async def test_it_is_one_share_for_all_connections_of_a_plugin_and_outlives_them(
        self, end: socket.socket
    ) -> None:
        host = PluginHost(*cast(Any, (None, None, None, None, None)), foreground=False)
        connections = [connected(House(unhurried()), end)[0] for _ in range(4)]
        of_user = host.group_of(connections[0])
        assert host.group_of(connections[1]) is of_user
        for each, name in zip(connections, ("a", "a", "b", "b"), strict=True):
            each.plugin = name
        a, also_a, b, also_b = (host.group_of(one) for one in connections)
        assert a is also_a
        assert b is also_b
        assert len({id(each) for each in (of_user, a, b)}) == 3


class TestMemory:
    async def test_of_too_many_lines_without_an_end_one_at_a_time_is_read_on(self, end: socket.socket) -> None:
        house = House(unhurried())
        many = [opened(house, end) for _ in range(12)]
        half = b'{"jsonrpc":"2.0","method":"x","params":{"a":"' + b"x" * (UNFINISHED_BYTES // 10)
        for connection, transport in many:
            if transport.reads:
                connection.data_received(half)
        assert [transport.reads for _, transport in many] == [True] + [False] * 11
        many[0][0].data_received(b'"}}\n')
        assert [transport.reads for _, transport in many] == [True, True] + [False] * 10
        many[1][0].data_received(b'"}}\n')
        many[2][0].data_received(b'"}}\n')
        assert all(transport.reads for _, transport in many)

    async def test_a_line_that_others_wait_for_ends_in_time_or_with_its_connection(
        self, end: socket.socket, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("slackd.broker.plugins.peer_group.LINE_PATIENCE", 0.01)
        house = House(unhurried())
        many = [opened(house, end) for _ in range(3)]
        for connection, _ in many:
            connection.data_received(b"{" + b"x" * (1 << 16))
        group = house.group_of(many[0][0])
        for connection, _ in many[:2]:
            group.hold_unfinished(connection, UNFINISHED_BYTES)
        async with asyncio.timeout(PATIENCE):
            while not many[0][1].aborted:
                await asyncio.sleep(0.001)
        assert [transport.aborted for _, transport in many[1:]] == [False, False]

    async def test_half_lines_of_connections_that_are_gone_take_no_memory(self, end: socket.socket) -> None:
        connection, _ = opened(House(unhurried()), end)
        connection.data_received(b"x" * 100_000)
        connection.close()  # Whatever still knows of it knows of nothing large.
        connection.connection_lost(None)
        assert connection._protocol.unfinished == 0

    async def test_the_less_may_still_wait_the_less_is_read_at_a_time(self, end: socket.socket) -> None:
        group = unhurried()
        many = [opened(House(group), end)[0] for _ in range(64)]
        for connection in many[1:]:
            group.hold_unfinished(connection, UNFINISHED_BYTES // 64)
        many[0].data_received(ANSWER)
        assert len(many[0].get_buffer(-1)) * len(many) <= UNFINISHED_BYTES // 16

    async def test_who_reads_nothing_has_the_same_share_however_many_connections_it_makes(
        self, end: socket.socket
    ) -> None:
        house = House(unhurried())
        many = [opened(house, end) for _ in range(64)]
        for connection, transport in many:
            connection.send_result(1, "x" * (UNREAD_BYTES // 60))
            transport.unread = UNREAD_BYTES // 60
        await asyncio.sleep(0)
        assert not any(transport.reads for _, transport in many)

    async def test_of_too_many_answers_that_nobody_reads_the_most_end_with_their_connection(
        self, end: socket.socket
    ) -> None:
        house = House(unhurried())
        (greedy, first), (_, second) = opened(house, end), opened(house, end)
        first.unread = UNREAD_LIMIT + 2_000
        for _ in range(4):
            greedy.send_result(1, "x" * (UNREAD_LIMIT // 4 + 100))
        await asyncio.sleep(0)
        assert (first.aborted, second.aborted) == (True, False)


class TestLog:
    async def test_a_plugin_that_never_stops_is_cut_short_and_told_of(
        self, end: socket.socket, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        caplog.set_level(logging.INFO, PeerGroup.__module__)
        now = asyncio.get_running_loop().time()
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now)
        connection, _ = opened(House(unhurried()), end)
        line = b'{"jsonrpc":"2.0","method":"log","params":{"message":"x"}}\n'
        connection.data_received(line * (LOG_BURST + 100))
        assert len(caplog.records) == LOG_BURST
        now += 1_000.0
        connection.data_received(line)
        assert [each.getMessage() for each in caplog.records[LOG_BURST:]] == [
            ": 100 more lines of this plugin were suppressed",
            ": x",
        ]

    async def test_refused_connections_are_told_of_so_often_and_then_counted(
        self, end: socket.socket, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        house = House(unhurried())
        now = asyncio.get_running_loop().time()
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now)
        for _ in range(NOTICE_BURST + 50):
            connected(house, end)[0].refuse(None, -1, "no")
        assert len(caplog.records) == NOTICE_BURST
        now += 1_000.0
        connected(house, end)[0].refuse(None, -1, "no")
        assert [each.getMessage() for each in caplog.records[NOTICE_BURST:]] == [
            f"50 more lines about connections of uid {os.getuid()} were suppressed",
            "plugin connection refused: no",
        ]
