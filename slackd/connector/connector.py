"""A connector: all apps' transports on one side, the link to the broker on the other (rules R1 and R9).

It gives what comes in to its `Arrivals`, which deliver it to the broker and have it acknowledged, reports how
its connections stand, and carries out the Web API calls that the broker asks for.
"""

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from slackd.config.values import App
from slackd.connector.arrivals import Arrivals
from slackd.connector.calls import CallsUnderWay
from slackd.connector.closing_notices import ClosingNotices
from slackd.connector.identities import AppIdentities
from slackd.connector.link_reports import LinkReports
from slackd.connector.readiness import AppReadiness, Readiness
from slackd.connector.transport import ConnectionChange, Transport, TransportStatus
from slackd.connector.unacknowledged import Unacknowledged
from slackd.connector.unanswered import HEARD_WITHIN
from slackd.connector.webapi import WebApi
from slackd.envelope import Settlement
from slackd.errors import ConfigError
from slackd.link import SendToBroker
from slackd.link.messages import (
    FILES,
    LINK_VERSION,
    AppTrouble,
    Call,
    Closing,
    ConnectionState,
    FromBroker,
    Hello,
    Peers,
    Promised,
    Refused,
    Settled,
)
from slackd.slotted import frozen

REPORT_INTERVAL: Final = 1.0
"""Seconds between two reports of acknowledgements to the broker."""


@frozen
class ConnectorStatus:
    """How a connector stands."""

    number: int
    linked: bool
    unsettled: int
    calls: int
    paused: bool
    transports: tuple[TransportStatus, ...]


