"""Calls that are asked for again after a restart of the broker: carried out once, answered as often as asked.

A plugin that lost its answer repeats its call under the same id, and the broker sends it to the same connector.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

from slackd.connector.slackapi import SlackAnswer
from slackd.link.messages import OUTCOME_UNKNOWN

REMEMBERED: Final = 2_000
"""Answers kept for one app; a plugin repeats what it has in hand, which is far less."""


class IdempotentCalls:
    """The answers of one app's calls that have a key. Those that never reached Slack are not kept.

    Where nobody knows whether Slack carried the call out, that is its answer, and stays so: a repetition might
    do it twice.
    """

    def __init__(self) -> None:
        self._answers: OrderedDict[str, SlackAnswer] = OrderedDict()
        self._under_way: dict[str, asyncio.Event] = {}

    async def carry_out(self, key: str, call: Callable[[], Awaitable[SlackAnswer]]) -> SlackAnswer:
        """The answer to the call of this key: the first one's, if there was one."""
        while key in self._under_way:
            await self._under_way[key].wait()
        known = self._answers.get(key)
        if known is not None:
            return known
        self._under_way[key] = asyncio.Event()
        try:
            answer = await call()
            if (answer.body is not None and answer.status != 429) or answer.status == OUTCOME_UNKNOWN:
                self._answers[key] = answer
                while len(self._answers) > REMEMBERED:
                    self._answers.popitem(last=False)
            return answer
        finally:
            self._under_way.pop(key).set()
