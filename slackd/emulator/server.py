"""The emulator: the core on an asyncio event loop, behind one port."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiohttp import web

from slackd.emulator.client import EmulatorClient
from slackd.emulator.core import SlackCore
from slackd.emulator.settings import EmulatedApp, EmulatorSettings
from slackd.emulator.web import application
from slackd.slack_server.listener import HandshakeListener
from slackd.slack_server.timer import Alarm


class Emulator:
    """A Slack with these apps and settings, to be served."""

    def __init__(
        self, apps: Sequence[EmulatedApp] | None = None, settings: EmulatorSettings | None = None
    ) -> None:
        self._apps = list(apps) if apps else [EmulatedApp()]
        self._settings = settings or EmulatorSettings()

    @asynccontextmanager
    async def serving(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        tls: ssl.SSLContext | None = None,
        public_url: str | None = None,
        sock: socket.socket | None = None,
    ) -> AsyncIterator[EmulatorClient]:
        """Serve until the block ends: Web API, WebSockets and control API on one port.

        Args:
            port: 0 takes a free one.
            tls: makes it `https` and `wss`.
            public_url: how apps find this Slack (`https://NAME:PORT`); needed for `response_url`s when they
                don't find it at `host`. `wss` URLs name the host that the client called.
            sock: a listening socket to use in place of host and port.
        """
        loop = asyncio.get_running_loop()
        core = SlackCore(self._apps, self._settings, now=loop.time(), wall=time.time())
        inside: set[asyncio.Transport] = set()
        if sock is None:
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            sock = socket.create_server((host, port), family=family, backlog=1024)
        shown = "127.0.0.1" if host in ("0.0.0.0", "::") else host
        address = f"[{shown}]" if ":" in shown else shown
        scheme = "https" if tls else "http"
        base_url = public_url or f"{scheme}://{address}:{sock.getsockname()[1]}"
        slack = EmulatorClient(core, base_url.rstrip("/"), loop.time)
        runner = web.AppRunner(application(slack), access_log=None)
        await runner.setup()
        http_server = runner.server
        assert http_server is not None
        alarm = Alarm(core.scheduler, loop)
        server = await loop.create_server(
            lambda: HandshakeListener(core, http_server, inside), sock=sock, ssl=tls
        )
        try:
            yield slack
        finally:
            alarm.stop()
            server.close()
            for transport in list(inside):
                transport.abort()
            while inside:
                await asyncio.sleep(0)
            await runner.cleanup()
