"""What a commit leads to: arrivals are settled, deliveries opened, slots and keys freed, answers given. Pure.

P1 rests on this: nothing is settled but what `committed` was called for. Arrivals that could not be written (a
full disk) are refused, since Slack will send them again.
"""

from collections.abc import Callable, Mapping, Sequence

import attrs

from slackd.broker.actions import NOT_HELD, NotifyKept, Passed
from slackd.broker.counters import Counters
from slackd.broker.dispatch.dispatcher import Dispatcher
from slackd.broker.failed_deliveries import FailedDeliveries
from slackd.broker.held_texts import HeldTexts
from slackd.broker.ingest import Ingest
from slackd.broker.instant import Instant, Wakeup
from slackd.broker.journal.writes import (
    AnswerPassed,
    AnswerUnsent,
    CloseDelivery,
    CloseHandled,
    DeadLetterDelivery,
    Done,
    HandledClosed,
    OpenDelivery,
    Outcome,
    RetryDelivery,
    Write,
)
from slackd.broker.late_answers import LateAnswers
from slackd.broker.outbox import Outbox
from slackd.broker.pending_acks import PendingAcks, Settlements
from slackd.broker.write_batch import NOBODY, Origin, WriteBatch
from slackd.broker.write_queue import WriteQueue
from slackd.envelope import Refusal
from slackd.errors import JournalError
from slackd.slotted import define


