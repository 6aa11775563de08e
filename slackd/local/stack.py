"""An emulated Slack and a whole slackd on one event loop, started in milliseconds and started again at will.

The journal stays in the stack's folder while the daemon is started again, so that what was under way goes on,
as after a reload.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final, Literal

from slackd.broker.daemon import BrokerDaemon
from slackd.cli.all_in_one import inner_receiver, serve_together
from slackd.cli.broker_process import open_sockets
from slackd.cli.connector_process import make_connector, read_secrets
from slackd.config import Config
from slackd.emulator import EmulatedApp, Emulator, EmulatorClient, EmulatorSettings
from slackd.local.configuration import LocalConfiguration
from slackd.local.program import LocalStackError
from slackd.systemd.notify import Notifier

READY_LIMIT: Final = 20.0
"""Seconds in which the emulated Slack must have two connections of every app."""
Transport = Literal["socketmode", "http"]
_LOOK_EVERY: Final = 0.005


def free_port() -> int:
    """Return a port on loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


class LocalStack:
    """One emulated Slack, and the slackd that is connected to it.

    Attributes:
        folder: Holds configuration, journal and sockets; short, since a socket's path has at most 107 bytes.
        emulator: The emulated Slack.
        plugins_socket: Where plugins connect.
        control_socket: What slackctl asks.
    """

    def __init__(self, folder: Path, emulator: EmulatorClient, transport: Transport = "socketmode") -> None:
        self.folder, self.emulator = folder, emulator
        self._port = free_port() if transport == "http" else 0
        self._configuration = LocalConfiguration(folder, emulator.apps, emulator.api_url, self._port)
        self._app = emulator.apps[0].name
        self.plugins_socket = self._configuration.plugins_socket
        self.control_socket = self._configuration.control_socket
        self._daemon: BrokerDaemon | None = None
        self._stop = asyncio.Event()
        self._life: asyncio.Task[None] | None = None

    @property
    def request_url(self) -> str:
        """Where slackd's receiver takes what Slack posts, with `transport = "http"`; "" otherwise."""
        return f"http://127.0.0.1:{self._port}/slack/{self._app}" if self._port else ""

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs to find this stack: the plugin socket, and Slack itself for other apps."""
        app = self.emulator.apps[0]
        return {
            "SLACKD_PLUGINS_SOCKET": str(self.plugins_socket),
            "SLACKD_CONTROL_SOCKET": str(self.control_socket),
            "SLACK_API_URL": self.emulator.api_url,
            "SLACK_APP_TOKEN": app.app_token,
            "SLACK_BOT_TOKEN": app.bot_token,
        }

    async def start(self, declarations: Mapping[str, str]) -> None:
        """Start slackd with these plugins, and wait until it is connected.

        Args:
            declarations: The text of `plugins.d/NAME.toml`, by name.

        Raises:
            ConfigError: One of the texts cannot be used; it names every mistake.
            LocalStackError: It was not connected within `READY_LIMIT` seconds.
        """
        await self._start(self._configuration.write(declarations))

    async def _start(self, config: Config) -> None:
        self._app = next(iter(config.apps))
        self._stop = asyncio.Event()
        served: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._life = asyncio.create_task(self._serve(config, served))
        self._life.add_done_callback(lambda _: served.cancel())
        try:
            async with asyncio.timeout(READY_LIMIT):
                await served
                await self.emulator.wait_until(
                    self._is_connected, timeout=READY_LIMIT, what="slackd's connections"
                )
        except (TimeoutError, asyncio.CancelledError):
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            if self._life.done() and not self._life.cancelled() and (error := self._life.exception()):
                raise error from None
            raise LocalStackError("slackd was not connected to the emulated Slack in time") from None

    async def stop(self) -> None:
        """Stop slackd as a clean stop does; nothing happens if it does not run."""
        self._stop.set()
        life, self._life, self._daemon = self._life, None, None
        if life is not None:
            await life

    async def restart(self, declarations: Mapping[str, str]) -> None:
        """Stop, and start with these plugins; the journal stays.

        Raises:
            ConfigError: As `start`.
            LocalStackError: As `start`.
        """
        config = self._configuration.write(declarations)
        await self.stop()
        await self._start(config)

    def sessions(self, plugin: str) -> int:
        """How many sessions of this plugin are connected."""
        dispatcher = self._daemon.core.plugins.get(plugin) if self._daemon is not None else None
        return dispatcher.sessions.connected() if dispatcher is not None else 0

    async def wait_for_session(self, plugin: str, timeout: float = 10.0) -> None:
        """Wait until a program of this plugin is connected.

        Raises:
            LocalStackError: None was within `timeout` seconds.
        """
        await self.wait_until(lambda: self.sessions(plugin) > 0, timeout, f"a session of {plugin}")

    async def wait_until(self, found: Callable[[], bool], timeout: float, what: str) -> None:
        """Look until it is so.

        Raises:
            LocalStackError: It was not within `timeout` seconds.
        """
        try:
            async with asyncio.timeout(timeout):
                while not found():
                    await asyncio.sleep(_LOOK_EVERY)
        except TimeoutError:
            raise LocalStackError(f"waited {timeout:g} s for {what}, in vain") from None

    async def is_idle(self) -> bool:
        """Nothing is in flight: all that Slack sent is acknowledged, and every delivery is handled or dead.

        Where apps speak to Slack themselves, and slackd does not run, their acknowledgements are all there is.
        """
        daemon = self._daemon
        if self.emulator.unanswered():
            return False
        if daemon is None:
            return self._life is None
        if daemon.core.has_unwritten or len(daemon.core.answers) or daemon.connector_calls.under_way:
            return False
        return not any(backlog.deliveries for backlog in (await daemon.journal.backlogs()).values())

    async def wait_until_idle(self, timeout: float = 10.0) -> None:
        """Wait until `is_idle`.

        Raises:
            LocalStackError: It was not within `timeout` seconds.
        """
        try:
            async with asyncio.timeout(timeout):
                while not await self.is_idle():
                    await asyncio.sleep(_LOOK_EVERY)
        except TimeoutError:
            raise LocalStackError(f"waited {timeout:g} s for nothing to be in flight, in vain") from None

    def _is_connected(self) -> bool:
        daemon = self._daemon
        wanted = 1 if self._port else 2
        return daemon is not None and all(daemon.connectors.ready(app) >= wanted for app in daemon.config.apps)

    async def _serve(self, config: Config, served: asyncio.Future[None]) -> None:
        daemon = BrokerDaemon(config, foreground=True)
        tokens = read_secrets(config)
        connectors = [make_connector(config, number, tokens) for number in (1, 2)]

        def ready() -> None:
            self._daemon = daemon
            if not served.done():
                served.set_result(None)

        with open_sockets(config, {}, with_link=False) as sockets:
            receiver = inner_receiver(config, {})
            await serve_together(daemon, connectors, sockets, self._stop, Notifier(), ready, receiver=receiver)


@asynccontextmanager
async def local_stack(
    folder: Path,
    *,
    apps: list[EmulatedApp] | None = None,
    settings: EmulatorSettings | None = None,
    port: int = 0,
    transport: Transport = "socketmode",
) -> AsyncIterator[LocalStack]:
    """Serve an emulated Slack until the block ends; slackd runs in it from `start` on.

    Args:
        folder: For configuration, journal and sockets.
        apps: The emulated apps; one named "main" if none is given.
        settings: How the emulated Slack behaves.
        port: Its port on loopback; 0 takes a free one.
        transport: How slackd is to get what Slack sends.

    Raises:
        LocalStackError: The port is taken.
    """
    async with AsyncExitStack() as stack:
        try:
            emulator = await stack.enter_async_context(Emulator(apps, settings).serving(port=port))
        except OSError as error:
            raise LocalStackError(f"port {port} of 127.0.0.1 cannot be had: {error.strerror}") from None
        local = LocalStack(folder, emulator, transport)
        stack.push_async_callback(local.stop)
        yield local
