"""The connections of one app in one connector, replaced before they drop: a pure machine.

Events come in with the time, actions go out; it reads no clock and opens no socket. The invariants that it
keeps (promise P2), which the tests check over simulated years:

- From the first READY on, at least one life counts as READY, unless every one was lost by accident at once.
- A place never has two replacements on the way.
- No dial in a loop: what fails waits, with growing jitter, and only a hello that lasted resets that.

Each method that takes an event returns what to do now, in order. When which cue is applied is said here, what
follows from one in `transitions`. Times are monotonic seconds.
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
    Moved,
    Ping,
)
from slackd.connector.socketmode.connection_budget import SPARE_PLACES
from slackd.connector.socketmode.dial_failures import DialFailure
from slackd.connector.socketmode.lifecycle import Cue
from slackd.connector.socketmode.liveness import Liveness
from slackd.connector.socketmode.pooled_connection import PooledConnection
from slackd.connector.socketmode.protocol import Disconnect, SlackHello
from slackd.connector.socketmode.transitions import PoolPolicy, Transitions
from slackd.link.messages import AppTrouble, ConnectionState
from slackd.slack.connection_states import ConnectionPhase, DisconnectReason
from slackd.slack.limits import MAX_CONNECTIONS

_REASONS: Final = {
    DisconnectReason.WARNING.value: Cue.WARNING,
    DisconnectReason.REFRESH_REQUESTED.value: Cue.REFRESH_REQUESTED,
    DisconnectReason.LINK_DISABLED.value: Cue.LINK_DISABLED,
    DisconnectReason.TOO_MANY_WEBSOCKETS.value: Cue.TOO_MANY_WEBSOCKETS,
}


class Pool:
    """The machine."""

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
        self._moves = Transitions(policy, rng, is_busy, first_number)
        self._silence = Liveness(policy.stall_timeout, policy.keepalive)

    # What it says of itself.

    @property
    def ready(self) -> int:
        """Lives that count as READY."""
        return self._moves.ready

    @property
    def is_over(self) -> bool:
        """Drained, and the last connection is closed."""
        return self._moves.is_draining and not self._moves.lives

    @property
    def trouble(self) -> AppTrouble | None:
        """Why there is no connection, if a person has to do something about it."""
        return self._moves.troubles.now

    @property
    def last_failure(self) -> str:
        """Why the last dial that failed since the last hello did, "" if none has."""
        return self._moves.troubles.last_failure

    @property
    def next_dial_at(self) -> float | None:
        """When the next dial is due, where nothing is READY and none is under way."""
        waiting = [life.dial_at for life in self._moves.lives if life.dial_at is not None]
        dialling = any(
            life.phase is ConnectionPhase.DIALLING and life.dial_at is None for life in self._moves.lives
        )
        return min(waiting, default=None) if not self.ready and not dialling else None

    @property
    def waits_for_quiet(self) -> bool:
        """Some connection is to close when nothing is in flight on it: `tick` when something was settled."""
        return ConnectionPhase.RETIRING in [life.phase for life in self._moves.lives]

    def states(self) -> tuple[ConnectionState, ...]:
        """Every connection that isn't closed."""
        return tuple(life.state() for life in self._moves.lives)

    # What happens to it.

    def start(self, now: float) -> list[Action]:
        """Dial for every place."""
        for place in range(self.policy.connections):
            self._moves.begin(place, now, None)
        return self.tick(now)

    def said_hello(self, connection: str, hello: SlackHello, now: float) -> list[Action]:
        """Slack's first frame came in."""
        life = self._moves.find(connection)
        if life is None:
            return []
        if life.ready_since is None:
            life.ready_since = now
        if not life.lifetime:
            life.host, life.num_connections, life.lifetime = hello.host, hello.num_connections, hello.lifetime
            if life.phase is ConnectionPhase.READY:
                rotation.plan(life, self._moves.slot_of(life))
        count = f"Slack counts {hello.num_connections} of this app" if hello.num_connections else ""
        self._moves.apply(life, Cue.HELLO, now, count)
        return self._to_do()

    def said_disconnect(self, connection: str, disconnect: Disconnect, now: float) -> list[Action]:
        """Slack announced the end of a connection."""
        life = self._moves.find(connection)
        if life is None:
            return []
        if disconnect.reason not in _REASONS and self._moves.troubles.is_new_reason(disconnect.reason):
            self._moves.say(
                logging.WARNING,
                "disconnect-unknown",
                f"Slack ends {connection} for a reason that slackd does not know: {disconnect.reason[:80]!r}",
            )
        if life.farewell_at is None:
            life.farewell_at = now
        if life.phase is ConnectionPhase.DIALLING:
            self._moves.troubles.last_failure = f"disconnect ({disconnect.reason[:80]}) in place of the hello"
        self._moves.apply(life, _REASONS.get(disconnect.reason, Cue.REFRESH_REQUESTED), now, disconnect.reason)
        return self._to_do()

    def heard(self, connection: str, now: float, is_ping: bool = False) -> list[Action]:
        """A frame of any kind came in."""
        life = self._moves.find(connection)
        if life is None:
            return []
        life.heard_at = now
        life.pings = life.pings or is_ping
        life.asked = life.stalled = False
        if life.ready_since is not None and not life.spoke:
            life.spoke = True
            self._moves.troubles.spoke()
        return self._to_do() if self._moves.actions else []

    def unread(self, connection: str, now: float) -> list[Action]:
        """What is written on it is not read: it is of no more use than one that brings nothing."""
        life = self._moves.find(connection)
        if life is not None and life.is_ready:
            life.has_stalled = True
            detail = f"acknowledgements are not read for {self.policy.stall_timeout:g} s"
            self._moves.apply(life, Cue.STALLED, now, detail)
        return self._to_do()

    def dial_failed(self, connection: str, failure: DialFailure, now: float) -> list[Action]:
        """No URL, or no WebSocket."""
        life = self._moves.find(connection)
        if life is not None:
            self._moves.fail(life, Cue.APP_REFUSED if failure.fatal else Cue.DIAL_FAILED, failure, now)
        return self._to_do()

    def ended(self, connection: str, confirmed: bool, now: float, detail: str = "") -> list[Action]:
        """The socket is gone; `confirmed` if Slack is known to have seen its end."""
        life = self._moves.find(connection)
        if life is None:
            return []
        if life.phase is ConnectionPhase.DIALLING:
            failure = DialFailure(detail or "Slack closed the WebSocket before its hello")
            self._moves.fail(life, Cue.CLOSED_BY_EITHER if confirmed else Cue.DROPPED, failure, now)
            return self._to_do()
        cue = Cue.CLOSED_BY_EITHER if confirmed or life.closing else Cue.DROPPED
        self._moves.apply(life, cue, now, detail, ghost_until=None if confirmed else life.ghost_until())
        return self._to_do()

    def places_counted(self, free: int, now: float) -> list[Action]:
        """The broker counted the places free under Slack's limit, with ghosts and foreign connections."""
        has_one_again = self._moves.places.counted(free)
        if free < SPARE_PLACES:
            for life in self._moves.lives:
                if life.replaced:
                    life.linger_until = min(life.linger_until, now)
        if has_one_again:
            self._moves.redial.hurry(self._moves.lives, now)
        return self.tick(now)

    def reading_paused(self, now: float) -> None:
        """Nobody reads the sockets for now, so silence means nothing."""
        self._silence.reading_paused()

    def reading_resumed(self, now: float) -> list[Action]:
        """The sockets are read again."""
        self._silence.reading_resumed(self._moves.lives, now)
        return self._to_do()

    def drain(self, now: float) -> list[Action]:
        """Take nothing new: wait for no replacement, close what is not busy; returns what to do now."""
        self._moves.is_draining = True
        for life in list(self._moves.lives):
            undialled = life.phase is ConnectionPhase.DIALLING and life.dial_at is not None
            self._moves.apply(life, Cue.DRAIN, now)
            life.draining = True
            if undialled:
                self._moves.apply(life, Cue.DIAL_FAILED, now)
        return self.tick(now)

    def finish(self, now: float) -> list[Action]:
        """The drain's time is up: close everything, busy or not."""
        for life in self._moves.lives:
            self._moves.close(life)
        return self._to_do()

    def slept(self, seconds: float, now: float) -> list[Action]:
        """The machine slept for so long, and Slack had no Pong: what was open is replaced, what waits dials."""
        for life in [life for life in self._moves.lives if life.is_ready]:
            self._fall_silent(life, now, f"the machine slept for {seconds:.0f} s")
            life.stalled = False  # Perhaps Slack has waited: it is closed in order.
        return self.retry(now)

    def tick(self, now: float) -> list[Action]:
        """Look at the clock, and at what is busy; returns what to do now, in order."""
        for life in list(self._moves.lives):
            if self._silence.is_to_be_asked(life, now):
                life.asked = True
                self._moves.actions.append(Ping(life.connection))
            elif self._silence.is_ping_due(life, now):
                self._moves.actions.append(Ping(life.connection))
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
                    self._moves.look_at_retiring(life, now)
        return self._to_do()

    def retry(self, now: float) -> list[Action]:
        """A person may have repaired something: what waits to dial does so now, with a little jitter."""
        self._moves.redial.retry_now(self._moves.lives, now)
        return self.tick(now)

    def wake_at(self) -> float | None:
        """When, in seconds on its clock, `tick` is wanted next, if nothing happens before."""
        return min((at for life in self._moves.lives for at in self._times(life)), default=None)

    def _to_do(self) -> list[Action]:
        actions, self._moves.actions = self._moves.actions, []
        return actions

    # What each phase waits for.

    def _tick_dialling(self, life: PooledConnection, now: float) -> None:
        if life.dial_at is not None:
            if now >= life.dial_at:
                self._moves.dial(life, now)
        elif now >= life.dialled_at + self.policy.hello_timeout:
            self._moves.actions.append(Abort(life.connection))
            waits_for = self._waits_for(life.connection)
            where = f": the dial waited for {waits_for}" if waits_for else ""
            failure = DialFailure(f"no hello from Slack within {self.policy.hello_timeout:g} s{where}")
            self._moves.fail(life, Cue.DIAL_FAILED, failure, now)

    def _tick_backoff(self, life: PooledConnection, now: float) -> None:
        if life.dial_at is None or now < life.dial_at:
            return
        # The new socket has a name of its own; whoever counts connections learns that the old one is gone.
        gone = attrs.evolve(life.state(), phase=ConnectionPhase.CLOSED.value, since=now)
        self._moves.actions.append(Moved(gone, Cue.RETRY_DUE, now))
        life.begin_again(self._moves.name(), now)
        self._moves.apply(life, Cue.RETRY_DUE, now)
        self._moves.dial(life, now)

    def _tick_ready(self, life: PooledConnection, now: float) -> None:
        if life.rotate_at is None or now < life.rotate_at:
            return
        if all(
            other.phase is ConnectionPhase.READY or other.draining or other.replaced
            for other in self._moves.lives
        ):
            if self._moves.places.are_spare(self._moves.lives):
                self._moves.apply(life, Cue.ROTATION_DUE, now)
                return
            if not self._moves.places.said_short:
                self._moves.places.said_short = True
                self._moves.say(
                    logging.WARNING,
                    "rotation-waits",
                    f"the planned replacement of {life.connection} waits: fewer than {SPARE_PLACES} "
                    f"of the app's {MAX_CONNECTIONS} places are free (`slackctl status` tells who has them)",
                )
        rotation.postpone(life, now, self._moves.slot_of(life))

    def _stall(self, life: PooledConnection, now: float) -> None:
        detail = f"no frame for {self.policy.stall_timeout:g} s"
        if life.phase is ConnectionPhase.RETIRING:
            self._moves.abort(life, Cue.STALLED, now, detail)
            return
        if not (life.spoke or life.has_stalled):
            self._moves.troubles.never_spoke()
        self._fall_silent(life, now, detail)

    def _fall_silent(self, life: PooledConnection, now: float, detail: str) -> None:
        # A stalled connection brought nothing from its last frame on: a gap begins there. After a second
        # silence as long as the first nobody waits any longer.
        silent_since, life.heard_at = max(life.since, life.heard_at), now
        life.stalled = life.has_stalled = True
        self._moves.apply(life, Cue.STALLED, now, detail, since=silent_since)

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
