"""The gateway as a whole, from its sockets to its end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from pathlib import Path

from aiohttp import web

from slackd.config import Config
from slackd.errors import SlackdError
from slackd.gateway.apps import ServedApp, serve_apps
from slackd.gateway.control import GatewayControl
from slackd.gateway.counters import GatewayCounters
from slackd.gateway.credential_store import CredentialStore
from slackd.gateway.files import READ_AHEAD, READ_SIZE
from slackd.gateway.front import GatewayFront
from slackd.gateway.settings import GatewayContext
from slackd.slack_server.listener import HandshakeListener, UnknownClients
from slackd.slack_server.timer import Alarm
from slackd.slotted import frozen
from slackd.systemd.digest import Side, process_digest
from slackd.systemd.sockets import KEEP_SOCKET_FILE, ListeningSocket, listen, listen_tcp

_PUBLIC_MODE = 0o666
"""Anybody may connect; credentials say who it is."""
_CONTROL_MODE = 0o600
MOST_UNKNOWN = 512
"""Connections that have shown no good credentials yet."""
_STOP_PATIENCE = 0.2
"""Seconds in which a stop lets answers be finished that are under way."""


_aiohttps_log = logging.getLogger("slackd.gateway.aiohttp")
_aiohttps_log.setLevel(logging.CRITICAL)


class GatewayUnusable(SlackdError):
    """The gateway cannot be served as its configuration says."""


@frozen
class GatewaySockets:
    """Where apps and operators connect."""

    apps: tuple[socket.socket, ...]
    control: socket.socket


@contextlib.contextmanager
def gateway_sockets(
    config: Config, passed: Mapping[str, tuple[socket.socket, ...]]
) -> Iterator[GatewaySockets]:
    """The sockets, from systemd or made here; those made here are removed at the end.

    Raises:
        SlackdError: One of them cannot be had.
    """
    made: list[ListeningSocket] = []
    opened: list[socket.socket] = []
    try:
        made.append(listen("gateway-control", config.gateway.control_socket, _CONTROL_MODE, passed))
        control = made[0].socket
        apps = list(passed.get("gateway", ()))
        for address in () if apps else config.gateway.listen:
            if address.startswith("/"):
                made.append(listen("gateway-path", Path(address), _PUBLIC_MODE))
                opened.append(made[-1].socket)
            else:
                opened.append(_listen_tcp(address))
        yield GatewaySockets((*apps, *opened), control)
    finally:
        for each in opened:
            each.close()
        for listener in made:
            listener.close()


def _listen_tcp(address: str) -> socket.socket:
    try:
        return listen_tcp(address)
    except OSError as error:
        raise GatewayUnusable(
            f"The gateway cannot listen on {address}: {error.strerror}; set another in [gateway] listen."
        ) from error


class GatewayDaemon:
    """The gateway of one configuration."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self._digest = process_digest(Side.GATEWAY, config)
        self._context = GatewayContext()
        self._counters = GatewayCounters()
        self.apps: dict[str, ServedApp] = {}

    async def run(self, stop: asyncio.Event, sockets: GatewaySockets, ready: Callable[[], None]) -> None:
        """Serve until `stop` is set, and what is under way has come to its end.

        Raises:
            SlackdError: The credentials or the certificate cannot be used.
        """
        store = CredentialStore(self.config.gateway.directory, time.time)
        tls = _tls(self.config)
        url = self.url(sockets)
        async with asyncio.TaskGroup() as group:
            self.apps = serve_apps(self.config, url, self._context, store, self._counters, group)
            front = GatewayFront(self.apps, store, self._context, self._counters)
            control = GatewayControl(self.apps, store, self._counters, url, self._digest)
            tasks = [task for app in self.apps.values() for task in app.start(group)]
            async with _served(front, control, sockets, tls, self._context) as servers:
                ready()
                await stop.wait()
                for server in servers:
                    server.close()
                await asyncio.gather(*(app.stop() for app in self.apps.values()))
            for task in tasks:
                task.cancel()

    def url(self, sockets: GatewaySockets) -> str:
        """How apps call the gateway."""
        if self.config.gateway.url:
            return self.config.gateway.url
        scheme = "https" if self.config.gateway.certificate else "http"
        for each in sockets.apps:
            if each.family in (socket.AF_INET, socket.AF_INET6):
                host, port = each.getsockname()[:2]
                return f"{scheme}://[{host}]:{port}" if ":" in host else f"{scheme}://{host}:{port}"
        return f"{scheme}://localhost"

    def status(self) -> str:
        """One line for `systemctl status`."""
        ready = sum(app.socket_mode.registry.ready for app in self.apps.values() if app.socket_mode)
        return f"serving {len(self.apps)} app{'s' * (len(self.apps) != 1)}, {ready} READY connections of theirs"


def _tls(config: Config) -> ssl.SSLContext | None:
    if config.gateway.certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(config.gateway.certificate, config.gateway.key)
    except (OSError, ssl.SSLError) as error:
        raise GatewayUnusable(f"[gateway] certificate and key cannot be used: {error}") from error
    return context


@contextlib.asynccontextmanager
async def _served(
    front: GatewayFront,
    control: GatewayControl,
    sockets: GatewaySockets,
    tls: ssl.SSLContext | None,
    context: GatewayContext,
) -> AsyncIterator[list[asyncio.Server]]:
    """Everything that listens, until the block ends."""
    loop = asyncio.get_running_loop()
    alarm = Alarm(context.scheduler, loop)
    inside: set[asyncio.Transport] = set()
    unknown = UnknownClients(MOST_UNKNOWN)
    runners = [
        web.AppRunner(each, access_log=None, read_bufsize=READ_AHEAD, logger=_aiohttps_log)
        for each in (front.application(), control.application())
    ]
    for runner in runners:
        await runner.setup()
    http, operators = (runner.server for runner in runners)
    assert http is not None
    assert operators is not None
    servers: list[asyncio.Server] = []

    def accept() -> asyncio.BaseProtocol:
        return HandshakeListener(front, http, inside, unknown, READ_SIZE)

    for each in sockets.apps:
        if each.family == socket.AF_UNIX:
            servers.append(await loop.create_unix_server(accept, sock=each, **KEEP_SOCKET_FILE))
        else:
            servers.append(await loop.create_server(accept, sock=each, ssl=tls))
    servers.append(await loop.create_unix_server(operators, sock=sockets.control, **KEEP_SOCKET_FILE))
    try:
        yield servers
    finally:
        alarm.stop()
        _close(servers, inside)
        for runner in runners:
            if runner.server is not None:
                await runner.server.shutdown(_STOP_PATIENCE)
            await runner.cleanup()


def _close(servers: Sequence[asyncio.Server], inside: set[asyncio.Transport]) -> None:
    for server in servers:
        server.close()
    for transport in list(inside):
        transport.close()
