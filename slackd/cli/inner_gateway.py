"""The gateway as a part of `slackd run`. Imported where a plugin's file asks for it."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator, Mapping

from slackd.config import Config
from slackd.gateway.daemon import GatewayDaemon, GatewaySockets, gateway_sockets

log = logging.getLogger(__name__)


@contextlib.contextmanager
def inner_gateway(config: Config, passed: Mapping[str, tuple[socket.socket, ...]]) -> "Iterator[InnerGateway]":
    """The gateway, with its sockets until the block ends.

    Raises:
        SlackdError: A socket cannot be had.
    """
    with gateway_sockets(config, passed) as sockets:
        yield InnerGateway(config, sockets)


class InnerGateway:
    """The gateway as a part of the one process."""

    def __init__(self, config: Config, sockets: GatewaySockets) -> None:
        self._daemon, self._sockets = GatewayDaemon(config), sockets
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Serve apps until `stop`."""
        await self._daemon.run(self._stop, self._sockets, self._announce)

    def stop(self) -> None:
        """Serve no more, and let `run` come to its end."""
        self._stop.set()

    def _announce(self) -> None:
        log.info("apps that speak Slack find it at %s/api/", self._daemon.url(self._sockets))
