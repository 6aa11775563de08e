"""HTTP in front of the Web API, of response URLs and of uploads."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

from aiohttp import web

from slackd.emulator.client import EmulatorClient
from slackd.emulator.control import ControlApi
from slackd.emulator.files import KEPT_BYTES
from slackd.emulator.methods.registry import Methods
from slackd.emulator.origin import own_origin_only
from slackd.emulator.page import Page
from slackd.emulator.webapi import EmulatedWebApi
from slackd.slack_server.http import answer_response, read_call

_SIGN_IN: Final = "<!DOCTYPE html><html><body>Sign in to your workspace</body></html>"


class SlackOverHttp:
    """The handlers of Slack's own HTTP."""

    def __init__(self, slack: EmulatorClient) -> None:
        self._slack = slack
        tls = slack.base_url.startswith("https:")
        methods = Methods(slack.core.context, slack.workspaces, slack.surfaces, slack.base_url, slack.app_did)
        scheme = "wss" if tls else "ws"
        self._api = EmulatedWebApi(slack.core, methods, slack.step_tokens, scheme=scheme)
        self._closing = asyncio.Event()

    def add_routes(self, application: web.Application) -> None:
        """Let the application answer for Slack."""
        application.on_shutdown.append(self._close)
        application.router.add_route("*", "/api/{method}", self.call)
        for kind in ("commands", "actions", "app"):
            application.router.add_post(f"/{kind}/{{rest:.+}}", self.respond)
        application.router.add_post("/upload/v1/{secret}", self.upload)
        application.router.add_get("/files-pri/{file}/{name}", self.download)
        application.router.add_get("/page/files/{file}/{name}", self.show)

    async def _close(self, application: web.Application) -> None:
        self._closing.set()

    async def call(self, request: web.Request) -> web.StreamResponse:
        """One Web API call."""
        answer = self._api.answer(await read_call(request), asyncio.get_running_loop().time())
        if answer.hang:
            await self._closing.wait()
        if answer.delay:
            await asyncio.sleep(answer.delay)
        return answer_response(answer)

    async def respond(self, request: web.Request) -> web.StreamResponse:
        """A post to a response URL."""
        now = asyncio.get_running_loop().time()
        body = await _message_of(request)
        urls, core = self._slack.response_urls, self._slack.core
        if fault := core.faults.take("response_url", urls.app_of(request.path)):
            status = fault.status or 500
            urls.refused(request.path, body, status, now)
            core.on_change()
            await asyncio.sleep(core.settings.scaled(fault.delay))
            return web.Response(status=status, text=fault.body or "server_error", content_type="text/html")
        status, text = urls.post(request.path, body, now)
        core.on_change()
        return web.Response(status=status, text=text, content_type="text/html")

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """The bytes of a file, as they are or as a form's field ("Uploading files")."""
        file_id = request.match_info["secret"].partition("-")[0]
        file = self._slack.file(file_id)
        if file is None or file.completed:
            return web.Response(status=404, text="not found")
        if request.content_type == "multipart/form-data":
            fields = [each for each in (await request.post()).values() if isinstance(each, web.FileField)]
            content = fields[0].file.read() if fields else b""
        else:
            content = await request.read()
        file.content = content
        return web.Response(text=f"OK - {len(content)}")

    async def download(self, request: web.Request) -> web.StreamResponse:
        """A file's content, for whoever has its `url_private` and a bot token ("Working with files").

        Everybody else gets a page to sign in.
        """
        if not self._api.reads_files(request.headers.get("Authorization", "")):
            return web.Response(text=_SIGN_IN, content_type="text/html")
        return self._content(request.match_info["file"].partition("-")[2])

    async def show(self, request: web.Request) -> web.StreamResponse:
        """A file's content, for the person who looks at the page."""
        return self._content(request.match_info["file"])

    def _content(self, file_id: str) -> web.Response:
        file = self._slack.file(file_id)
        if file is None or file.content is None:
            return web.Response(status=404, text="not found")
        return web.Response(body=file.content, content_type="application/octet-stream")


async def _message_of(request: web.Request) -> Any:
    """The message that is posted, as JSON or as a form's `payload`; None if it is neither."""
    form = request.content_type == "application/x-www-form-urlencoded"
    try:
        return json.loads(str((await request.post()).get("payload", "")) if form else await request.read())
    except (TypeError, ValueError):
        return None


def application(slack: EmulatorClient) -> web.Application:
    """The HTTP application: Slack, and the control API and the page beside it."""
    made = web.Application(client_max_size=KEPT_BYTES, middlewares=[own_origin_only(slack.base_url)])
    SlackOverHttp(slack).add_routes(made)
    ControlApi(slack).add_routes(made)
    Page(slack).add_routes(made)
    return made
