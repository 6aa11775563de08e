"""The emulated Slack without its sockets: its apps, who may connect, and what can go wrong on demand.

No part of it reads a clock or opens a socket: every method is given the time, and what goes out goes through
the `ConnectionLine` of a connection. Times are seconds on the emulator's clock; `wall` is UNIX seconds.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import attrs

from slackd.emulator.connection_faults import Details, apply_fault
from slackd.emulator.context import EmulatorContext
from slackd.emulator.deliveries import Deliveries
from slackd.emulator.errors import EmulatorError
from slackd.emulator.faults import CONNECTION_FAULTS, PLANNED_FAULTS, PlannedFaults, planned
from slackd.emulator.ledger import Ledger, ReadySpans
from slackd.emulator.settings import EmulatedApp, EmulatorSettings
from slackd.slack_server.admission import Admission, Admit, Hang, RefuseDial, Reset
from slackd.slack_server.connections import Registry, ServerConnection
from slackd.slack_server.lifecycle import ConnectionLifecycle, HelloFault
from slackd.slack_server.tickets import Tickets, TicketUse


@attrs.frozen
class EmulatedEvents:
    """What one app's connections report goes into the ledger and to the envelopes under way."""

    deliveries: Deliveries
    ledger: Ledger
    faults: PlannedFaults
    changed: Callable[[], None]

    def admitted(self, connection: ServerConnection, now: float) -> bool:
        """As in `ConnectionEvents`: its hello goes out at once."""
        return True

    def opened(self, connection: ServerConnection, now: float) -> None:
        """As in `ConnectionEvents`: the registry knows."""

    def leaving(self, connection: ServerConnection, now: float) -> None:
        """As in `ConnectionEvents`: the registry knows."""

    def ended(self, connection: ServerConnection, now: float) -> None:
        """As in `ConnectionEvents`: the registry knows."""

    def acknowledged(self, connection: ServerConnection, envelope_id: str, payload: Any, now: float) -> None:
        """As in `ConnectionEvents`."""
        self.deliveries.acknowledged(connection.id, envelope_id, payload, now)

    def odd(self, app: str, what: str) -> None:
        """As in `ConnectionEvents`."""
        self.ledger.odd(app, what)

    def hello_fault(self, app: str) -> HelloFault | None:
        """As in `ConnectionEvents`."""
        return self.faults.take("hello", app)


@attrs.frozen(eq=False)
class AppSide:
    """What Slack holds of one app: its connections, their lifecycle, and its envelopes under way."""

    app: EmulatedApp
    registry: Registry
    deliveries: Deliveries
    lifecycle: ConnectionLifecycle
    ledger: Ledger

    @property
    def ready_spans(self) -> ReadySpans:
        """When the app had READY connections."""
        return self.ledger.ready[self.app.app_id]


