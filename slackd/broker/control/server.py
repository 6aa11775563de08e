"""The control API on the operators' socket, and `/metrics` on the one for scraping if systemd passed it."""

import asyncio
import json
import logging
import socket
from collections.abc import Sequence

from slackd.broker.background_tasks import BackgroundTasks
from slackd.broker.control import requests
from slackd.broker.control.context import ControlContext
from slackd.broker.control.http import Answer, HttpRequest, HttpResponse, HttpServer
from slackd.broker.control.routes import METRICS_ALONE, ROUTES, ControlRoute
from slackd.errors import JournalError, SlackdError
from slackd.rate_limit import Allowance

log = logging.getLogger(__name__)

MARK_EVERY = 1.0
"""Seconds between two looks at what is counted by the hour."""
SCRAPE_RATE, SCRAPE_BURST = 20.0, 100.0
"""Requests a second, and at once, on the socket that anybody on this host may reach."""
STATUS_OF = {
    requests.BadRequest: 400,
    requests.NotFound: 404,
    requests.Forbidden: 403,
    requests.Unavailable: 503,
    JournalError: 503,
}


class ControlServer:
    """Serves operators until it is closed.

    Args:
        tasks: Owns the tasks that serve connections.
    """

    def __init__(self, broker: ControlContext, tasks: BackgroundTasks) -> None:
        self._broker, self._tasks = broker, tasks
        self._servers: list[HttpServer] = []

    def serve_control(self, listening: socket.socket) -> None:
        """Everything, on the Unix socket of the operators."""
        self._serve("control", ROUTES, listening)

    def serve_metrics(self, listening: socket.socket) -> None:
        """`/metrics` alone, on a socket that anybody on this host may reach."""
        self._serve("metrics", METRICS_ALONE, listening, Allowance(SCRAPE_RATE, SCRAPE_BURST))

    async def run(self) -> None:
        """Keeps what is counted by the hour, until cancelled."""
        while True:
            self._broker.mark()
            await asyncio.sleep(MARK_EVERY)

    async def close(self) -> None:
        """No more requests; streams end, and answers that are under way are finished if it takes no time."""
        self._broker.watchers.close()
        self._broker.stopping.set()
        await asyncio.gather(*(each.close() for each in self._servers))

    def _serve(
        self,
        name: str,
        routes: Sequence[ControlRoute],
        listening: socket.socket,
        limit: Allowance | None = None,
    ) -> None:
        server = HttpServer(name, _answering(self._broker, routes), _error_body, self._tasks, limit)
        server.listen(listening)
        self._servers.append(server)


def _error_body(text: str) -> bytes:
    return json.dumps({"error": text}).encode() + b"\n"


def _answering(broker: ControlContext, routes: Sequence[ControlRoute]) -> Answer:
    async def answer(request: HttpRequest) -> HttpResponse | None:
        try:
            return await _route(broker, routes, request)
        except SlackdError as error:
            code = next((code for kind, code in STATUS_OF.items() if isinstance(error, kind)), 500)
            return requests.answer({"error": str(error)}, code)
        except ConnectionError:
            raise
        except Exception:
            log.exception("%s %s could not be answered", request.method, request.path[:100])
            return requests.answer({"error": "slackd failed to answer: see its log"}, 500)

    return answer


async def _route(
    broker: ControlContext, routes: Sequence[ControlRoute], request: HttpRequest
) -> HttpResponse | None:
    matches = [(route, found) for route in routes if (found := route.match(request.path)) is not None]
    for route, found in matches:
        if route.method == request.method:
            request.found = found
            return await route.handler(broker, request)
    paths = sorted({f"{route.method} {route.path}" for route in routes})
    text = f"there is no {request.method} {request.path[:200]}"
    return requests.answer({"error": text, "paths": paths}, 405 if matches else 404)
