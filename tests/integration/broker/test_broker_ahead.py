"""Events of one channel that go ahead of their turn, over a real socket: to a raw program, and to the SDK's."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from slackd.config import Delivery
from slackd.plugin import Envelope, Permanent, Plugin, Retry
from tests.integration.broker.broker_rig import House, Program, house, plugin
from tests.integration.broker.test_broker_deliveries import AT_ONCE, message, number_of
from tests.support.broker import PATIENCE

EVENTS, CUTS = 120, 8


async def keeper(here: House, **more: Any) -> Program:
    """A program that keeps the order of a key itself, at a broker that has looked at what its journal has."""
    program = await here.program(session="s", remembers=100, ahead=4, **more)
    here.connector.deliver(message(100, "C100"))
    await program.answer(await program.handed())
    await here.nothing_is_open()
    return program


async def test_who_says_ahead_hears_how_many_and_nobody_else() -> None:
    async with house() as here:
        for said, heard in (({"ahead": 900, "remembers": 9, "session": "s"}, 64), ({"ahead": 9}, None)):
            program = await here.connect()
            await program.say(id=0, method="initialize", params={"protocol": 1, "plugin": "bot", **said})
            assert (await program.hear())["result"].get("ahead") == heard


async def test_what_follows_names_the_one_before_it_and_the_first_names_none() -> None:
    async with house() as here:
        program = await keeper(here)
        here.connector.deliver(*(message(n, "C1") for n in range(9)))
        out = [await program.handed() for _ in range(5)]
        assert [each.get("after") for each in out] == [None, *(each["id"] for each in out[:4])]
        await program.answer(out[0])
        sixth = await program.handed()
        assert (number_of(sixth), sixth["after"]) == (5, out[-1]["id"])


async def test_behind_a_nack_all_come_again_in_order_with_no_attempt_counted() -> None:
    async with house(plugin(delivery=Delivery(**AT_ONCE))) as here:
        program = await keeper(here)
        here.connector.deliver(*(message(n, "C1") for n in range(3)))
        out = [await program.handed() for _ in range(3)]
        await program.nack(out[0])
        await program.answer(out[1])
        again = [await program.handed() for _ in range(3)]
        assert [(number_of(each), each["attempt"]) for each in again] == [(0, 2), (1, 1), (2, 1)]
        for each in again:
            await program.answer(each)
        await here.nothing_is_open()


async def test_of_a_timeout_a_program_hears_what_was_taken_back() -> None:
    async with house(plugin(delivery=Delivery(ack_timeout=0.05, **AT_ONCE))) as here:
        program = await keeper(here)
        here.connector.deliver(message(1, "C1"), message(2, "C1"))
        out = [await program.handed() for _ in range(2)]
        heard = await program.hear()
        assert (heard["method"], heard["params"]) == ("taken_back", {"ids": [out[1]["id"]]})
        again = [await program.handed() for _ in range(2)]
        assert [(number_of(each), each["attempt"]) for each in again] == [(1, 2), (2, 1)]


async def test_a_session_that_leaves_gives_back_what_it_has_not_begun() -> None:
    async with house() as here:
        program = await keeper(here)
        here.connector.deliver(message(1, "C1"), message(2, "C1"))
        out = [await program.handed() for _ in range(2)]
        await program.say(method="leaving", params={"holding": [out[0]["id"]]})
        await program.answer(out[0])
        another = await here.program()
        delivery = await another.handed()
        assert (number_of(delivery), delivery["attempt"]) == (2, 1)


@contextlib.asynccontextmanager
async def served(here: House, serving: Plugin) -> AsyncIterator[None]:
    task = asyncio.create_task(serving.serve())
    try:
        yield
    finally:
        serving.stop()
        async with asyncio.timeout(PATIENCE):
            await task


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_fails_or_breaks_each_is_handled_once_after_the_one_before_it(
    tmp_path: Path, seed: int
) -> None:
    """Handlers that fail, take their time or give up, connections that are cut: a channel's order holds."""
    rng = random.Random(seed)
    handled: dict[str, list[int]] = {"C0": [], "C1": []}
    at_work: Counter[str] = Counter()
    all_handled = asyncio.Event()

    async def handle(envelope: Envelope) -> None:
        number, channel = int(envelope.payload["event_id"][2:]), envelope.channel
        assert not at_work[channel], "two of one channel at once"
        assert handled[channel] == [n for n in range(number) if n % 2 == number % 2], "out of order"
        at_work[channel] += 1
        try:
            await asyncio.sleep(rng.choice((0.0, 0.0, 0.0, 0.002)))
        finally:
            at_work[channel] -= 1
        if rng.random() < 0.2:
            raise Retry("once more")
        handled[channel].append(number)
        if sum(map(len, handled.values())) == EVENTS:
            all_handled.set()
        if rng.random() < 0.1:
            raise Permanent("enough of it")

    async def cut() -> None:
        for _ in range(CUTS):
            await asyncio.sleep(rng.uniform(0.005, 0.05))
            for each in here.daemon.plugin_host.sessions_of("bot"):
                each.abort()

    rules = Delivery(max_attempts=100, **AT_ONCE)
    async with house(plugin(delivery=rules)) as here:
        program = Plugin("bot", socket=str(here.folder / "p.sock"))
        program.event("message")(handle)
        async with served(here, program):
            cutting = asyncio.create_task(cut())
            for number in range(0, EVENTS, 10):
                here.connector.deliver(*(message(n, f"C{n % 2}") for n in range(number, number + 10)))
                await asyncio.sleep(rng.uniform(0.0, 0.02))
            async with asyncio.timeout(PATIENCE):
                await all_handled.wait()
            cutting.cancel()
            await here.nothing_is_open()
    assert [handled[f"C{c}"] for c in range(2)] == [list(range(c, EVENTS, 2)) for c in range(2)]


async def test_a_plugin_that_stops_and_starts_again_counts_no_attempt_of_what_it_has_not_begun() -> None:
    attempts: list[tuple[int, int]] = []
    begun = asyncio.Condition()

    async def handle(envelope: Envelope) -> None:
        async with begun:
            attempts.append((int(envelope.payload["event_id"][2:]), envelope.attempt))
            begun.notify_all()
        await asyncio.sleep(0.002)

    async with house(plugin(delivery=Delivery(max_attempts=1))) as here:
        here.connector.deliver(*(message(n, "C1") for n in range(60)))
        async with asyncio.timeout(PATIENCE):
            while len(attempts) < 60:
                program, enough = Plugin("bot", socket=str(here.folder / "p.sock")), min(60, len(attempts) + 15)
                program.event("message")(handle)
                async with served(here, program), begun:
                    await begun.wait_for(lambda: len(attempts) >= enough)  # noqa: B023
        await here.nothing_is_open()
    assert attempts == [(number, 1) for number in range(60)]
