"""How a pooled connection gets from phase to phase, and what entering a phase asks for. Pure.

`lifecycle.TRANSITIONS` is the only table of states. Here a cue is applied, and what follows from it is done: a
replacement begins, the one that was replaced may close, what has failed waits. Times are monotonic seconds.
"""

import logging
import random
from collections.abc import Callable

from slackd.connector.socketmode import draining, rotation
from slackd.connector.socketmode.actions import (
    Abort,
    Action,
    CloseConnection,
    Dial,
    EndWaiting,
    Moved,
    Said,
    Troubled,
)
from slackd.connector.socketmode.connection_budget import ConnectionBudget
from slackd.connector.socketmode.dial_failures import DialFailure
from slackd.connector.socketmode.lifecycle import Cue, after
from slackd.connector.socketmode.pooled_connection import PooledConnection
from slackd.connector.socketmode.reconnect import Reconnect
from slackd.connector.socketmode.troubles import Troubles
from slackd.link.messages import AppTrouble
from slackd.slack.connection_states import ConnectionPhase
from slackd.slack.limits import MAX_CONNECTIONS
from slackd.slotted import frozen


@frozen
class PoolPolicy:
    """What a pool is to do; times in seconds.

    Attributes:
        app: The app's name.
        connector: 1 or 2.
        connections: READY connections to keep.
        stall_timeout: A connection without an inbound frame for so long is dead.
        hello_timeout: From the dial (URL, handshake) to the hello.
        keepalive: Seconds between two pings of our own, 0 for none.
        api: HOST:PORT of the Web API, for hints.
    """

    app: str
    connector: int
    connections: int = 1
    stall_timeout: float = 30.0
    hello_timeout: float = 20.0
    keepalive: float = 0.0
    api: str = "slack.com:443"


