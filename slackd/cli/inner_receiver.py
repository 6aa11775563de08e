"""The receiver as a part of `slackd run`. Imported where an app is posted to."""

import asyncio
import logging
import socket
from collections.abc import Mapping

from slackd.cli.receiver_process import make_receiver, receiver_sockets
from slackd.config import Config
from slackd.connector.request_url.tls import receiver_tls
from slackd.link import BrokerEnd
from slackd.link.memory import join

log = logging.getLogger(__name__)


class InnerReceiver:
    """The receiver as a part of the one process."""

    def __init__(self, config: Config, passed: Mapping[str, tuple[socket.socket, ...]]) -> None:
        self._config, self._passed = config, passed
        self._stop = asyncio.Event()

    async def run(self, end: BrokerEnd) -> None:
        """Take requests until `stop`, and answer what came in.

        Raises:
            SlackdError: Sockets, or certificate and key, can't be used.
        """
        tls, receiver = receiver_tls(self._config.receiver), make_receiver(self._config)
        with receiver_sockets(self._config, self._passed) as sockets:
            async with asyncio.TaskGroup() as group:
                group.create_task(receiver.connector.run())
                link = join(receiver.connector, end)
                receiver.server.listen(sockets, group.create_task, tls)
                log.info("Slack's requests are taken", extra={"event": "service-ready"})
                await self._stop.wait()
                await receiver.drain()
                link.close()

    def stop(self) -> None:
        """Take no more requests, and let `run` come to its end."""
        self._stop.set()
