"""A process ends when it is told to, and when something of its own is broken."""

import asyncio
import logging
import math

import pytest

from slackd import accelerators
from slackd.accelerators import LoopFactory
from slackd.jsonrpc import NotJsonError, encode_request
from slackd.systemd.lifetime import run_until_stopped


@pytest.mark.parametrize("loop", [None, accelerators.loop_factory()])
def test_a_callback_of_slackds_own_that_fails_ends_the_process_with_its_error(
    caplog: pytest.LogCaptureFixture, loop: LoopFactory | None
) -> None:
    async def main(stop: asyncio.Event) -> None:
        asyncio.get_running_loop().call_soon(encode_request, 1, "call", {"amount": math.nan})
        await stop.wait()

    with caplog.at_level(logging.CRITICAL, "asyncio"), pytest.raises(NotJsonError):
        run_until_stopped(main, loop)


def test_so_it_does_although_its_work_ends_well(caplog: pytest.LogCaptureFixture) -> None:
    async def main(stop: asyncio.Event) -> None:
        asyncio.get_running_loop().call_soon(encode_request, 1, "call", {"amount": math.nan})
        try:
            await stop.wait()
        except asyncio.CancelledError:
            return

    with caplog.at_level(logging.CRITICAL, "asyncio"), pytest.raises(NotJsonError):
        run_until_stopped(main)


def test_a_librarys_callback_that_fails_is_told_and_nothing_else(caplog: pytest.LogCaptureFixture) -> None:
    def fails() -> None:
        raise ValueError("not ours")

    async def main(stop: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        loop.call_soon(fails)
        loop.call_soon(stop.set)
        await stop.wait()

    run_until_stopped(main)
    assert "not ours" in caplog.text


def test_who_is_cancelled_stays_cancelled() -> None:
    async def main(stop: asyncio.Event) -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await stop.wait()

    with pytest.raises(asyncio.CancelledError):
        run_until_stopped(main)
