"""Whose call is with the broker: no channel and no method keeps the others of its app out."""

import asyncio

import pytest

from slackd.gateway.call_turns import AT_ONCE, OF_LANE, OF_METHOD, CallTurns, NoTurn


async def hold(turns: CallTurns, method: str, about: str, count: int) -> list[asyncio.Task[None]]:
    """So many calls that come to no end, as far as it is their turn."""

    async def one() -> None:
        async with turns.turn(method, about, 60.0):
            await asyncio.Event().wait()

    tasks = [asyncio.create_task(one()) for _ in range(count)]
    await asyncio.sleep(0)
    return tasks


async def is_full(turns: CallTurns, method: str, about: str) -> bool:
    try:
        async with turns.turn(method, about, 0.01):
            return False
    except NoTurn:
        return True


async def test_a_channel_leaves_places_to_others_and_a_method_to_other_methods() -> None:
    turns = CallTurns()
    held = await hold(turns, "chat.postMessage", "C1", OF_LANE + 1)
    assert await is_full(turns, "chat.postMessage", "C1")
    assert not await is_full(turns, "chat.postMessage", "C2")
    for number in range(2, 2 + OF_METHOD // OF_LANE):
        held += await hold(turns, "chat.postMessage", f"C{number}", OF_LANE)
    assert await is_full(turns, "chat.postMessage", "C99")
    assert not await is_full(turns, "views.open", "")
    for task in held:
        task.cancel()
    await asyncio.wait(held)
    assert not await is_full(turns, "chat.postMessage", "C1")


async def test_an_app_has_so_many_places_in_all() -> None:
    turns = CallTurns()
    held = [task for number in range(AT_ONCE) for task in await hold(turns, f"method.{number}", "", 1)]
    assert await is_full(turns, "views.open", "")
    held.pop().cancel()
    await asyncio.sleep(0)
    assert not await is_full(turns, "views.open", "")
    for task in held:
        task.cancel()


async def test_what_a_call_raises_comes_out_as_it_is() -> None:
    turns = CallTurns()
    with pytest.raises(TimeoutError, match="its own"):
        async with turns.turn("views.open", "", 1.0):
            raise TimeoutError("its own")
