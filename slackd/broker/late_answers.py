"""A plugin's answer: into the acknowledgement, or after it through the `response_url`. Pure.

The journal decides which. What was meant for the acknowledgement follows it where the journal says that nobody
waited any more (`Done.passed`), where a connector reports that it could not send it, or where everybody who
waited was settled without it before the commit; never both. What is to follow although it is journaled as given
is journaled as unsent first: `unsent`, `closed` and so on return those writes.
"""

from collections.abc import Callable, Mapping, Sequence

from slackd.broker.actions import Action, NotifyKept, NotifyLate, NotifyTooLarge, PostLate
from slackd.broker.answer_reasons import ANSWERED, LATE, TOO_LARGE, why_not_awaited
from slackd.broker.counters import Counters
from slackd.broker.fallback_responses import is_message
from slackd.broker.instant import Instant
from slackd.broker.journal import LateAnswer
from slackd.broker.journal.writes import (
    AnswerPassed,
    AnswerState,
    AnswerUnsent,
    CloseDelivery,
    Done,
    Lane,
    OpenDelivery,
    Write,
)
from slackd.broker.pending_acks import Due, PendingAcks, Settlements
from slackd.broker.unsent_answers import GivenAnswer, Report, UnsentAnswers
from slackd.broker.write_batch import Origin
from slackd.config import PluginConfig
from slackd.envelope import Settlement

Unsents = list[tuple[Write, Origin]]
"""What is to be written of answers that are journaled as given and reached nobody."""


