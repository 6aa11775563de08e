"""A connector's end of the link, without a Slack behind it."""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from typing import Any

from slackd.envelope import Arrival
from slackd.link import SendToBroker
from slackd.link.messages import Call, Deliver, FromBroker, Hello, Refused, Returned, Settled
from tests.support.broker import PATIENCE


class StandInConnector:
    """What was settled and refused, and the calls it was asked for.

    Attributes:
        settled: By number, what an arrival is acknowledged with, as JSON; None for nothing.
        acknowledged_as: By number, the envelope's id in the acknowledgement.
        refused: By number, why an arrival is not acknowledged.
        answer: What a call is answered with; None leaves it without an answer.
    """

    def __init__(self, number: int = 1, apps: Sequence[str] = ("main",)) -> None:
        self.number, self.apps = number, apps
        self.settled: dict[int, str | None] = {}
        self.acknowledged_as: dict[int, str | None] = {}
        self.refused: dict[int, str] = {}
        self.calls: list[Call] = []
        self.answer: Callable[[Call], Returned | None] = lambda call: Returned(call.number, {"ok": True})
        self._arrivals = 0
        self._send: SendToBroker | None = None
        self._news = asyncio.Event()

    @property
    def next_number(self) -> int:
        """The number of the next arrival."""
        return self._arrivals + 1

    def hello(self) -> Hello:
        """How it introduces itself."""
        return Hello(1, self.number, 1, "digest", apps=dict.fromkeys(self.apps, 1))

    def link_up(self, send: SendToBroker) -> None:
        self._send = send
        send(self.hello())

    def link_down(self) -> None:
        self._send = None

    def from_broker(self, messages: Sequence[FromBroker]) -> None:
        for message in messages:
            match message:
                case Settled(settlements):
                    for each in settlements:
                        assert each.number not in self.settled, "it is settled twice"
                        self.settled[each.number] = each.payload
                        self.acknowledged_as[each.number] = each.envelope_id
                case Refused(refusals):
                    self.refused |= {each.number: each.reason for each in refusals}
                case Call():
                    self.calls.append(message)
                    returned = self.answer(message)
                    if returned is not None:
                        self.say(returned)
        self._news.set()

    def say(self, message: Any) -> None:
        assert self._send is not None
        self._send(message)

    def deliver(self, *texts: str, app: str = "main", connection: str = "c1") -> list[int]:
        """Deliver these together; returns their numbers."""
        first = self.next_number
        self._arrivals += len(texts)
        now = time.monotonic()
        arrivals = [Arrival(n, app, connection, now, text) for n, text in enumerate(texts, first)]
        self.say(Deliver(tuple(arrivals)))
        return [each.number for each in arrivals]

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait until this has come true."""
        async with asyncio.timeout(PATIENCE):
            while not true():
                self._news.clear()
                await self._news.wait()

    async def acknowledgement(self, number: int) -> Any:
        """What an arrival is acknowledged with, as soon as it is."""
        await self.until(lambda: number in self.settled or number in self.refused)
        assert number not in self.refused, self.refused
        payload = self.settled[number]
        return None if payload is None else json.loads(payload)
