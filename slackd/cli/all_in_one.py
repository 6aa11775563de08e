"""`slackd run`: the broker and both connectors in one process, for laptops and containers."""

import asyncio
import contextlib
import logging
import os
import socket
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

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
from slackd.cli.hang_up import Reload
from slackd.cli.process import begin, run_to_the_end, say_left_out
from slackd.config import Config
from slackd.config.values import is_posted
from slackd.connector.connector import Connector
from slackd.link import BrokerEnd
from slackd.link.memory import MemoryLink, join
from slackd.systemd.lifetime import forbid_core_dumps, settle_memory
from slackd.systemd.notify import Notifier
from slackd.systemd.sockets import inherited

if TYPE_CHECKING:
    from slackd.cli.inner_gateway import InnerGateway
    from slackd.cli.inner_receiver import InnerReceiver

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
    with open_sockets(config, passed, with_link=False) as sockets, _inner_gateway(config, passed) as gateway:
        receiver = inner_receiver(config, passed)

        async def serve(stop: asyncio.Event) -> None:
            asyncio.get_running_loop().add_signal_handler(RETRY_SIGNAL, _retry, connectors)
            await serve_together(
                daemon, connectors, sockets, stop, notifier, settle_memory, gateway=gateway, receiver=receiver
            )

        restart = run_to_the_end(serve, on_hang_up=Reload(config.file).hung_up)
    if restart:
        # Code, configuration and tokens as they are on disk now, as the services' restarts bring them in.
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])


def _inner_gateway(
    config: Config, passed: Mapping[str, tuple[socket.socket, ...]]
) -> "contextlib.AbstractContextManager[InnerGateway | None]":
    """The gateway where a plugin's file asks for it: what nobody asks for is not imported."""
    if not any(plugin.gateway is not None for plugin in config.plugin_files.values()):
        return contextlib.nullcontext()
    from slackd.cli.inner_gateway import inner_gateway

    return inner_gateway(config, passed)


def inner_receiver(config: Config, passed: Mapping[str, tuple[socket.socket, ...]]) -> "InnerReceiver | None":
    """The receiver where an app is posted to."""
    if not any(map(is_posted, config.apps.values())):
        return None
    from slackd.cli.inner_receiver import InnerReceiver

    return InnerReceiver(config, passed)


async def serve_together(
    daemon: BrokerDaemon,
    connectors: list[Connector],
    sockets: Sockets,
    stop: asyncio.Event,
    notifier: Notifier,
    on_ready: Callable[[], None] = lambda: None,
    gateway: "InnerGateway | None" = None,
    receiver: "InnerReceiver | None" = None,
) -> None:
    """Serve the broker and its connectors until `stop` is set, then drain; `on_ready` is called in between."""
    broker_stop = asyncio.Event()
    served: asyncio.Future[BrokerEnd] = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as group:
        group.create_task(daemon.run(broker_stop, sockets, served.set_result))
        end = await served
        log.info("the broker is ready: %s", broker_status(daemon), extra={"event": "service-ready"})
        log.info("plugins connect to %s", daemon.config.plugins.socket)
        on_ready()
        attendant = group.create_task(attend(daemon, notifier))
        inner = group.create_task(gateway.run()) if gateway is not None else None
        posted = group.create_task(receiver.run(end)) if receiver is not None else None
        await _connect(connectors, daemon.config, end, stop, notifier)
        if gateway is not None and inner is not None:
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
