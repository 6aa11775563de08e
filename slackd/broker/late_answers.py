"""A plugin's answer: into the acknowledgement, or after it through the `response_url`. Pure.

The journal decides which. What was meant for the acknowledgement follows it where the journal says that nobody
waited any more (`Done.passed`), or where a connector tells that it could not send it; never both.
"""

from collections.abc import Callable, Sequence

from slackd.broker.actions import Action, NotifyLate, NotifyTooLarge, PostLate
from slackd.broker.counters import Counters
from slackd.broker.fallback_responses import is_message
from slackd.broker.instant import Instant
from slackd.broker.journal import LateAnswer
from slackd.broker.journal.writes import (
    AnswerState,
    AnswerUnsent,
    CloseDelivery,
    Done,
    Lane,
    OpenDelivery,
    Write,
)
from slackd.broker.pending_acks import PendingAcks, Settlements
from slackd.broker.unsent_answers import GivenAnswer, UnsentAnswers
from slackd.broker.write_batch import Origin


class LateAnswers:
    """What is written of each answer, and what follows from the commit."""

    def __init__(self, awaited: PendingAcks, counters: Counters, act: Callable[[Action], None]) -> None:
        """`act` takes what is to be done at once."""
        self._awaited, self._counters, self._act = awaited, counters, act
        self._given = UnsentAnswers()
        self._lost: list[GivenAnswer] = []

    def close(
        self, plugin: str, session: str, delivery: OpenDelivery, response: str | None, now: Instant
    ) -> tuple[CloseDelivery, Origin]:
        """What is to be written of an answer that was accepted (JSON text, or None)."""
        in_time = self._awaited.is_awaited(delivery.envelope) and delivery.respond_by is not None
        if in_time or (delivery.respond_by is not None and now.unix < delivery.respond_by):
            return self._in_time(plugin, session, delivery, response)
        if response is None or delivery.lane is not Lane.PROMPT:
            return CloseDelivery(delivery.id, delivery.attempt), Origin(plugin)
        self._counters.answers[plugin, "late"] += 1
        message = is_message(response)
        close = CloseDelivery(delivery.id, delivery.attempt, response, late=message)
        return close, Origin(plugin, session=session, is_message=message)

    def closed(self, close: CloseDelivery, outcome: Done, origin: Origin) -> Settlements:
        """It is written."""
        given = None
        if close.response is not None and origin.is_message:
            late = LateAnswer(close.delivery, outcome.envelope, origin.plugin, "", "", close.response)
            given = GivenAnswer(late, origin.session, close.attempt)
        if close.answer is not None and not outcome.passed:
            settlements = self._awaited.given(outcome.envelope, close.response)
            if given is not None:
                carriers = ((link, each.number) for link, each in settlements)
                self._lost += self._given.committed(given, carriers)
            return settlements
        if given is not None:
            self.follow(given)
        elif close.response is not None:
            self._act(NotifyLate(origin.plugin, origin.session, close.delivery, close.attempt, None))
        return self._awaited.passed(outcome.envelope) if outcome.passed else []

    def early(self) -> None:
        """Deadlines came before the commits of answers that are on their way."""
        for envelope, link, number in self._awaited.take_early():
            self._given.early(envelope, link, number)

    def carried(self, envelope: int, link: int, number: int) -> None:
        """A duplicate is settled with the answer that was given."""
        self._given.carried(envelope, link, number)

    def unsent(self, link: int, numbers: Sequence[int]) -> None:
        """No acknowledgement could carry what these were settled with."""
        self._lost += self._given.unsent(link, numbers)

    def take_lost(self) -> list[tuple[Write, Origin]]:
        """Answers that reached nobody, as what is to be written of them before they follow."""
        found: list[tuple[Write, Origin]] = []
        for given in self._lost:
            answer = given.answer
            self._awaited.follows(answer.envelope, begins=True)
            write = AnswerUnsent(answer.envelope, answer.delivery, answer.plugin)
            found.append((write, Origin(answer.plugin, given=given)))
        self._lost.clear()
        return found

    def follow(self, given: GivenAnswer) -> None:
        """It goes out through the `response_url`."""
        self._act(PostLate(given.answer, given.session, given.attempt))

    def _in_time(
        self, plugin: str, session: str, delivery: OpenDelivery, response: str | None
    ) -> tuple[CloseDelivery, Origin]:
        if response is not None and not self._awaited.room_for(delivery.envelope, response):
            self._counters.answers[plugin, "too_large"] += 1
            size = len(response.encode())
            self._act(NotifyTooLarge(plugin, session, delivery.id, delivery.attempt, size))
            response = None
        else:
            self._counters.answers[plugin, "in_time"] += 1
        self._awaited.answer(delivery.envelope, response)
        message = response is not None and is_message(response)
        close = CloseDelivery(delivery.id, delivery.attempt, response, AnswerState.GIVEN, late=message)
        origin = Origin(plugin, envelope=delivery.envelope, session=session, is_message=message)
        return close, origin
