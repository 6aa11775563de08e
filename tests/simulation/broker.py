"""The real core over a journal in memory, in a process that can be stopped and killed at any moment."""

import functools
import math
import random
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, TypeVar

import attrs

from slackd.broker.actions import NotifyKept, PostLate, ReadForReport, Submit, ToConnector
from slackd.broker.core import BrokerCore
from slackd.broker.dispatch.actions import CountOld, LoadKey, LoadKeys, SendDeliveries, TakeBack
from slackd.broker.dispatch.leases import LeaseState
from slackd.broker.journal.writes import (
    CleanShutdown,
    DeadLetterDelivery,
    Lane,
    ListSession,
    OpenDelivery,
    Outcome,
    RetryDelivery,
    Write,
)
from slackd.config import Config
from slackd.errors import JournalBusy, JournalError
from slackd.link.messages import Closing, FromBroker, Promised, Refused, Settled, Unsent
from tests.simulation.backlog import READ_FAILS, Operator
from tests.simulation.developer import INTERCEPT, Developer
from tests.simulation.program import Answer, Program
from tests.simulation.slack import Connector
from tests.simulation.world import Pipe, World
from tests.support.journal.memory_journal import MemoryDisk, MemoryJournal, open_memory_journal

T = TypeVar("T")


def at_once(read: Coroutine[Any, Any, T]) -> T:
    """The result of a read of the journal in memory, which never waits."""
    try:
        read.send(None)
    except StopIteration as ended:
        return ended.value  # type: ignore[no-any-return]
    raise AssertionError("a read of the journal in memory waited")


LINK_EVERY = 0.02
"""Seconds after which a connector without a link tries again, before `QUIET_FROM`; then fifty times as many."""
QUIET_FROM = 60.0
"""Seconds into a history at which its faults are long over."""
READING = 0.005
"""Seconds after which the envelope of what failed is read."""


class Line:
    """The broker's end of one program's connection."""

    def __init__(self, world: World, program: Program) -> None:
        self._world, self.program = world, program
        self.down: Pipe | None = None
        self.session = ""

    def open(self) -> Pipe:
        self.down = Pipe(self._world, self._hear)
        return self.down

    def _hear(self, said: Any) -> None:
        if isinstance(said, NotifyKept):
            self.program.kept(said.delivery)
        elif isinstance(said, TakeBack):
            self.program.taken_back([(each.id, each.attempt) for each in said.deliveries])
        else:
            self.program.handed(*said)

    def hang_up(self) -> None:
        if self.down is not None:
            self.down.cut()
            self.down, self.session = None, ""
            self._world.after(self._world.rng.uniform(0.0, 0.01), self.program.end_of_file)