class Transitions:
    """The connections of one pool, and what becomes of them.

    Attributes:
        lives: Every one that isn't closed.
        actions: What is to be done and was not given out yet, in order.
        redial: When places dial.
        places: How many are free under Slack's limit.
        troubles: What a person has to know.
        is_draining: Nothing new begins.
    """

    def __init__(
        self, policy: PoolPolicy, rng: random.Random, is_busy: Callable[[str], bool], first_number: int
    ) -> None:
        self.policy = policy
        self._is_busy = is_busy
        self._next_number = first_number
        self.lives: list[PooledConnection] = []
        self.actions: list[Action] = []
        self.redial = Reconnect(policy.connections, rng)
        self.places = ConnectionBudget()
        self.troubles = Troubles(policy.app, policy.api, policy.stall_timeout, self._complain)
        self.is_draining = False

    @property
    def ready(self) -> int:
        """Connections that count as READY."""
        return sum(life.is_ready for life in self.lives)

    def find(self, connection: str) -> PooledConnection | None:
        """The connection of this name, if it isn't closed."""
        for life in self.lives:
            if life.connection == connection:
                return life
        return None

    def begin(self, place: int, now: float, replaces: PooledConnection | None) -> None:
        """A new life for this place; the one that it replaces goes on until its hello."""
        if self.is_draining:
            return
        for other in self.lives:
            if other is not replaces and other.place == place and other.replaced:
                other.linger_until = min(other.linger_until, now)
                self.look_at_retiring(other, now)
        life = PooledConnection(self.policy.app, place, self.name(), now, replaces=replaces)
        self.redial.begins(life, now)
        self.lives.append(life)
        self.actions.append(Moved(life.state(), Cue.RETRY_DUE, now))
        if life.dial_at is not None and now >= life.dial_at:
            self.dial(life, now)

    def dial(self, life: PooledConnection, now: float) -> None:
        """It asks for a URL and opens a WebSocket."""
        self.redial.dials(life, now)
        self.actions.append(Dial(life.connection))

    def apply(
        self,
        life: PooledConnection,
        cue: Cue,
        now: float,
        detail: str = "",
        *,
        ghost_until: float | None = None,
        since: float | None = None,
    ) -> None:
        """Something happened to it: where that leads to another phase, do what follows from it.

        Args:
            life: To which connection.
            cue: What.
            now: Monotonic seconds.
            detail: More about it, for the log.
            ghost_until: Until when Slack may count it (monotonic seconds), where its end is unconfirmed.
            since: When it really began (monotonic seconds), where that was before.
        """
        before, life.phase = life.phase, after(life.phase, cue)
        if life.phase is before:
            return
        if before is ConnectionPhase.READY:
            self.redial.was_ready(life, now)
        life.since = now if since is None else since
        wait = self.redial.backs_off(life, cue, now) if life.phase is ConnectionPhase.BACKOFF else 0.0
        if life.phase is ConnectionPhase.BACKOFF:
            life.failure = detail or cue.value
        self.actions.append(Moved(life.state(), cue, life.since, ghost_until, detail))
        if life.phase is ConnectionPhase.READY:
            self._enter_ready(life, now)
        elif before is ConnectionPhase.READY and (life.phase is ConnectionPhase.LEAVING or cue is Cue.STALLED):
            self.begin(life.place, now, life)
        elif life.phase is ConnectionPhase.BACKOFF:
            self._enter_backoff(life, cue, wait)
        elif life.phase is ConnectionPhase.CLOSED:
            self.lives.remove(life)
            self.redial.hurry(self.lives, now)

    def fail(self, life: PooledConnection, cue: Cue, failure: DialFailure, now: float) -> None:
        """A dial came to nothing."""
        if life.phase is ConnectionPhase.DIALLING:
            self.troubles.last_failure = failure.reason
        if failure.retry_after is not None:
            self.redial.asked_to_wait(failure.retry_after, self.lives, now)
        self.apply(life, cue, now, failure.reason)
        self.troubles.dial_failed(failure, in_vain=not self.ready and self.redial.is_in_vain)

    def look_at_retiring(self, life: PooledConnection, now: float) -> None:
        """One that is no longer relied on: it closes when nothing is in flight, or its time is up."""
        if life.closing:
            return
        if life.replaced and life.stalled and not life.draining:
            self.abort(life, Cue.CLOSED_BY_EITHER, now, "no frame came in, and its replacement is up")
            return
        match draining.next_step(life, now, is_busy=self._is_busy(life.connection)):
            case CloseConnection():
                self.close(life)
            case EndWaiting() as ends:
                self.actions.append(ends)

    def close(self, life: PooledConnection) -> None:
        """It is to close, and reads on until Slack has closed, too."""
        if not life.closing:
            life.closing = True
            self.actions.append(CloseConnection(life.connection))

    def abort(self, life: PooledConnection, cue: Cue, now: float, detail: str) -> None:
        """It ends at once; Slack may count it for a while."""
        self.actions.append(Abort(life.connection))
        self.apply(life, cue, now, detail, ghost_until=life.ghost_until())

    def slot_of(self, life: PooledConnection) -> rotation.Slot:
        """The slice of time in which it may be replaced."""
        return rotation.Slot.for_place(self.policy.connector, life.place, self.policy.connections)

    def name(self) -> str:
        """A name that no connection had before."""
        number, self._next_number = self._next_number, self._next_number + 1
        return f"c{self.policy.connector}-{self.policy.app}-{number}"

    def say(self, level: int, event: str, text: str) -> None:
        """A line for the log."""
        self.actions.append(Said(level, event, text))

    def _enter_ready(self, life: PooledConnection, now: float) -> None:
        self.troubles.is_ready()
        rotation.plan(life, self.slot_of(life))
        old, life.replaces = life.replaces, None
        if old is not None and not old.is_over:
            old.replaced = True
            self.apply(old, Cue.REPLACEMENT_READY, now)
            are_spare = self.places.are_spare(self.lives)
            old.linger_until = draining.lingers_until(old, now) if are_spare else now
            self.look_at_retiring(old, now)

    def _enter_backoff(self, life: PooledConnection, cue: Cue, wait: float) -> None:
        if cue is Cue.TOO_MANY_WEBSOCKETS:
            self.say(
                logging.WARNING,
                "no-place",
                f"Slack has no place for one more connection of this app (its limit is {MAX_CONNECTIONS}); "
                f"{life.connection} waits up to {wait:.0f} s, or until one is free",
            )
        if cue is Cue.LINK_DISABLED:
            self.troubles.link_is_disabled()
        if cue not in (Cue.DIAL_FAILED, Cue.APP_REFUSED, Cue.DROPPED, Cue.CLOSED_BY_EITHER):
            # A frame ended the life; its socket is still open.
            self.actions.append(CloseConnection(life.connection))

    def _complain(self, trouble: AppTrouble) -> None:
        if not self.is_draining:
            self.actions.append(Troubled(trouble))
