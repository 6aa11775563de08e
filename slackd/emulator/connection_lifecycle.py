"""The life of a connection: hello, pings, warning, refresh, and every way in which it ends."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from slackd.emulator.connections import ConnectionLine, EmulatedConnection, EmulatedState, Registry
from slackd.emulator.context import EmulatorContext
from slackd.emulator.deliveries import Deliveries, read_ack
from slackd.emulator.faults import PlannedFaults
from slackd.emulator.ledger import Ledger


class ConnectionLifecycle:
    """What one app's connections are told, and what Slack makes of what their clients do."""

    def __init__(
        self,
        world: EmulatorContext,
        registry: Registry,
        deliveries: Deliveries,
        ledger: Ledger,
        faults: PlannedFaults,
        changed: Callable[[], None],
    ) -> None:
        self._world = world
        self._registry = registry
        self._deliveries = deliveries
        self._ledger = ledger
        self._faults = faults
        self._changed = changed

    def opened(self, connection: EmulatedConnection, line: ConnectionLine, now: float) -> None:
        """The handshake was answered with 101: hello comes, or `too_many_websockets` in its place."""
        connection.line = line
        if self._registry.full:
            self._ledger.odd(connection.app, "too_many_websockets")
            connection.state = EmulatedState.LEAVING
            surplus = {
                "num_connections": len(self._registry),
                "connection_info": {"app_id": connection.app},
            }
            self._tell_disconnect(connection, "too_many_websockets", surplus)
            self.end_after(connection, self._world.settings.refresh_grace, "too_many_websockets", now)
            return
        self._registry.register(connection, now)
        fault = self._faults.take("hello", connection.app)
        if fault is None:
            self._hello(connection, None, now)
        elif not fault.hang:
            self._world.agenda.at(self._world.later(now, fault.delay), self._hello, connection, fault.text)

    def disconnect(self, connection: EmulatedConnection, reason: str, now: float) -> None:
        """Tell it to go; it works on until it is ended."""
        self._tell_disconnect(connection, reason, {})
        if connection.state in (EmulatedState.OPENING, EmulatedState.READY):
            connection.state = EmulatedState.LEAVING
            self._registry.changed(now)

    def end_after(
        self, connection: EmulatedConnection, grace: float, how: str, now: float, *, abruptly: bool = False
    ) -> None:
        """End it `grace` seconds (of Slack's) from now."""
        if grace > 0:
            self._world.agenda.at(self._world.later(now, grace), self._end_later, connection, how, abruptly)
        else:
            self._end_later(connection, how, abruptly, now)

    def close(
        self, connection: EmulatedConnection, how: str, now: float, *, code: int = 1000, reason: str = ""
    ) -> None:
        """Slack closes it with a Close frame."""
        self._ended(connection, how, now)
        if connection.line is not None and not connection.silent:
            connection.line.close(code, reason)

    def drop(self, connection: EmulatedConnection, how: str, now: float, *, reset: bool = False) -> None:
        """It ends without a frame."""
        self._ended(connection, how, now)
        if connection.line is not None:
            connection.line.abort(reset=reset)

    def received(
        self, connection: EmulatedConnection, payload: bytes, now: float, *, whole: bool = True
    ) -> None:
        """A text frame came in; `whole` unless it is a part of a fragmented message."""
        if connection.silent or connection.loses_acks:
            return
        if connection.state is EmulatedState.ENDED:
            self._ledger.odd(connection.app, "frame after the close")
            return
        if not whole:
            self._ledger.odd(connection.app, "fragmented message")
            return
        try:
            message = json.loads(payload)
        except ValueError:
            message = None
        ack = read_ack(message) if isinstance(message, dict) else None
        if ack is None:
            self._ledger.odd(connection.app, "message that is no acknowledgement")
            return
        connection.acked += 1
        self._deliveries.acknowledged(connection.id, *ack, now)

    def violated(self, connection: EmulatedConnection, reason: str, now: float) -> None:
        """The client sent a frame for which Slack closes the connection."""
        self._ledger.odd(connection.app, reason)
        if connection.state is not EmulatedState.ENDED:
            self._ended(connection, f"closed by Slack: {reason}", now)

    def closed(self, connection: EmulatedConnection, code: int | None, now: float) -> None:
        """The client sent a Close frame, and it was noticed."""
        if connection.state is not EmulatedState.ENDED:
            self._ended(connection, f"closed by the client: {code}", now)

    def lost(self, connection: EmulatedConnection, now: float) -> None:
        """The TCP connection is no more; where that goes unseen, a ghost remains."""
        connection.line = None
        if connection.state is EmulatedState.ENDED:
            return
        noticed = self._world.settings.notices_lost_connections
        unseen = connection.silent or connection.end_unseen or not noticed
        if unseen and connection.receives:
            connection.state = EmulatedState.GHOST
            self._registry.changed(now)
            self._changed()
        else:
            self._ended(connection, "lost", now)

    def _hello(self, connection: EmulatedConnection, text: str | None, now: float) -> None:
        if connection.state is not EmulatedState.OPENING or connection.line is None:
            return
        hello = {
            "type": "hello",
            "num_connections": len(self._registry),
            "debug_info": {
                "host": connection.host,
                "build_number": 18,
                "approximate_connection_time": connection.announced,
            },
            "connection_info": {"app_id": connection.app},
        }
        connection.line.send_text(_compact(hello) if text is None else text)
        connection.state = EmulatedState.READY
        connection.hello_at = now
        self._registry.changed(now)
        agenda, settings = self._world.agenda, self._world.settings
        agenda.at(self._world.later(now, settings.ping_interval), self._ping, connection)
        if settings.warns_before_refresh:
            warn_at = now + connection.lifetime - settings.scaled(settings.warning_grace)
            agenda.at(max(now, warn_at), self._warn_of_refresh, connection)
        agenda.at(now + connection.lifetime, self._lifetime_over, connection)
        self._changed()

    def _ping(self, connection: EmulatedConnection, now: float) -> None:
        if connection.state in (EmulatedState.ENDED, EmulatedState.GHOST):
            return
        settings = self._world.settings
        if connection.line is not None and not connection.silent:
            connection.line.send_ping(settings.ping_text.encode())
            connection.pings += 1
        self._world.agenda.at(self._world.later(now, settings.ping_interval), self._ping, connection)

    def _warn_of_refresh(self, connection: EmulatedConnection, now: float) -> None:
        if connection.state is EmulatedState.READY:
            self.disconnect(connection, "warning", now)

    def _lifetime_over(self, connection: EmulatedConnection, now: float) -> None:
        if connection.state is EmulatedState.ENDED:
            return
        if connection.swallows:
            self.drop(connection, "lifetime over, unseen", now)
            return
        self.disconnect(connection, "refresh_requested", now)
        self.end_after(connection, self._world.settings.refresh_grace, "refresh_requested", now)

    def _end_later(self, connection: EmulatedConnection, how: str, abruptly: bool, now: float) -> None:
        if connection.state is EmulatedState.ENDED:
            return
        if abruptly:
            self.drop(connection, how, now)
        else:
            self.close(connection, how, now)

    def _ended(self, connection: EmulatedConnection, how: str, now: float) -> None:
        self._registry.unregister(connection, now, how)
        self._changed()

    def _tell_disconnect(self, connection: EmulatedConnection, reason: str, more: Mapping[str, Any]) -> None:
        if connection.line is not None and not connection.silent:
            message = {"type": "disconnect", "reason": reason, "debug_info": {"host": connection.host}}
            connection.line.send_text(_compact({**message, **more}))


def _compact(message: Mapping[str, Any]) -> str:
    return json.dumps(message, separators=(",", ":"))