class SlackCore:
    """The emulated Slack. Call `scheduler.run_due(now)` when `scheduler.next_at()` has come.

    Attributes:
        on_change: called after everything that somebody could wait for.
        connections: all that were ever admitted, by id.
        sides: what belongs to each app, by its id.
    """

    def __init__(
        self, apps: Sequence[EmulatedApp], settings: EmulatorSettings, *, now: float, wall: float
    ) -> None:
        self.context = EmulatorContext(settings, now=now, wall=wall)
        self.scheduler = self.context.scheduler
        self.ledger = Ledger()
        self.ledger.noticed = self._changed
        self.faults = PlannedFaults()
        self.tickets = Tickets(self.context.ids.ticket)
        self.on_change: Callable[[], None] = lambda: None
        self.connections: dict[str, ServerConnection] = {}
        self._numbers = itertools.count(1)
        self.sides = {app.app_id: self._side(app) for app in apps}
        if len(self.sides) != len(apps):
            raise EmulatorError("two apps have the same app_id")

    def _side(self, app: EmulatedApp) -> AppSide:
        def ready_changed(count: int, now: float) -> None:
            self.ledger.ready[app.app_id].changed(count, now)

        registry = Registry(self.context, ready_changed)
        deliveries = Deliveries(self.context, app, registry, self.ledger, self._changed)
        events = EmulatedEvents(deliveries, self.ledger, self.faults, self._changed)
        lifecycle = ConnectionLifecycle(self.context, registry, events)
        return AppSide(app, registry, deliveries, lifecycle, self.ledger)

    def _changed(self) -> None:
        self.on_change()

    @property
    def settings(self) -> EmulatorSettings:
        """The settings as they are now."""
        return self.context.settings

    def change_settings(self, **changes: Any) -> None:
        """Replace some settings; what is scheduled already stays so.

        Raises:
            EmulatorError: no such setting, or no such value.
        """
        try:
            self.context.settings = attrs.evolve(self.context.settings, **changes)
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
        dial = TicketUse.parse(target)
        app = self.tickets.redeem(dial.ticket, now)
        if fault := self.faults.take("handshake", app):
            if fault.hang:
                return Hang()
            if fault.reset:
                return Reset()
            return RefuseDial(fault.status or 408, fault.body or "")
        if app is None:
            self.ledger.odd("", "handshake with a spent, expired or unknown ticket")
            return RefuseDial(self.settings.refused_ticket_status)
        connection = self._connection(app, dial, now)
        self.connections[connection.id] = connection
        return Admit(connection, self.sides[app].lifecycle)

    def _connection(self, app: str, dial: TicketUse, now: float) -> ServerConnection:
        settings = self.settings
        lifetime, announced = settings.connection_lifetime, settings.approximate_connection_time
        if dial.debug_reconnects:
            lifetime = announced = settings.debug_lifetime
        number = next(self._numbers)
        return ServerConnection(
            id=f"c{number}",
            app=app,
            number=number,
            lifetime=settings.scaled(lifetime),
            announced=max(1, round(settings.scaled(announced))),
            opened_at=now,
            answers_close=settings.answers_close,
            closes_tcp=settings.closes_tcp,
        )

    def fault(
        self,
        kind: str,
        now: float,
        *,
        app: str | EmulatedApp | None = None,
        connection: str | None = None,
        **details: Any,
    ) -> list[str]:
        """Do that fault now, or plan it for its moment.

        Args:
            app: None is every app.
            connection: an id, `oldest`, `newest`, `any`, or None for all.

        Returns:
            the ids of the connections that it struck.

        Raises:
            EmulatorError: no such fault, app, connection or detail.
        """
        app_id = None if app is None else self.side(app).app.app_id
        if kind == "forget_planned":
            self.faults.forget()
            return []
        try:
            if kind in PLANNED_FAULTS:
                self.faults.plan(planned(kind, app_id, details))
                return []
            detail = Details(**details)
        except TypeError as error:
            raise EmulatorError(f"the fault {kind!r} takes no such detail: {error}") from error
        if kind not in CONNECTION_FAULTS:
            known = ", ".join((*CONNECTION_FAULTS, *PLANNED_FAULTS))
            raise EmulatorError(f"no fault {kind!r}; there are: {known}")
        struck = self._chosen(app_id, connection)
        if kind == "forget_ghosts":
            struck = [each for each in struck if each.half_open]
        for each in struck:
            side = self.sides[each.app]
            apply_fault(side.lifecycle, self.settings, each, kind, detail, now)
            side.registry.changed(now)
        self.on_change()
        return [each.id for each in struck]

    def _chosen(self, app_id: str | None, connection: str | None) -> list[ServerConnection]:
        found = [
            each
            for side in self.sides.values()
            if app_id in (None, side.app.app_id)
            for each in side.registry.all()
        ]
        match connection:
            case None | "all":
                return found
            case "oldest":
                return found[:1]
            case "newest":
                return found[-1:]
            case "any":
                return [self.context.dice.choice(found)] if found else []
        wanted = [each for each in found if each.id == connection]
        if not wanted:
            raise EmulatorError(f"no connection {connection!r}; open are {[each.id for each in found]}")
        return wanted
