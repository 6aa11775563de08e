"""What systemd is told, and when nobody is told anything."""

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from slackd.systemd.notify import Notifier, feed_watchdog


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """systemd's end of the notification socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.delenv("WATCHDOG_USEC", raising=False)
        monkeypatch.delenv("WATCHDOG_PID", raising=False)
        yield listening


def heard(manager: socket.socket) -> list[str]:
    said = []
    while True:
        try:
            said.append(manager.recv(4096).decode())
        except BlockingIOError:
            return said


def test_a_life_as_systemd_hears_it(manager: socket.socket) -> None:
    notifier = Notifier()
    notifier.extend(1.5)
    notifier.ready("serving 2 plugins")
    notifier.status("app main: Slack says »invalid_auth«\nsee slackctl status")
    notifier.alive()
    notifier.stopping("draining")
    assert heard(manager) == [
        "EXTEND_TIMEOUT_USEC=1500000",
        "READY=1\nSTATUS=serving 2 plugins",
        "STATUS=app main: Slack says »invalid_auth« see slackctl status",
        "WATCHDOG=1",
        "STOPPING=1\nSTATUS=draining",
    ]


def test_without_systemd_nobody_is_told() -> None:
    notifier = Notifier({"WATCHDOG_USEC": "1000000"})
    notifier.ready("x")
    notifier.alive()
    assert notifier.watchdog_every is None


@pytest.mark.parametrize(
    ("allowed", "pid", "every"),
    [
        ("30000000", None, 15.0),
        ("30000000", "this process", 15.0),
        ("30000000", "1", None),
        ("0", None, None),
        ("soon", None, None),
        ("", None, None),
    ],
)
def test_signs_of_life_come_twice_as_often_as_needed(
    manager: socket.socket, monkeypatch: pytest.MonkeyPatch, allowed: str, pid: str | None, every: float | None
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", allowed)
    if pid is not None:
        monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()) if pid == "this process" else pid)
    assert Notifier().watchdog_every == every


async def test_a_process_that_hangs_gives_no_sign_of_life(
    manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "2000")
    answers: asyncio.Queue[None] = asyncio.Queue()
    answers.put_nowait(None)
    answers.put_nowait(None)
    asked = 0
    third = asyncio.Event()

    async def writer_answers() -> None:
        nonlocal asked
        asked += 1
        if asked == 3:
            third.set()
        await answers.get()

    feeding = asyncio.create_task(feed_watchdog(Notifier(), writer_answers))
    async with asyncio.timeout(30):
        await third.wait()
    assert heard(manager) == ["WATCHDOG=1", "WATCHDOG=1"]
    feeding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await feeding


async def test_without_a_watchdog_there_is_nothing_to_feed() -> None:
    async def never() -> None:
        raise AssertionError

    await feed_watchdog(Notifier({}), never)
