"""`slackd gateway`: Slack's own interfaces on the inside, without a token and without a way there."""

import asyncio
import logging

from slackd.accelerators import loop_factory
from slackd.cli.process import begin_with_secrets, report_status, run_to_the_end
from slackd.gateway.daemon import GatewayDaemon, GatewaySockets, gateway_sockets
from slackd.systemd.lifetime import settle_memory
from slackd.systemd.notify import Notifier, feed_watchdog
from slackd.systemd.sockets import inherited

log = logging.getLogger(__name__)


def run_gateway(config_file: str | None) -> None:
    """Serve until told to stop.

    Raises:
        SlackdError: The process cannot start; its words are for the operator.
    """
    config = begin_with_secrets(config_file, "slackd-gateway")
    notifier = Notifier()
    with gateway_sockets(config, inherited()) as sockets:
        run_to_the_end(lambda stop: _serve(GatewayDaemon(config), sockets, stop, notifier), loop_factory())


async def _serve(
    daemon: GatewayDaemon, sockets: GatewaySockets, stop: asyncio.Event, notifier: Notifier
) -> None:
    async with asyncio.TaskGroup() as group:
        attendants: list[asyncio.Task[None]] = []

        def ready() -> None:
            notifier.ready(daemon.status())
            settle_memory()
            url = daemon.url(sockets)
            log.info("the gateway is ready: %s/api/", url, extra={"event": "service-ready"})
            attendants.append(group.create_task(report_status(notifier, daemon.status)))
            attendants.append(group.create_task(feed_watchdog(notifier, _turn)))

        async def say_stopping() -> None:
            await stop.wait()
            notifier.stopping("stopping: apps are told to connect again")

        attendants.append(group.create_task(say_stopping()))
        await daemon.run(stop, sockets, ready)
        for task in attendants:
            task.cancel()


async def _turn() -> None:
    """The event loop turns."""
    await asyncio.sleep(0)
