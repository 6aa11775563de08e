"""A Slack and a network for the pool, in simulated time: everything that can happen, by chance, from a seed."""

import heapq
import itertools
import logging
import random
from collections.abc import Callable
from functools import partial

import attrs

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
from slackd.connector.socketmode.dial_failures import DialFailure, of_api_error, of_handshake, of_rate_limit
from slackd.connector.socketmode.pool import Pool
from slackd.connector.socketmode.protocol import Disconnect, SlackHello
from slackd.connector.socketmode.transitions import PoolPolicy
from slackd.slack.connection_states import COUNTS_AS_READY

PING_INTERVAL = 25.0
"""Seconds; Slack's are shorter, but this is enough to be alive, and quicker to simulate."""
READY_NAMES = {phase.value for phase in COUNTS_AS_READY}


@attrs.define
class Socket:
    """One connection as Slack and the network see it."""

    name: str
    place: int
    open: bool = False
    silent: bool = False
    hello_at: float | None = None
    closing: bool = False


@attrs.define
class Odds:
    """How often things go wrong; 0 is a quiet world."""

    fail: float = 0.0
    stall: float = 0.0
    drop: float = 0.0
    early_warning: float = 0.0
    silent_close: float = 0.0


class PoolWorld:
    """Runs one pool; `check` is called after every event."""

    def __init__(
        self,
        seed: int,
        connections: int = 1,
        odds: Odds | None = None,
        lifetime: float = 18_060.0,
        connector: int = 1,
        begin: float = 0.0,
    ) -> None:
        self.rng = random.Random(seed)
        self.odds = odds or Odds()
        self.lifetime = lifetime
        self.now = begin
        self._ids = itertools.count()
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self.busy: set[str] = set()
        self.pool = Pool(
            PoolPolicy("main", connector, connections), random.Random(seed + 1), lambda name: name in self.busy
        )
        self.sockets: dict[str, Socket] = {}
        self.todo: list[Action] = []
        self.dials: list[float] = []
        self.moves: list[Moved] = []
        self.said: list[Said] = []
        self.troubles: list[Troubled] = []
        self.ended_waiting: list[tuple[float, EndWaiting]] = []
        self.accidents: list[float] = []
        self.check: Callable[[], None] = lambda: None
        self.answer: Callable[[], DialFailure | None] = self._by_chance
        self.hello: Callable[[str], None] = self._hello

    # Time.

    def at(self, delay: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (self.now + delay, next(self._ids), do))

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while True:
            wake = self.pool.wake_at()
            event = self._agenda[0][0] if self._agenda else None
            moments = [moment for moment in (wake, event) if moment is not None]
            if not moments or min(moments) > end:
                self.now = end
                return
            self.now = max(self.now, min(moments))
            if event is not None and event <= self.now:
                heapq.heappop(self._agenda)[2]()
            else:
                self.todo += self.pool.tick(self.now)
            self.carry_out()

    def start(self) -> None:
        self.todo += self.pool.start(self.now)
        self.carry_out()

    # What the pool wants.

    def carry_out(self) -> None:
        actions, self.todo = self.todo, []
        for action in actions:
            match action:
                case Dial(connection=name):
                    assert name not in self.sockets, "a name is dialled once"
                    self.dials.append(self.now)
                    self.sockets[name] = Socket(name, place=0)
                    self.at(self.rng.uniform(0.05, 0.5), partial(self._handshake, name))
                case CloseConnection(connection=name):
                    self._close(name)
                case Abort(connection=name):
                    self.sockets.pop(name, None)
                case Moved():
                    self.moves.append(action)
                case EndWaiting():
                    self.ended_waiting.append((self.now, action))
                case Said():
                    self.said.append(action)
                case Troubled():
                    self.troubles.append(action)
        if actions:
            self.check()

    def _close(self, name: str) -> None:
        socket = self.sockets.get(name)
        if socket is None:
            return
        if not socket.open:
            del self.sockets[name]
            self.at(
                0.0,
                lambda: self.todo.extend(
                    self.pool.dial_failed(name, DialFailure("the dial was given up"), self.now)
                ),
            )
            return
        socket.closing = True
        silent = socket.silent or self.rng.random() < self.odds.silent_close
        self.at(2.0 if silent else 0.1, lambda: self.end(name, confirmed=not silent))

    # What Slack and the network do.

    def _by_chance(self) -> DialFailure | None:
        if self.rng.random() >= self.odds.fail:
            return None
        return self.rng.choice(
            [
                of_api_error("internal_error", "main"),
                of_api_error("invalid_auth", "main"),
                of_rate_limit(30.0),
                of_handshake(404),
                of_handshake(408),
                DialFailure("slack.com:443 can't be reached"),
            ]
        )

    def _handshake(self, name: str) -> None:
        if name not in self.sockets:
            return
        failure = self.answer()
        if failure is not None:
            del self.sockets[name]
            self.todo += self.pool.dial_failed(name, failure, self.now)
            return
        self.sockets[name].open = True
        self.at(self.rng.uniform(0.05, 0.3), lambda: self.hello(name))

    def _hello(self, name: str) -> None:
        socket = self.sockets.get(name)
        if socket is None or socket.silent:
            return
        chance = self.rng.random()
        if chance < self.odds.fail / 4:
            self.disconnect(name, "too_many_websockets")
            return
        if chance < self.odds.fail / 2:
            return  # it never comes
        socket.hello_at = self.now
        self.todo += self.pool.said_hello(
            name, SlackHello("applink-1", len(self.sockets), self.lifetime), self.now
        )
        self.at(PING_INTERVAL, lambda: self._ping(name))
        if not self.lifetime:
            return
        # In the field connections are refreshed a minute before the time that the hello tells.
        early = 70.0 if self.lifetime > 1_000 else min(10.0, self.lifetime / 20)
        self.at(self.lifetime - early, lambda: self.warn(name))
        for odds, do in (
            (self.odds.stall, self.stall),
            (self.odds.drop, self.drop),
            (self.odds.early_warning, self.warn),
        ):
            if self.rng.random() < odds:
                self.at(self.rng.uniform(0.0, self.lifetime), partial(do, name))

    def _ping(self, name: str) -> None:
        socket = self.sockets.get(name)
        if socket is not None and not socket.silent:
            self.todo += self.pool.heard(name, self.now)
            self.at(PING_INTERVAL, lambda: self._ping(name))

    def warn(self, name: str) -> None:
        if name in self.sockets and not self.sockets[name].silent:
            self.disconnect(name, self.rng.choice(["warning", "warning", "refresh_requested", "whatever"]))

    def disconnect(self, name: str, reason: str) -> None:
        socket = self.sockets.get(name)
        if socket is None or socket.silent:
            return
        self.todo += self.pool.heard(name, self.now)
        self.todo += self.pool.said_disconnect(name, Disconnect(reason), self.now)
        self.at(10.0, lambda: self.end(name, confirmed=self.rng.random() < 0.5))

    def stall(self, name: str) -> None:
        if name in self.sockets:
            self.sockets[name].silent = True
            self.accidents.append(self.now)

    def drop(self, name: str) -> None:
        if name in self.sockets:
            self.accidents.append(self.now)
            self.end(name, confirmed=False)

    def end(self, name: str, *, confirmed: bool) -> None:
        if self.sockets.pop(name, None) is not None:
            self.todo += self.pool.ended(name, confirmed, self.now)

    # What is seen of it.

    @property
    def ready(self) -> list[str]:
        return [state.connection for state in self.pool.states() if state.phase in READY_NAMES]

    def only(self) -> str:
        (name,) = self.ready
        return name

    def in_phase(self, *phases: str) -> list[str]:
        return [state.connection for state in self.pool.states() if state.phase in phases]

    def warnings(self) -> list[str]:
        return [said.event for said in self.said if said.level >= logging.WARNING]
