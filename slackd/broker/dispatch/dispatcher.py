"""Dispatch for one plugin: a pure machine on a given clock. No plugin's machine knows of another's.

P3, the invariants kept here: a delivery is with one session at most; no more than `window` are out in a lane,
nor two of one key; an attempt that failed is committed before the next goes out. Key and slot are free at the
commit of what became of the delivery; or as soon as it is answered, if the session's program remembers enough
of its answers to repeat them after a crash. Then the next delivery of that key may go to that session alone:
one fate for both. Rules R4 to R7 of the design are the methods `restore`, `joined`, `left` and `handed`.

Events go in by the methods; what to do comes out of `take_actions`: send this delivery to that session, write
this to the journal (and say so to `committed`), read that from it (and answer with `keys_loaded`,
`key_loaded` or `old_counted`). `stir` is called once before there is something to take. Deadlines move the
wakeup forward; `next_wakeup` computes it anew.
"""

import random
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import attrs

from slackd.broker.dispatch.intercepted import intercepted_person, is_intercepted
from slackd.broker.dispatch.lane_queue import LaneQueue, LoadKey, LoadKeys
from slackd.broker.dispatch.leases import Lease, Leases, LeaseState
from slackd.broker.dispatch.retry import LONGEST, retry_delay
from slackd.broker.dispatch.sessions import PluginSession, Sessions
from slackd.broker.dispatch.subscriptions import steered_key
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
from slackd.config import OrderBy, PluginConfig
from slackd.slotted import frozen


@frozen
class SendDeliveries:
    """Send these deliveries to that session."""

    plugin: str
    session: str
    deliveries: tuple[OpenDelivery, ...]


@frozen
class CountOld:
    """Wanted from the journal: how many deliveries up to this id are open; answer with `old_counted`."""

    plugin: str
    lane: Lane
    up_to: int
    limit: int


@frozen
class HeldUp:
    """One delivery that has held up others of its ordering key for long.

    Attributes:
        delivery: The one that a session has.
        place: What the key stands for: "channel" or "user".
        seconds: Since when it is with its session.
        waiting: How many wait behind it, as far as memory knows.
    """

    delivery: int
    place: str
    seconds: float
    waiting: int


HELD_UP_AFTER = 60.0
"""Seconds after which one delivery has held up others of its key for long."""
STEER_AGAIN_AFTER = 0.25
"""Seconds after which a control event is offered again to the session whose turn it steers."""

