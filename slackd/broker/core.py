"""The broker without its sockets, threads and clocks: ingest, answers and dispatch as one pure machine.

Events go in by the methods, each with the moment at which it happened; `end_turn` returns what to do about all
that happened in one turn of the loop. The daemon does it for real; the simulator does it on a virtual clock.

    deliver ─▶ Submit ─▶ committed ─▶ ToConnector, SendDeliveries ─▶ answered ─▶ Submit ─▶ committed

Arrivals that could not be written (a full disk) are refused, since Slack will send them again; all else is kept
and submitted again (`WriteQueue`).
"""

import math
import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TypeVar

from slackd.broker.actions import (
    NOT_HELD,
    Action,
    NotifyKept,
    NotifyLate,
    Passed,
    PostLate,
    ReadForReport,
    ToConnector,
)
from slackd.broker.counters import Counters
from slackd.broker.dispatch.actions import CountOld, LoadKey, LoadKeys, SendDeliveries, TakeBack
from slackd.broker.dispatch.dispatcher import Dispatcher
from slackd.broker.failure_reports import FailureReports
from slackd.broker.held_texts import HeldTexts
from slackd.broker.ingest import NO_LINK, Ingest, PostNotice
from slackd.broker.instant import Instant, Wakeup
from slackd.broker.intercepts import Intercept
from slackd.broker.journal import LateAnswer, Opening, StoredEnvelope
from slackd.broker.journal.writes import (
    AnswerPassed,
    AnswerUnsent,
    CloseDelivery,
    CloseHandled,
    DeadLetterDelivery,
    Done,
    ForgetSession,
    HandledClosed,
    InFlight,
    Lane,
    LateSent,
    OpenDelivery,
    Outcome,
    RetryDelivery,
    Write,
)
from slackd.broker.late_answers import LateAnswers, Unsents
from slackd.broker.pending_acks import PendingAcks, Settlements
from slackd.broker.write_batch import NOBODY, Origin, Reply, WriteBatch
from slackd.broker.write_queue import WriteQueue
from slackd.config import Config
from slackd.envelope import Arrival, Promise, Refusal
from slackd.errors import JournalError
from slackd.link.messages import AppIdentity, Closing, Promised, Refused, Settled
from slackd.slack.limits import RESPONSE_URL_LIFETIME

Word = TypeVar("Word")


