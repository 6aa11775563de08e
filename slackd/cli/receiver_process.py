"""`slackd receiver`: what Slack posts to request URLs. The signing secrets, and no token."""

import asyncio
import contextlib
import logging
import os
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, cast

from slackd.cli.process import begin_with_secrets, report_status, run_to_the_end
from slackd.config import Config
from slackd.config.values import is_posted
from slackd.connector.connector import Connector
from slackd.connector.credentials import AppSecrets, read_signing_secrets
from slackd.connector.request_url.gate import Route
from slackd.connector.request_url.server import RequestUrlServer
from slackd.connector.request_url.tls import receiver_tls
from slackd.connector.request_url.transport import RequestUrlTransport
from slackd.connector.transports import make_transports
from slackd.errors import ConfigError
from slackd.link.client import LinkClient
from slackd.link.messages import KEPT_SOCKET, RECEIVER
from slackd.listener import ACCEPT_SHARE
from slackd.slotted import frozen
from slackd.systemd.digest import Side, process_digest, read_credentials
from slackd.systemd.lifetime import settle_memory
from slackd.systemd.notify import Notifier, feed_watchdog
from slackd.systemd.sockets import inherited, listen, listen_tcp

log = logging.getLogger(__name__)

READY_LIMIT: Final = 1.0
"""Seconds in which every app listens, or is in trouble."""
DRAIN_LIMIT: Final = 5.0
"""Seconds that a drain waits for what is in flight: longer than Slack waits for an answer."""
OWN_SHARE: Final = 0.5
"""Seconds of each second for accepting where the receiver has its own process: a queue of 1,024 connections
of nobody's is through in less than a second, and Slack, at its end, waits for three."""
_MODE: Final = 0o660
"""Of a Unix socket that is made here: who is in its group may post."""


@frozen
class Receiver:
    """The receiver's two halves.

    Attributes:
        connector: What the broker knows: envelopes, acknowledgements, the drain.
        server: What Slack knows.
    """

    connector: Connector
    server: RequestUrlServer

    async def drain(self) -> None:
        """Accept no more, answer what came in, close."""
        self.server.stop_accepting()
        await self.server.take_last_requests()
        await self.connector.drain(DRAIN_LIMIT)
        await self.server.take_last_requests()
        self.server.close()


def run_receiver(config_file: str | None) -> None:
    """Take requests until told to stop.

    Raises:
        SlackdError: The process cannot start; its words are for the operator.
    """
    config = begin_with_secrets(config_file, "slackd-receiver")
    notifier = Notifier()
    tls = receiver_tls(config.receiver)
    passed = inherited()
    receiver = make_receiver(config, is_kept=bool(passed.get("receiver")), accept_share=OWN_SHARE)
    with receiver_sockets(config, passed) as sockets:
        run_to_the_end(lambda stop: _serve(config, receiver, sockets, tls, stop, notifier))


def make_receiver(
    config: Config,
    environ: Mapping[str, str] = os.environ,
    *,
    is_kept: bool = False,
    accept_share: float = ACCEPT_SHARE,
) -> Receiver:
    """A receiver for every app that is posted to.

    Args:
        config: What stands in the files.
        environ: Where its secrets are.
        is_kept: The listening socket is systemd's, and stays when this process goes.
        accept_share: Seconds of each second for accepting connections.
    """
    apps = {name: app for name, app in config.apps.items() if is_posted(app)}
    signing = read_signing_secrets(apps, environ)
    for name, error in signing.refused.items():
        log.error("%s", error, extra={"event": "credential-unusable", "app": name})
    transports = make_transports(
        apps, {name: AppSecrets(None) for name in signing.usable}, RECEIVER, listens=True
    )
    folder = environ.get("CREDENTIALS_DIRECTORY")
    digest = process_digest(Side.RECEIVER, config, read_credentials(Path(folder) if folder else None))
    refused = {name: str(error) for name, error in signing.refused.items()}
    features = (KEPT_SOCKET,) if is_kept else ()
    connector = Connector(RECEIVER, apps, transports, {}, refused=refused, digest=digest, features=features)
    routes = {
        app.request_path: Route(name, tuple(secret.reveal() for secret in signing.usable.get(name, ())))
        for name, app in apps.items()
    }
    posted = {name: cast(RequestUrlTransport, transport) for name, transport in transports.items()}
    server = RequestUrlServer(
        routes, posted, trusted_proxies=config.receiver.trusted_proxies, accept_share=accept_share
    )
    return Receiver(connector, server)


@contextlib.contextmanager
def receiver_sockets(
    config: Config, passed: Mapping[str, tuple[socket.socket, ...]]
) -> Iterator[tuple[socket.socket, ...]]:
    """The sockets, from systemd or made here; those made here are removed at the end.

    Raises:
        SlackdError: One of them cannot be had.
    """
    if passed.get("receiver"):
        yield passed["receiver"]
        return
    with contextlib.ExitStack() as stack:
        sockets = []
        for address in config.receiver.listen:
            if address.startswith("/"):
                made = listen("receiver", Path(address), _MODE)
                stack.callback(made.close)
                sockets.append(made.socket)
            else:
                sockets.append(stack.enter_context(_listen_tcp(address)))
        yield tuple(sockets)


def _listen_tcp(address: str) -> socket.socket:
    try:
        return listen_tcp(address)
    except OSError as error:
        raise ConfigError(
            f"the receiver can't listen on {address} ({error.strerror}): set another in [receiver] listen"
        ) from error


async def _serve(
    config: Config,
    receiver: Receiver,
    sockets: tuple[socket.socket, ...],
    tls: ssl.SSLContext | None,
    stop: asyncio.Event,
    notifier: Notifier,
) -> None:
    status = _status_of(receiver, config)
    async with asyncio.TaskGroup() as group:
        life = group.create_task(receiver.connector.run())
        attendants = [
            group.create_task(LinkClient(config.link_socket, receiver.connector).run()),
            group.create_task(feed_watchdog(notifier, _loop_turns)),
            group.create_task(report_status(notifier, status)),
        ]
        receiver.server.listen(sockets, group.create_task, tls)
        await receiver.connector.wait_ready(READY_LIMIT)
        notifier.ready(status())
        settle_memory()
        log.info("the receiver is ready: %s", status(), extra={"event": "service-ready"})
        await stop.wait()
        notifier.stopping(f"draining: {status()}")
        await receiver.drain()
        await life
        for task in attendants:
            task.cancel()


def _status_of(receiver: Receiver, config: Config) -> Callable[[], str]:
    paths = ", ".join(app.request_path for app in config.apps.values() if is_posted(app))
    if not paths:
        return lambda: 'no app with transport = "http" or "both" is configured'
    return lambda: f"{receiver.connector.status_text()}; posted to at {paths}"


async def _loop_turns() -> None:
    """That this is called is the sign of life: a receiver's work is its event loop's."""
