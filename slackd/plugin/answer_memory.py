"""What a session has answered and slackd may not have yet. Pure.

The answers that were given last are kept in each lane: a connection that ends may have taken them with it, so
they are sent again on the next one (R8). An answer that was given while the work goes on is kept until slackd
says that its journal has it, and goes ahead of what ends the delivery on every connection until then.
"""

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any

from slackd import jsonrpc
from slackd.frozen import frozen
from slackd.plugin.answers import Ack, Answer


@frozen
class LastAnswer:
    """What ended one attempt of a delivery."""

    attempt: int
    answer: Answer

    def line(self, delivery: str) -> bytes:
        """The response to slackd's request."""
        id_, answer = f"{delivery}.{self.attempt}", self.answer
        if isinstance(answer, Ack):
            return jsonrpc.encode_result(id_, {} if answer.response is None else {"response": answer.response})
        data: dict[str, Any] = {}
        if answer.retry_after is not None:
            data["retry_after"] = answer.retry_after
        if answer.permanent:
            data["permanent"] = True
        return jsonrpc.encode_failure(id_, jsonrpc.HANDLER_FAILED, answer.reason, data or None)


@frozen
class AnswerNow:
    """An answer of which slackd has not said yet that its journal has it; `request` is its number."""

    request: int
    response: Mapping[str, Any]

    def line(self, delivery: str, attempt: int) -> bytes:
        """The request that gives it."""
        params = {"id": f"{delivery}.{attempt}", "response": self.response}
        return jsonrpc.encode_request(self.request, "answer", params)


class AnswerMemory:
    """The answers of one session, by delivery; false while there is none that ended one.

    Attributes:
        now: Those that were given while the work goes on.
    """

    def __init__(self) -> None:
        self.now: dict[str, AnswerNow] = {}
        # Prompt or not. A plain dict would look for its oldest key past the places of all that were deleted.
        self._lanes: dict[bool, OrderedDict[str, LastAnswer]] = {True: OrderedDict(), False: OrderedDict()}

    def __bool__(self) -> bool:
        return any(self._lanes.values())

    def __iter__(self) -> Iterator[tuple[str, LastAnswer]]:
        for lane in self._lanes.values():
            yield from lane.items()

    def find(self, delivery: str) -> LastAnswer | None:
        """What ended this delivery, as far as that is still known."""
        return self._lanes[True].get(delivery) or self._lanes[False].get(delivery)

    def keep(self, delivery: str, kept: LastAnswer, *, prompt: bool) -> None:
        """A delivery has ended; `prompt` is its lane."""
        self._lanes[prompt][delivery] = kept

    def keep_again(self, delivery: str, kept: LastAnswer) -> None:
        """It ended so once more, and is the newest of its lane now."""
        lane = self._lanes[delivery in self._lanes[True]]
        del lane[delivery]
        lane[delivery] = kept

    def forget(self, delivery: str) -> None:
        """A newer attempt of it begins."""
        for lane in self._lanes.values():
            lane.pop(delivery, None)
        self.now.pop(delivery, None)

    def forget_oldest(self, most: int) -> None:
        """Keep so many in each lane."""
        for lane in self._lanes.values():
            while len(lane) > most:
                delivery, _ = lane.popitem(last=False)
                self.now.pop(delivery, None)

    def forget_all(self) -> None:
        """They answer nothing any more; what is given while work goes on stays."""
        for delivery, _ in self:
            self.now.pop(delivery, None)
        for lane in self._lanes.values():
            lane.clear()

    def lines(self, delivery: str, kept: LastAnswer) -> list[bytes]:
        """What is said on a new connection of a delivery that has ended."""
        return [self.line_now(delivery, kept.attempt), kept.line(delivery)]

    def line_now(self, delivery: str, attempt: int) -> bytes:
        """What is said before; nothing if slackd's journal has it."""
        now = self.now.get(delivery)
        return now.line(delivery, attempt) if now is not None else b""
