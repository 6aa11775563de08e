"""Socket Mode for one app: each of its connections is a session of the plugin at the broker.

So one of N connections gets a delivery, the broker's ack timeout brings what wasn't acknowledged again, and a
connection that ends gives its deliveries back. Each waits until the one before it in its channel is
acknowledged, but for an app that was seen to leave deliveries unacknowledged: SDKs don't acknowledge what their
app has no listener for, and with Slack that holds up nothing.

    WebSocket ──▶ plugin session ──accepted──▶ hello ──delivery──▶ envelope ──ack──▶ answer
        └── ends ──▶ what is unacknowledged is nacked, the session leaves

The hello says that the app is there for the broker, too: a command that comes right after it reaches the app,
however long that was away. Where the broker itself is away, it comes after `HELLO_PATIENCE` all the same.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable
from typing import Any, Final

from slackd.config import Config, PluginConfig
from slackd.gateway.counters import GatewayCounters
from slackd.gateway.envelopes import EnvelopesInFlight, ReturnedEnvelopes, SentDelivery
from slackd.gateway.left_envelopes import LeftEnvelopes
from slackd.gateway.plugin_client import PluginClient
from slackd.gateway.settings import KEEPS_ORDER, STOP_PATIENCE, GatewayContext
from slackd.gateway.url_rewriting import UrlSeal
from slackd.jsonrpc import NotJsonError
from slackd.plugin.answers import Ack, Nack
from slackd.plugin.envelope import Envelope
from slackd.slack import limits
from slackd.slack_server.admission import Admit
from slackd.slack_server.connections import Registry, ServerConnection
from slackd.slack_server.lifecycle import ConnectionLifecycle, HelloFault
from slackd.slotted import define

log = logging.getLogger(__name__)

ANSWER_ELSEWHERE: Final = 1.0
"""Seconds in which an app that was told to reconnect may acknowledge on its next connection."""
HELLO_PATIENCE: Final = 3.0
"""Seconds that a hello waits for the broker to accept the session: longer than the broker takes to restart."""
_SLACK: Final = 5.0
"""Seconds beyond the ack timeout in which a late acknowledgement still finds its delivery."""


@define(eq=False)
class _Served:
    """One connection, and the session behind it."""

    client: PluginClient
    in_flight: EnvelopesInFlight
    urls: UrlSeal
    running: asyncio.Task[None]
    leaving: bool = False


class SocketModeApp:
    """One app's connections.

    Args:
        restore: gives Slack's own URLs of files back to what goes to Slack.
        group: where the sessions run.
    """

    def __init__(
        self,
        config: Config,
        plugin: PluginConfig,
        restore: Callable[[Any], Any],
        context: GatewayContext,
        counters: GatewayCounters,
        group: asyncio.TaskGroup,
    ) -> None:
        self._config, self._plugin, self._context = config, plugin, context
        self._restore, self._counters, self._group = restore, counters, group
        self.registry = Registry(context, self._ready_changed)
        self.life = ConnectionLifecycle(context, self.registry, self)
        self._served: dict[str, _Served] = {}
        self._urls: dict[str, UrlSeal] = {}
        self._numbers = itertools.count(1)
        self._left = LeftEnvelopes(plugin)
        self._returned = ReturnedEnvelopes()
        self._drained = asyncio.Event()

    @property
    def in_flight(self) -> int:
        """Envelopes that were sent and not acknowledged."""
        return sum(len(each.in_flight) for each in self._served.values())

    def admit(self, urls: UrlSeal, *, debug_reconnects: bool) -> Admit:
        """A connection that showed a good ticket; what it gets has these URLs."""
        number = next(self._numbers)
        lifetime = limits.DEBUG_CONNECTION_LIFETIME if debug_reconnects else limits.CONNECTION_LIFETIME
        connection = ServerConnection(
            id=f"{self._plugin.name}-{number}",
            app=f"A0{self._plugin.name.upper()}",
            number=number,
            lifetime=lifetime,
            announced=round(lifetime),
            opened_at=self._context.now(),
        )
        self._urls[connection.id] = urls
        return Admit(connection, self.life)

    async def stop(self) -> None:
        """Say `disconnect`, let apps acknowledge what they have, give the rest back, close."""
        now = self._context.now()
        for served in self._served.values():
            served.client.drain()
        for connection in self.registry.all():
            self.life.disconnect(connection, "refresh_requested", now)
        self._drained.clear()
        if self.in_flight:
            try:
                async with asyncio.timeout(STOP_PATIENCE):
                    await self._drained.wait()
            except TimeoutError:
                log.info("%s: %d envelopes go back unacknowledged", self._plugin.name, self.in_flight)
        for connection in self.registry.all():
            self.life.close(connection, "the gateway stops", self._context.now(), code=1001)
        leaving = list(self._served.values())
        for connection_id in list(self._served):
            self._served.pop(connection_id)
        await asyncio.gather(*(_leave(served) for served in leaving))

    # As in `ConnectionEvents`.

    def admitted(self, connection: ServerConnection, now: float) -> bool:
        """As in `ConnectionEvents`: its session begins, and its hello waits for that."""
        in_flight = EnvelopesInFlight(self._plugin.delivery.ack_timeout + _SLACK)
        urls = self._urls.pop(connection.id)

        def deliver(envelope: Envelope) -> None:
            self._deliver(connection, envelope)

        def accepted() -> None:
            self.life.greet(connection, self._context.now())

        client = PluginClient(self._config.plugins.socket, self._plugin.name, deliver, accepted)
        running = self._group.create_task(client.run())
        self._served[connection.id] = _Served(client, in_flight, urls, running)
        self._context.scheduler.at(now + HELLO_PATIENCE, self.life.greet, connection)
        return False

    def opened(self, connection: ServerConnection, now: float) -> None:
        """As in `ConnectionEvents`."""
        text = f"{self._plugin.name}: an app connected ({len(self.registry)} connections)"
        self._note("gateway-app-connected", text)

    def acknowledged(self, connection: ServerConnection, envelope_id: str, payload: Any, now: float) -> None:
        """As in `ConnectionEvents`: the delivery is answered, with that payload."""
        served, delivery = self._owner_of(connection, envelope_id)
        payload = self._restore(payload) if payload else payload
        if served is None or delivery is None:
            known = self._returned.acknowledge(envelope_id, payload)
            self._counters.envelopes[self._plugin.name, "acknowledged" if known else "unknown"] += 1
            return
        self._counters.envelopes[self._plugin.name, "acknowledged"] += 1
        self._left.acknowledged(delivery)
        _answer(served, delivery, payload)
        if not self.in_flight:
            self._drained.set()

    def leaving(self, connection: ServerConnection, now: float) -> None:
        """As in `ConnectionEvents`: nothing more is sent over it."""
        served = self._served.get(connection.id)
        if served is not None:
            served.leaving = True
            served.client.drain()

    def ended(self, connection: ServerConnection, now: float) -> None:
        """As in `ConnectionEvents`: what it has in flight goes back at once."""
        self._urls.pop(connection.id, None)
        served = self._served.get(connection.id)
        if served is None:
            return
        if served.leaving and len(served.in_flight):
            # SDKs that were told to reconnect acknowledge on the new connection what the old one brought.
            self._context.scheduler.at(now + ANSWER_ELSEWHERE, self._give_back, connection)
        else:
            self._give_back(connection, now)
        self._note(
            "gateway-app-gone", f"{self._plugin.name}: a connection of the app ended: {connection.how_ended}"
        )

    def odd(self, app: str, what: str) -> None:
        """As in `ConnectionEvents`."""
        log.debug("%s: %s", self._plugin.name, what)

    def changed(self) -> None:
        """As in `ConnectionEvents`."""

    def hello_fault(self, app: str) -> HelloFault | None:
        """As in `ConnectionEvents`: none."""
        return None

    def _give_back(self, connection: ServerConnection, now: float) -> None:
        served = self._served.pop(connection.id, None)
        if served is None:
            return
        for sent in served.in_flight.take_all():
            self._returned.went_back(sent)
            served.client.answer(sent.delivery, _given_back(sent))
            self._counters.envelopes[self._plugin.name, "returned"] += 1
        self._group.create_task(_leave(served))

    def _ready_changed(self, count: int, now: float) -> None:
        """The registry has the number."""

    def _deliver(self, connection: ServerConnection, envelope: Envelope) -> None:
        served = self._served.get(connection.id)
        if served is None or connection.line is None:
            return
        now = self._context.now()
        for delivery in served.in_flight.take_overdue(now):
            served.client.release(delivery)
        if (meanwhile := self._returned.take(envelope.delivery)) is not None:
            _answer(served, envelope.delivery, meanwhile[0])
            return
        if envelope.attempt > 1:
            self._counters.envelopes[self._plugin.name, "redelivered"] += 1
            if any(envelope.delivery in each.in_flight for each in self._served.values()):
                self._note_left(envelope, now)
        else:
            self._counters.envelopes[self._plugin.name, "sent"] += 1
        connection.sent += 1
        connection.line.send_text(served.in_flight.send(envelope, served.urls, now))
        if self._left.is_unordered(now):
            served.client.unorder(envelope.delivery)
        elif envelope.respond_by is not None:
            self._context.scheduler.at(now + KEEPS_ORDER, self._unorder, served, envelope.delivery)
        if (patience := self._left.discard_after(envelope)) is not None:
            connection.line.send_ping(self._context.settings.ping_text.encode())
            self._context.scheduler.at(now + patience, self._discard, connection, envelope, now)

    def _unorder(self, served: _Served, delivery: str, now: float) -> None:
        if delivery in served.in_flight:
            served.client.unorder(delivery)

    def _discard(self, connection: ServerConnection, envelope: Envelope, sent_at: float, now: float) -> None:
        """The app has left it at every attempt, over connections that stand; it is alive, since it answered the
        ping that went with this one."""
        served = self._served.get(connection.id)
        if served is None or connection.last_heard <= sent_at:
            return
        if not served.in_flight.take(envelope.delivery, envelope.attempt):
            return
        for each in self._served.values():
            each.in_flight.take(envelope.delivery)
        self._left.acknowledged(envelope.delivery)
        self._counters.envelopes[self._plugin.name, "discarded"] += 1
        served.client.answer(envelope.delivery, Ack())

    def _owner_of(self, connection: ServerConnection, envelope_id: str) -> tuple[_Served | None, str | None]:
        """Who has that envelope: SDKs acknowledge on their newest connection, whichever brought it."""
        own = self._served.get(connection.id)
        for served in (own, *self._served.values()):
            if served is not None and (delivery := served.in_flight.acknowledge(envelope_id)) is not None:
                return served, delivery
        return None, None

    def _note_left(self, envelope: Envelope, now: float) -> None:
        words = self._left.left(envelope, now)
        if words is not None:
            log.warning("%s", words, extra={"event": "gateway-unacknowledged", "plugin": self._plugin.name})

    def _note(self, event: str, text: str) -> None:
        log.info("%s", text, extra={"event": event, "plugin": self._plugin.name})


def as_response(payload: Any) -> dict[str, Any] | None:
    """The payload of an acknowledgement as a plugin's response; an empty one is none."""
    if isinstance(payload, str):
        return {"text": payload} if payload else None
    return payload if isinstance(payload, dict) and payload else None


def _answer(served: _Served, delivery: str, payload: Any) -> None:
    try:
        served.client.answer(delivery, Ack(as_response(payload)))
    except NotJsonError as error:
        served.client.answer(delivery, Nack(f"the app's acknowledgement has no JSON text: {error}"))


def _given_back(sent: SentDelivery) -> Nack:
    # A second end in a row may be the envelope's fault: then the backoff of the plugin's file holds.
    reason = "the app's connection ended before it acknowledged"
    return Nack(reason, retry_after=0.0 if sent.attempt == 1 else None)


async def _leave(served: _Served) -> None:
    await served.client.leave()
    served.running.cancel()