class LateAnswers:
    """What is written of each answer, and what follows from the commit."""

    def __init__(
        self,
        awaited: PendingAcks,
        counters: Counters,
        act: Callable[[Action], None],
        plugins: Mapping[str, PluginConfig],
    ) -> None:
        """`act` takes what is to be done at once; `plugins` are all files."""
        self._awaited, self._counters, self._act = awaited, counters, act
        self._plugins = plugins
        self._given = UnsentAnswers()

    def close(
        self,
        plugin: str,
        session: str,
        delivery: OpenDelivery,
        response: str | None,
        now: Instant,
        *,
        keep: bool = False,
    ) -> list[tuple[Write, Origin]]:
        """What is to be written of an answer that was accepted (JSON text, or None); with `keep` the delivery
        stays open, and nothing is written of an answer that can't be given."""
        in_time = self._awaited.is_awaited(delivery.envelope) and delivery.respond_by is not None
        if in_time or (delivery.respond_by is not None and now.unix < delivery.respond_by):
            return self._in_time(plugin, session, delivery, response, keep=keep)
        if response is None or delivery.lane is not Lane.PROMPT:
            close = CloseDelivery(delivery.id, delivery.attempt, keep=keep)
            return [(close, Origin(plugin, session=session))]
        reason = LATE
        if delivery.answered:
            reason = ANSWERED
        elif delivery.respond_by is None and plugin in self._plugins:
            reason = why_not_awaited(self._plugins[plugin], delivery.stored)
        self._counters.answers[plugin, "late" if reason == LATE else "elsewhere"] += 1
        message = is_message(response)
        close = CloseDelivery(delivery.id, delivery.attempt, response, late=message, keep=keep)
        return [(close, self._origin(plugin, session, delivery, message, awaited=False, reason=reason))]

    def closed(
        self, close: CloseDelivery, outcome: Done, origin: Origin, now: Instant
    ) -> tuple[Settlements, Unsents]:
        """It is written; returns who is settled by that, and what is to be written next."""
        given = None
        if close.response is not None and origin.is_message:
            late = LateAnswer(
                close.delivery, outcome.envelope, origin.plugin, origin.app, origin.response_url, close.response
            )
            given = GivenAnswer(late, origin.session, close.attempt, origin.reason)
        if close.answer is not None and not outcome.passed:
            settlements = self._awaited.given(outcome.envelope, close.response)
            if given is None:
                return settlements, []
            carriers = ((link, each.number) for link, each in settlements)
            return settlements, self._to_follow(self._given.committed(given, carriers, now.monotonic))
        if given is not None:
            self.follow(given)
        elif close.response is not None:
            about = (origin.plugin, origin.session, close.delivery, close.attempt, None, origin.reason)
            self._act(NotifyLate(*about, envelope=outcome.envelope))
        return (self._awaited.passed(outcome.envelope) if outcome.passed else []), []

    def due(self, due: Due) -> None:
        """Deadlines came before the commits of answers that are on their way."""
        for envelope, link, number in due.early:
            self._given.early(envelope, link, number)
        for envelope in due.without:
            self._given.without(envelope)

    def link_lost(self, link: int) -> None:
        """A link is gone, and what was on it."""
        self._given.link_lost(link)

    def carried(self, envelope: int, link: int, number: int, given: GivenAnswer | None) -> None:
        """A duplicate is settled with the answer that was given, which an earlier broker may have written."""
        if given is not None:
            self._given.adopt(given)
        self._given.carried(envelope, link, number)

    def unclaimed(self, now: float) -> Unsents:
        """Answers that nobody has asked for in time (`now` in monotonic seconds): what is to be written."""
        return self._to_follow(self._given.unclaimed(now))

    def next_due(self) -> float | None:
        """The monotonic time of the next look at `unclaimed`."""
        return self._given.next_due()

    def unsent(self, link: int, numbers: Sequence[int]) -> tuple[Settlements, Unsents]:
        """No acknowledgement could carry what these were settled with: who hears that nothing is owed, and what
        is to be written of the others."""
        lost, done = self._given.unsent(link, numbers)
        return _nothing_owed(done), self._to_follow(lost)

    def unsent_written(self, given: GivenAnswer) -> Settlements:
        """The journal knows that nobody got this answer: returns who hears that by it nothing is owed."""
        self._awaited.follows(given.answer.envelope, begins=False)
        return _nothing_owed(self._given.written(given.answer.envelope))

    def _to_follow(self, lost: Sequence[GivenAnswer]) -> Unsents:
        """Answers that reached nobody, as what is to be written of them before they follow."""
        found: Unsents = []
        for given in lost:
            answer = given.answer
            self._awaited.follows(answer.envelope, begins=True)
            write = AnswerUnsent(answer.envelope, answer.delivery, answer.plugin)
            found.append((write, Origin(answer.plugin, given=given)))
        return found

    def follow(self, given: GivenAnswer) -> None:
        """It goes out through the `response_url`."""
        self._act(PostLate(given.answer, given.session, given.attempt, given.reason))

    def _in_time(
        self, plugin: str, session: str, delivery: OpenDelivery, response: str | None, *, keep: bool
    ) -> list[tuple[Write, Origin]]:
        id_, attempt = delivery.id, delivery.attempt
        if response is not None and not self._awaited.room_for(delivery.envelope, response):
            self._counters.answers[plugin, "too_large"] += 1
            stored = delivery.stored
            if is_message(response) and (stored is None or stored.response_url):
                # Whoever waits is settled without it, by the journal's word: so it follows as a late one does.
                close = CloseDelivery(id_, attempt, response, AnswerState.GIVEN, late=True, keep=keep)
                origin = self._origin(plugin, session, delivery, True, awaited=True, reason=TOO_LARGE)
                return [(AnswerPassed(delivery.envelope), Origin()), (close, origin)]
            if keep:
                self._act(NotifyKept(plugin, session, id_, attempt, TOO_LARGE))
                return []
            self._act(NotifyTooLarge(plugin, session, id_, attempt, len(response.encode())))
            response = None
        else:
            self._counters.answers[plugin, "in_time"] += 1
        self._awaited.answer(delivery.envelope, response)
        message = response is not None and is_message(response)
        close = CloseDelivery(id_, attempt, response, AnswerState.GIVEN, late=message, keep=keep)
        return [(close, self._origin(plugin, session, delivery, message, awaited=True))]

    @staticmethod
    def _origin(
        plugin: str,
        session: str,
        delivery: OpenDelivery,
        message: bool,
        *,
        awaited: bool,
        reason: str = LATE,
    ) -> Origin:
        """What must be known of an answer once it is written, should it have to go the late way."""
        stored = delivery.stored
        return Origin(
            plugin,
            envelope=delivery.envelope if awaited else 0,
            session=session,
            is_message=message,
            app=stored.app if stored is not None else "",
            response_url=stored.response_url if stored is not None else "",
            reason=reason,
        )


def _nothing_owed(reports: Sequence[Report]) -> Settlements:
    """What a connector has reported as unsent is settled without an answer: it need not keep it any longer."""
    return [(link, Settlement(number, "")) for link, number in reports]
