"""The connections of one app in one connector, replaced before they drop: a pure machine.

Events come in with the time, actions go out; it reads no clock and opens no socket. The invariants that it
keeps (promise P2), which the tests check over simulated years:

- From the first READY on, at least one life counts as READY, unless every one was lost by accident at once.
- A place never has two replacements on the way.
- No dial in a loop: what fails waits, with growing jitter, and only a hello that lasted resets that.

`lifecycle.TRANSITIONS` is the only table of states; what is added here is when to apply which cue, and what
entering a phase asks for. Times are monotonic seconds.
"""

import logging
import random
from collections.abc import Callable, Iterator
from typing import Final

import attrs

from slackd.connector.socketmode import draining, rotation
from slackd.connector.socketmode.actions import (
    Abort,
    Action,
    CloseConnection,
    Dial,
    EndWaiting,
    Moved,
    Ping,
    Said,
    Troubled,
)
from slackd.connector.socketmode.connection_budget import SPARE_PLACES, ConnectionBudget
from slackd.connector.socketmode.dial_failures import DialFailure
from slackd.connector.socketmode.lifecycle import Cue, after
from slackd.connector.socketmode.liveness import Liveness
from slackd.connector.socketmode.pooled_connection import PooledConnection
from slackd.connector.socketmode.protocol import Disconnect, SlackHello
from slackd.connector.socketmode.reconnect import Reconnect
from slackd.connector.socketmode.troubles import Troubles
from slackd.link.messages import AppTrouble, ConnectionState
from slackd.slack.connection_states import ConnectionPhase, DisconnectReason
from slackd.slack.limits import MAX_CONNECTIONS
from slackd.slotted import frozen

_REASONS: Final = {
    DisconnectReason.WARNING.value: Cue.WARNING,
    DisconnectReason.REFRESH_REQUESTED.value: Cue.REFRESH_REQUESTED,
    DisconnectReason.LINK_DISABLED.value: Cue.LINK_DISABLED,
    DisconnectReason.TOO_MANY_WEBSOCKETS.value: Cue.TOO_MANY_WEBSOCKETS,
}


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


