"""One slackd as real processes behind a request URL, each restarted as systemd would, and load on it."""

import asyncio
import contextlib
import os
import select
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable

from slackd.emulator import Emulator, EmulatorClient, EmulatorSettings
from slackd.emulator.ledger import LedgerEntry
from slackd.emulator.request_url import RequestUrl, posting_to
from tests.integration.cli.daemon_process import Daemon, Home, clean_environment, daemon

SECRET = "the-signing-secret"
PLUGIN = """
import os, sys
from slackd.plugin import Plugin
plugin = Plugin("counter", socket=sys.argv[1])
out = open(sys.argv[2], "a", buffering=1)

@plugin.event("app_mention")
async def mentioned(envelope):
    out.write(envelope.payload["event_id"] + "\\n")

@plugin.command("/deploy")
async def command(envelope):
    return f"deploying {envelope.text}"

@plugin.view("order")
async def view(envelope):
    return {"response_action": "clear"}

plugin.run()
"""
PLUGIN_FILE = """
[[subscribe]]
type = "events_api"
event = ["app_mention"]
[[subscribe]]
type = "slash_commands"
command = "/deploy"
respond = true
"""


class Site:
    """Processes of one slackd, each restarted as systemd would."""

    def __init__(self, place: Home, slack: EmulatorClient) -> None:
        self.place, self.slack = place, slack
        self.handled = place.path / "handled"
        self.handled.touch()
        self.listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.url = f"http://127.0.0.1:{self.listening.getsockname()[1]}/slack/main"
        self._stack = contextlib.ExitStack()
        self._running: dict[str, tuple[Daemon, contextlib.ExitStack]] = {}
        (place.path / "plugins.d/counter.toml").write_text(PLUGIN_FILE)
        self._plugin: subprocess.Popen[bytes] | None = None

    def configure(self, transport: str) -> None:
        self.place.write(
            f"""
            [apps.main]
            transport = "{transport}"
            api_url = "{self.slack.api_url}"
            app_token = "env:APP"
            bot_token = "env:BOT"
            signing_secret = "env:SIGNING"
            """
        )

    async def start(self, *names: str) -> None:
        for name in names:
            stack = contextlib.ExitStack()
            app = self.slack.apps[0]
            tokens = {"APP": app.app_token, "BOT": app.bot_token}
            environ = {"broker": {}, "receiver": {"SIGNING": SECRET}}.get(name, tokens)
            sockets = {"receiver": self.listening} if name == "receiver" else {}
            made = daemon(*name.split(), config=self.place.file, environ=environ, sockets=sockets)
            running = stack.enter_context(made)
            try:
                await asyncio.to_thread(running.wait_ready)
            finally:
                self._running[name] = (running, stack)

    async def stop(self, name: str, *, kill: bool = False) -> None:
        running, stack = self._running.pop(name)
        if kill:
            await asyncio.to_thread(running.kill)
        else:
            assert await asyncio.to_thread(running.stop) == 0
        assert "Traceback" not in running.log(), running.log()
        stack.close()

    async def restart(self, *names: str, kill: bool = False) -> None:
        for name in names:
            await self.stop(name, kill=kill)
            await self.start(name)

    async def read_notices(self) -> None:
        """Read what processes tell the service manager, as systemd does: a full socket would stop them."""
        while True:
            await asyncio.sleep(0.2)
            for running, _ in list(self._running.values()):
                while select.select([running._manager], [], [], 0)[0]:
                    running._manager.recv(4096)

    def start_plugin(self) -> None:
        program = self.place.path / "counter.py"
        program.write_text(PLUGIN)
        command = [sys.executable, str(program), str(self.place.socket("plugins")), str(self.handled)]
        self._plugin = subprocess.Popen(command, env=clean_environment() | {"PYTHONPATH": os.getcwd()})

    def close(self) -> None:
        if self._plugin is not None:
            self._plugin.send_signal(signal.SIGKILL)
            self._plugin.wait()
        for _, stack in self._running.values():
            stack.close()
        self.listening.close()

    def times_handled(self) -> Counter[str]:
        return Counter(self.handled.read_text().split())


Proxy = Callable[[Site], contextlib.AbstractAsyncContextManager[str]]
"""What stands in front of the receiver; gives its own URL."""


@contextlib.asynccontextmanager
async def no_proxy(made: Site) -> AsyncIterator[str]:
    """Slack posts to the receiver itself."""
    yield made.url


@contextlib.asynccontextmanager
async def site(place: Home, proxy: Proxy = no_proxy) -> AsyncIterator[tuple[Site, EmulatorClient, RequestUrl]]:
    """A slackd that is not started yet, its Slack, and the URL that Slack posts to."""
    settings = EmulatorSettings(seed=7, time_scale=1.0, redelivery_delays=(1.0, 5.0, 30.0))
    async with Emulator(settings=settings).serving() as slack:
        made = Site(place, slack)
        try:
            async with (
                proxy(made) as url,
                posting_to(slack, url, SECRET) as posted,
                asyncio.TaskGroup() as group,
            ):
                reading = group.create_task(made.read_notices())
                yield made, slack, posted
                reading.cancel()
        finally:
            made.close()


async def load(slack: EmulatorClient, entries: list[LedgerEntry], rate: float) -> None:
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        entries.append(slack.mention(f"deploy {len(entries)}"))
        due += 1 / rate
        await asyncio.sleep(max(0.0, due - loop.time()))


async def until_handled(made: Site, slack: EmulatorClient, entries: list[LedgerEntry]) -> None:
    async with asyncio.timeout(90):
        while slack.unanswered() or set(made.times_handled()) != {entry.key for entry in entries}:
            await asyncio.sleep(0.1)