@define(kw_only=True, eq=False)
class Commits:
    """Tells everybody in the core what came of their writes.

    Attributes:
        keeping: Deliveries whose answer is on its way to disk, and which their sessions keep.
        ends: What ended the work on those of them, to be told when the answer is there: the journal takes no
            answer to what is closed, or is at its next attempt.
        watched: Somebody watches what happens to envelopes.
        (the others are the core's)
    """

    ingest: Ingest
    plugins: Mapping[str, Dispatcher]
    answers: PendingAcks
    answering: LateAnswers
    failed: FailedDeliveries
    held_texts: HeldTexts
    writes: WriteQueue
    outbox: Outbox
    counters: Counters
    wakeup: Wakeup
    keeping: set[int] = attrs.field(factory=set)
    ends: dict[int, Callable[[Instant], None]] = attrs.field(factory=dict)
    watched: bool = False

    def committed(self, batch: WriteBatch, outcomes: Sequence[Outcome], now: Instant) -> None:
        """All of this is on the disk."""
        settlements: Settlements = []
        again = _opened_again(batch, outcomes) if batch.replies else []
        if batch.incoming:
            settlements = self._recorded(batch, outcomes, again, now)
        elif again:
            self._opened(again, now)
        if len(batch.writes) > len(batch.incoming):
            for place, write in enumerate(batch.writes):
                if place not in batch.incoming:
                    settlements += self._written(write, outcomes[place], batch.origins.get(place, NOBODY), now)
        for places, reply in batch.replies:
            reply(outcomes[places.start : places.stop])
        if settlements:
            self.outbox.settle(settlements)

    def failed_to_commit(self, batch: WriteBatch, error: JournalError, now: Instant) -> None:
        """Nothing of this is on the disk: what must be is written again."""
        refusals = []
        for incoming in batch.incoming.values():
            self.counters.refused[incoming.arrival.app] += 1
            refusals.append((incoming.link, Refusal(incoming.arrival.number, str(error))))
        self.outbox.refuse(refusals)
        for _, reply in batch.replies:
            reply(error)
        self.writes.not_written(batch, now)

    def _recorded(
        self, batch: WriteBatch, outcomes: Sequence[Outcome], again: Sequence[OpenDelivery], now: Instant
    ) -> Settlements:
        """Arrivals are on the disk, and what an operator has delivered `again`: both open in their order."""
        result = self.ingest.committed(batch.incoming, outcomes, now)
        if self.watched:
            self.outbox.extend(Passed("recorded", now.unix, envelope) for envelope in result.recorded)
            self.outbox.extend(Passed("duplicate", now.unix, envelope) for envelope in result.repeated)
        for envelope, plugin, words in result.forbidden:
            self.outbox.add(Passed("forbidden", now.unix, envelope, plugin, detail=words))
        opened = sorted([*result.opened, *again], key=lambda each: each.id) if again else result.opened
        self._opened(opened, now)
        for envelope, link, number, given in result.given:
            self.answering.carried(envelope, link, number, given)
        if result.promises:
            self.outbox.promise(result.promises)
        for envelope in result.ending:
            self.writes.batch.add(AnswerPassed(envelope))
        if result.posts:
            self.outbox.extend(result.posts)
        return result.settlements

    def _opened(self, deliveries: Sequence[OpenDelivery], now: Instant) -> None:
        by_plugin: dict[str, list[OpenDelivery]] = {}
        newest = None
        for delivery in deliveries:
            by_plugin.setdefault(delivery.plugin, []).append(delivery)
            if delivery.stored is not None and delivery.stored is not newest:
                newest = delivery.stored
                self.held_texts.add(newest)
        for name, mine in by_plugin.items():
            self.counters.deliveries[name, "opened"] += len(mine)
            if name in self.plugins:
                self.plugins[name].opened(mine, now)

    def _written(self, write: Write, outcome: Outcome, origin: Origin, now: Instant) -> Settlements:
        """One write that isn't an arrival's record is on the disk, or came too late to be."""
        failed: OpenDelivery | None = None
        if isinstance(write, RetryDelivery | DeadLetterDelivery) and origin.plugin:
            failed = self.plugins[origin.plugin].leased(write.delivery)
        if origin.plugin:
            self.plugins[origin.plugin].committed(write, outcome, now)
        if origin.given is not None:
            self.outbox.settle(self.answering.unsent_written(origin.given))
        if isinstance(outcome, HandledClosed):
            assert isinstance(write, CloseHandled)
            self._closed(write, outcome, now)
        if not isinstance(outcome, Done):
            if origin.envelope:
                self.answers.void(origin.envelope)
            if isinstance(write, CloseDelivery) and write.keep:
                self._kept(write, origin, now, NOT_HELD)
            return []
        match write:
            case CloseDelivery():
                return self._answered(write, outcome, origin, now)
            case AnswerPassed(envelope):
                return self.answers.passed(envelope)
            case AnswerUnsent():
                assert origin.given is not None
                self.answering.follow(origin.given)
            case RetryDelivery():
                self._note("retried", write, outcome, origin, now, write.error)
                if failed is not None:
                    self.failed.retried(failed, now)
            case DeadLetterDelivery():
                self._note("dead", write, outcome, origin, now, write.error)
                if failed is not None:
                    self.failed.dead(failed, now)
                else:
                    self.failed.give_up(outcome.envelope, origin.plugin)
        return []

    def _answered(self, close: CloseDelivery, outcome: Done, origin: Origin, now: Instant) -> Settlements:
        if close.keep:
            self._kept(close, origin, now)
        else:
            self._note("done", close, outcome, origin, now)
        if close.response is None and close.answer is None:
            return []
        settlements, unsents = self.answering.closed(close, outcome, origin, now)
        self.writes.batch.add_all(unsents)
        self.wakeup.by(self.answering.next_due())
        return settlements

    def _kept(self, write: CloseDelivery, origin: Origin, now: Instant, refusal: str = "") -> None:
        self.keeping.discard(write.delivery)
        ends = self.ends.pop(write.delivery, None)
        if ends is not None:
            ends(now)
        self.outbox.add(NotifyKept(origin.plugin, origin.session, write.delivery, write.attempt, refusal))

    def _closed(self, write: CloseHandled, outcome: HandledClosed, now: Instant) -> None:
        """Nobody waits for these: they are done, or were no longer open."""
        plugin = self.plugins[write.plugin]
        if self.watched:
            for id_, attempt in write.deliveries:
                delivery = plugin.leased(id_)
                if delivery is not None and id_ not in outcome.stale:
                    self.outbox.add(Passed("done", now.unix, delivery.envelope, write.plugin, id_, attempt))
        plugin.closed([id_ for id_, _ in write.deliveries], outcome.stale, now)
        done = len(write.deliveries) - len(outcome.stale)
        self.counters.deliveries[write.plugin, "done"] += done

    def _note(
        self,
        what: str,
        write: CloseDelivery | RetryDelivery | DeadLetterDelivery,
        outcome: Done,
        origin: Origin,
        now: Instant,
        why: str = "",
    ) -> None:
        self.counters.deliveries[origin.plugin, what] += 1
        if self.watched or what == "dead":
            attempt, envelope = write.attempt or 0, outcome.envelope
            self.outbox.add(Passed(what, now.unix, envelope, origin.plugin, write.delivery, attempt, why))


def _opened_again(batch: WriteBatch, outcomes: Sequence[Outcome]) -> list[OpenDelivery]:
    """What operators' writes have opened: a queue takes what has a lower id than its last for known already."""
    asked = (outcomes[place] for places, _ in batch.replies for place in places)
    return [each for outcome in asked if isinstance(outcome, Done) for each in outcome.opened]
