"""`slackd run`: the broker and both connectors in one process, for laptops and containers."""

import asyncio
import contextlib
import logging
import os
import socket
import sys
from collections.abc import Callable, Iterator, Mapping

from slackd.broker.daemon import BrokerDaemon, Sockets
from slackd.cli.broker_process import attend, broker_status, open_sockets
from slackd.cli.connector_process import (
    CLOSE_LIMIT,
    DRAIN_LIMIT,
    RETRY_SIGNAL,
    announce_when_ready,
    make_connector,
    read_secrets,
    status_of,
)
from slackd.cli.gateway_process import serves_apps
from slackd.cli.hang_up import Reload
from slackd.cli.process import begin, run_to_the_end, say_left_out
from slackd.cli.receiver_process import make_receiver, receiver_sockets, receiver_tls
from slackd.config import Config
from slackd.config.values import is_posted
from slackd.connector.connector import Connector
from slackd.gateway.daemon import GatewayDaemon, GatewaySockets, gateway_sockets
from slackd.link import BrokerEnd
from slackd.link.memory import MemoryLink, join
from slackd.systemd.lifetime import forbid_core_dumps, settle_memory
from slackd.systemd.notify import Notifier
from slackd.systemd.sockets import inherited

log = logging.getLogger(__name__)


def run_together(config_file: str | None) -> None:
    """Serve until told to stop; at a reload (SIGHUP) begin anew, with the same pid.

    Raises:
        SlackdError: The process cannot start; its words are for the operator.
    """
    config = begin(config_file, "slackd")
    say_left_out(config)
    notifier = Notifier()
    forbid_core_dumps()
    tokens = read_secrets(config)
    connectors = [make_connector(config, number, tokens) for number in (1, 2)]
    daemon = BrokerDaemon(config, foreground=True)
    passed = inherited()
    with open_sockets(config, passed, with_link=False) as sockets, _gateway_sockets(config, passed) as inner:
        gateway, receiver = InnerGateway(config, inner), InnerReceiver(config, passed)

        async def serve(stop: asyncio.Event) -> None:
            asyncio.get_running_loop().add_signal_handler(RETRY_SIGNAL, _retry, connectors)
            await serve_together(
                daemon, connectors, sockets, stop, notifier, gateway=gateway, receiver=receiver
            )

        restart = run_to_the_end(serve, on_hang_up=Reload(config.file).hung_up)
    if restart:
        # Code, configuration and tokens as they are on disk now, as the services' restarts bring them in.
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


@contextlib.contextmanager
def _gateway_sockets(
    config: Config, passed: Mapping[str, tuple[socket.socket, ...]]
) -> Iterator[GatewaySockets | None]:
    """The gateway's sockets, where a plugin's file asks for it."""
    if not serves_apps(config):
        yield None
        return
    with gateway_sockets(config, passed) as sockets:
        yield sockets


class InnerGateway:
    """The gateway as a part of the one process, if there is one."""

    def __init__(self, config: Config, sockets: GatewaySockets | None) -> None:
        self._daemon, self._sockets = GatewayDaemon(config), sockets
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Serve apps until `stop`; returns at once where there are none."""
        if self._sockets is not None:
            await self._daemon.run(self._stop, self._sockets, self._announce)

    def stop(self) -> None:
        """Serve no more, and let `run` come to its end."""
        self._stop.set()

    def _announce(self) -> None:
        assert self._sockets is not None
        log.info("apps that speak Slack find it at %s/api/", self._daemon.url(self._sockets))


class InnerReceiver:
    """The receiver as a part of the one process, if any app is posted to."""

    def __init__(self, config: Config, passed: Mapping[str, tuple[socket.socket, ...]]) -> None:
        self._config, self._passed = config, passed
        self._stop = asyncio.Event()

    async def run(self, end: BrokerEnd) -> None:
        """Take requests until `stop`, and answer what came in; returns at once where no app is posted to.

        Raises:
            SlackdError: Sockets, or certificate and key, can't be used.
        """
        if not any(map(is_posted, self._config.apps.values())):
            return
        tls, receiver = receiver_tls(self._config), make_receiver(self._config)
        with receiver_sockets(self._config, self._passed) as sockets:
            async with asyncio.TaskGroup() as group:
                group.create_task(receiver.connector.run())
                link = join(receiver.connector, end)
                await receiver.server.listen(sockets, tls)
                log.info("Slack's requests are taken", extra={"event": "service-ready"})
                await self._stop.wait()
                await receiver.drain()
                link.close()

    def stop(self) -> None:
        """Take no more requests, and let `run` come to its end."""
        self._stop.set()


async def serve_together(
    daemon: BrokerDaemon,
    connectors: list[Connector],
    sockets: Sockets,
    stop: asyncio.Event,
    notifier: Notifier,
    on_ready: Callable[[], None] = lambda: None,
    gateway: InnerGateway | None = None,
    receiver: "InnerReceiver | None" = None,
) -> None:
    """Serve the broker and its connectors until `stop` is set, then drain; `on_ready` is called in between."""
    gateway = gateway or InnerGateway(daemon.config, None)
    broker_stop = asyncio.Event()
    served: asyncio.Future[BrokerEnd] = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as group:
        group.create_task(daemon.run(broker_stop, sockets, served.set_result))
        end = await served
        settle_memory()
        log.info("the broker is ready: %s", broker_status(daemon), extra={"event": "service-ready"})
        log.info("plugins connect to %s", daemon.config.plugins.socket)
        on_ready()
        attendant = group.create_task(attend(daemon, notifier))
        inner = group.create_task(gateway.run())
        posted = group.create_task(receiver.run(end)) if receiver is not None else None
        await _connect(connectors, daemon.config, end, stop, notifier)
        gateway.stop()
        await inner
        if receiver is not None and posted is not None:
            receiver.stop()
            await posted
        attendant.cancel()
        broker_stop.set()


async def _connect(
    connectors: list[Connector], config: Config, end: BrokerEnd, stop: asyncio.Event, notifier: Notifier
) -> None:
    """Both connectors, from their start to the end of their drain."""
    async with asyncio.TaskGroup() as group:
        links = []
        for connector in connectors:
            group.create_task(connector.run())
            links.append(join(connector, end))
        announcement = group.create_task(_announce(connectors, config, notifier))
        await stop.wait()
        notifier.stopping("draining")
        notifier.extend(DRAIN_LIMIT + 2 * CLOSE_LIMIT)
        log.info("draining", extra={"event": "service-stopping"})
        announcement.cancel()
        async with asyncio.TaskGroup() as drains:
            for connector, link in zip(connectors, links, strict=True):
                drains.create_task(_drain(connector, link))


def _retry(connectors: list[Connector]) -> None:
    for connector in connectors:
        connector.retry()


async def _drain(connector: Connector, link: MemoryLink) -> None:
    """The link ends with its connector, so that the broker asks nothing of one that is no more."""
    await connector.drain(DRAIN_LIMIT)
    link.close()


async def _announce(connectors: list[Connector], config: Config, notifier: Notifier) -> None:
    for connector in connectors:
        await announce_when_ready(connector, notifier, status_of(connector, config))
