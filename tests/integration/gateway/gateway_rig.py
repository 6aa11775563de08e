"""Apps behind the gateway: real processes of slackd's, an emulated Slack, and what an app has to know."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Mapping

import trustme

from slackd.control_client import ControlClient, Unreachable
from slackd.emulator import EmulatorClient
from tests.integration.system.house import House, living
from tests.integration.system.programs import PATIENCE
from tests.support.foreign_apps import AppCredentials

SOCKET_MODE = """
[[subscribe]]
type = "*"
respond = true
[slack]
methods = ["*"]
[gateway]
socket_mode = true
"""
"""A plugin's file: an app that connects, hears everything and may do everything."""


class GatewayHouse:
    """A running slackd with a gateway."""

    def __init__(self, house: House, port: int) -> None:
        self.house, self.port = house, port
        self.control = ControlClient(house.path / "gateway-control.sock")

    async def credentials(self, plugin: str, *, rotate: bool = False) -> AppCredentials:
        asked = {"plugin": plugin, "rotate": rotate}
        found = await asyncio.to_thread(self.control.post, "/v1/credentials", asked)
        return AppCredentials(*found.values())

    async def app(self, plugin: str) -> dict[str, object]:
        """What the gateway says of that app."""
        status = await asyncio.to_thread(self.control.get, "/v1/status")
        return next(each for each in status["apps"] if each["plugin"] == plugin)

    async def until_connected(self, plugin: str = "bot", count: int = 1) -> None:
        """So many Socket Mode connections of that app are READY."""
        async with asyncio.timeout(PATIENCE):
            while (await self.app(plugin))["connections"] != count:
                await asyncio.sleep(0.05)

    async def until_up(self) -> None:
        """The gateway answers, and the broker has taken every app's connection for calls."""
        async with asyncio.timeout(PATIENCE):
            while True:
                with contextlib.suppress(Unreachable):
                    status = await asyncio.to_thread(self.control.get, "/v1/status")
                    if all(each["broker"] == "connected" for each in status["apps"]):
                        return
                await asyncio.sleep(0.05)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@contextlib.asynccontextmanager
async def behind(
    slack: EmulatorClient,
    plugins: Mapping[str, str] | None = None,
    *,
    together: bool = True,
    tls: trustme.LeafCert | None = None,
    rules: str = "",
) -> AsyncIterator[GatewayHouse]:
    """slackd with these apps, READY.

    Args:
        plugins: the plugins' files; one app called `bot`, with Socket Mode, by default.
        together: `slackd run` in place of four processes.
        tls: what the gateway shows at its port.
        rules: further lines of `[plugins]`.
    """
    port = free_port()
    with contextlib.ExitStack() as stack:
        certificate = ""
        if tls is not None:
            chain = stack.enter_context(tls.private_key_and_cert_chain_pem.tempfile())
            certificate = f'certificate = "{chain}"\nkey = "{chain}"'
        async with _running(slack, plugins, port, certificate, together, rules) as house:
            yield house


@contextlib.asynccontextmanager
async def _running(
    slack: EmulatorClient,
    plugins: Mapping[str, str] | None,
    port: int,
    certificate: str,
    together: bool,
    rules: str,
) -> AsyncIterator[GatewayHouse]:
    more = f"""
            [gateway]
            listen = ["127.0.0.1:{port}", "{{path}}/gateway.sock"]
            control_socket = "gateway-control.sock"
            directory = "gateway"
            {certificate}
            """
    files = {"bot": SOCKET_MODE} if plugins is None else plugins
    async with living(
        slack, files, recorders={}, together=together, more=more, rules=rules, gateway=not together
    ) as house:
        made = GatewayHouse(house, port)
        await made.until_up()
        yield made
