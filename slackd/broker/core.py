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

from slackd.broker.actions import NOT_HELD, Action, NotifyKept, NotifyLate, PostLate, ReadForReport
from slackd.broker.commits import Commits
from slackd.broker.counters import Counters
from slackd.broker.dispatch.actions import CountOld, LoadKey, LoadKeys, SendDeliveries, TakeBack
from slackd.broker.dispatch.dispatcher import Dispatcher
from slackd.broker.failed_deliveries import FailedDeliveries
from slackd.broker.failure_reports import FailureReports
from slackd.broker.held_texts import HeldTexts
from slackd.broker.ingest import Ingest
from slackd.broker.instant import Instant, Wakeup
from slackd.broker.intercepts import Intercept
from slackd.broker.journal import LateAnswer, Opening, StoredEnvelope
from slackd.broker.journal.writes import (
    AnswerPassed,
    ForgetSession,
    InFlight,
    Lane,
    LateSent,
    OpenDelivery,
    Outcome,
    Write,
)
from slackd.broker.late_answers import LateAnswers
from slackd.broker.outbox import Outbox
from slackd.broker.pending_acks import PendingAcks
from slackd.broker.write_batch import Origin, Reply
from slackd.broker.write_queue import WriteQueue
from slackd.config import Config
from slackd.envelope import Arrival
from slackd.errors import JournalError
from slackd.link.messages import AppIdentity, Closing


