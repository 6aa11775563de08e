"""The emulated Slack without its sockets: who may connect, what connections are told, and how they end."""

from __future__ import annotations

import base64
import itertools
import json
from collections.abc import Callable, Sequence
from typing import Any

import attrs

from slackd.emulator.connections import Connection, Line, Registry, State
from slackd.emulator.deliveries import Deliveries, read_ack
from slackd.emulator.errors import EmulatorError
from slackd.emulator.faults import CONNECTION_FAULTS, PLANNED_FAULTS, PlannedFaults, planned
from slackd.emulator.frames import Opcode, encode
from slackd.emulator.ledger import Entry, Ledger
from slackd.emulator.settings import EmulatedApp, EmulatorSettings
from slackd.emulator.tickets import Dial, Tickets
from slackd.emulator.world import World


@attrs.frozen
class Admit:
    """The handshake succeeds."""

    connection: Connection


@attrs.frozen
class Refuse:
    """The handshake is answered with an ordinary HTTP response."""

    status: int
    body: str = ""


@attrs.frozen
class Hang:
    """The handshake is never answered."""


@attrs.frozen
class Reset:
    """The TCP connection ends in place of an answer."""


Admission = Admit | Refuse | Hang | Reset


@attrs.define(eq=False)
class AppSide:
    """What Slack holds of one app: its connections, and its envelopes under way."""

    app: EmulatedApp
    registry: Registry
    deliveries: Deliveries


