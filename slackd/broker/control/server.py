"""HTTP on the control socket, and on the one for metrics if systemd passed it."""

import asyncio
import functools
import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from aiohttp import web

from slackd.broker.control import requests
from slackd.broker.control.context import ControlContext
from slackd.broker.control.routes import METRICS_ALONE, ROUTES, ControlRoute
from slackd.errors import JournalError, SlackdError
from slackd.systemd.sockets import KEEP_SOCKET_FILE

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware

MARK_EVERY = 1.0
"""Seconds between two looks at what is counted by the hour."""
LARGEST_BODY = 1 << 20
STOP_PATIENCE = 0.2
"""Seconds in which a stop lets answers be finished that are under way."""
MOST_CONNECTIONS = 64
"""On one socket at a time: whoever may scrape may not use up the broker's descriptors."""
STATUS_OF = {
    requests.BadRequest: 400,
    requests.NotFound: 404,
    requests.Unavailable: 503,
    JournalError: 503,
}


class ControlServer:
    """Serves operators until it is closed."""

    def __init__(self, broker: ControlContext) -> None:
        self._broker = broker
        self._runners: list[web.AppRunner] = []
        self._servers: list[asyncio.Server] = []

    async def serve_control(self, listening: socket.socket) -> None:
        """Everything, on the Unix socket of the operators."""
        accept = await self._accept(ROUTES)
        loop = asyncio.get_running_loop()
        self._servers.append(await loop.create_unix_server(accept, sock=listening, **KEEP_SOCKET_FILE))

    async def serve_metrics(self, listening: socket.socket) -> None:
        """`/metrics` alone, on a socket that anybody on this host may reach."""
        accept = await self._accept(METRICS_ALONE)
        self._servers.append(await asyncio.get_running_loop().create_server(accept, sock=listening))

    async def run(self) -> None:
        """Keeps what is counted by the hour, until cancelled."""
        while True:
            self._broker.mark()
            await asyncio.sleep(MARK_EVERY)

    async def close(self) -> None:
        """No more requests; streams end, and answers that are under way are finished if it takes no time."""
        for server in self._servers:
            server.close()
        self._broker.watchers.close()
        for runner in self._runners:
            if runner.server is not None:
                await runner.server.shutdown(STOP_PATIENCE)
            await runner.cleanup()

    async def _accept(self, routes: Sequence[ControlRoute]) -> Callable[[], asyncio.BaseProtocol]:
        app = web.Application(middlewares=[_errors_as_json(routes)], client_max_size=LARGEST_BODY)
        for route in routes:
            app.router.add_route(route.method, route.path, functools.partial(route.handler, self._broker))
        runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await runner.setup()
        self._runners.append(runner)
        server = runner.server
        assert server is not None
        return lambda: server() if len(server.connections) < MOST_CONNECTIONS else _Full()


class _Full(asyncio.Protocol):
    """There are too many connections: this one is closed at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


def _errors_as_json(routes: Sequence[ControlRoute]) -> "Middleware":
    paths = sorted({f"{route.method} {route.path}" for route in routes})

    @web.middleware
    async def errors_as_json(request: web.Request, handler: "Handler") -> web.StreamResponse:
        try:
            return await handler(request)
        except SlackdError as error:
            code = next((code for kind, code in STATUS_OF.items() if isinstance(error, kind)), 500)
            return requests.answer({"error": str(error)}, code)
        except web.HTTPRequestEntityTooLarge:
            return requests.answer({"error": f"the body is larger than {LARGEST_BODY} bytes"}, 413)
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed) as error:
            text = f"there is no {request.method} {request.path}"
            return requests.answer({"error": text, "paths": paths}, error.status)

    return errors_as_json