Action = SendDeliveries | Write | LoadKeys | LoadKey | CountOld


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
        stir: "Callable[[Dispatcher], None]" = lambda _: None,
    ) -> None:
        self.name, self._rules, self._grace, self._rng = plugin.name, plugin.delivery, grace, rng
        self._wakeup = wakeup if wakeup is not None else Wakeup()
        self._stir = stir
        self.sessions = Sessions(now.monotonic)
        longest = max(LONGEST, plugin.delivery.backoff_max)
        self._lanes = {
            lane: LaneQueue(plugin.name, lane, self._wakeup, complete=empty, longest_wait=longest)
            for lane in Lane
        }
        self._leases = Leases(self.sessions, self._rules.ack_timeout, self._wakeup)
        self._old = dict.fromkeys(Lane, 0)
        self._awaited: set[str] = set()
        self._intercepted: set[str] = set()
        self._actions: list[Action] = []
        self._undealt: Instant | None = None
        self._stirred = False
        self._stopped = False

    def restore(
        self,
        sessions: Sequence[str],
        handed: Sequence[tuple[OpenDelivery, str]] | None,
        last_delivery: int,
        now: Instant,
    ) -> None:
        """The broker starts (rule R6): these sessions are awaited; after a clean stop this was handed to them,
        after a crash (None) anything up to `last_delivery` may have been."""
        for session in sessions:
            self._await(session, now)
        if handed is not None:
            for delivery, session in sorted(handed, key=lambda each: each[0].id):
                if self.sessions.get(session) is None:
                    self._await(session, now)
                if self._lanes[delivery.lane].claim(delivery, session):
                    self._leases.take(delivery, session, now.monotonic)
            return
        if sessions and last_delivery:
            self._awaited.update(sessions)
            for lane, queue in self._lanes.items():
                queue.hold_back(last_delivery)
                self._old[lane] = self._rules.window
                self._act(CountOld(self.name, lane, last_delivery, 4 * self._rules.window))

    def old_counted(self, lane: Lane, count: int, now: Instant) -> None:
        """The journal's answer to `CountOld`: so many old deliveries take slots while they are held back."""
        queue = self._lanes[lane]
        if queue.is_holding_back:
            # What is answered already may have been closed before they were counted.
            held = [each.delivery for each in self._leases if each.state is LeaseState.HELD]
            claimed = sum(each.lane is lane and queue.is_old(each.id) for each in held)
            self._old[lane] = max(0, count - claimed)
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
        person: str = "",
    ) -> None:
        """A session is connected, and the journal lists it (rule R4).

        `claims` are the (delivery, attempt) pairs that its program says it has; `rows` is what the journal
        says of those deliveries. What the session had and doesn't claim was never read: it is free at once.
        `person` is whose intercepted deliveries it takes, and no others; "" for a session like any.
        """
        fresh = PluginSession(
            session, named, min(window, self._rules.window), remembers if named else 0, person=person
        )
        self.sessions.put(fresh)
        self._leases.count_again(fresh)
        kept = {
            delivery
            for delivery, attempt in sorted(claims)
            if self._claim(session, delivery, attempt, rows, now)
        }
        for lease in self._leases.of(session):
            if lease.delivery.id in kept:
                continue
            if lease.state is LeaseState.HELD:
                self._free(lease, lease.delivery, now)
            else:
                self._lanes[lease.delivery.lane].disown(lease.delivery)
        self._is_back(session)
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
        (self._intercepted.add if begins else self._intercepted.discard)(person)
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
        if self._leases.answer(lease):
            self._lanes[lease.delivery.lane].answered(lease.delivery, session, now)
            self._deal(now)
        return lease.delivery

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

    def is_held(self, session: str, delivery: int, attempt: int) -> bool:
        """Whether an answer of this session to this attempt counts."""
        return self._leases.held(session, delivery, attempt) is not None

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
            lease.delivery = self._lanes[lease.delivery.lane].unorder(lease.delivery, now)
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
            self._fail(lease, f"no answer within the ack_timeout of {self._rules.ack_timeout:g} s", now)
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

    def take_actions(self) -> list[Action]:
        """What to do, in order; each is given once."""
        if self._undealt is not None:
            for lane in (Lane.PROMPT, Lane.EVENTS):
                if self._lanes[lane].may_have_work:
                    self._deal_lane(lane, self._undealt)
            self._undealt = None
        self._stirred = False
        actions, self._actions = self._actions, []
        return actions

    def halt(self) -> None:
        """The broker stops (rule R5): nothing more is delivered."""
        self._stopped, self._undealt = True, None

    def handed(self) -> list[InFlight] | None:
        """What isn't free, and whose it is; None while old deliveries are held back after a crash, since then
        nobody knows yet: the next broker must go on waiting as after a crash."""
        if any(queue.is_holding_back for queue in self._lanes.values()):
            return None
        return [
            InFlight(lease.delivery.id, self.name, lease.session)
            for lease in self._leases
            if (session := self.sessions.get(lease.session)) is not None and session.named
        ]

    def held_up(self, now: Instant) -> list[HeldUp]:
        """Keys of channels and users of which one delivery has held up others for long."""
        order_by = self._rules.order_by
        if order_by not in (OrderBy.CHANNEL, OrderBy.USER):
            return []
        found = []
        for lease in self._leases:
            seconds = now.monotonic - lease.since
            if lease.state is LeaseState.HELD and lease.delivery.key and seconds >= HELD_UP_AFTER:
                waiting = self._lanes[lease.delivery.lane].waiting_behind(lease.delivery)
                if waiting:
                    found.append(HeldUp(lease.delivery.id, order_by.value, seconds, waiting))
        return found

    def leases(self) -> Sequence[Lease]:
        """Every delivery that isn't free."""
        return list(self._leases)

    def _await(self, session: str, now: Instant) -> None:
        until = now.monotonic + self._grace
        self.sessions.put(PluginSession(session, True, self._rules.window, awaited_until=until))
        self._wakeup.by(until)

    def _is_back(self, session: str) -> None:
        self._awaited.discard(session)
        if not self._awaited and any(queue.is_holding_back for queue in self._lanes.values()):
            for lane, queue in self._lanes.items():
                queue.stop_holding_back()
                self._old[lane] = 0

    def _claim(
        self, session: str, delivery: int, attempt: int, rows: Mapping[int, OpenDelivery], now: Instant
    ) -> bool:
        lease = self._leases.get(delivery)
        if lease is not None:
            if lease.session != session or lease.delivery.attempt != attempt:
                return False
            known = rows.get(delivery)
            if lease.delivery.stored is None and known is not None and known.stored is not None:
                self.attach(lease.delivery, known.stored)
            self._leases.extend(lease, now.monotonic)
            return True
        row = rows.get(delivery)
        if row is None or row.plugin != self.name or row.attempt != attempt:
            return False
        queue = self._lanes[row.lane]
        if not queue.claim(row, session):
            return False
        if queue.is_holding_back:
            self._old[row.lane] = max(0, self._old[row.lane] - 1)
        self._leases.take(row, session, now.monotonic)
        return True

    def _free(self, lease: Lease, delivery: OpenDelivery, now: Instant) -> None:
        self._leases.drop(lease)
        self._lanes[delivery.lane].put_back(delivery, now)

    def _end(self, session: PluginSession, now: Instant) -> None:
        """A session is gone for good: what it had is tried again (rule R7). At once after a first end, for who
        ends once has been stopped; after that with backoff, or a program that crashes at its start would use up
        the attempts of all that it is handed in a moment."""
        for lease in self._leases.held_by(session.id):
            lease.state = LeaseState.COMMITTING
            at_once = 0.0 if lease.delivery.attempt == 1 else None
            self._fail(lease, "the plugin's session ended before it answered", now, retry_after=at_once)
        self.sessions.drop(session.id)
        if session.named:
            self._act(ForgetSession(self.name, session.id))
        self._is_back(session.id)

    def _fail(
        self,
        lease: Lease,
        error: str,
        now: Instant,
        *,
        retry_after: float | None = None,
        permanent: bool = False,
    ) -> None:
        delivery = lease.delivery
        if permanent:
            self._act(DeadLetterDelivery(delivery.id, delivery.attempt, DeadReason.PERMANENT, error))
        elif delivery.attempt >= self._rules.max_attempts:
            self._act(DeadLetterDelivery(delivery.id, delivery.attempt, DeadReason.ATTEMPTS, error))
        else:
            delay = retry_delay(self._rules, delivery.attempt, retry_after, self._rng)
            not_before = now.unix + delay if delay > 0 else 0.0
            self._act(RetryDelivery(delivery.id, delivery.attempt, not_before, error))

    def _deal(self, now: Instant) -> None:
        """What is free is dealt out when all that happened in this turn is known."""
        if not self._stopped:
            self._undealt = now
            if not self._stirred:
                self._stirred = True
                self._stir(self)

    def _act(self, action: Action) -> None:
        self._actions.append(action)
        if not self._stirred:
            self._stirred = True
            self._stir(self)

    def _whose_turn(self, delivery: OpenDelivery) -> str:
        """The session that has the turn which this control event steers; "" if it is none, or nobody has."""
        turn = steered_key(delivery.key)
        if turn is None:
            return ""
        for lease in self._leases:
            if lease.delivery.key == turn and lease.state is LeaseState.HELD:
                return lease.session
        return ""

    def _deal_lane(self, lane: Lane, now: Instant) -> None:
        queue = self._lanes[lane]
        free = self._rules.window - self._leases.slots(lane) - self._old[lane]
        sent: dict[str, list[OpenDelivery]] = {}
        queue.advance(now)
        if queue.has_intercepted:
            self._deal_intercepted(lane, sent, now)
        while free > 0 and queue.has_ready:
            session = self.sessions.next_with_room(lane)
            if session is None:
                free = 0
                break
            delivery = queue.take(now)
            if delivery is None:
                break
            free -= self._deal_to(session, delivery, sent, now)
        self._actions += [SendDeliveries(self.name, to, tuple(each)) for to, each in sent.items()]
        if (free > 0 or self._intercepted) and queue.may_have_more and self.sessions.connected():
            # What is ready for production, and waits for it, must not keep an intercepted key in the journal.
            ahead = 0 if free > 0 else queue.ready
            self._actions.extend(queue.loads(ahead + max(2 * free, 8)))

    def _deal_intercepted(self, lane: Lane, sent: dict[str, list[OpenDelivery]], now: Instant) -> None:
        """One person's deliveries wait for a session for them while the intercept is in force, however long."""
        queue = self._lanes[lane]
        for delivery in queue.take_intercepted(now):
            person = intercepted_person(delivery.key)
            if person in self._intercepted:
                session = self.sessions.with_room_for(person, lane)
            else:
                session = self.sessions.next_with_room(lane)
            if session is None:
                queue.put_back(delivery, now)
            else:
                self._deal_to(session, delivery, sent, now)

    def _deal_to(
        self,
        session: PluginSession,
        delivery: OpenDelivery,
        sent: dict[str, list[OpenDelivery]],
        now: Instant,
    ) -> bool:
        """Send a delivery that was just taken to this session, or to the one that it must go to.

        Returns:
            Whether it went; else it waits again.
        """
        lane, queue = delivery.lane, self._lanes[delivery.lane]
        steered = self._whose_turn(delivery)
        if steered and steered != session.id:
            steering = self.sessions.get(steered)
            if steering is None or not steering.has_room(lane):
                queue.put_back(attrs.evolve(delivery, not_before=now.unix + STEER_AGAIN_AFTER), now)
                return False
            session = steering
        holder = queue.holder(delivery)
        if not steered and holder != "" and holder != session.id:
            held_by = self.sessions.get(holder) if holder is not None else None
            if held_by is None or not held_by.has_room(lane):
                queue.put_off(delivery)
                return False
            session = held_by
        lease = self._leases.take(delivery, session.id, now.monotonic)
        if delivery.expires_at is not None and now.has_passed(delivery.expires_at):
            lease.state = LeaseState.COMMITTING
            self._actions.append(
                DeadLetterDelivery(delivery.id, delivery.attempt, DeadReason.EXPIRED, "it came too late")
            )
        else:
            sent.setdefault(session.id, []).append(delivery)
        return True
