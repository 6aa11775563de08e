"""`slackd connector N`: one of the two connector processes, and how any connector starts and stops."""

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from pathlib import Path

from slackd.accelerators import loop_factory
from slackd.cli.process import begin_with_secrets, report_status, run_to_the_end
from slackd.config import Config
from slackd.config.environment import proxy_problems
from slackd.connector.connector import Connector
from slackd.connector.credentials import Tokens, read_tokens
from slackd.connector.transports import make_transports
from slackd.connector.webapi import WebApi
from slackd.link.client import LinkClient
from slackd.systemd.digest import Side, process_digest, read_credentials
from slackd.systemd.idle_memory import give_back_when_idle
from slackd.systemd.lifetime import settle_memory
from slackd.systemd.notify import Notifier, feed_watchdog

log = logging.getLogger(__name__)

RETRY_SIGNAL = signal.SIGUSR1
"""What a reload sends to a connector that it need not restart: whatever waits to connect does so now."""
READY_LIMIT = 20.0
"""Seconds after which an app that is READY nowhere, or in trouble, holds nothing up (rule R9)."""
START_EXTENSION = 60.0
"""Seconds more that systemd is asked for, again and again, while an app is missing here that the other
connector has READY."""
LOOK_AGAIN = 1.0
"""Seconds between two looks at an app that the other connector has READY, and this one hasn't."""
DRAIN_LIMIT = 12.0
"""Seconds that a drain waits for what is in flight: longer than any answer's deadline, well under the unit's
TimeoutStopSec."""
CLOSE_LIMIT = 5.0
"""Seconds that closing may take after that."""


def run_connector(config_file: str | None, number: int) -> None:
    """Keep the connections until told to stop.

    Raises:
        SlackdError: The process cannot start; its words are for the operator.
    """
    config = begin_with_secrets(config_file, "slackd-connector")
    notifier = Notifier()
    run_to_the_end(lambda stop: _serve(config, number, stop, notifier), loop_factory())


def read_secrets(config: Config) -> Tokens:
    """The tokens of every app; where they can't be used it is said why not, and the app waits."""
    tokens = read_tokens(config.apps)
    for problem in proxy_problems(config, os.environ, Path("the environment")):
        log.error("%s", problem, extra={"event": "config-warning"})
    for name, error in tokens.refused.items():
        log.error("%s", error, extra={"event": "credential-unusable", "app": name})
    return tokens


def make_connector(config: Config, number: int, tokens: Tokens) -> Connector:
    """A connector with the fingerprint of what it is made of."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY")
    credentials = read_credentials(Path(folder) if folder else None)
    digest = process_digest(Side.CONNECTOR, config, credentials)
    refused = {name: str(error) for name, error in tokens.refused.items()}
    transports = make_transports(config.apps, tokens.usable, number)
    web = {name: WebApi(config.apps[name], secrets) for name, secrets in tokens.usable.items()}
    return Connector(number, config.apps, transports, web, refused=refused, digest=digest)


async def _serve(config: Config, number: int, stop: asyncio.Event, notifier: Notifier) -> None:
    connector = make_connector(config, number, read_secrets(config))
    status = status_of(connector, config)
    asyncio.get_running_loop().add_signal_handler(RETRY_SIGNAL, connector.retry)
    async with asyncio.TaskGroup() as group:
        life = group.create_task(connector.run())
        attendants = [
            group.create_task(LinkClient(config.link_socket, connector).run()),
            group.create_task(_attend(connector, notifier, status)),
        ]
        await stop.wait()
        notifier.stopping(f"draining: {status()}")
        notifier.extend(DRAIN_LIMIT + CLOSE_LIMIT)
        await connector.drain(DRAIN_LIMIT)
        await life
        for task in attendants:
            task.cancel()


def status_of(connector: Connector, config: Config) -> Callable[[], str]:
    """Make the function that says at any moment, in a line, how the connector is."""
    return connector.status_text if config.apps else lambda: "no app configured"


async def _attend(connector: Connector, notifier: Notifier, status: Callable[[], str]) -> None:
    """Tell systemd how the connector is, until cancelled."""
    async with asyncio.TaskGroup() as group:
        group.create_task(feed_watchdog(notifier, _loop_turns))
        await announce_when_ready(connector, notifier, status)
        settle_memory()
        group.create_task(report_status(notifier, status))
        group.create_task(give_back_when_idle())


async def announce_when_ready(connector: Connector, notifier: Notifier, status: Callable[[], str]) -> None:
    """READY=1 once nothing that the other connector has READY is missing here, and never before.

    What is READY nowhere is waited for up to `READY_LIMIT` seconds, and then reported in the status.
    """
    readiness = await connector.wait_ready(READY_LIMIT)
    while not readiness.ready:
        # systemd must not end the connections of healthy apps for the sake of one that isn't.
        notifier.extend(START_EXTENSION)
        notifier.status(f"not READY: {readiness.reason}")
        # An app in trouble is waited for no longer: without this, the loop would never turn.
        await asyncio.sleep(LOOK_AGAIN)
        readiness = await connector.wait_ready(LOOK_AGAIN)
    notifier.ready(status())
    log.info("connector %d is ready: %s", connector.number, status(), extra={"event": "service-ready"})


async def _loop_turns() -> None:
    """That this is called is the sign of life: a connector's work is its event loop's."""
