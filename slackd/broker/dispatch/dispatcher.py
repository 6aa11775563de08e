"""Dispatch for one plugin: a pure machine on a given clock. No plugin's machine knows of another's.

P3, the invariants kept here: a delivery is with one session at most; no more than `window` are out in a lane,
nor two of one key; an attempt that failed is committed before the next goes out. Key and slot are free at the
commit of what became of the delivery; or as soon as it is answered, if the session's program remembers enough
of its answers to repeat them after a crash. Then the next delivery of that key may go to that session alone:
one fate for both. A program that keeps the order of a key itself has some of its deliveries ahead of their
turn. When the one before them fails, or its session has that no more, these were not begun: they are taken
back, with no attempt counted, and go again in their turn. Rules R4 to R7 of the design are the methods
`restore`, `joined`, `left` and `in_flight`.

Events go in by the methods. What they lead to is returned by `end_turn`, when all that happened in one turn of
the loop is known: send this delivery to that session, write this to the journal (then call `committed`), read
that from it (then call `keys_loaded`, `key_loaded` or `old_counted`). `changed` is called once a turn, if
anything happened in it. Deadlines move the wakeup forward; `next_wakeup` computes it anew.
"""

import random
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import attrs

from slackd.broker.dispatch.actions import Action, LoadKey, LoadKeys, TakeBack
from slackd.broker.dispatch.dealing import Dealer
from slackd.broker.dispatch.held_up import HeldUp, held_up
from slackd.broker.dispatch.intercepted import is_intercepted
from slackd.broker.dispatch.lane_queue import LaneQueue
from slackd.broker.dispatch.leases import UNANSWERED, Lease, Leases, LeaseState
from slackd.broker.dispatch.resumption import Resumption
from slackd.broker.dispatch.retry import LONGEST, retry_delay
from slackd.broker.dispatch.sessions import PluginSession, Sessions
from slackd.broker.instant import Instant, Wakeup
from slackd.broker.journal.writes import (
    CloseDelivery,
    DeadLetterDelivery,
    DeadReason,
    ForgetSession,
    InFlight,
    Lane,
    OpenDelivery,
    Outcome,
    RetryDelivery,
    Stale,
    StoredEnvelope,
    Write,
)
from slackd.config import PluginConfig


