"""The gateway as a whole, from its sockets to its end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
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
from slackd.listener import Listener, descriptor_limit
from slackd.slack_server.listener import HandshakeListener, UnknownClients
from slackd.slack_server.timer import Alarm
from slackd.slotted import frozen
from slackd.systemd.digest import Side, process_digest
from slackd.systemd.sockets import ListeningSocket, listen, listen_tcp

_PUBLIC_MODE = 0o666
"""Anybody may connect; credentials say who it is."""
_CONTROL_MODE = 0o600
MOST_UNKNOWN = 512
"""Connections that have shown no good credentials yet, where there are descriptors for as many."""
UNKNOWN_BYTES = 32 << 20
"""Bytes that they may have sent without an answer: bodies are read before credentials are looked at."""
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
            async with _served(front, control, sockets, tls, self._context, group) as stop_accepting:
                ready()
                await stop.wait()
                stop_accepting()
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
    group: asyncio.TaskGroup,
) -> AsyncIterator[Callable[[], None]]:
    """Everything that listens, until the block ends; what is yielded ends that before."""
    loop = asyncio.get_running_loop()
    alarm = Alarm(context.scheduler, loop)
    inside: set[asyncio.Transport] = set()
    unknown = UnknownClients(min(MOST_UNKNOWN, descriptor_limit() // 2), UNKNOWN_BYTES)
    runners = [
        web.AppRunner(each, access_log=None, read_bufsize=READ_AHEAD, logger=_aiohttps_log)
        for each in (front.application(), control.application())
    ]
    for runner in runners:
        await runner.setup()
    http, operators = (runner.server for runner in runners)
    assert http is not None
    assert operators is not None

    def accept(_accepted: socket.socket) -> asyncio.BaseProtocol:
        return HandshakeListener(front, http, inside, unknown, READ_SIZE)

    def accept_operator(_accepted: socket.socket) -> asyncio.BaseProtocol:
        return operators()

    begin = group.create_task
    listeners = [Listener("operators", sockets.control, accept_operator, begin, unknown.end_all)]
    for each in sockets.apps:
        over_tls = None if each.family == socket.AF_UNIX else tls
        listeners.append(Listener("the gateway", each, accept, begin, unknown.end_all, over_tls))
    for listener in listeners:
        listener.listen()

    def stop_accepting() -> None:
        for listener, listening in zip(listeners, (sockets.control, *sockets.apps), strict=True):
            listener.close()
            listening.close()

    try:
        yield stop_accepting
    finally:
        alarm.stop()
        stop_accepting()
        for transport in list(inside):
            transport.close()
        for runner in runners:
            if runner.server is not None:
                await runner.server.shutdown(_STOP_PATIENCE)
            await runner.cleanup()
