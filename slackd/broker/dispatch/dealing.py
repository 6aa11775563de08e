"""Who gets what is free: deliveries of one plugin, dealt out to its sessions in order. Pure.

P3 rests on this: no more than `window` are in flight in a lane; the oldest of a key goes first, to a session
with room in its own window. Three things narrow the choice. Who answered the key's last delivery, while the
journal does not have that answer, is the one session that may get the next (`LaneQueue.owner`). A control event
goes to the session whose turn it steers. Whoever develops a plugin gets one person's deliveries, and no others;
they take no slot of the lane.

A session whose program keeps the order of a key itself gets some events ahead of their turn: the next of a key
goes to the session that has the one before it, though that isn't answered yet (`SendDeliveries.after`). It
takes no slot until its turn comes.
"""

from collections.abc import Mapping

import attrs

from slackd.broker.dispatch.actions import Action, SendDeliveries
from slackd.broker.dispatch.intercepted import intercepted_person
from slackd.broker.dispatch.lane_queue import LaneQueue
from slackd.broker.dispatch.leases import UNANSWERED, Lease, Leases, LeaseState
from slackd.broker.dispatch.sessions import PluginSession, Sessions
from slackd.broker.dispatch.subscriptions import steered_key
from slackd.broker.instant import Instant
from slackd.broker.journal.writes import DeadLetterDelivery, DeadReason, Lane, OpenDelivery

STEER_AGAIN_AFTER = 0.25
"""Seconds after which a control event is offered again to the session whose turn it steers."""

Sent = dict[str, list[OpenDelivery]]
"""By session, what is sent to it."""