class BrokerCore:
    """Ingest, answers and the dispatch of every plugin."""

    def __init__(self, config: Config, *, rng: random.Random, now: Instant) -> None:
        self.counters = Counters()
        self.wakeup = Wakeup()
        self.answers = PendingAcks(self.wakeup)
        self.watched = False
        rules = config.plugins
        self._changed: list[Dispatcher] = []
        self.plugins = {
            plugin.name: Dispatcher(
                plugin, grace=rules.grace, rng=rng, now=now, wakeup=self.wakeup, changed=self._changed.append
            )
            for plugin in config.plugin_files.values()
        }
        self._held_texts = HeldTexts()
        self._origins = {name: Origin(name) for name in self.plugins}
        self._answering = LateAnswers(
            self.answers,
            self.counters,
            lambda action: self._actions.append(action),
            config.plugin_files,
        )
        self.failures = FailureReports(config.plugin_files, config.plugins)
        self.ingest = Ingest(
            config, self.answers, self.counters, self._absent_for, self.failures, self._delivery_of
        )
        self._writes = WriteQueue(self.wakeup, self._is_overtaken)
        self._keeping: set[int] = set()
        self._stops = False
        self._actions: list[Action] = []
        self._promises: list[tuple[int, Promise]] = []

    def start(self, opening: Opening, rows: Mapping[int, OpenDelivery], now: Instant) -> None:
        """The journal is open (rule R6); `rows` are those of the clean-shutdown record."""
        for name, plugin in self.plugins.items():
            sessions = [session for of, session in opening.sessions if of == name]
            note: list[tuple[OpenDelivery, str]] | None = None
            if opening.clean_shutdown is not None:
                note = [
                    (rows[each.delivery], each.session)
                    for each in opening.clean_shutdown
                    if each.plugin == name and each.delivery in rows
                ]
            plugin.restore(sessions, note, opening.last_delivery, now)
        for plugin_name, session in opening.sessions:
            if plugin_name not in self.plugins:
                self.write([ForgetSession(plugin_name, session)])
        self._actions += [PostLate(late, "", 0) for late in opening.late]

    def deliver(self, link: int, arrivals: Sequence[Arrival], now: Instant) -> None:
        """A connector delivered arrivals that it read together."""
        for incoming in self.ingest.receive(link, arrivals, now):
            self._writes.batch.add_arrival(incoming)

    def identified(self, identity: AppIdentity) -> None:
        """A connector reported who an app's bot is."""
        self.ingest.identities[identity.app] = identity

    def link_lost(self, link: int) -> None:
        """A link is gone, and with it whoever waited on it."""
        self.answers.link_lost(link)
        self._answering.link_lost(link)
        self._writes.link_lost(link)

    def closing(self, link: int, closing: Closing) -> None:
        """A connection of this link closes: what came over it waits less for plugins' answers."""
        self._end_waiting(self.answers.closing(link, closing))

    def unsent(self, link: int, numbers: Sequence[int]) -> None:
        """No acknowledgement could carry what these were settled with."""
        settlements, unsents = self._answering.unsent(link, numbers)
        self._settle(settlements)
        self._let_follow(unsents)

    def write(self, writes: Sequence[Write], reply: Reply | None = None) -> None:
        """Anything else for the journal. With a `reply` it is tried once; without, until it is written."""
        if reply is not None:
            self._writes.batch.add_asked(writes, reply)
        else:
            for write in writes:
                self._writes.batch.add(write)

    def joined(
        self,
        plugin: str,
        session: str,
        window: int,
        claims: Sequence[tuple[int, int]],
        rows: Mapping[int, OpenDelivery],
        now: Instant,
        *,
        named: bool,
        remembers: int = 0,
        ahead: int = 0,
        person: str = "",
    ) -> None:
        """A plugin's session is connected, and the journal lists it."""
        for row in rows.values():
            if row.stored is not None:
                self._held_texts.add(row.stored)
        self.plugins[plugin].joined(
            session,
            window,
            claims,
            rows,
            now,
            named=named,
            remembers=remembers,
            ahead=ahead,
            person=person,
        )

    def begin_intercept(self, intercept: Intercept, now: Instant) -> None:
        """One person's deliveries go to whoever develops a plugin; raises `InterceptTakenError`."""
        self.ingest.intercepts.begin(intercept)
        self.plugins[intercept.plugin].intercept(intercept.person, True, now)

    def end_intercept(self, intercept: Intercept, now: Instant) -> None:
        """They go to the plugin's own sessions again, those too that wait or fail now."""
        self.ingest.intercepts.end(intercept)
        self.plugins[intercept.plugin].intercept(intercept.person, False, now)

    def left(self, plugin: str, session: str, now: Instant) -> None:
        """A session's connection ended."""
        self.plugins[plugin].left(session, now)

    def answered(
        self, plugin: str, session: str, delivery: int, attempt: int, response: str | None, now: Instant
    ) -> bool:
        """A plugin has handled a delivery; `response` is the JSON text of its answer, or None.

        Returns:
            Whether the answer counts.
        """
        accepted = self.plugins[plugin].accept(session, delivery, attempt, now)
        if accepted is None:
            self.counters.answers[plugin, "stale"] += 1
            return False
        if response is None and accepted.respond_by is None:
            self._handled(plugin, delivery, attempt, now)
        else:
            for write, origin in self._answering.close(plugin, session, accepted, response, now):
                self._writes.batch.add(write, origin)
        return True

    def answered_and_kept(
        self, plugin: str, session: str, delivery: int, attempt: int, response: str, now: Instant
    ) -> None:
        """A plugin answers now (JSON text), and goes on with the delivery. `NotifyKept` says what came of it,
        once that is on the disk; a repetition is given nothing twice."""
        plugin_dispatch = self.plugins[plugin]
        held = plugin_dispatch.held(session, delivery, attempt)
        if held is None:
            self.counters.answers[plugin, "stale"] += 1
            self._actions.append(NotifyKept(plugin, session, delivery, attempt, NOT_HELD))
            return
        if held.answered:
            if delivery not in self._keeping:
                self._actions.append(NotifyKept(plugin, session, delivery, attempt))
            return
        writes = self._answering.close(plugin, session, held, response, now, keep=True)
        if writes:
            self._keeping.add(delivery)
            plugin_dispatch.note_answered(delivery)
        for write, origin in writes:
            self._writes.batch.add(write, origin)

    def _handled(self, plugin: str, delivery: int, attempt: int, now: Instant) -> None:
        """A close that the program remembers rides with what is written next, for a moment: each commit of its
        own would cost as much as the rest of an event."""
        can_wait = self.plugins[plugin].is_remembered(delivery) and not self._stops
        self._writes.add_handled(plugin, delivery, attempt, now, can_wait=can_wait)

    def nacked(
        self,
        plugin: str,
        session: str,
        delivery: int,
        attempt: int,
        error: str,
        now: Instant,
        *,
        retry_after: float | None = None,
        permanent: bool = False,
    ) -> None:
        """A plugin could not handle a delivery, and wants it after so many seconds (None: as its file says)."""
        counts = self.plugins[plugin].nack(
            session, delivery, attempt, error, now, retry_after=retry_after, permanent=permanent
        )
        if not counts:
            self.counters.answers[plugin, "stale"] += 1

    def read_back(self, delivery: OpenDelivery, stored: StoredEnvelope) -> None:
        """The envelope of a delivery that goes to a session was read from the journal: should it fail, a person
        may have to hear of it."""
        if delivery.lane is Lane.PROMPT:
            self.plugins[delivery.plugin].attach(delivery, stored)
            self._held_texts.add(stored)

    def failure_read(self, wanted: ReadForReport, stored: StoredEnvelope | None, now: Instant) -> None:
        """What a `ReadForReport` asked for; None if the journal has it no more."""
        failed = wanted.delivery
        if stored is not None:
            self._report_of(failed, stored, final=wanted.final, now=now)
        if wanted.final:
            self._settle(self.answers.given_up(failed.envelope, failed.plugin))

    def dead_lettered(
        self,
        plugin: str,
        deliveries: Collection[int],
        envelopes: Collection[int],
        now: Instant,
        prompt: Collection[tuple[int, int]] = (),
    ) -> None:
        """The journal made these dead letters by itself (its limits).

        Args:
            plugin: Whose they are.
            deliveries: All of them.
            envelopes: Their envelopes.
            now: This moment.
            prompt: Delivery and envelope of those that a person waits for.
        """
        self.counters.deliveries[plugin, "dead"] += len(deliveries)
        if plugin in self.plugins:
            self.plugins[plugin].dead_lettered(deliveries, now)
        reported = set()
        for delivery, envelope in prompt:
            failed = OpenDelivery(delivery, envelope, plugin, Lane.PROMPT, "")
            if self.failures.wants(failed):
                reported.add(envelope)
                self._actions.append(ReadForReport(failed, final=True))
        for envelope in envelopes:
            if envelope not in reported:
                self._settle(self.answers.given_up(envelope, plugin))

    def late_posted(
        self, late: LateAnswer, session: str, attempt: int, sent: str | None, reason: str = "late"
    ) -> None:
        """A late answer went out (`sent` says how), or never can (None)."""
        self.write([LateSent(late.delivery)])
        if session:
            self._actions.append(NotifyLate(late.plugin, session, late.delivery, attempt, sent, reason))

    def committed(self, token: int, outcomes: Sequence[Outcome] | JournalError, now: Instant) -> None:
        """What came of a `Submit`."""
        batch = self._writes.came_back(token)
        if isinstance(outcomes, JournalError):
            self._not_written(batch, outcomes, now)
            return
        settlements: Settlements = []
        if batch.incoming:
            settlements = self._recorded(batch, outcomes, now)
        if len(batch.writes) > len(batch.incoming):
            for place, write in enumerate(batch.writes):
                if place not in batch.incoming:
                    origin = batch.origins.get(place, NOBODY)
                    settlements += self._written(write, outcomes[place], origin, now)
        for places, reply in batch.replies:
            reply(outcomes[places.start : places.stop])
        if settlements:
            self._settle(settlements)

    @property
    def next_wakeup(self) -> float:
        """The monotonic time at which `wake` is to be called; infinity for never."""
        return min(self.wakeup.at, self._writes.close_by)

    def wake(self, now: Instant) -> None:
        """`next_wakeup` is here. Closes have no need of a look at everything else."""
        self._writes.close_if_due(now)
        if self.wakeup.at <= now.monotonic:
            self.tick(now)

    def tick(self, now: Instant) -> None:
        """Time has passed."""
        self.wakeup.at = math.inf
        due = self.answers.tick(now.monotonic)
        self._settle(due.settlements)
        self._answering.due(due)
        self._let_follow(self._answering.unclaimed(now.monotonic))
        self.write([AnswerPassed(envelope) for envelope in due.passed])
        for plugin in self.plugins.values():
            plugin.tick(now)
            self.wakeup.by(plugin.next_wakeup())
        self._writes.tick(now)
        self.wakeup.by(self.answers.next_due())
        self.wakeup.by(self._answering.next_due())

    def hold_texts(self, envelopes: Iterable[StoredEnvelope]) -> None:
        """Deliveries that will soon be sent hold these envelopes."""
        for envelope in envelopes:
            self._held_texts.add(envelope)

    def halt(self) -> None:
        """The broker stops (rule R5): nothing more is delivered, answers are still taken."""
        self._stops = True
        self._writes.close_now()
        for plugin in self.plugins.values():
            plugin.halt()

    def in_flight(self) -> tuple[InFlight, ...] | None:
        """The clean-shutdown record; None if the next broker must start as after a crash."""
        notes = [plugin.in_flight() for plugin in self.plugins.values()]
        if any(note is None for note in notes):
            return None
        return tuple(each for note in notes for each in note or ())

    @property
    def has_unwritten(self) -> bool:
        """Something must still be written to the journal."""
        return not self._writes.is_empty

    def end_turn(self) -> list[Action]:
        """All that happened in this turn of the loop is known.

        Returns:
            What to do, in order.
        """
        for plugin in self._changed:
            sent = 0
            for action in plugin.end_turn():
                if isinstance(action, SendDeliveries):
                    sent += len(action.deliveries)
                    self._actions.append(action)
                elif isinstance(action, LoadKeys | LoadKey | CountOld | TakeBack):
                    self._actions.append(action)
                else:
                    self._writes.batch.add(action, self._origins[plugin.name])
            self.counters.deliveries[plugin.name, "delivered"] += sent
        self._changed.clear()
        self._say_promises()
        submit = self._writes.submit()
        if submit is not None:
            self._actions.append(submit)
        actions, self._actions = self._actions, []
        return actions

    def _is_overtaken(self, write: Write) -> bool:
        """A session that came back, and was listed, while it could not be written that it is gone."""
        if not isinstance(write, ForgetSession) or write.plugin not in self.plugins:
            return False
        return self.plugins[write.plugin].sessions.get(write.session) is not None

    def _absent_for(self, plugin: str, now: Instant) -> float:
        return self.plugins[plugin].sessions.absent_for(now.monotonic)

    def _delivery_of(self, plugin: str, envelope: int) -> int | None:
        return self.plugins[plugin].delivery_of(envelope) if plugin in self.plugins else None

    def _let_follow(self, unsents: Unsents) -> None:
        for write, origin in unsents:
            self._writes.batch.add(write, origin)

    def _end_waiting(self, envelopes: Sequence[int]) -> None:
        self.write([AnswerPassed(envelope) for envelope in envelopes])

    def _recorded(self, batch: WriteBatch, outcomes: Sequence[Outcome], now: Instant) -> Settlements:
        """What follows from the commit of arrivals."""
        result = self.ingest.committed(batch.incoming, outcomes, now)
        if self.watched:
            self._actions += [Passed("recorded", now.unix, envelope) for envelope in result.recorded]
            self._actions += [Passed("duplicate", now.unix, envelope) for envelope in result.repeated]
        self._actions += [
            Passed("forbidden", now.unix, envelope, plugin, detail=words)
            for envelope, plugin, words in result.forbidden
        ]
        self._opened(result.opened, now)
        for envelope, link, number, given in result.given:
            self._answering.carried(envelope, link, number, given)
        if result.promises:
            self._promises += result.promises
        if result.ending:
            self._end_waiting(result.ending)
        self._actions += result.posts
        return result.settlements

    def _written(self, write: Write, outcome: Outcome, origin: Origin, now: Instant) -> Settlements:
        """What follows from one committed write that isn't an arrival's record."""
        failed: OpenDelivery | None = None
        if isinstance(write, RetryDelivery | DeadLetterDelivery) and origin.plugin:
            failed = self.plugins[origin.plugin].leased(write.delivery)
        if origin.plugin:
            self.plugins[origin.plugin].committed(write, outcome, now)
        if origin.given is not None:
            self._settle(self._answering.unsent_written(origin.given))
        if isinstance(outcome, HandledClosed):
            assert isinstance(write, CloseHandled)
            self._closed(write, outcome, now)
        if not isinstance(outcome, Done):
            if origin.envelope:
                self.answers.void(origin.envelope)
            if isinstance(write, CloseDelivery) and write.keep:
                self._kept(write, origin, NOT_HELD)
            return []
        if outcome.opened:
            self._opened(outcome.opened, now)
        match write:
            case CloseDelivery():
                if write.keep:
                    self._kept(write, origin)
                else:
                    self._note("done", write, outcome, origin, now)
                if write.response is not None or write.answer is not None:
                    settlements, unsents = self._answering.closed(write, outcome, origin, now)
                    self._let_follow(unsents)
                    self.wakeup.by(self._answering.next_due())
                    return settlements
            case AnswerPassed(envelope):
                return self.answers.passed(envelope)
            case AnswerUnsent():
                assert origin.given is not None
                self._answering.follow(origin.given)
            case RetryDelivery():
                self._note("retried", write, outcome, origin, now, write.error)
                if failed is not None:
                    self._report(failed, final=False, now=now)
            case DeadLetterDelivery():
                self._note("dead", write, outcome, origin, now, write.error)
                if failed is not None and not self._report(failed, final=True, now=now):
                    return []
                return self.answers.given_up(outcome.envelope, origin.plugin)
        return []

    def _kept(self, write: CloseDelivery, origin: Origin, refusal: str = "") -> None:
        self._keeping.discard(write.delivery)
        self._actions.append(NotifyKept(origin.plugin, origin.session, write.delivery, write.attempt, refusal))

    def _closed(self, write: CloseHandled, outcome: HandledClosed, now: Instant) -> None:
        """Nobody waits for these: they are done, or were no longer open."""
        plugin = self.plugins[write.plugin]
        if self.watched:
            for id_, attempt in write.deliveries:
                delivery = plugin.leased(id_)
                if delivery is not None and id_ not in outcome.stale:
                    self._actions.append(
                        Passed("done", now.unix, delivery.envelope, write.plugin, id_, attempt)
                    )
        plugin.closed([id_ for id_, _ in write.deliveries], outcome.stale, now)
        done = len(write.deliveries) - len(outcome.stale)
        self.counters.deliveries[write.plugin, "done"] += done

    def _report(self, failed: OpenDelivery, *, final: bool, now: Instant) -> bool:
        """Who waits for a delivery that failed hears of it. False if its envelope must be read before."""
        if not self.failures.wants(failed):
            return True
        stored = failed.stored
        if stored is None or not stored.text:
            self._actions.append(ReadForReport(failed, final))
            return False
        self._report_of(failed, stored, final=final, now=now)
        return True

    def _report_of(self, failed: OpenDelivery, stored: StoredEnvelope, *, final: bool, now: Instant) -> None:
        acknowledged = not self.answers.is_awaited_of(failed.envelope, failed.plugin)
        report = self.failures.report(failed, stored, final=final, acknowledged=acknowledged)
        if report.in_ack is not None:
            self.answers.falls_back(failed.envelope, failed.plugin, report.in_ack)
        if report.post is not None and now.unix - stored.received_at < RESPONSE_URL_LIFETIME:
            self._actions.append(PostNotice(stored.app, stored.response_url, report.post))

    def _opened(self, deliveries: Sequence[OpenDelivery], now: Instant) -> None:
        by_plugin: dict[str, list[OpenDelivery]] = {}
        newest = None
        for delivery in deliveries:
            by_plugin.setdefault(delivery.plugin, []).append(delivery)
            if delivery.stored is not None and delivery.stored is not newest:
                newest = delivery.stored
                self._held_texts.add(newest)
        for name, mine in by_plugin.items():
            self.counters.deliveries[name, "opened"] += len(mine)
            if name in self.plugins:
                self.plugins[name].opened(mine, now)

    def _settle(self, settlements: Settlements) -> None:
        if settlements:
            self._say_promises()  # what is settled was promised before
        self._actions += [ToConnector(link, Settled(each)) for link, each in _by_link(settlements)]

    def _say_promises(self) -> None:
        """Promises are for seconds from now, so deliveries, whose answers are waited for, go out first."""
        if not self._promises:
            return
        promises, self._promises = self._promises, []
        self._actions += [ToConnector(link, Promised(each)) for link, each in _by_link(promises)]

    def _not_written(self, batch: WriteBatch, error: JournalError, now: Instant) -> None:
        refusals = []
        for incoming in batch.incoming.values():
            self.counters.refused[incoming.arrival.app] += 1
            refusals.append((incoming.link, Refusal(incoming.arrival.number, str(error))))
        self._actions += [ToConnector(link, Refused(each)) for link, each in _by_link(refusals)]
        for _, reply in batch.replies:
            reply(error)
        self._writes.not_written(batch, now)

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
            attempt = write.attempt or 0
            envelope = outcome.envelope
            self._actions.append(Passed(what, now.unix, envelope, origin.plugin, write.delivery, attempt, why))


def _by_link(words: Sequence[tuple[int, Word]]) -> Iterable[tuple[int, tuple[Word, ...]]]:
    """What is said on each link, in order: it goes there in one message."""
    if not words:
        return ()
    found: dict[int, list[Word]] = {}
    for link, word in words:
        if link != NO_LINK:
            found.setdefault(link, []).append(word)
    return [(link, tuple(each)) for link, each in found.items()]
