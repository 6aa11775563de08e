"""A call that is asked for again under its key is carried out once."""

import asyncio

from slackd.connector.idempotency import REMEMBERED, REMEMBERED_BYTES, REMEMBERED_FOR, IdempotentCalls
from slackd.connector.slackapi import SlackAnswer
from slackd.link.messages import OUTCOME_UNKNOWN


class Clock:
    """The time, as the test says it is."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class Slack:
    def __init__(self, *answers: SlackAnswer) -> None:
        self.answers = list(answers)
        self.calls = 0
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def call(self) -> SlackAnswer:
        self.calls += 1
        await self.may_answer.wait()
        return self.answers.pop(0)


POSTED = SlackAnswer({"ok": True, "ts": "1"}, 200)
POSTED_AGAIN = SlackAnswer({"ok": True, "ts": "2"}, 200)


async def test_a_repetition_gets_the_first_ones_answer() -> None:
    once, slack = IdempotentCalls(Clock()), Slack(POSTED, POSTED_AGAIN)
    assert await once.carry_out("p/1", slack.call) == POSTED
    assert await once.carry_out("p/1", slack.call) == POSTED
    assert slack.calls == 1


async def test_another_key_is_another_call() -> None:
    once, slack = IdempotentCalls(Clock()), Slack(POSTED, POSTED_AGAIN)
    await once.carry_out("p/1", slack.call)
    assert await once.carry_out("p/2", slack.call) == POSTED_AGAIN


async def test_a_repetition_while_the_first_is_under_way_waits_for_it() -> None:
    once, slack = IdempotentCalls(Clock()), Slack(POSTED, POSTED_AGAIN)
    slack.may_answer.clear()
    async with asyncio.TaskGroup() as group:
        first = group.create_task(once.carry_out("p/1", slack.call))
        second = group.create_task(once.carry_out("p/1", slack.call))
        group.create_task(_open(slack))
    assert first.result() == second.result() == POSTED
    assert slack.calls == 1


async def _open(slack: Slack) -> None:
    slack.may_answer.set()


async def test_a_call_that_never_reached_slack_is_made_again() -> None:
    once, slack = IdempotentCalls(Clock()), Slack(SlackAnswer(None, 0, error="no route to host"), POSTED)
    await once.carry_out("p/1", slack.call)
    assert await once.carry_out("p/1", slack.call) == POSTED


async def test_a_call_that_slack_may_have_carried_out_is_not_made_again() -> None:
    unknown = SlackAnswer(None, OUTCOME_UNKNOWN, error="no answer in time")
    once, slack = IdempotentCalls(Clock()), Slack(unknown, POSTED)
    await once.carry_out("p/1", slack.call)
    assert await once.carry_out("p/1", slack.call) == unknown
    assert slack.calls == 1


async def test_a_rate_limited_call_is_made_again() -> None:
    once, slack = (
        IdempotentCalls(Clock()),
        Slack(SlackAnswer({"ok": False, "error": "ratelimited"}, 429, 1.0), POSTED),
    )
    await once.carry_out("p/1", slack.call)
    assert await once.carry_out("p/1", slack.call) == POSTED


BIG = 1 << 20


async def carry_out(once: IdempotentCalls, numbers: range, size: int = 0, *, reported: bool = True) -> None:
    slack = Slack(*[SlackAnswer({"ok": True, "page": "x" * size}, 200)] * len(numbers))
    for number in numbers:
        await once.carry_out(f"p/{number}", slack.call)
        if reported:
            once.reported(f"p/{number}")


async def is_known(once: IdempotentCalls, number: int) -> bool:
    slack = Slack(POSTED_AGAIN)
    await once.carry_out(f"p/{number}", slack.call)
    return slack.calls == 0


async def test_so_many_answers_are_kept() -> None:
    once = IdempotentCalls(Clock())
    await carry_out(once, range(REMEMBERED + 1))
    assert await is_known(once, 1)
    assert not await is_known(once, 0)


async def test_so_many_bytes_are_kept_whoever_pages_through_long_lists() -> None:
    once = IdempotentCalls(Clock())
    await carry_out(once, range(100), BIG)
    assert once.kept_bytes <= REMEMBERED_BYTES
    assert await is_known(once, 99)
    assert not await is_known(once, 0)


async def test_they_are_kept_for_so_long() -> None:
    clock = Clock()
    once = IdempotentCalls(clock)
    await carry_out(once, range(1), BIG)
    clock.now += REMEMBERED_FOR - 1
    assert await is_known(once, 0)
    clock.now += 1
    assert not await is_known(once, 0)


async def test_nobody_asks_for_one_that_old_though_no_broker_has_got_it() -> None:
    clock = Clock()
    once = IdempotentCalls(clock)
    await carry_out(once, range(20), BIG, reported=False)
    clock.now += REMEMBERED_FOR
    assert not await is_known(once, 19)
    assert once.kept_bytes < BIG


async def test_what_no_broker_has_got_yet_is_kept_however_large() -> None:
    once = IdempotentCalls(Clock())
    await carry_out(once, range(20), BIG, reported=False)
    await carry_out(once, range(20, 100), BIG)
    assert [await is_known(once, number) for number in range(20)] == [True] * 20
    for number in range(20):
        once.reported(f"p/{number}")
    assert once.kept_bytes <= REMEMBERED_BYTES