class Dealer:
    """Deals out one plugin's deliveries.

    Attributes:
        fenced: By lane, slots of the window that are kept for deliveries that sessions may have had before a
            crash.
        intercepted: People whose deliveries go to whoever develops the plugin.
    """

    def __init__(
        self, plugin: str, window: int, lanes: Mapping[Lane, LaneQueue], leases: Leases, sessions: Sessions
    ) -> None:
        self._plugin, self._window = plugin, window
        self._lanes, self._leases, self._sessions = lanes, leases, sessions
        self.fenced = dict.fromkeys(Lane, 0)
        self.intercepted: set[str] = set()

    def may_have(self, session: str, delivery: OpenDelivery) -> bool:
        """Whether it is for sessions like this one: one person's for who develops as that person, as long as
        somebody does, all else for production."""
        known = self._sessions.get(session)
        whose = intercepted_person(delivery.key)
        return known is not None and known.person == (whose if whose in self.intercepted else "")

    def is_of_production(self, session: str) -> bool:
        """It takes what nobody develops with."""
        known = self._sessions.get(session)
        return known is not None and not known.person

    def deal(self, now: Instant) -> list[Action]:
        """Give what is free to who has room.

        Returns:
            What is to be sent, and what is to be read from the journal or written to it.
        """
        actions: list[Action] = []
        for lane in (Lane.PROMPT, Lane.EVENTS):
            if self._lanes[lane].may_have_work:
                self._deal_lane(lane, actions, now)
        return actions

    def _deal_lane(self, lane: Lane, actions: list[Action], now: Instant) -> None:
        queue = self._lanes[lane]
        free = self._window - self._leases.slots(lane) - self.fenced[lane]
        sent: Sent = {}
        queue.advance(now)
        if queue.has_intercepted:
            self._deal_intercepted(lane, sent, actions, now)
        while free > 0 and queue.has_ready:
            session = self._sessions.next_with_room(lane)
            if session is None:
                free = 0
                break
            delivery = queue.take(now)
            if delivery is None:
                break
            free -= self._deal_to(session, delivery, sent, actions, now)
        after: dict[int, str] = {}
        if queue.followers.are_wanted and self._leases.slots(lane) + self.fenced[lane] <= self._window:
            self._send_ahead(queue, sent, after, now)
        actions += [SendDeliveries(self._plugin, to, tuple(each), after) for to, each in sent.items()]
        if (free > 0 or self.intercepted) and queue.may_have_more and self._sessions.connected():
            # What is ready for production, and waits for it, must not keep an intercepted key in the journal.
            ahead = 0 if free > 0 else queue.ready
            actions.extend(queue.loads(ahead + max(2 * free, 8)))

    def _deal_intercepted(self, lane: Lane, sent: Sent, actions: list[Action], now: Instant) -> None:
        """One person's deliveries wait for a session for them while the intercept is in force, however long."""
        queue = self._lanes[lane]
        for delivery in queue.take_intercepted(now):
            person = intercepted_person(delivery.key)
            if person in self.intercepted:
                session = self._sessions.with_room_for(person, lane)
            else:
                session = self._sessions.next_with_room(lane)
            if session is None:
                queue.put_back(delivery, now)
            else:
                self._deal_to(session, delivery, sent, actions, now)

    def _deal_to(
        self,
        session: PluginSession,
        delivery: OpenDelivery,
        sent: Sent,
        actions: list[Action],
        now: Instant,
    ) -> bool:
        """Send a delivery that was just taken to this session, or to the one that it must go to.

        Returns:
            Whether it went; else it waits again.
        """
        lane, queue = delivery.lane, self._lanes[delivery.lane]
        steered = self._whose_turn(delivery)
        if steered and steered != session.id:
            steering = self._sessions.get(steered)
            if steering is None or not steering.has_room(lane):
                queue.put_back(attrs.evolve(delivery, not_before=now.unix + STEER_AGAIN_AFTER), now)
                return False
            session = steering
        owner = queue.owner(delivery)
        if not steered and owner != "" and owner != session.id:
            owned_by = self._sessions.get(owner) if owner is not None else None
            if owned_by is None or owned_by.person != session.person or not owned_by.has_room(lane):
                queue.defer(delivery)
                return False
            session = owned_by
        lease = self._leases.take(delivery, session.id, now.monotonic)
        if delivery.expires_at is not None and now.has_passed(delivery.expires_at):
            lease.state = LeaseState.COMMITTING
            actions.append(
                DeadLetterDelivery(delivery.id, delivery.attempt, DeadReason.EXPIRED, "it came too late")
            )
        else:
            sent.setdefault(session.id, []).append(delivery)
        return True

    def _send_ahead(self, queue: LaneQueue, sent: Sent, after: dict[int, str], now: Instant) -> None:
        """Send what follows next on what is out to whoever has that. Both must have been sent, or be sent now,
        without a read of the journal, or they might go out in another order."""
        while (found := queue.follower(now)) is not None:
            before, follower = found
            lease = self._leases.get(before)
            session = self._sessions.get(lease.session) if lease is not None else None
            if lease is None or session is None or not session.ahead or not _goes_behind(lease, follower):
                queue.followers.keep_back(follower)
            elif not session.has_room_ahead(queue.lane):
                queue.followers.pass_over(follower)
                return
            else:
                queue.send_ahead(follower)
                self._leases.send_ahead(follower, session, now.monotonic)
                sent.setdefault(session.id, []).append(follower)
                after[follower.id] = f"{before}.{lease.delivery.attempt}"

    def _whose_turn(self, delivery: OpenDelivery) -> str:
        """The session that has the turn which this control event steers; "" if it is none, or nobody has."""
        turn = steered_key(delivery.key)
        if turn is None:
            return ""
        for lease in self._leases:
            if lease.delivery.key == turn and lease.state is LeaseState.HELD:
                return lease.session
        return ""


def _goes_behind(lease: Lease, follower: OpenDelivery) -> bool:
    return lease.state in UNANSWERED and _has_text(lease.delivery) and _has_text(follower)


def _has_text(delivery: OpenDelivery) -> bool:
    return delivery.stored is not None and bool(delivery.stored.text)
