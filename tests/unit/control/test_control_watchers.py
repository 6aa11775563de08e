"""Watching is bounded: in what waits, in what is remembered, and in how many watch."""

import asyncio
from collections.abc import Callable

from slackd.broker.actions import Passed
from slackd.broker.control.watchers import BACKLOG, MOST_WATCHERS, Described, Watcher, Watchers


def passed(number: int) -> Passed:
    return Passed("recorded", 0.0, number)


async def test_what_waits_is_taken_in_order_and_what_is_too_much_is_counted() -> None:
    watcher = Watcher()
    for number in range(BACKLOG + 7):
        watcher.put(passed(number))
    assert watcher.dropped == 7
    assert [each.envelope for each in await watcher.take(3)] == [0, 1, 2]
    assert len(await watcher.take(10 * BACKLOG)) == BACKLOG - 3


async def test_whoever_waits_is_woken_by_news_and_by_the_end() -> None:
    watcher = Watcher()
    happenings: list[tuple[Callable[[], None], int]] = [
        (lambda: watcher.put(passed(1)), 1),
        (watcher.close, 0),
    ]
    for happens, expected in happenings:
        waiting = asyncio.create_task(watcher.take(10))
        await asyncio.sleep(0)
        assert not waiting.done()
        happens()
        assert len(await waiting) == expected


async def test_everybody_sees_the_same_and_the_broker_knows_whether_anybody_looks() -> None:
    changes: list[bool] = []
    watchers = Watchers(changes.append)
    joined = [watchers.join() for _ in range(MOST_WATCHERS + 1)]
    assert joined[-1] is None
    watchers.passed(passed(1))
    for watcher in joined[:-1]:
        assert watcher is not None
        assert len(await watcher.take(10)) == 1
        watchers.leave(watcher)
    assert (changes[0], changes[-1], len(watchers)) == (True, False, 0)


def test_what_was_found_out_is_forgotten_oldest_first_and_when_nobody_watches() -> None:
    described = Described()
    for number in range(BACKLOG + 1):
        described.put(number, {"app": "main"})
    assert described.get(0) is None
    assert described.get(BACKLOG) == {"app": "main"}
    watchers = Watchers(lambda _: None)
    watcher = watchers.join()
    assert watcher is not None
    watchers.described.put(1, {})
    watchers.leave(watcher)
    assert watchers.described.get(1) is None
