"""The page: an emulated Slack to look at and to click in, with all that passes beside it.

    GET /                  the page; its files are under /static
    GET /page/state        what it shows, for ?user=, ?channel= and ?app=
    GET /page/events       server-sent events: a line each time that something has changed

What a person does on it goes through the control API.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Final

from aiohttp import web

from slackd.emulator.client import EmulatorClient
from slackd.emulator.errors import EmulatorError
from slackd.emulator.page_state import page_state

STATIC: Final = Path(__file__).parent / "static"

_PAUSE: Final = 0.05
"""Seconds in which changes are gathered."""

_KEEP_ALIVE: Final = 15.0
"""Seconds after which a line goes out though nothing has changed."""

_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


class Page:
    """The handlers of the page."""

    def __init__(self, slack: EmulatorClient) -> None:
        self._slack = slack
        self._closing = False

    def add_routes(self, application: web.Application) -> None:
        """Let the application serve the page."""
        application.on_shutdown.append(self._close)
        application.router.add_get("/", self._index)
        application.router.add_get("/static/{name}", self._file)
        application.router.add_get("/page/state", self._state)
        application.router.add_get("/page/events", self._events)

    async def _close(self, application: web.Application) -> None:
        self._closing = True

    async def _index(self, request: web.Request) -> web.StreamResponse:
        return web.FileResponse(STATIC / "index.html", headers=_HEADERS)

    async def _file(self, request: web.Request) -> web.StreamResponse:
        path = STATIC / request.match_info["name"]
        if path.parent != STATIC or not path.is_file():
            return web.Response(status=404, text="not found")
        return web.FileResponse(path, headers=_HEADERS)

    async def _state(self, request: web.Request) -> web.StreamResponse:
        asked = request.query
        try:
            state = page_state(self._slack, asked.get("user"), asked.get("channel"), asked.get("app"))
        except EmulatorError as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response(state, headers=_HEADERS)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={**_HEADERS, "Content-Type": "text/event-stream"})
        await response.prepare(request)
        version = -1
        try:
            while not self._closing:
                version = await self._slack.wait_for_change(version, timeout=_KEEP_ALIVE)
                await response.write(f"data: {json.dumps({'version': version})}\n\n".encode())
                await asyncio.sleep(_PAUSE)
        except ConnectionResetError:
            pass
        return response