class Process:
    """A broker's process."""

    def __init__(
        self,
        world: World,
        config: Config,
        disk: MemoryDisk,
        connectors: Sequence[Connector],
        programs: Sequence[Program],
        *,
        reads: bool = False,
    ) -> None:
        """With `reads`, what memory has no text of is read from the journal, and reads fail now and then."""
        self._reads, self._operates = reads, False
        self.operator = Operator(world, config, disk)
        self._world, self._config, self._disk = world, config, disk
        self._connectors = connectors
        self.journal: MemoryJournal | None = None
        self.core: BrokerCore | None = None
        self._stopping = False
        self._pumping = False
        self._lines = [Line(world, program) for program in programs]
        self._wakeup: float | None = None
        self.late_posts: list[tuple[float, str]] = []
        self.ends: list[float] = []
        self.lost: set[tuple[str, int, int]] = set()
        self.crossed: set[tuple[str, int, int]] = set()
        self._developer = Developer(world, programs)
        self.took_too_long: Callable[[int], None] = lambda envelope: None
        for line in self._lines:
            line.program.connect = functools.partial(self._accept, line)
            line.program.hang_up = functools.partial(self._end_session, line)
        for number, connector in enumerate(connectors):
            connector.leave_broker = functools.partial(self.lose_link, number)
        self._start()

    def kill(self) -> None:
        self._world.say("kill -9 broker")
        self._end()
        assert self.journal is not None
        self.journal.kill()
        self._world.after(self._world.rng.uniform(0.1, 0.8), self._start)

    def stop(self) -> None:
        if self.core is None or self._stopping:
            return
        self._world.say("SIGTERM broker")
        self._stopping = True
        self.core.halt()
        core = self.core
        self._world.after(0.02, lambda: self._write_note(core))

    def leased(self, session: str) -> list[int] | None:
        """Envelopes that this session's program may have in flight; None when nobody can tell."""
        if self.core is None:
            return None
        plugin = self.core.plugins["p"]
        if plugin.in_flight() is None:
            return None
        return [each.delivery.envelope for each in plugin.leases() if each.session == session]

    def begin_or_end_intercept(self) -> None:
        """A developer takes what one person does, or has it no more."""
        if self.core is None or self._stopping:
            return
        if self._developer.has_intercept:
            self.end_intercept()
            return
        self._developer.begin()
        self.core.begin_intercept(INTERCEPT, self._world.now)
        self._soon()

    def end_intercept(self) -> None:
        """Its developer has gone, or the broker goes."""
        if self.core is not None and self._developer.has_intercept:
            self._developer.end()
            self.core.end_intercept(INTERCEPT, self._world.now)
            self._soon()

    def operate(self) -> None:
        """An operator tries something again, in the turn in which something arrives."""
        self._operates = self.core is not None and not self._stopping

    def reach_limits(self, failures: int) -> None:
        """The journal dead-letters something by itself, and says so a moment later."""
        core = self.core
        if core is None:
            return
        dead = self.operator.limits_act(failures)
        for line in self._lines:
            line.program.given_up.update(each.id for each in dead)

        def heard() -> None:
            prompt = [(each.id, each.envelope) for each in dead if each.lane is Lane.PROMPT]
            ids, envelopes = {each.id for each in dead}, {each.envelope for each in dead}
            core.dead_lettered("p", ids, envelopes, self._world.now, prompt)

        self._later(core, heard)

    def end_a_session(self) -> None:
        """A plugin's connection ends, its program lives."""
        self._end_session(self._world.rng.choice(self._lines))

    def _end_session(self, line: Line) -> None:
        if line.down is not None:
            session = line.session
            self._world.say(f"the connection of {line.program.session} ends")
            line.hang_up()
            if self.core is not None and session:
                self.core.left("p", session, self._world.now)
                self._soon()

    def _write_note(self, core: BrokerCore) -> None:
        if self.core is not core:
            return
        if core.has_unwritten:
            self._world.after(0.01, lambda: self._write_note(core))
            return
        handed = core.in_flight()

        def gone(_: object) -> None:
            if self.core is core and self.journal is not None:
                self._world.say(f"broker exits, handed {handed}")
                self._end()
                self.journal.kill()
                self._world.after(self._world.rng.uniform(0.1, 0.4), self._start)

        core.write([CleanShutdown(handed)] if handed is not None else [], gone)
        if handed is None:
            gone(None)
        else:
            self._pump()

    def _end(self) -> None:
        self.end_intercept()
        self.core, self._stopping, self._wakeup = None, False, None
        self._operates = False
        self.ends.append(self._world.time)
        for connector in self._connectors:
            if connector.link is not None:
                connector.link.cut()
                connector.link = None
        for line in self._lines:
            line.hang_up()

    def _start(self) -> None:
        try:
            self.journal, opening = open_memory_journal(
                self._disk, clock=self._world.unix, schedule=self._world.after
            )
        except JournalBusy:
            self._world.after(0.05, self._start)
            return
        self._world.say(
            f"broker starts {'after a crash' if opening.clean_shutdown is None else 'after a clean stop'}"
        )
        self.core = BrokerCore(self._config, rng=random.Random(1), now=self._world.now)
        ids = [each.delivery for each in opening.clean_shutdown or ()]
        rows = {row.id: row for row in at_once(self.journal.open_by_id(ids))}
        self.core.start(opening, rows, self._world.now)
        self._soon()
        self._link()

    def _link(self) -> None:
        core = self.core
        if core is None:
            return
        for number, connector in enumerate(self._connectors):
            if connector.link is None and connector.is_ready:

                def hear(said: Any, number: int = number) -> None:
                    if self.core is core:
                        if isinstance(said, Closing):
                            core.closing(number, said)
                        elif isinstance(said, Unsent):
                            core.unsent(number, said.numbers)
                        else:
                            if self._operates:
                                self.operator.acts(core)
                                self._operates = False
                            core.deliver(number, said, self._world.now)
                        self._soon()

                connector.link_up(Pipe(self._world, hear))
        pause = LINK_EVERY if self._world.time < QUIET_FROM else 50 * LINK_EVERY
        self._world.after(pause, lambda: self._link() if self.core is core else None)

    def lose_link(self, number: int) -> None:
        """A connector died or has ended, or its link broke."""
        connector = self._connectors[number]
        if connector.link is not None:
            connector.link.cut()
            connector.link = None
            if self.core is not None:
                self.core.link_lost(number)
                self._soon()

    def _accept(self, line: Line) -> bool:
        if self.core is None or self._stopping:
            return False
        core, down = self.core, line.open()
        line.program.connected(Pipe(self._world, lambda said: self._hear(core, line, down, said)))
        return True

    def _hear(self, core: BrokerCore, line: Line, down: Pipe, said: tuple[Any, ...]) -> None:
        if self.core is not core or line.down is not down:
            return
        if said[0] == "initialize":
            self._open(core, line, down, said[1], said[2])
            return
        if not line.session:
            self._world.after(0.001, lambda: self._hear(core, line, down, said))
            return
        if said[0] == "leaving":
            core.plugins["p"].leaving(line.session, said[1], self._world.now)
            self._soon()
            return
        if said[0] == "unorder":
            delivery, attempt = said[1]
            core.plugins["p"].unorder(line.session, delivery, attempt, self._world.now)
            self._soon()
            return
        answer: Answer = said[1]
        if said[0] == "keep":
            assert answer.response is not None
            about = (answer.delivery, answer.attempt, answer.response)
            core.answered_and_kept("p", line.session, *about, self._world.now)
        elif answer.ok:
            core.answered("p", line.session, answer.delivery, answer.attempt, answer.response, self._world.now)
        else:
            core.nacked("p", line.session, answer.delivery, answer.attempt, "no", self._world.now)
        self._soon()

    def _open(
        self, core: BrokerCore, line: Line, down: Pipe, session: str, holding: list[tuple[int, int]]
    ) -> None:
        assert self.journal is not None
        remembers, ahead = line.program.remembers, line.program.ahead
        rows = {row.id: row for row in at_once(self.journal.open_by_id([d for d, _ in holding]))}

        def listed(outcome: Sequence[Outcome] | JournalError) -> None:
            if self.core is not core or line.down is not down:
                return
            if isinstance(outcome, JournalError):
                line.hang_up()
                return
            self._world.say(f"session {session} is open, holding {holding}")
            line.session = session
            now = self._world.now
            core.joined(
                "p",
                session,
                100,
                holding,
                rows,
                now,
                named=True,
                remembers=remembers,
                ahead=ahead,
                person=line.program.person,
            )
            self._note_refused_claims(core, session, holding)
            self._soon()

        if core.plugins["p"].sessions.get(session) is not None:
            listed([])
            return
        core.write([ListSession("p", session)], listed)
        self._soon()

    def _note_refused_claims(self, core: BrokerCore, session: str, holding: list[tuple[int, int]]) -> None:
        """Of two programs that have begun the same attempt, one is given it when the broker is back."""
        plugin = core.plugins["p"]
        for delivery, attempt in holding:
            mine = (session, delivery, attempt)
            if plugin.held(*mine) is not None:
                self.lost.discard(mine)
            elif any(each[1:] == (delivery, attempt) for each in self.crossed - {mine}):
                self.lost.add(mine)

    def _soon(self) -> None:
        if not self._pumping:
            self._pumping = True
            self._world.after(0.0, self._pump)

    def _pump(self) -> None:
        self._pumping = False
        core = self.core
        if core is None:
            return
        while actions := core.end_turn():
            for action in actions:
                self._do(core, action)
        at = core.next_wakeup
        if at < math.inf and (self._wakeup is None or at < self._wakeup):
            self._wakeup = at
            self._world.after(max(0.0, at - self._world.time), lambda: self._tick(core, at))

    def _tick(self, core: BrokerCore, at: float) -> None:
        if self.core is core and self._wakeup == at:
            self._wakeup = None
            core.wake(self._world.now)
            self._soon()

    def _do(self, core: BrokerCore, action: object) -> None:
        assert self.journal is not None
        journal = self.journal
        match action:
            case Submit(token, writes):
                self._developer.check_records(writes)
                self._note_timeouts(core, writes)
                journal.submit(writes, lambda outcome: self._told(core, token, outcome))
            case ToConnector(link, message):
                self._say(self._connectors[link], message)
            case SendDeliveries(_, session, deliveries):
                for line in self._lines:
                    if line.down is not None and session == line.session:
                        self._developer.check_recipient(line.program, deliveries)
                        self._send(core, line, line.down, action)
            case TakeBack(_, session, gone):
                assert self._is_overdue(core, session, gone[0].key), f"{gone} are taken back without a timeout"
                self.lost |= {(session, each.id, each.attempt) for each in gone}
                for line in self._lines:
                    if session == line.program.session:
                        line.program.loses([(each.id, each.attempt) for each in gone])
                    if line.down is not None and session == line.session:
                        line.down.send(action)
            case LoadKeys() | LoadKey() | CountOld():
                self._world.after(self._world.rng.uniform(0.0, 0.01), lambda: self._read(core, action))
            case ReadForReport():
                self._world.after(READING, lambda: self._read_failure(core, action))
            case NotifyKept(refusal=""):
                for line in self._lines:
                    if line.down is not None and action.session == line.session:
                        line.down.send(action)
            case PostLate(late, _, _):
                self.late_posts.append((self._world.time, late.response))
                core.late_posted(late, action.session, action.attempt, "response_url")

    def _send(self, core: BrokerCore, line: Line, down: Pipe, action: SendDeliveries) -> None:
        """What memory has the text of goes at once; the rest when it is read, if its session has it still."""
        assert self.journal is not None
        unread = [
            each for each in action.deliveries if self._reads and (each.stored is None or not each.stored.text)
        ]
        if unread:

            def read() -> None:
                if self.core is not core or line.down is not down:
                    return
                mine = [each for each in unread if core.plugins["p"].holds(action.session, each)]
                for each in mine:
                    core.read_back(each, attrs.evolve(self._disk.store.envelopes[each.envelope]))
                self._say_to(line, down, action, mine)
                self._soon()

            self._world.after(self._world.rng.uniform(0.0, 3 * READING), read)
        self._say_to(line, down, action, [each for each in action.deliveries if each not in unread])

    def _say_to(self, line: Line, down: Pipe, action: SendDeliveries, some: Sequence[OpenDelivery]) -> None:
        for each in some:
            self.lost.discard((action.session, each.id, each.attempt))
            text = self._disk.store.envelopes[each.envelope].text
            down.send((each, text, action.after.get(each.id, "")))

    def _is_overdue(self, core: BrokerCore, session: str, key: str) -> bool:
        """A session took too long for one of this key."""
        failed = [each for each in core.plugins["p"].leases() if each.state is LeaseState.COMMITTING]
        mine = [each for each in failed if each.session == session and each.delivery.key == key]
        return any(each.deadline <= self._world.time for each in mine)

    def _note_timeouts(self, core: BrokerCore, writes: Sequence[Write]) -> None:
        """What takes too long fails, and may be begun again, though it goes on at its program."""
        for write in writes:
            if isinstance(write, RetryDelivery | DeadLetterDelivery) and write.error.startswith("no answer"):
                for lease in core.plugins["p"].leases():
                    if lease.delivery.id == write.delivery:
                        self.lost.add((lease.session, write.delivery, lease.delivery.attempt))
                        self.took_too_long(lease.delivery.envelope)

    @staticmethod
    def _say(connector: Connector, message: FromBroker) -> None:
        match message:
            case Settled(settlements) if connector.link is not None:
                connector.settled(settlements)
            case Promised(promises):
                connector.promised(promises)
            case Refused(refusals):
                connector.refused(tuple(each.number for each in refusals))

    def _told(self, core: BrokerCore, token: int, outcome: Sequence[Outcome] | JournalError) -> None:
        if self.core is core:
            core.committed(token, outcome, self._world.now)
            for action in core.take_actions():
                self._do(core, action)
            self._soon()

    def _read(self, core: BrokerCore, read: LoadKeys | LoadKey | CountOld) -> None:
        if self.core is not core or self.journal is None:
            return
        plugin = core.plugins[read.plugin]
        if self._reads and self._world.rng.random() < READ_FAILS:
            self._fail_to_read(core, read)
            return
        match read:
            case LoadKeys(name, lane, after, limit):
                names = at_once(self.journal.keys_after(name, lane, after, limit))
                self._later(core, lambda: plugin.keys_loaded(read, names, self._world.now))
            case LoadKey(name, lane, key, after, limit):
                rows = at_once(self.journal.open_of_key(name, lane, key, after, limit))
                if self._reads:
                    rows = self._as_read(core, rows, with_texts=after > 0)
                self._later(core, lambda: plugin.key_loaded(read, rows, self._world.now))
            case CountOld(name, lane, up_to, limit):
                count = at_once(self.journal.open_count(name, lane, up_to, limit))
                self._later(core, lambda: plugin.old_counted(lane, count, self._world.now))

    def _fail_to_read(self, core: BrokerCore, read: LoadKeys | LoadKey | CountOld) -> None:
        self._world.say(f"{read} fails")
        if not isinstance(read, CountOld):
            core.plugins[read.plugin].load_failed(read)

        def again() -> None:
            if self.core is core:
                if isinstance(read, CountOld):
                    self._read(core, read)
                core.tick(self._world.now)
                self._soon()

        self._world.after(0.5, again)

    def _as_read(
        self, core: BrokerCore, rows: Sequence[OpenDelivery], *, with_texts: bool
    ) -> Sequence[OpenDelivery]:
        """A row has no envelope; those that follow one that went are given theirs."""
        if not with_texts:
            return [attrs.evolve(row, stored=None) for row in rows]
        read = {row.envelope: attrs.evolve(self._disk.store.envelopes[row.envelope]) for row in rows}
        core.hold_texts(read.values())
        return [attrs.evolve(row, stored=read[row.envelope]) for row in rows]

    def _read_failure(self, core: BrokerCore, wanted: ReadForReport) -> None:
        if self.core is core and self.journal is not None:
            envelope = wanted.delivery.envelope
            stored = at_once(self.journal.envelopes([envelope])).get(envelope)
            core.failure_read(wanted, stored, self._world.now)
            self._soon()

    def _later(self, core: BrokerCore, then: Callable[[], None]) -> None:
        def do() -> None:
            if self.core is core:
                then()
                self._soon()

        self._world.after(self._world.rng.uniform(0.0, 0.005), do)
