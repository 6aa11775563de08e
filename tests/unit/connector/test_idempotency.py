"""A call that is asked for again under its key is carried out once."""

import asyncio

from slackd.connector.idempotency import REMEMBERED, IdempotentCalls
from slackd.connector.slackapi import SlackAnswer
from slackd.link.messages import OUTCOME_UNKNOWN


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
    once, slack = IdempotentCalls(), Slack(POSTED, POSTED_AGAIN)
    assert await once.carry_out("p/1", slack.call) == POSTED
    assert await once.carry_out("p/1", slack.call) == POSTED
    assert slack.calls == 1


async def test_another_key_is_another_call() -> None:
    once, slack = IdempotentCalls(), Slack(POSTED, POSTED_AGAIN)
    await once.carry_out("p/1", slack.call)
    assert await once.carry_out("p/2", slack.call) == POSTED_AGAIN


async def test_a_repetition_while_the_first_is_under_way_waits_for_it() -> None:
    once, slack = IdempotentCalls(), Slack(POSTED, POSTED_AGAIN)
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
    once, slack = IdempotentCalls(), Slack(SlackAnswer(None, 0, error="no route to host"), POSTED)
    await once.carry_out("p/1", slack.call)
    assert await once.carry_out("p/1", slack.call) == POSTED


async def test_a_call_that_slack_may_have_carried_out_is_not_made_again() -> None:
    unknown = SlackAnswer(None, OUTCOME_UNKNOWN, error="no answer in time")
    once, slack = IdempotentCalls(), Slack(unknown, POSTED)
    await once.carry_out("p/1", slack.call)
    assert await once.carry_out("p/1", slack.call) == unknown
    assert slack.calls == 1


async def test_a_rate_limited_call_is_made_again() -> None:
    once, slack = IdempotentCalls(), Slack(SlackAnswer({"ok": False, "error": "ratelimited"}, 429, 1.0), POSTED)
    await once.carry_out("p/1", slack.call)
    assert await once.carry_out("p/1", slack.call) == POSTED


async def test_memory_is_bounded() -> None:
    answers = [POSTED] * (REMEMBERED + 2)
    once, slack = IdempotentCalls(), Slack(*answers)
    for number in range(REMEMBERED + 1):
        await once.carry_out(f"p/{number}", slack.call)
    await once.carry_out("p/0", slack.call)
    assert slack.calls == REMEMBERED + 2