class Dispatcher:
    """Everything that waits for one plugin, and everything its sessions have in flight."""

    def __init__(
        self,
        plugin: PluginConfig,
        *,
        grace: float,
        rng: random.Random,
        now: Instant,
        empty: bool = False,
        wakeup: Wakeup | None = None,
        changed: "Callable[[Dispatcher], None]" = lambda _: None,
    ) -> None:
        self.name, self._rules, self._grace, self._rng = plugin.name, plugin.delivery, grace, rng
        self._wakeup = wakeup if wakeup is not None else Wakeup()
        self._changed = changed
        self.sessions = Sessions(now.monotonic)
        longest = max(LONGEST, plugin.delivery.backoff_max)
        self._lanes = {
            lane: LaneQueue(plugin.name, lane, self._wakeup, complete=empty, longest_wait=longest)
            for lane in Lane
        }
        self._leases = Leases(self.sessions, self._rules.ack_timeout, self._wakeup)
        self._dealer = Dealer(plugin.name, self._rules.window, self._lanes, self._leases, self.sessions)
        self._resumption = Resumption(plugin.name, self._rules.window, self._lanes, self._leases, self._dealer)
        self._actions: list[Action] = []
        self._has_changed = False
        self._deal_at: Instant | None = None
        self._stopped = False

    def restore(
        self,
        sessions: Sequence[str],
        in_flight: Sequence[tuple[OpenDelivery, str]] | None,
        last_delivery: int,
        now: Instant,
    ) -> None:
        """The broker starts (rule R6): these sessions are awaited; after a clean stop this was in flight,
        after a crash (None) anything up to `last_delivery` may have been."""
        for session in sessions:
            self._await(session, now)
        if in_flight is not None:
            oldest_first = sorted(in_flight, key=lambda each: each[0].id)
            for _, session in oldest_first:
                if self.sessions.get(session) is None:
                    self._await(session, now)
            self._resumption.restore(oldest_first, now)
        elif sessions and last_delivery:
            for count_old in self._resumption.fence(sessions, last_delivery):
                self._add(count_old)

    def old_counted(self, lane: Lane, count: int, now: Instant) -> None:
        """The journal's answer to `CountOld`: so many old deliveries take slots while they are held back."""
        if self._resumption.old_counted(lane, count):
            self._deal(now)

    def opened(self, deliveries: Sequence[OpenDelivery], now: Instant) -> None:
        """These were committed as open."""
        for delivery in deliveries:
            self._lanes[delivery.lane].opened(delivery, now)
        self._deal(now)

    def joined(
        self,
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
        """A session is connected, and the journal lists it (rule R4).

        `claims` are the (delivery, attempt) pairs that its program says it has; `rows` is what the journal
        says of those deliveries. What the session had and doesn't claim was never read: it is free at once.
        `ahead` is how many deliveries it takes ahead of their turn, if it remembers its answers.
        `person` is whose intercepted deliveries it takes, and no others; "" for a session like any.
        """
        fresh = PluginSession(
            session, named, min(window, self._rules.window), remembers if named else 0, person=person
        )
        fresh.resumed = set(claims)
        fresh.ahead = ahead if fresh.remembers else 0
        if fresh.ahead:
            self._lanes[Lane.EVENTS].followers.are_wanted = True
        self.sessions.put(fresh)
        self._leases.count_again(fresh)
        kept = self._resumption.claim(session, claims, rows, now)
        for lease in self._leases.of(session):
            if lease.delivery.id not in kept and lease.state not in UNANSWERED:
                self._lanes[lease.delivery.lane].disown(lease.delivery)
        self._keep_only(session, kept, now)
        self._resumption.is_back(session)
        self._wakeup.by(self.next_wakeup())
        self._deal(now)

    def left(self, session: str, now: Instant) -> None:
        """A session's connection ended: it is awaited, or (unnamed) what it had is tried again at once."""
        known = self.sessions.get(session)
        if known is None or not known.connected:
            return
        if not known.person:
            self.sessions.seen(now.monotonic)
        if known.named:
            known.awaited_until = now.monotonic + self._grace
            self._wakeup.by(known.awaited_until)
        else:
            self._end(known, now)
        self._deal(now)

    def intercept(self, person: str, begins: bool, now: Instant) -> None:
        """From now on this person's intercepted deliveries go to sessions for them alone, or to any again."""
        (self._dealer.intercepted.add if begins else self._dealer.intercepted.discard)(person)
        self._deal(now)

    def pause(self, session: str, paused: bool, now: Instant) -> None:
        """A session stopped or began to read again what it is sent."""
        known = self.sessions.get(session)
        if known is not None:
            known.paused = paused
            self._deal(now)

    def accept(self, session: str, delivery: int, attempt: int, now: Instant) -> OpenDelivery | None:
        """A session answered. If the answer counts, the delivery is returned, and it is for the caller to write
        its `CloseDelivery`; else None: it was settled before, or the answer is to another attempt (rule R4)."""
        lease = self._leases.held(session, delivery, attempt)
        if lease is None:
            return None
        queue = self._lanes[lease.delivery.lane]
        if self._leases.answer(lease) or queue.behind(lease.delivery):
            next_one = queue.answered(lease.delivery, session, now)
            if next_one is not None:
                self._leases.begin_turn(next_one, now.monotonic)
            self._deal(now)
        return lease.delivery

    def repeats(self, session: str, delivery: int, attempt: int) -> bool:
        """Whether a session says again, after its connection ended, what slackd knows; true once for each."""
        known = self.sessions.get(session)
        if known is None or (delivery, attempt) not in known.resumed:
            return False
        known.resumed.discard((delivery, attempt))
        return True

    def is_remembered(self, delivery: int) -> bool:
        """Its answer is on its way to disk, and its session's program repeats it when slackd comes back."""
        lease = self._leases.get(delivery)
        return lease is not None and lease.state is LeaseState.ANSWERED

    def held(self, session: str, delivery: int, attempt: int) -> OpenDelivery | None:
        """The delivery, if an answer of this session to this attempt counts."""
        lease = self._leases.held(session, delivery, attempt)
        return lease.delivery if lease is not None else None

    def note_answered(self, delivery: int) -> None:
        """Its answer is on the way to the disk, and its session keeps it."""
        lease = self._leases.get(delivery)
        if lease is not None:
            lease.delivery = attrs.evolve(lease.delivery, respond_by=None, answered=True)

    def is_held_by(self, session: str) -> Callable[[int, int], bool]:
        """A look-up for this session: whether its answer to that attempt of that delivery counts."""
        held = self._leases.held
        return lambda delivery, attempt: held(session, delivery, attempt) is not None

    def nack(
        self,
        session: str,
        delivery: int,
        attempt: int,
        error: str,
        now: Instant,
        *,
        retry_after: float | None = None,
        permanent: bool = False,
    ) -> bool:
        """A session could not handle a delivery, and wants it after so many seconds (None: as its file says).

        Returns:
            Whether the answer counts.
        """
        lease = self._leases.held(session, delivery, attempt)
        if lease is None:
            return False
        lease.state = LeaseState.COMMITTING
        self._fail(lease, error, now, retry_after=retry_after, permanent=permanent)
        return True

    def holds(self, session: str, delivery: OpenDelivery) -> bool:
        """Whether this attempt is that session's at this moment."""
        lease = self._leases.get(delivery.id)
        return lease is not None and lease.session == session and lease.delivery.attempt == delivery.attempt

    def extend(self, session: str, delivery: int, attempt: int, now: Instant) -> None:
        """A session is still at work: its ack timeout starts again, up to an hour in all."""
        lease = self._leases.get(delivery)
        if lease is None or lease.session != session or lease.delivery.attempt != attempt:
            return
        self._leases.extend(lease, now.monotonic)

    def unorder(self, session: str, delivery: int, attempt: int, now: Instant) -> None:
        """A session doesn't mind that later deliveries of this one's ordering key are handled before it."""
        lease = self._leases.held(session, delivery, attempt)
        if lease is not None and not is_intercepted(lease.delivery.key):
            lease.delivery, next_one = self._lanes[lease.delivery.lane].unorder(lease.delivery, now)
            if next_one is not None:
                self._leases.begin_turn(next_one, now.monotonic)
            self._deal(now)

    def leaving(self, session: str, holding: Collection[tuple[int, int]], now: Instant) -> None:
        """A session begins nothing more; what it holds besides these (delivery, attempt) was not begun."""
        known = self.sessions.get(session)
        if known is not None:
            known.window = known.ahead = 0
            held = (self._leases.held(session, *each) for each in holding)
            self._keep_only(session, {each.delivery.id for each in held if each is not None}, now)
            self._deal(now)

    def rest(self, session: str, delivery: int, attempt: int, begins: bool, now: Instant) -> None:
        """slackd begins, or ceases, to hold back a call of this delivery's handler: its ack timeout rests."""
        lease = self._leases.get(delivery)
        if lease is not None and lease.session == session and lease.delivery.attempt == attempt:
            self._leases.rest(lease, begins, now.monotonic)

    def attach(self, delivery: OpenDelivery, stored: StoredEnvelope) -> None:
        """The envelope of a delivery that a session has, read from the journal."""
        lease = self._leases.get(delivery.id)
        if lease is not None and lease.delivery.attempt == delivery.attempt:
            lease.delivery = attrs.evolve(lease.delivery, stored=stored)

    def delivery_of(self, envelope: int) -> int | None:
        """The delivery of this envelope that isn't free, if there is one."""
        return next((each.delivery.id for each in self._leases if each.delivery.envelope == envelope), None)

    def leased(self, delivery: int) -> OpenDelivery | None:
        """A delivery that isn't free, with the attempt that is out."""
        lease = self._leases.get(delivery)
        return lease.delivery if lease is not None else None

    def committed(self, write: Write, outcome: Outcome, now: Instant) -> None:
        """What became of a delivery is on the disk: its key and its slot are free."""
        if type(write) is not CloseDelivery and not isinstance(write, RetryDelivery | DeadLetterDelivery):
            return
        lease = self._leases.get(write.delivery)
        if lease is None or lease.state is LeaseState.HELD:
            return
        if type(write) is CloseDelivery and write.keep:
            return
        if isinstance(outcome, Stale):
            self._leases.drop(lease)
            self._lanes[lease.delivery.lane].doubt(lease.delivery, now)
        elif isinstance(write, RetryDelivery):
            later = attrs.evolve(lease.delivery, attempt=write.attempt + 1, not_before=write.not_before)
            self._free(lease, later, now)
        else:
            self._leases.drop(lease)
            self._lanes[lease.delivery.lane].release(lease.delivery, now)
        self._deal(now)

    def closed(self, deliveries: Iterable[int], stale: Collection[int], now: Instant) -> None:
        """These are on the disk as handled, but for the stale ones: their keys and slots are free."""
        for delivery in deliveries:
            lease = self._leases.get(delivery)
            if lease is None or lease.state is LeaseState.HELD:
                continue
            self._leases.drop(lease)
            lane = self._lanes[lease.delivery.lane]
            if delivery in stale:
                lane.doubt(lease.delivery, now)
            else:
                lane.release(lease.delivery, now)
        self._deal(now)

    def dead_lettered(self, deliveries: Collection[int], now: Instant) -> None:
        """The journal gave these up by itself (its limits)."""
        for queue in self._lanes.values():
            queue.forget(deliveries, now)
        self._deal(now)

    def keys_loaded(self, request: LoadKeys, names: Sequence[str], now: Instant) -> None:
        """The journal's answer to `LoadKeys`."""
        self._lanes[request.lane].keys_loaded(request, names)
        self._deal(now)

    def key_loaded(self, request: LoadKey, rows: Sequence[OpenDelivery], now: Instant) -> None:
        """The journal's answer to `LoadKey`."""
        self._lanes[request.lane].key_loaded(request, rows, now)
        self._deal(now)

    def load_failed(self, request: LoadKeys | LoadKey) -> None:
        """The journal could not be read; the next `tick` asks again."""
        self._lanes[request.lane].load_failed(request)

    def tick(self, now: Instant) -> None:
        """Time has passed: ack timeouts, graces, retries that are due. For a broker that stops, nothing: whom
        it awaits its successor awaits anew."""
        if self._stopped:
            return
        for lease in self._leases.overdue(now.monotonic):
            lease.state = LeaseState.COMMITTING
            error = f"no answer within the ack_timeout of {self._rules.ack_timeout:g} s"
            taken_back = self._fail(lease, error, now)
            if taken_back:  # of a failure that it doesn't know, its program must hear
                self._add(TakeBack(self.name, lease.session, taken_back))
        for session in self.sessions.overdue(now.monotonic):
            self._end(session, now)
        for queue in self._lanes.values():
            queue.advance(now)
        self._deal(now)

    def next_wakeup(self) -> float | None:
        """The monotonic time of the next `tick` that can change anything."""
        if self._stopped:
            return None
        times = [self.sessions.next_grace(), self._leases.next_timeout()]
        if self.sessions.connected():
            times += [queue.next_due() for queue in self._lanes.values()]
        return min((each for each in times if each is not None), default=None)

    def end_turn(self) -> list[Action]:
        """All that happened in this turn is known: deal out what is free.

        Returns:
            What to do, in order.
        """
        actions, self._actions = self._actions, []
        if self._deal_at is not None:
            actions += self._dealer.deal(self._deal_at)
        self._has_changed, self._deal_at = False, None
        return actions

    def halt(self) -> None:
        """The broker stops (rule R5): nothing more is delivered."""
        self._stopped, self._deal_at = True, None

    def in_flight(self) -> list[InFlight] | None:
        """What isn't free, and whose it is, without what was sent ahead and not begun; None while old
        deliveries are held back after a crash, since then nobody knows yet: the next broker must go on waiting
        as after a crash."""
        if self._resumption.is_fenced:
            return None
        return [
            InFlight(lease.delivery.id, self.name, lease.session)
            for lease in self._leases
            if lease.state is not LeaseState.WAITING
            and (session := self.sessions.get(lease.session)) is not None
            and session.named
        ]

    def held_up(self, now: Instant) -> list[HeldUp]:
        """Keys of channels and users of which one delivery has held up others for long."""
        return held_up(self._leases, self._lanes, self._rules.order_by, now.monotonic)

    def leases(self) -> Sequence[Lease]:
        """Every delivery that isn't free."""
        return list(self._leases)

    def _await(self, session: str, now: Instant) -> None:
        until = now.monotonic + self._grace
        self.sessions.put(PluginSession(session, True, self._rules.window, awaited_until=until))
        self._wakeup.by(until)

    def _take_back_behind(self, lease: Lease, now: Instant) -> tuple[OpenDelivery, ...]:
        """What was sent ahead and waits for this one was not begun: it is free, with no attempt counted."""
        behind = self._lanes[lease.delivery.lane].behind(lease.delivery)
        waiting = [each for each in map(self._leases.get, behind) if each is not None]
        for each in waiting:
            self._free(each, each.delivery, now)
        return tuple(each.delivery for each in waiting)

    def _keep_only(self, session: str, kept: Collection[int], now: Instant) -> None:
        """What else the session holds was not begun: it is free, with no attempt counted."""
        for lease in self._leases.of(session):
            if lease.delivery.id not in kept and lease.state in UNANSWERED:
                self._take_back_behind(lease, now)
                if self._leases.get(lease.delivery.id) is lease:  # not taken back with the one before it
                    self._free(lease, lease.delivery, now)

    def _free(self, lease: Lease, delivery: OpenDelivery, now: Instant) -> None:
        self._leases.drop(lease)
        self._lanes[delivery.lane].put_back(delivery, now)

    def _end(self, session: PluginSession, now: Instant) -> None:
        """A session is gone for good: what it had is tried again (rule R7). At once after a first end, for who
        ends once has been stopped; after that with backoff, or a program that crashes at its start would use up
        the attempts of all that it gets in a moment."""
        for lease in self._leases.held_by(session.id):
            lease.state = LeaseState.COMMITTING
            at_once = 0.0 if lease.delivery.attempt == 1 else None
            self._fail(lease, "the plugin's session ended before it answered", now, retry_after=at_once)
        self.sessions.drop(session.id)
        if session.named:
            self._add(ForgetSession(self.name, session.id))
        self._resumption.is_back(session.id)

    def _fail(
        self,
        lease: Lease,
        error: str,
        now: Instant,
        *,
        retry_after: float | None = None,
        permanent: bool = False,
    ) -> tuple[OpenDelivery, ...]:
        """It is tried again, or never; returns what was sent ahead behind it, and is taken back."""
        delivery, taken_back = lease.delivery, self._take_back_behind(lease, now)
        if permanent:
            self._add(DeadLetterDelivery(delivery.id, delivery.attempt, DeadReason.PERMANENT, error))
        elif delivery.attempt >= self._rules.max_attempts:
            self._add(DeadLetterDelivery(delivery.id, delivery.attempt, DeadReason.ATTEMPTS, error))
        else:
            delay = retry_delay(self._rules, delivery.attempt, retry_after, self._rng)
            not_before = now.unix + delay if delay > 0 else 0.0
            self._add(RetryDelivery(delivery.id, delivery.attempt, not_before, error))
        return taken_back

    def _deal(self, now: Instant) -> None:
        """What is free is to be dealt out at the turn's end."""
        if not self._stopped:
            self._deal_at = now
            if not self._has_changed:
                self._has_changed = True
                self._changed(self)

    def _add(self, action: Action) -> None:
        self._actions.append(action)
        if not self._has_changed:
            self._has_changed = True
            self._changed(self)