class BrokerCore:
    """Ingest, answers and the dispatch of every plugin."""

    def __init__(self, config: Config, *, rng: random.Random, now: Instant) -> None:
        self.counters = Counters()
        self.wakeup = Wakeup()
        self.answers = PendingAcks(self.wakeup)
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
        self._outbox = Outbox()
        self._answering = LateAnswers(self.answers, self.counters, self._outbox.add, config.plugin_files)
        reports = FailureReports(config.plugin_files, config.plugins)
        self._failed = FailedDeliveries(reports, self.answers, self._outbox)
        self.ingest = Ingest(config, self.answers, self.counters, self._absent_for, reports, self._delivery_of)
        self._writes = WriteQueue(self.wakeup, self._is_overtaken)
        self.commits = Commits(
            ingest=self.ingest,
            plugins=self.plugins,
            answers=self.answers,
            answering=self._answering,
            failed=self._failed,
            held_texts=self._held_texts,
            writes=self._writes,
            outbox=self._outbox,
            counters=self.counters,
            wakeup=self.wakeup,
        )
        self._stops = False

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
        self._outbox.extend(PostLate(late, "", 0) for late in opening.late)

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
        self._outbox.settle(settlements)
        self._writes.batch.add_all(unsents)

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
            self._count_stale(plugin, session, delivery, attempt)
            return False
        if response is None and accepted.respond_by is None:
            if delivery in self.commits.keeping:
                self.commits.ends[delivery] = lambda then: self._handled(plugin, delivery, attempt, then)
            else:
                self._handled(plugin, delivery, attempt, now)
        else:
            self._writes.batch.add_all(self._answering.close(plugin, session, accepted, response, now))
        return True

    def answered_and_kept(
        self, plugin: str, session: str, delivery: int, attempt: int, response: str, now: Instant
    ) -> None:
        """A plugin answers now (JSON text), and goes on with the delivery. `NotifyKept` says what came of it,
        once that is on the disk; a repetition is given nothing twice."""
        plugin_dispatch = self.plugins[plugin]
        held = plugin_dispatch.held(session, delivery, attempt)
        if held is None:
            self._count_stale(plugin, session, delivery, attempt)
            self._outbox.add(NotifyKept(plugin, session, delivery, attempt, NOT_HELD))
            return
        if held.answered:
            if delivery not in self.commits.keeping:
                self._outbox.add(NotifyKept(plugin, session, delivery, attempt))
            return
        writes = self._answering.close(plugin, session, held, response, now, keep=True)
        if writes:
            self.commits.keeping.add(delivery)
            plugin_dispatch.note_answered(delivery)
        self._writes.batch.add_all(writes)

    def _count_stale(self, plugin: str, session: str, delivery: int, attempt: int) -> None:
        """An answer doesn't count: a fault of the program's, unless it repeats it as rule R8 wants."""
        if not self.plugins[plugin].repeats(session, delivery, attempt):
            self.counters.answers[plugin, "stale"] += 1

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
        dispatcher = self.plugins[plugin]

        def nack(then: Instant) -> None:
            counts = dispatcher.nack(
                session, delivery, attempt, error, then, retry_after=retry_after, permanent=permanent
            )
            if not counts:
                self._count_stale(plugin, session, delivery, attempt)

        if delivery in self.commits.keeping and dispatcher.held(session, delivery, attempt) is not None:
            self.commits.ends[delivery] = nack
        else:
            nack(now)

    def read_back(self, delivery: OpenDelivery, stored: StoredEnvelope) -> None:
        """The envelope of a delivery that goes to a session was read from the journal: should it fail, a person
        may have to hear of it."""
        if delivery.lane is Lane.PROMPT:
            self.plugins[delivery.plugin].attach(delivery, stored)
            self._held_texts.add(stored)

    def failure_read(self, wanted: ReadForReport, stored: StoredEnvelope | None, now: Instant) -> None:
        """What a `ReadForReport` asked for; None if the journal has it no more."""
        self._failed.read(wanted, stored, now)

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
        self._failed.dead_by_limits(plugin, envelopes, prompt)

    def late_posted(
        self, late: LateAnswer, session: str, attempt: int, sent: str | None, reason: str = "late"
    ) -> None:
        """A late answer went out (`sent` says how), or never can (None)."""
        self.write([LateSent(late.delivery)])
        if session:
            self._outbox.add(NotifyLate(late.plugin, session, late.delivery, attempt, sent, reason))

    def committed(self, token: int, outcomes: Sequence[Outcome] | JournalError, now: Instant) -> None:
        """What came of a `Submit`."""
        batch = self._writes.came_back(token)
        if isinstance(outcomes, JournalError):
            self.commits.failed_to_commit(batch, outcomes, now)
        else:
            self.commits.committed(batch, outcomes, now)

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
        self._outbox.settle(due.settlements)
        self._answering.due(due)
        self._writes.batch.add_all(self._answering.unclaimed(now.monotonic))
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
            asked: list[Action] = []
            for action in plugin.end_turn():
                if isinstance(action, SendDeliveries):
                    self.counters.deliveries[plugin.name, "delivered"] += len(action.deliveries)
                    asked.append(action)
                elif isinstance(action, LoadKeys | LoadKey | CountOld | TakeBack):
                    asked.append(action)
                elif not self._is_overtaken(action):
                    self._writes.batch.add(action, self._origins[plugin.name])
            if asked:
                self._outbox.extend(asked)
        self._changed.clear()
        return self._outbox.take(self._writes.submit())

    def take_actions(self) -> list[Action]:
        """As `Outbox.take_so_far`."""
        return self._outbox.take_so_far()

    def _is_overtaken(self, write: Write) -> bool:
        """A session that came back before it was written that it is gone: it is listed again, or will be."""
        if not isinstance(write, ForgetSession) or write.plugin not in self.plugins:
            return False
        is_back = self.plugins[write.plugin].sessions.get(write.session) is not None
        return is_back or self._writes.lists(write.plugin, write.session)

    def _absent_for(self, plugin: str, now: Instant) -> float:
        return self.plugins[plugin].sessions.absent_for(now.monotonic)

    def _delivery_of(self, plugin: str, envelope: int) -> int | None:
        return self.plugins[plugin].delivery_of(envelope) if plugin in self.plugins else None

    def _end_waiting(self, envelopes: Sequence[int]) -> None:
        self.write([AnswerPassed(envelope) for envelope in envelopes])