class Connector:
    """The connector side (`ConnectorEnd` to the link, `Upstream` to its transports).

    Attributes:
        deliver: As in `Upstream`.
    """

    def __init__(
        self,
        number: int,
        apps: Mapping[str, App],
        transports: Mapping[str, Transport],
        web: Mapping[str, WebApi],
        *,
        refused: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
        digest: str = "",
        log: logging.Logger | None = None,
        unsettled: Unacknowledged | None = None,
        features: tuple[str, ...] = (FILES,),
    ) -> None:
        """What it serves, by the app's name.

        Args:
            number: 1 or 2, or `RECEIVER`.
            apps: Every app of the configuration.
            transports: What brings envelopes here.
            web: What makes calls at Slack. An app with neither is in trouble from the start.
            refused: By app, why its tokens can't be used, in words that everybody may read.
            clock: Seconds on the machine's monotonic clock.
            digest: Fingerprint of code, configuration and credentials.
            log: Where it logs.
            unsettled: What the broker has not settled yet.
            features: What its `Hello` says that it can do.
        """
        self.number = number
        self._apps = apps
        self._clock = clock
        self._digest, self._features = digest, features
        self._log = log or logging.getLogger(__name__)
        self._unsettled = unsettled if unsettled is not None else Unacknowledged()
        self._transports = transports
        self._web = web
        self._arrivals = Arrivals(self._unsettled, transports, clock, self._notify, self._log)
        self.deliver = self._arrivals.receive
        why = refused or {}
        self._reports = LinkReports(
            apps,
            [
                _tokenless(name, why.get(name, "see the log"))
                for name in apps
                if name not in transports and name not in web
            ],
        )
        self._send: SendToBroker | None = None
        self._readiness = AppReadiness(apps, transports, self._reports.troubles, clock, web)
        self._closing_notices = ClosingNotices(self._unsettled)
        self._calls = CallsUnderWay(number, web, self._notify)
        self._identities = AppIdentities()
        self._changed = asyncio.Event()
        self._draining = asyncio.Event()
        self._cut_short = False
        self._over = asyncio.Event()

    # Its life.

    async def run(self) -> None:
        """Keep every app's connections until drained (`drain`), or cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                self._calls.group = group
                for name in self._apps:
                    group.create_task(self._serve_app(name, group))
                reporter = group.create_task(self._report_regularly())
                group.create_task(self._stop_when_over(reporter))
        finally:
            self._arrivals.stop()
            self._calls.group = None
            self._over.set()

    async def drain(self, limit: float) -> None:
        """Stop as rule R9 wants: go on reading and acknowledging, close when nothing is in flight.

        After `limit` seconds everything is closed, whatever is in flight; then this returns in a few more.
        """
        self._log.info("connector %d drains", self.number, extra={"event": "connector-drains"})
        self._draining.set()
        for transport in self._transports.values():
            transport.drain()
        self._notify()
        try:
            async with asyncio.timeout(limit):
                await self._over.wait()
        except TimeoutError:
            self._log.warning(
                "connector %d has waited %g s for %d unsettled envelopes and %d calls: it closes now",
                self.number,
                limit,
                len(self._unsettled),
                len(self._calls),
                extra={"event": "drain-cut-short"},
            )
            self._cut_short = True
            self._calls.cancel()
            for transport in self._transports.values():
                transport.finish()
            self._notify()
            await self._over.wait()

    async def wait_ready(self, limit: float) -> Readiness:
        """Wait until every app is READY or in trouble, at most `limit` seconds; return how it stands."""
        try:
            async with asyncio.timeout(limit):
                await self._until(lambda: self._readiness.is_settled)
        except TimeoutError:
            pass
        return self._readiness.readiness()

    def retry(self) -> None:
        """Make every attempt at Slack that is waiting now: a person may have repaired what was wrong."""
        self._log.info("whatever waits to connect does so now", extra={"event": "retry-asked"})
        for transport in self._transports.values():
            transport.retry()

    def status(self) -> ConnectorStatus:
        """How it stands."""
        return ConnectorStatus(
            number=self.number,
            linked=self._send is not None,
            unsettled=len(self._unsettled),
            calls=len(self._calls),
            paused=self._arrivals.is_paused,
            transports=tuple(transport.status() for transport in self._transports.values()),
        )

    def status_text(self) -> str:
        """One line for `systemctl status`."""
        parts = self._readiness.of_each_app()
        if self._send is None:
            parts.append("no broker")
        if self._arrivals.is_paused:
            parts.append("reading paused")
        if len(self._unsettled):
            parts.append(f"{len(self._unsettled)} unsettled")
        return ", ".join(parts)

    # What the link reports (`ConnectorEnd`).

    def link_up(self, send: SendToBroker) -> None:
        """Introduce ourselves, report what changed meanwhile, and deliver again all that is unsettled (R1)."""
        self._send = self._reports.send = self._calls.send = self._identities.send = send
        send(
            Hello(
                version=LINK_VERSION,
                connector=self.number,
                pid=os.getpid(),
                digest=self._digest,
                states=tuple(self._states()),
                troubles=tuple(self._reports.troubles.values()),
                apps=self._readiness.wanted(),
                features=self._features,
            )
        )
        self._reports.catch_up()
        self._identities.catch_up()
        for closing in self._closing_notices.all():
            send(closing)
        self._arrivals.link_up(send)
        self._notify()

    def link_down(self) -> None:
        """Keep everything; the link comes back."""
        self._send = self._reports.send = self._calls.send = self._identities.send = None
        self._arrivals.link_down()
        self._notify()

    def from_broker(self, messages: Sequence[FromBroker]) -> None:
        """Acknowledge what is settled, forget what is refused, start calls."""
        for message in messages:
            match message:
                case Settled(settlements=settlements):
                    self._arrivals.settle(settlements)
                case Promised(promises=promises):
                    self._arrivals.promise(promises)
                case Refused():
                    self._arrivals.refuse(message)
                case Call():
                    self._calls.start(message)
                case Peers(apps=apps):
                    self._readiness.peers = apps
                    for name, peers in apps.items():
                        if name in self._transports:
                            self._transports[name].peers_changed(peers)
                    self._notify()

    # What the transports report (`Upstream`).

    def is_unsettled(self, connection: str) -> bool:
        """Something that this connection brought is unsettled."""
        return self._unsettled.brought_by(connection)

    def closing(self, closing: Closing) -> None:
        """Tell the broker; and the next one, while there is something that it concerns."""
        open_connections = {each.connection for each in self._states()}
        self._closing_notices.note(closing, open_connections, self._clock())
        if self._send is not None:
            self._send(closing)

    def connection_changed(self, change: ConnectionChange) -> None:
        """Report to the broker, now or when it is back."""
        self._reports.connection_changed(change)
        self._notify()

    def trouble_changed(self, trouble: AppTrouble) -> None:
        """Log it once, loudly, and report it to the broker."""
        if trouble.reason:
            self._log.error(
                "%s has no connection: %s. Hint: %s",
                trouble.app,
                trouble.reason,
                trouble.hint,
                extra={"event": "app-trouble", "app": trouble.app},
            )
        else:
            self._log.info(
                "%s is out of trouble", trouble.app, extra={"event": "app-recovered", "app": trouble.app}
            )
        self._reports.trouble_changed(trouble)
        self._notify()

    def acknowledged(self, app: str, received_at: Sequence[float]) -> None:
        """Count the acknowledgements for the metrics."""
        now = self._clock()
        self._reports.acknowledged(app, [now - at for at in received_at])

    def unsendable(self, app: str, settlement: Settlement | None = None) -> None:
        """Count what can't be acknowledged, mostly as it comes too late; an answer may have another way."""
        self._reports.unsendable(app)
        if settlement is not None:
            self._arrivals.report_unsent(settlement)

    # Inside.

    async def _serve_app(self, name: str, group: asyncio.TaskGroup) -> None:
        transport, web = self._transports.get(name), self._web.get(name)
        try:
            async with contextlib.AsyncExitStack() as stack:
                if web is not None:
                    await stack.enter_async_context(web)
                    stack.callback(group.create_task(self._identities.ask(name, web)).cancel)
                if transport is not None:
                    await transport.run(self)
                    self._notify()
                await self._over.wait()
        except ConfigError as error:
            self.trouble_changed(AppTrouble(name, str(error), "repair it and reload slackd"))

    async def _stop_when_over(self, reporter: "asyncio.Task[None]") -> None:
        await self._draining.wait()
        await self._until(lambda: not any(self._states()))
        await self._let_answers_follow()
        await self._hear_of_answers()
        await self._until(lambda: not self._calls)
        self._reports.report_acknowledgements()
        reporter.cancel()
        self._over.set()

    async def _let_answers_follow(self) -> None:
        """What was acknowledged without its answer gets it through a `response_url`, by a connector: where no
        other one is READY, by this one, for as long as an answer may take that still comes in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._closing_notices.answers_until - self._clock()):
                await self._until(lambda: self._cut_short or self._readiness.is_ready_elsewhere)

    async def _hear_of_answers(self) -> None:
        """What no acknowledgement here can carry any more may have an answer in the journal that must follow,
        or get one, and a broker that stops just now may not know: it settles each when its journal does."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(HEARD_WITHIN):
                await self._until(lambda: self._cut_short or self._arrivals.is_heard)

    def _states(self) -> Iterator[ConnectionState]:
        return (state for each in self._transports.values() for state in each.status().connections)

    async def _until(self, true: Callable[[], bool]) -> None:
        while not true():
            self._changed.clear()
            await self._changed.wait()

    async def _report_regularly(self) -> None:
        while True:
            await asyncio.sleep(REPORT_INTERVAL)
            self._reports.report_acknowledgements()

    def _notify(self) -> None:
        self._changed.set()


def _tokenless(name: str, why: str) -> AppTrouble:
    return AppTrouble(name, "its tokens can't be used", f"repair apps.{name} and reload slackd: {why}")