class Pool:
    """The machine. Every method that takes an event returns nothing; `take_actions` says what to do."""

    def __init__(
        self,
        policy: PoolPolicy,
        rng: random.Random,
        is_busy: Callable[[str], bool] = lambda connection: False,
        first_number: int = 1,
        waits_for: Callable[[str], str] = lambda connection: "",
    ) -> None:
        """Connections are numbered from `first_number` on.

        Args:
            policy: What it is to do.
            rng: For jitter.
            is_busy: Whether a connection still has envelopes that are to be acknowledged on it.
            first_number: The number of its first connection.
            waits_for: What a dial waits for, in words; "" if nobody knows.
        """
        self._waits_for = waits_for
        self.policy = policy
        self._is_busy = is_busy
        self._lives: list[PooledConnection] = []
        self._redial = Reconnect(policy.connections, rng)
        self._silence = Liveness(policy.stall_timeout, policy.keepalive)
        self._places = ConnectionBudget()
        self._next_number = first_number
        self._actions: list[Action] = []
        self._draining = False
        self._troubles = Troubles(policy.app, policy.api, policy.stall_timeout, self._complain)

    # What it says of itself.

    @property
    def ready(self) -> int:
        """Lives that count as READY."""
        return sum(life.is_ready for life in self._lives)

    @property
    def is_over(self) -> bool:
        """Drained, and the last connection is closed."""
        return self._draining and not self._lives

    @property
    def trouble(self) -> AppTrouble | None:
        """Why there is no connection, if a person has to do something about it."""
        return self._troubles.now

    @property
    def last_failure(self) -> str:
        """Why the last dial that failed since the last hello did, "" if none has."""
        return self._troubles.last_failure

    @property
    def next_dial_at(self) -> float | None:
        """When the next dial is due, where nothing is READY and none is under way."""
        waiting = [life.dial_at for life in self._lives if life.dial_at is not None]
        dialling = any(life.phase is ConnectionPhase.DIALLING and life.dial_at is None for life in self._lives)
        return min(waiting, default=None) if not self.ready and not dialling else None

    @property
    def waits_for_quiet(self) -> bool:
        """Some connection is to close when nothing is in flight on it: `tick` when something was settled."""
        return any(life.phase is ConnectionPhase.RETIRING for life in self._lives)

    def states(self) -> tuple[ConnectionState, ...]:
        """Every connection that isn't closed."""
        return tuple(life.state() for life in self._lives)

    def take_actions(self) -> list[Action]:
        """What to do now, in order; each is returned once."""
        actions, self._actions = self._actions, []
        return actions

    # What happens to it.

    def start(self, now: float) -> None:
        """Dial for every place."""
        for place in range(self.policy.connections):
            self._begin(place, now, None)
        self.tick(now)

    def said_hello(self, connection: str, hello: SlackHello, now: float) -> None:
        """Slack's first frame came in."""
        life = self._find(connection)
        if life is None:
            return
        if life.ready_since is None:
            life.ready_since = now
        if not life.lifetime:
            life.host, life.num_connections, life.lifetime = hello.host, hello.num_connections, hello.lifetime
            if life.phase is ConnectionPhase.READY:
                rotation.plan(life, self._slot(life))
        count = f"Slack counts {hello.num_connections} of this app" if hello.num_connections else ""
        self._apply(life, Cue.HELLO, now, count)

    def said_disconnect(self, connection: str, disconnect: Disconnect, now: float) -> None:
        """Slack announced the end of a connection."""
        life = self._find(connection)
        if life is None:
            return
        if disconnect.reason not in _REASONS and self._troubles.is_new_reason(disconnect.reason):
            self._say(
                logging.WARNING,
                "disconnect-unknown",
                f"Slack ends {connection} for a reason that slackd does not know: {disconnect.reason[:80]!r}",
            )
        if life.farewell_at is None:
            life.farewell_at = now
        if life.phase is ConnectionPhase.DIALLING:
            self._troubles.last_failure = f"disconnect ({disconnect.reason[:80]}) in place of the hello"
        self._apply(life, _REASONS.get(disconnect.reason, Cue.REFRESH_REQUESTED), now, disconnect.reason)

    def heard(self, connection: str, now: float, is_ping: bool = False) -> None:
        """A frame of any kind came in."""
        life = self._find(connection)
        if life is None:
            return
        life.heard_at = now
        life.pings = life.pings or is_ping
        life.asked = life.stalled = False
        if life.ready_since is not None and not life.spoke:
            life.spoke = True
            self._troubles.spoke()

    def dial_failed(self, connection: str, failure: DialFailure, now: float) -> None:
        """No URL, or no WebSocket."""
        life = self._find(connection)
        if life is not None:
            self._fail(life, Cue.APP_REFUSED if failure.fatal else Cue.DIAL_FAILED, failure, now)

    def ended(self, connection: str, confirmed: bool, now: float, detail: str = "") -> None:
        """The socket is gone; `confirmed` if Slack is known to have seen its end."""
        life = self._find(connection)
        if life is None:
            return
        if life.phase is ConnectionPhase.DIALLING:
            failure = DialFailure(detail or "Slack closed the WebSocket before its hello")
            self._fail(life, Cue.CLOSED_BY_EITHER if confirmed else Cue.DROPPED, failure, now)
            return
        cue = Cue.CLOSED_BY_EITHER if confirmed or life.closing else Cue.DROPPED
        self._apply(life, cue, now, detail, ghost_until=None if confirmed else life.ghost_until())

    def places_counted(self, free: int, now: float) -> None:
        """The broker counted the places free under Slack's limit, with ghosts and foreign connections."""
        has_one_again = self._places.counted(free)
        if free < SPARE_PLACES:
            for life in self._lives:
                if life.replaced:
                    life.linger_until = min(life.linger_until, now)
        if has_one_again:
            self._redial.hurry(self._lives, now)
        self.tick(now)

    def reading_paused(self, now: float) -> None:
        """Nobody reads the sockets for now, so silence means nothing."""
        self._silence.reading_paused()

    def reading_resumed(self, now: float) -> None:
        """The sockets are read again."""
        self._silence.reading_resumed(self._lives, now)

    def drain(self, now: float) -> None:
        """Take nothing new: wait for no replacement, close what is not busy."""
        self._draining = True
        for life in list(self._lives):
            undialled = life.phase is ConnectionPhase.DIALLING and life.dial_at is not None
            self._apply(life, Cue.DRAIN, now)
            life.draining = True
            if undialled:
                self._apply(life, Cue.DIAL_FAILED, now)
        self.tick(now)

    def finish(self, now: float) -> None:
        """The drain's time is up: close everything, busy or not."""
        for life in self._lives:
            self._close(life)

    def tick(self, now: float) -> None:
        """Look at the clock, and at what is busy."""
        for life in list(self._lives):
            if self._silence.is_to_be_asked(life, now):
                life.asked = True
                self._actions.append(Ping(life.connection))
            elif self._silence.is_ping_due(life, now):
                self._actions.append(Ping(life.connection))
            match life.phase:
                case ConnectionPhase.DIALLING:
                    self._tick_dialling(life, now)
                case ConnectionPhase.BACKOFF:
                    self._tick_backoff(life, now)
                case _ if self._silence.has_stalled(life, now):
                    self._stall(life, now)
                case ConnectionPhase.READY:
                    self._tick_ready(life, now)
                case ConnectionPhase.RETIRING:
                    self._tick_retiring(life, now)

    def retry(self, now: float) -> None:
        """A person may have repaired something: what waits to dial does so now, with a little jitter."""
        self._redial.retry_now(self._lives, now)
        self.tick(now)

    def wake_at(self) -> float | None:
        """When, in seconds on its clock, `tick` is wanted next, if nothing happens before."""
        return min((at for life in self._lives for at in self._times(life)), default=None)

    # What each phase waits for.

    def _tick_dialling(self, life: PooledConnection, now: float) -> None:
        if life.dial_at is not None:
            if now >= life.dial_at:
                self._dial(life, now)
        elif now >= life.dialled_at + self.policy.hello_timeout:
            self._actions.append(Abort(life.connection))
            waits_for = self._waits_for(life.connection)
            where = f": the dial waited for {waits_for}" if waits_for else ""
            failure = DialFailure(f"no hello from Slack within {self.policy.hello_timeout:g} s{where}")
            self._fail(life, Cue.DIAL_FAILED, failure, now)

    def _tick_backoff(self, life: PooledConnection, now: float) -> None:
        if life.dial_at is None or now < life.dial_at:
            return
        # The new socket has a name of its own; whoever counts connections learns that the old one is gone.
        gone = attrs.evolve(life.state(), phase=ConnectionPhase.CLOSED.value, since=now)
        self._actions.append(Moved(gone, Cue.RETRY_DUE, now))
        life.begin_again(self._name(), now)
        self._apply(life, Cue.RETRY_DUE, now)
        self._dial(life, now)

    def _tick_ready(self, life: PooledConnection, now: float) -> None:
        if life.rotate_at is None or now < life.rotate_at:
            return
        if all(
            other.phase is ConnectionPhase.READY or other.draining or other.replaced for other in self._lives
        ):
            if self._places.are_spare(self._lives):
                self._apply(life, Cue.ROTATION_DUE, now)
                return
            if not self._places.said_short:
                self._places.said_short = True
                self._say(
                    logging.WARNING,
                    "rotation-waits",
                    f"the planned replacement of {life.connection} waits: fewer than {SPARE_PLACES} "
                    f"of the app's {MAX_CONNECTIONS} places are free (`slackctl status` tells who has them)",
                )
        rotation.postpone(life, now, self._slot(life))

    def _tick_retiring(self, life: PooledConnection, now: float) -> None:
        if life.closing:
            return
        if life.replaced and life.stalled and not life.draining:
            self._abort(life, Cue.CLOSED_BY_EITHER, now, "no frame came in, and its replacement is up")
            return
        match draining.next_step(life, now, is_busy=self._is_busy(life.connection)):
            case CloseConnection():
                self._close(life)
            case EndWaiting() as ends:
                self._actions.append(ends)

    def _stall(self, life: PooledConnection, now: float) -> None:
        detail = f"no frame for {self.policy.stall_timeout:g} s"
        if life.phase is ConnectionPhase.RETIRING:
            self._abort(life, Cue.STALLED, now, detail)
            return
        if not (life.spoke or life.has_stalled):
            self._troubles.never_spoke()
        # A stalled connection brought nothing from its last frame on: a gap begins there. After a second
        # silence as long as the first nobody waits any longer.
        silent_since, life.heard_at = max(life.since, life.heard_at), now
        life.stalled = life.has_stalled = True
        self._apply(life, Cue.STALLED, now, detail, since=silent_since)

    def _times(self, life: PooledConnection) -> Iterator[float]:
        if life.phase in (ConnectionPhase.DIALLING, ConnectionPhase.BACKOFF):
            if life.dial_at is not None:
                yield life.dial_at
            elif life.phase is ConnectionPhase.DIALLING:
                yield life.dialled_at + self.policy.hello_timeout
            return
        silent_at = self._silence.wake_at(life)
        if silent_at is not None:
            yield silent_at
        if life.phase is ConnectionPhase.READY and life.rotate_at is not None:
            yield life.rotate_at
        if life.phase is ConnectionPhase.RETIRING and not life.closing:
            yield from draining.wake_times(life)

    # Cues, and what entering a phase asks for.

    def _apply(
        self,
        life: PooledConnection,
        cue: Cue,
        now: float,
        detail: str = "",
        *,
        ghost_until: float | None = None,
        since: float | None = None,
    ) -> None:
        before, life.phase = life.phase, after(life.phase, cue)
        if life.phase is before:
            return
        if before is ConnectionPhase.READY:
            self._redial.was_ready(life, now)
        life.since = now if since is None else since
        wait = self._redial.backs_off(life, cue, now) if life.phase is ConnectionPhase.BACKOFF else 0.0
        if life.phase is ConnectionPhase.BACKOFF:
            life.failure = detail or cue.value
        self._actions.append(Moved(life.state(), cue, life.since, ghost_until, detail))
        if life.phase is ConnectionPhase.READY:
            self._enter_ready(life, now)
        elif before is ConnectionPhase.READY and (life.phase is ConnectionPhase.LEAVING or cue is Cue.STALLED):
            self._begin(life.place, now, life)
        elif life.phase is ConnectionPhase.BACKOFF:
            self._enter_backoff(life, cue, wait)
        elif life.phase is ConnectionPhase.CLOSED:
            self._lives.remove(life)
            self._redial.hurry(self._lives, now)

    def _enter_ready(self, life: PooledConnection, now: float) -> None:
        self._troubles.is_ready()
        rotation.plan(life, self._slot(life))
        old, life.replaces = life.replaces, None
        if old is not None and not old.is_over:
            old.replaced = True
            self._apply(old, Cue.REPLACEMENT_READY, now)
            are_spare = self._places.are_spare(self._lives)
            old.linger_until = draining.lingers_until(old, now) if are_spare else now
            self._tick_retiring(old, now)

    def _enter_backoff(self, life: PooledConnection, cue: Cue, wait: float) -> None:
        if cue is Cue.TOO_MANY_WEBSOCKETS:
            self._say(
                logging.WARNING,
                "no-place",
                f"Slack has no place for one more connection of this app (its limit is {MAX_CONNECTIONS}); "
                f"{life.connection} waits up to {wait:.0f} s, or until one is free",
            )
        if cue is Cue.LINK_DISABLED:
            self._troubles.link_is_disabled()
        if cue not in (Cue.DIAL_FAILED, Cue.APP_REFUSED, Cue.DROPPED, Cue.CLOSED_BY_EITHER):
            # A frame ended the life; its socket is still open.
            self._actions.append(CloseConnection(life.connection))

    def _fail(self, life: PooledConnection, cue: Cue, failure: DialFailure, now: float) -> None:
        if life.phase is ConnectionPhase.DIALLING:
            self._troubles.last_failure = failure.reason
        if failure.retry_after is not None:
            self._redial.told_to_wait(failure.retry_after, self._lives, now)
        self._apply(life, cue, now, failure.reason)
        self._troubles.dial_failed(failure, in_vain=not self.ready and self._redial.is_in_vain)

    # Small steps.

    def _begin(self, place: int, now: float, replaces: PooledConnection | None) -> None:
        if self._draining:
            return
        for other in self._lives:
            if other is not replaces and other.place == place and other.replaced:
                other.linger_until = min(other.linger_until, now)
                self._tick_retiring(other, now)
        life = PooledConnection(self.policy.app, place, self._name(), now, replaces=replaces)
        self._redial.begins(life, now)
        self._lives.append(life)
        self._actions.append(Moved(life.state(), Cue.RETRY_DUE, now))
        self._tick_dialling(life, now)

    def _dial(self, life: PooledConnection, now: float) -> None:
        self._redial.dials(life, now)
        self._actions.append(Dial(life.connection))

    def _close(self, life: PooledConnection) -> None:
        if not life.closing:
            life.closing = True
            self._actions.append(CloseConnection(life.connection))

    def _abort(self, life: PooledConnection, cue: Cue, now: float, detail: str) -> None:
        self._actions.append(Abort(life.connection))
        self._apply(life, cue, now, detail, ghost_until=life.ghost_until())

    def _slot(self, life: PooledConnection) -> rotation.Slot:
        return rotation.Slot.for_place(self.policy.connector, life.place, self.policy.connections)

    def _name(self) -> str:
        number, self._next_number = self._next_number, self._next_number + 1
        return f"c{self.policy.connector}-{self.policy.app}-{number}"

    def _find(self, connection: str) -> PooledConnection | None:
        for life in self._lives:
            if life.connection == connection:
                return life
        return None

    def _complain(self, trouble: AppTrouble) -> None:
        if not self._draining:
            self._actions.append(Troubled(trouble))

    def _say(self, level: int, event: str, text: str) -> None:
        self._actions.append(Said(level, event, text))
