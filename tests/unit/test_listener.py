"""Connections are accepted a few at a time, and a process without descriptors waits and says so once."""

import asyncio
import contextlib
import errno
import itertools
import logging
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from slackd.broker.background_tasks import BackgroundTasks
from slackd.listener import ACCEPT_BURST, ACCEPTED_AT_ONCE, Listener

PATIENCE = 30.0


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder, socket.socket(socket.AF_UNIX) as made:
        made.bind(str(Path(folder) / "s"))
        made.listen(1_000)
        made.setblocking(False)
        yield made


@contextlib.contextmanager
def clients(listening: socket.socket, number: int) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        made = [stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(number)]
        for each in made:
            each.connect(listening.getsockname())
        yield made


@contextlib.asynccontextmanager
async def background() -> AsyncIterator[BackgroundTasks]:
    tasks = BackgroundTasks()
    running = asyncio.create_task(tasks.run())
    await tasks.accepted.wait()
    try:
        yield tasks
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


@contextlib.asynccontextmanager
async def refusing_many(listening: socket.socket, accepted: list[int]) -> AsyncIterator[None]:
    """More wait than are accepted at once, and each of them is refused."""

    def refuse(_: socket.socket) -> None:
        accepted.append(1)

    async with background() as tasks:
        with clients(listening, 5 * ACCEPTED_AT_ONCE):
            listener = Listener("test", listening, refuse, tasks.begin)
            listener.listen()
            async with asyncio.timeout(PATIENCE):
                yield
            listener.close()


class Greeter(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast(asyncio.Transport, transport).write(b"hello")
        cast(asyncio.Transport, transport).close()


async def test_a_turn_of_the_loop_accepts_a_few_however_many_wait(listening: socket.socket) -> None:
    accepted: list[int] = []
    turns: list[int] = []
    async with refusing_many(listening, accepted):
        while len(accepted) < 5 * ACCEPTED_AT_ONCE:
            before = len(accepted)
            await asyncio.sleep(0)
            turns.append(len(accepted) - before)
    assert max(turns) <= ACCEPTED_AT_ONCE


async def test_whoever_has_cost_more_than_the_share_waits_for_the_next(
    listening: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepted: list[int] = []
    clock = itertools.count(0.0, ACCEPT_BURST)
    monkeypatch.setattr("slackd.listener.time", SimpleNamespace(thread_time=lambda: next(clock)))
    async with refusing_many(listening, accepted):
        for _ in range(20):
            await asyncio.sleep(0)
        assert len(accepted) <= 2 * ACCEPTED_AT_ONCE
        while len(accepted) < 5 * ACCEPTED_AT_ONCE:
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(("share", "slices"), [(0.1, 10), (0.5, 2)])
async def test_a_larger_share_waits_for_less(
    listening: socket.socket, monkeypatch: pytest.MonkeyPatch, share: float, slices: int
) -> None:
    """For what was taken beyond the share, as many slices of it as make a second."""
    clock = itertools.count(0.0, ACCEPT_BURST)
    monkeypatch.setattr("slackd.listener.time", SimpleNamespace(thread_time=lambda: next(clock)))
    pauses: list[float] = []
    monkeypatch.setattr(Listener, "_pause", lambda _, seconds: pauses.append(seconds))
    with clients(listening, 1):
        listener = Listener("test", listening, lambda _: None, lambda _: None, share=share)
        listener._accept_some()
        listener.close()
    assert pauses
    assert pauses[0] <= slices * 3 * ACCEPT_BURST


async def test_who_is_let_in_is_served_and_who_is_not_is_closed(listening: socket.socket) -> None:
    answers: Iterator[asyncio.Protocol | None] = iter((Greeter(), None))
    async with background() as tasks:
        with clients(listening, 2) as (welcome, unwelcome):
            listener = Listener("test", listening, lambda _: next(answers), tasks.begin)
            listener.listen()
            for each, heard in ((welcome, b"hello"), (unwelcome, b"")):
                each.settimeout(PATIENCE)
                assert await asyncio.to_thread(each.recv, 10) == heard
            listener.close()


class Exhausted:
    """A listening socket whose process has no descriptor left for so many accepts."""

    def __init__(self, listening: socket.socket, failures: int) -> None:
        self._listening, self.failures = listening, failures

    def fileno(self) -> int:
        return self._listening.fileno()

    def setblocking(self, blocking: bool) -> None: ...

    def accept(self) -> object:
        if self.failures:
            self.failures -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return self._listening.accept()


async def test_without_descriptors_connections_wait_and_it_is_said_once(
    listening: socket.socket, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr("slackd.listener.EXHAUSTED_PAUSE", 0.001)
    spared: list[int] = []
    async with background() as tasks:
        with clients(listening, 1) as (client,):
            exhausted = cast(socket.socket, Exhausted(listening, 20))
            listener = Listener("test", exhausted, lambda _: Greeter(), tasks.begin, lambda: spared.append(1))
            listener.listen()
            client.settimeout(PATIENCE)
            assert await asyncio.to_thread(client.recv, 10) == b"hello"
            listener.close()
    said = [each for each in caplog.records if each.name == "slackd.listener"]
    assert [getattr(each, "event", "") for each in said] == ["descriptors-exhausted"]
    assert not any(each.exc_info for each in caplog.records)
    assert len(spared) == 20
