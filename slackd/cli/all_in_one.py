"""`slackd run`: the broker and both connectors in one process, for laptops and containers."""

import asyncio
import logging
from collections.abc import Callable

from slackd.broker.daemon import BrokerDaemon, Sockets
from slackd.cli.broker_process import attend, broker_status, open_sockets
from slackd.cli.connector_process import (
    CLOSE_LIMIT,
    DRAIN_LIMIT,
    announce_when_ready,
    make_connector,
    read_secrets,
    status_of,
)
from slackd.cli.process import begin, run_to_the_end
from slackd.config import Config
from slackd.connector.connector import Connector
from slackd.link import BrokerEnd
from slackd.link.memory import MemoryLink, join
from slackd.systemd.lifetime import settle_memory
from slackd.systemd.notify import Notifier
from slackd.systemd.sockets import inherited

log = logging.getLogger(__name__)


def run_together(config_file: str | None) -> None:
    """Serve until told to stop.

    Raises:
        SlackdError: The process cannot start; its words are for the operator.
    """
    config = begin(config_file, "slackd")
    notifier = Notifier()
    tokens = read_secrets(config)
    connectors = [make_connector(config, number, tokens) for number in (1, 2)]
    daemon = BrokerDaemon(config, foreground=True)
    with open_sockets(config, inherited(), with_link=False) as sockets:
        run_to_the_end(lambda stop: serve_together(daemon, connectors, sockets, stop, notifier))


async def serve_together(
    daemon: BrokerDaemon,
    connectors: list[Connector],
    sockets: Sockets,
    stop: asyncio.Event,
    notifier: Notifier,
    on_ready: Callable[[], None] = lambda: None,
) -> None:
    """Serve the broker and its connectors until `stop` is set, then drain; `on_ready` is called in between."""
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
        await _connect(connectors, daemon.config, end, stop, notifier)
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


async def _drain(connector: Connector, link: MemoryLink) -> None:
    """The link ends with its connector, so that the broker asks nothing of one that is no more."""
    await connector.drain(DRAIN_LIMIT)
    link.close()


async def _announce(connectors: list[Connector], config: Config, notifier: Notifier) -> None:
    for connector in connectors:
        await announce_when_ready(connector, notifier, status_of(connector, config))
