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

from slackd.broker.plugins.connection import UNREAD_ANSWERS, Hearing, Host, PluginConnection, Unheard
from slackd.broker.plugins.protocol import Answered
from slackd.broker.plugins.server import PluginHost
from slackd.broker.rate_limits import LOG_BURST, NOTICE_BURST, Allowance, PluginQuota

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

    abort = close


class House:
    """A daemon that takes everybody at their word."""

    def __init__(self, standing: PluginQuota) -> None:
        self._standing = standing
        self.heard: list[Answered] = []
        self.gone_by = 0

    def standing(self, connection: PluginConnection) -> PluginQuota:
        return self._standing

    def plugin(self, name: str) -> Any:
        return object()

    def is_held(self, connection: PluginConnection, delivery: int, attempt: int) -> bool:
        return True

    def answered(self, connection: PluginConnection, answers: list[Answered]) -> None:
        self.heard += answers

    def gone(self, connection: PluginConnection) -> None:
        self.gone_by += 1

    def arrived(self, connection: PluginConnection) -> None: ...

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
    connection.resume()
    return connection, transport


class TestHearing:
    def test_it_is_read_again_when_the_last_reason_is_gone(self, end: socket.socket) -> None:
        transport = Transport(end)
        hearing = Hearing(cast(asyncio.Transport, transport))
        hearing.stop(Unheard.GREEDY)
        hearing.stop(Unheard.OVERDRAWN)
        hearing.resume(Unheard.GREEDY)
        assert not transport.reads
        hearing.resume(Unheard.OPENING)
        assert not transport.reads
        hearing.resume(Unheard.OVERDRAWN)
        assert transport.reads

    async def test_who_does_not_read_its_answers_is_not_read_when_its_session_opens(
        self, end: socket.socket
    ) -> None:
        connection, transport = connected(House(PluginQuota(Allowance(1.0, BUSY))), end)
        connection.data_received(INITIALIZE)
        transport.unread = UNREAD_ANSWERS + 1
        connection.send_result(1, {})
        connection.opened(0, {})
        connection.resume()
        assert not transport.reads
        connection.resume_writing()
        assert transport.reads


class TestShareOfTheLoop:
    async def test_who_costs_more_than_its_share_is_not_read_until_that_is_made_good(
        self, end: socket.socket, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        standing = PluginQuota(reading=Allowance(1_000.0, 1.0))
        house = House(standing)
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
        house = House(PluginQuota())
        connection, transport = opened(house, end)
        gc.disable()  # a whole test run's garbage is not for this plugin's account
        connection.data_received(ANSWER * 500)
        gc.enable()
        assert len(house.heard) == 500
        assert transport.reads

    async def test_what_comes_while_another_one_has_the_share_is_heard_afterwards(
        self, end: socket.socket
    ) -> None:
        standing = PluginQuota(reading=Allowance(10_000.0, 1.0))
        house = House(standing)
        connection, transport = opened(house, end)
        standing.reading.take(101.0, asyncio.get_running_loop().time())
        connection.data_received(ANSWER[:20])
        assert (house.heard, transport.reads) == ([], False)
        async with asyncio.timeout(PATIENCE):
            await transport.resumed.wait()
        connection.data_received(ANSWER[20:])
        assert house.heard == [Answered(1, 1, None)]

    async def test_a_connection_that_is_gone_is_not_heard_of_any_more(self, end: socket.socket) -> None:
        standing = PluginQuota(reading=Allowance(FOREVER, 1.0))
        house = House(standing)
        connection, _ = opened(house, end)
        standing.reading.take(2.0, asyncio.get_running_loop().time())
        connection.data_received(ANSWER)
        timer = connection._later
        assert timer is not None
        connection.connection_lost(None)
        assert timer.cancelled()
        assert (house.heard, house.gone_by) == ([], 1)

    async def test_it_is_one_share_for_all_connections_of_a_plugin_and_outlives_them(
        self, end: socket.socket
    ) -> None:
        host = PluginHost(*cast(Any, (None, None, None, None)), foreground=False)
        connections = [connected(House(PluginQuota(Allowance(1.0, BUSY))), end)[0] for _ in range(4)]
        of_user = host.standing(connections[0])
        assert host.standing(connections[1]) is of_user
        for each, name in zip(connections, ("a", "a", "b", "b"), strict=True):
            each.plugin = name
        a, also_a, b, also_b = (host.standing(one) for one in connections)
        assert a is also_a
        assert b is also_b
        assert len({id(each) for each in (of_user, a, b)}) == 3


class TestLog:
    async def test_a_plugin_that_never_stops_is_cut_short_and_told_of(
        self, end: socket.socket, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        caplog.set_level(logging.INFO, PluginConnection.__module__)
        now = asyncio.get_running_loop().time()
        monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now)
        connection, _ = opened(House(PluginQuota(Allowance(1.0, BUSY))), end)
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
        house = House(PluginQuota(Allowance(1.0, BUSY)))
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
