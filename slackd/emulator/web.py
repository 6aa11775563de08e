"""HTTP in front of the Web API, of response URLs and of uploads."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from slackd.emulator.client import EmulatorClient
from slackd.emulator.control import ControlApi
from slackd.emulator.methods import Methods
from slackd.emulator.webapi import ApiRequest, EmulatedWebApi

_JSON_ARGUMENTS = frozenset(
    {
        "attachments",
        "blocks",
        "files",
        "metadata",
        "options",
        "profile",
        "prompts",
        "unfurls",
        "user_auth_blocks",
        "view",
    }
)
_LARGEST_UPLOAD = 64 * 1024 * 1024


class SlackOverHttp:
    """The handlers of Slack's own HTTP."""

    def __init__(self, slack: EmulatorClient) -> None:
        self._slack = slack
        tls = slack.base_url.startswith("https:")
        self._methods = Methods(slack.core.context, slack.workspaces, slack.base_url, slack.app_posted)
        self._api = EmulatedWebApi(slack.core, self._methods, scheme="wss" if tls else "ws")
        self._closing = asyncio.Event()

    def add_routes(self, application: web.Application) -> None:
        """Let the application answer for Slack."""
        application.on_shutdown.append(self._close)
        application.router.add_route("*", "/api/{method}", self.call)
        for kind in ("commands", "actions", "app"):
            application.router.add_post(f"/{kind}/{{rest:.+}}", self.respond)
        application.router.add_post("/upload/v1/{secret}", self.upload)

    async def _close(self, application: web.Application) -> None:
        self._closing.set()

    async def call(self, request: web.Request) -> web.StreamResponse:
        """One Web API call."""
        args, error = await _arguments(request)
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        api_request = ApiRequest(
            method=request.match_info["method"],
            post=request.method == "POST",
            bearer=token.strip() if scheme.lower() == "bearer" and token.strip() else None,
            args=args,
            host=request.host,
            error=error,
        )
        answer = self._api.answer(api_request, asyncio.get_running_loop().time())
        if answer.hang:
            await self._closing.wait()
        if answer.delay:
            await asyncio.sleep(answer.delay)
        if answer.raw is not None:
            return web.Response(
                status=answer.status, headers=answer.headers, text=answer.raw, content_type="text/html"
            )
        return web.json_response(answer.body, status=answer.status, headers=answer.headers)

    async def respond(self, request: web.Request) -> web.StreamResponse:
        """A post to a response URL."""
        now = asyncio.get_running_loop().time()
        try:
            body = json.loads(await request.read())
        except ValueError:
            body = None
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
        """The bytes of a file."""
        if self._methods.uploads.pop(request.path, None) is None:
            return web.Response(status=404, text="not found")
        size = len(await request.read())
        return web.Response(text=f"OK - {size}")


async def _arguments(request: web.Request) -> tuple[dict[str, Any], str | None]:
    """The arguments of a call, and Slack's word for what is wrong with the body."""
    args: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        try:
            body = json.loads(await request.read() or b"{}")
        except ValueError:
            return {}, "invalid_json"
        if not isinstance(body, dict):
            return {}, "json_not_object"
        body.pop("token", None)
        return {**args, **body}, None
    if request.method == "POST":
        args |= {name: _field(value) for name, value in (await request.post()).items()}
    return _with_json(args), None


def _field(value: Any) -> Any:
    return value.filename if isinstance(value, web.FileField) else value


def _with_json(args: Mapping[str, Any]) -> dict[str, Any]:
    """Arguments that are JSON texts within a form, parsed."""
    parsed: dict[str, Any] = {}
    for name, value in args.items():
        parsed[name] = value
        if name in _JSON_ARGUMENTS and isinstance(value, str):
            try:
                parsed[name] = json.loads(value)
            except ValueError:
                continue
    return parsed


def application(slack: EmulatorClient) -> web.Application:
    """The HTTP application: Slack, and the control API beside it."""
    made = web.Application(client_max_size=_LARGEST_UPLOAD)
    SlackOverHttp(slack).add_routes(made)
    ControlApi(slack).add_routes(made)
    return made