class Slack:
    """The emulated Slack, driven from outside: every method is told the time.

    Call `agenda.run_due(now)` when `agenda.next_at()` has come. `on_change` is called after what a person could
    wait for.
    """

    def __init__(
        self,
        apps: Sequence[EmulatedApp],
        settings: EmulatorSettings,
        *,
        now: float,
        wall: float,
    ) -> None:
        self.world = World(settings, now=now, wall=wall)
        self.agenda = self.world.agenda
        self.ledger = Ledger()
        self.faults = PlannedFaults()
        self.tickets = Tickets(self.world)
        self.connections: dict[str, Connection] = {}
        self.on_change: Callable[[], None] = lambda: None
        self.sides: dict[str, AppSide] = {}
        self._numbers = itertools.count(1)
        for app in apps:
            registry = Registry(self.world, self.ledger.ready[app.app_id])
            deliveries = Deliveries(self.world, app, registry, self.ledger, self._settled)
            self.sides[app.app_id] = AppSide(app, registry, deliveries)

    @property
    def settings(self) -> EmulatorSettings:
        """The settings as they are now."""
        return self.world.settings

    def change_settings(self, **changes: Any) -> None:
        """Replace some settings; what is scheduled already stays so."""
        try:
            self.world.settings = attrs.evolve(self.world.settings, **changes)
        except (TypeError, ValueError) as error:
            raise EmulatorError(f"those settings can't be: {error}") from error

    def side(self, app: str | EmulatedApp | None = None) -> AppSide:
        """The app of that id or name; None is the first.

        Raises:
            EmulatorError: there is none.
        """
        if app is None:
            return next(iter(self.sides.values()))
        wanted = app.app_id if isinstance(app, EmulatedApp) else app
        for side in self.sides.values():
            if wanted in (side.app.app_id, side.app.name):
                return side
        raise EmulatorError(f"no app {wanted!r} here; there are {', '.join(self.sides)}")

    def dial(self, target: str, now: float) -> Admission:
        """A WebSocket handshake for that request target; the ticket is spent whatever comes of it."""
        dial = Dial.parse(target)
        app = self.tickets.redeem(dial.ticket, now)
        if fault := self.faults.take("handshake", app):
            if fault.hang:
                return Hang()
            if fault.reset:
                return Reset()
            return Refuse(fault.status or 408, fault.body or "")
        if app is None:
            self.ledger.odd("", "handshake with a spent, expired or unknown ticket")
            return Refuse(self.settings.refused_ticket_status)
        number = next(self._numbers)
        lifetime, announced = self.settings.connection_lifetime, self.settings.approximate_connection_time
        if dial.debug_reconnects:
            lifetime = announced = self.settings.debug_lifetime
        scaled = self.settings.scaled
        connection = Connection(
            id=f"c{number}",
            app=app,
            number=number,
            lifetime=scaled(lifetime),
            announced=max(1, round(scaled(announced))),
            opened_at=now,
            answers_close=self.settings.answers_close,
            closes_tcp=self.settings.closes_tcp,
        )
        self.connections[connection.id] = connection
        return Admit(connection)

    def opened(self, connection: Connection, line: Line, now: float) -> None:
        """The handshake was answered with 101."""
        connection.line = line
        registry = self.sides[connection.app].registry
        if registry.full:
            self.ledger.odd(connection.app, "too_many_websockets")
            self._surplus(connection, registry, now)
            return
        registry.register(connection, now)
        fault = self.faults.take("hello", connection.app)
        if fault is None:
            self._hello(connection, None, now)
        elif not fault.hang:
            self.agenda.at(self.world.later(now, fault.delay), self._hello, connection, fault.text)

    def _surplus(self, connection: Connection, registry: Registry, now: float) -> None:
        connection.state = State.LEAVING
        self._tell(
            connection,
            {
                "type": "disconnect",
                "reason": "too_many_websockets",
                "num_connections": len(registry),
                "debug_info": {"host": connection.host},
                "connection_info": {"app_id": connection.app},
            },
        )
        self._end_after(connection, self.settings.refresh_grace, "too_many_websockets", False, now)

    def _hello(self, connection: Connection, text: str | None, now: float) -> None:
        if connection.state is not State.OPENING or connection.line is None:
            return
        registry = self.sides[connection.app].registry
        hello = {
            "type": "hello",
            "num_connections": len(registry),
            "debug_info": {
                "host": connection.host,
                "build_number": 18,
                "approximate_connection_time": connection.announced,
            },
            "connection_info": {"app_id": connection.app},
        }
        connection.line.send_text(json.dumps(hello, separators=(",", ":")) if text is None else text)
        connection.state = State.READY
        connection.hello_at = now
        registry.changed(now)
        self.agenda.at(self.world.later(now, self.settings.ping_interval), self._ping, connection)
        if self.settings.warns_before_refresh:
            warn_at = now + connection.lifetime - self.settings.scaled(self.settings.warning_grace)
            self.agenda.at(max(now, warn_at), self._warn_of_refresh, connection)
        self.agenda.at(now + connection.lifetime, self._life_is_over, connection)
        self.on_change()

    def _ping(self, connection: Connection, now: float) -> None:
        if connection.state in (State.ENDED, State.GHOST):
            return
        if connection.line is not None and not connection.silent:
            connection.line.send_ping(self.settings.ping_text.encode())
            connection.pings += 1
        self.agenda.at(self.world.later(now, self.settings.ping_interval), self._ping, connection)

    def _warn_of_refresh(self, connection: Connection, now: float) -> None:
        if connection.state is State.READY:
            self._disconnect(connection, "warning", now)

    def _life_is_over(self, connection: Connection, now: float) -> None:
        if connection.state is State.ENDED:
            return
        if connection.swallows:
            self._end(connection, "its lifetime as a ghost is over", now, abruptly=True)
            return
        self._disconnect(connection, "refresh_requested", now)
        self._end_after(connection, self.settings.refresh_grace, "refresh_requested", False, now)

    def _disconnect(self, connection: Connection, reason: str, now: float) -> None:
        self._tell(
            connection, {"type": "disconnect", "reason": reason, "debug_info": {"host": connection.host}}
        )
        if connection.state in (State.OPENING, State.READY):
            connection.state = State.LEAVING
            self.sides[connection.app].registry.changed(now)

    def _tell(self, connection: Connection, message: dict[str, Any]) -> None:
        if connection.line is not None and not connection.silent:
            connection.line.send_text(json.dumps(message, separators=(",", ":")))

    def _end_after(self, connection: Connection, grace: float, how: str, abruptly: bool, now: float) -> None:
        if grace > 0:
            self.agenda.at(self.world.later(now, grace), self._end_later, connection, how, abruptly)
        else:
            self._end(connection, how, now, abruptly=abruptly)

    def _end_later(self, connection: Connection, how: str, abruptly: bool, now: float) -> None:
        if connection.state is not State.ENDED:
            self._end(connection, how, now, abruptly=abruptly)

    def _end(
        self,
        connection: Connection,
        how: str,
        now: float,
        *,
        abruptly: bool = False,
        code: int = 1000,
        reason: str = "",
    ) -> None:
        self.sides[connection.app].registry.unregister(connection, now, how)
        if connection.line is not None:
            if abruptly:
                connection.line.abort()
            elif not connection.silent:
                connection.line.close(code, reason)
        self.on_change()

    def received(self, connection: Connection, payload: bytes, now: float, *, whole: bool = True) -> None:
        """A text frame came in; `whole` unless it is a part of a fragmented message."""
        if connection.silent or connection.loses_acks:
            return
        if connection.state is State.ENDED:
            self.ledger.odd(connection.app, "frame after the close")
            return
        if not whole:
            self.ledger.odd(connection.app, "fragmented message")
            return
        try:
            message = json.loads(payload)
        except ValueError:
            message = None
        ack = read_ack(message) if isinstance(message, dict) else None
        if ack is None:
            self.ledger.odd(connection.app, "message that is no acknowledgement")
            return
        connection.acked += 1
        self.sides[connection.app].deliveries.acknowledged(connection.id, *ack, now)

    def violated(self, connection: Connection, reason: str, now: float) -> None:
        """The client sent a frame for which Slack closes the connection."""
        self.ledger.odd(connection.app, reason)
        if connection.state is not State.ENDED:
            self.sides[connection.app].registry.unregister(connection, now, f"closed by Slack: {reason}")
            self.on_change()

    def closed(self, connection: Connection, code: int | None, now: float) -> None:
        """The client sent a Close frame, and it was noticed."""
        if connection.state is not State.ENDED:
            self.sides[connection.app].registry.unregister(connection, now, f"closed by the client: {code}")
            self.on_change()

    def lost(self, connection: Connection, now: float) -> None:
        """The TCP connection is no more."""
        connection.line = None
        if connection.state is State.ENDED:
            return
        unseen = connection.silent or connection.end_unseen or not self.settings.notices_lost_connections
        registry = self.sides[connection.app].registry
        if unseen and connection.state in (State.READY, State.LEAVING):
            connection.state = State.GHOST
            registry.changed(now)
        else:
            registry.unregister(connection, now, "lost")
        self.on_change()

    def _settled(self, entry: Entry) -> None:
        self.on_change()

    def chosen(self, app: str | None, connection: str | None) -> list[Connection]:
        """The connections that a fault means: an id, `oldest`, `newest`, `any`, or all (None or `all`)."""
        sides = [self.side(app)] if app is not None else list(self.sides.values())
        found = [each for side in sides for each in side.registry.all()]
        match connection:
            case None | "all":
                return found
            case "oldest":
                return found[:1]
            case "newest":
                return found[-1:]
            case "any":
                return [self.world.dice.choice(found)] if found else []
        wanted = [each for each in found if each.id == connection]
        if not wanted:
            raise EmulatorError(f"no connection {connection!r}; open are {[each.id for each in found]}")
        return wanted

    def fault(
        self, kind: str, now: float, *, app: str | None = None, connection: str | None = None, **details: Any
    ) -> list[str]:
        """Do that fault now, or plan it for its moment.

        Returns:
            the ids of the connections that it struck.

        Raises:
            EmulatorError: no such fault, app, connection or detail.
        """
        app = None if app is None else self.side(app).app.app_id
        try:
            if kind == "forget_planned":
                self.faults.forget()
                return []
            if kind in PLANNED_FAULTS:
                self.faults.plan(planned(kind, app, details))
                return []
            if kind not in CONNECTION_FAULTS:
                known = ", ".join((*CONNECTION_FAULTS, *PLANNED_FAULTS))
                raise EmulatorError(f"no fault {kind!r}; there are: {known}")
            struck = self.chosen(app, connection)
            for each in struck:
                self._strike(each, kind, now, **details)
                self.sides[each.app].registry.changed(now)
        except TypeError as error:
            raise EmulatorError(f"the fault {kind!r} knows no such detail: {error}") from error
        self.on_change()
        return [each.id for each in struck]

    def _strike(
        self,
        connection: Connection,
        kind: str,
        now: float,
        *,
        reason: str = "",
        code: int = 1000,
        reset: bool = False,
        abrupt: bool = False,
        grace: float | None = None,
        text: str | None = None,
        binary: str | None = None,
        wire: str | None = None,
    ) -> None:
        match kind:
            case "warning":
                self._disconnect(connection, "warning", now)
                seconds = self.settings.warning_grace if grace is None else grace
                self._end_after(connection, seconds, "warning", abrupt, now)
            case "refresh_requested" | "link_disabled" | "too_many_websockets" | "disconnect":
                self._disconnect(connection, reason if kind == "disconnect" else kind, now)
                seconds = self.settings.refresh_grace if grace is None else grace
                self._end_after(connection, seconds, kind, abrupt, now)
            case "drop":
                line, connection.line = connection.line, None
                self._end(connection, "dropped", now)
                if line is not None:
                    line.abort(reset=reset)
            case "close":
                self._end(connection, f"closed with {code}", now, code=code, reason=reason)
            case "stall":
                connection.silent = True
            case "heal":
                connection.silent = connection.mute = connection.loses_acks = False
            case "mute":
                connection.mute = True
            case "lose_acks":
                connection.loses_acks = True
            case "ghost":
                connection.end_unseen = True
            case "forget_ghosts":
                if connection.state is State.GHOST:
                    self._end(connection, "Slack noticed at last", now)
            case "silent_close":
                connection.answers_close = False
            case "tcp_stays":
                connection.closes_tcp = False
            case "raw":
                self._send_raw(connection, text, binary, wire)

    def _send_raw(self, connection: Connection, text: str | None, binary: str | None, wire: str | None) -> None:
        if connection.line is None:
            return
        if text is not None:
            connection.line.send_text(text)
        if binary is not None:
            connection.line.send_raw(encode(Opcode.BINARY, base64.b64decode(binary)))
        if wire is not None:
            connection.line.send_raw(base64.b64decode(wire))
