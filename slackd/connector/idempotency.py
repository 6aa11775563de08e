"""Calls that are asked for again after a restart of the broker: carried out once, answered as often as asked.

A plugin that lost its answer repeats its call under the same id, and the broker sends it to the same connector.
Answers are kept as text: as objects they take several times as much. Those that a broker has got are kept
within bounds of number and bytes; those that none has got yet stay, since they are what will be asked for
again. None is kept for longer than anybody may ask.
"""

import asyncio
import json
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

import attrs

from slackd.connector.slackapi import SlackAnswer
from slackd.link.messages import OUTCOME_UNKNOWN
from slackd.slotted import define

REMEMBERED: Final = 2_000
"""Answers kept for one app; a plugin repeats what it has in flight, which is far less."""
REMEMBERED_BYTES: Final = 8 * 1024 * 1024
"""Bytes of them together."""
REMEMBERED_FOR: Final = 3_600.0
"""Seconds: a delivery may be in hand for an hour, by `extend`, and no repetition comes later."""


@define
class _Kept:
    """An answer: its body as JSON text in UTF-8, and everything else as it was."""

    body: bytes | None
    rest: SlackAnswer
    until: float
    reported: bool = False

    @classmethod
    def of(cls, answer: SlackAnswer, until: float) -> "_Kept":
        body = None if answer.body is None else json.dumps(answer.body, separators=(",", ":")).encode()
        return cls(body, attrs.evolve(answer, body=None), until)

    def answer(self) -> SlackAnswer:
        return self.rest if self.body is None else attrs.evolve(self.rest, body=json.loads(self.body))

    @property
    def size(self) -> int:
        return len(self.body or b"") + len(self.rest.error)


class IdempotentCalls:
    """The answers of one app's calls that have a key. Those that never reached Slack are not kept.

    Where nobody knows whether Slack carried the call out, that is its answer, and stays so: a repetition might
    do it twice.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` says seconds on the machine's monotonic clock."""
        self._clock = clock
        self._answers: OrderedDict[str, _Kept] = OrderedDict()
        self._bytes = 0
        self._under_way: dict[str, asyncio.Event] = {}

    @property
    def kept_bytes(self) -> int:
        """Bytes of all answers that are kept."""
        return self._bytes

    async def carry_out(self, key: str, call: Callable[[], Awaitable[SlackAnswer]]) -> SlackAnswer:
        """The answer to the call of this key: the first one's, if there was one."""
        while key in self._under_way:
            await self._under_way[key].wait()
        self._forget()
        known = self._answers.get(key)
        if known is not None:
            return known.answer()
        self._under_way[key] = asyncio.Event()
        try:
            answer = await call()
            if (answer.body is not None and answer.status != 429) or answer.status == OUTCOME_UNKNOWN:
                self._answers[key] = kept = _Kept.of(answer, self._clock() + REMEMBERED_FOR)
                self._bytes += kept.size
            return answer
        finally:
            self._under_way.pop(key).set()

    def reported(self, key: str) -> None:
        """The broker has got the answer to the call of this key."""
        known = self._answers.get(key)
        if known is not None:
            known.reported = True
        self._forget()

    def _forget(self) -> None:
        now = self._clock()
        for key, kept in list(self._answers.items()):
            within = len(self._answers) <= REMEMBERED and self._bytes <= REMEMBERED_BYTES
            if within and now < kept.until:
                return
            if kept.reported or now >= kept.until:
                del self._answers[key]
                self._bytes -= kept.size
