"""The gateway's HTTP: the Web API, response URLs, and the tickets of Socket Mode."""

from __future__ import annotations

import contextlib
import logging
import math
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from aiohttp import hdrs, web

from slackd import jsonrpc
from slackd.gateway.apps import ServedApp
from slackd.gateway.counters import GatewayCounters
from slackd.gateway.credential_store import CredentialStore
from slackd.gateway.credentials import TokenKind, looks_like_slacks
from slackd.gateway.files import FileDownload
from slackd.gateway.peer import may_use
from slackd.gateway.sealed_tickets import SealedTickets
from slackd.gateway.settings import GatewayContext, GatewaySettings
from slackd.gateway.url_rewriting import rewrite_files
from slackd.gateway.webapi import CallFailedInside
from slackd.slack_server.admission import Admission, RefuseDial
from slackd.slack_server.api import ApiAnswer, ApiRequest
from slackd.slack_server.errors import MethodError
from slackd.slack_server.http import MALFORMED, answer_response, read_call
from slackd.slack_server.listener import LentTransport
from slackd.slack_server.tickets import TicketUse, link_url

log = logging.getLogger(__name__)

LARGEST_BODY: Final = 1 << 20
"""Bytes of a call: as many as fit into a line of the plugin protocol."""
_NO_FILES: Final = "a file in a form is not passed on ({}): upload it by files.getUploadURLExternal"
_SAY_AGAIN: Final = 60.0
"""Seconds between two log lines about refusals for the same reason; all are counted."""


class GatewayFront:
    """Who calls, whether they may, and what they are answered."""

    def __init__(
        self,
        apps: Mapping[str, ServedApp],
        store: CredentialStore,
        context: GatewayContext,
        counters: GatewayCounters,
    ) -> None:
        self._apps, self._store, self._context, self._counters = apps, store, context, counters
        self._tickets = SealedTickets(apps, time.time, lambda: secrets.token_hex(16))
        self._said: dict[str, float] = {}

    @property
    def settings(self) -> GatewaySettings:
        """As in `SocketModeServer`."""
        return self._context.settings

    def application(self) -> web.Application:
        """The HTTP application."""
        made = web.Application(client_max_size=LARGEST_BODY, middlewares=[_say_own_mistakes])
        made.router.add_route("*", "/api/{method}", self.call)
        made.router.add_post("/respond/{plugin}/{mac}/{packed}", self.respond)
        made.router.add_get("/file/{plugin}/{mac}/{packed}", self.download)
        made.router.add_post("/upload/{plugin}/{mac}/{packed}", self.upload)
        return made

    def dial(self, target: str, now: float) -> Admission:
        """As in `SocketModeServer`: the ticket says which app it is, and how it called us."""
        use = TicketUse.parse(target)
        redeemed = self._tickets.redeem(use.ticket)
        if redeemed is None or redeemed[0].socket_mode is None:
            return RefuseDial(404, "the ticket is spent, expired or unknown: ask apps.connections.open again")
        app, base = redeemed
        assert app.socket_mode is not None
        return app.socket_mode.admit(app.urls(base), debug_reconnects=use.debug_reconnects)

    async def call(self, request: web.Request) -> web.StreamResponse:
        """One Web API call."""
        try:
            call = await read_call(request)
        except web.HTTPRequestEntityTooLarge:
            words = f"the body has more than {LARGEST_BODY} bytes"
            too_large = {"ok": False, "error": "invalid_arguments", **_error(words)}
            return answer_response(ApiAnswer(status=413, body=too_large))
        try:
            body, headers = await self._answer(call, request)
            return answer_response(ApiAnswer(body=body, headers=headers))
        except MethodError as error:
            return answer_response(ApiAnswer(status=error.status, headers=error.headers, body=error.body))

    async def respond(self, request: web.Request) -> web.StreamResponse:
        """A post to a `response_url` that the gateway gave out ("Handling user interaction").

        Raises:
            HTTPNotFound: The gateway never gave this URL out.
        """
        app, url = self._unseal(request, "respond")
        message = await _message(request)
        if message is None:
            return web.Response(status=500, text="invalid_payload")
        try:
            status, body = await app.calls.respond(url, app.restore(message))
        except CallFailedInside as failed:
            return web.Response(status=503, text=f"service_unavailable: {failed}")
        if body.get("ok") is True and len(body) == 1:
            return web.Response(status=status, text="ok", content_type="text/html")
        if set(body) == {"ok", "error"}:
            return web.Response(status=status, text=str(body["error"]), content_type="text/html")
        return web.json_response(body, status=status)

    async def download(self, request: web.Request) -> web.StreamResponse:
        """A file at a `url_private` that the gateway gave out ("Working with files").

        Raises:
            HTTPForbidden: The header has no bot token of this app's.
            HTTPException: The file can't be had: the status says why.
            HTTPNotFound: The gateway never gave this URL out.
        """
        app, url = self._unseal(request, "file")
        _, _, token = request.headers.get("Authorization", "").partition(" ")
        owner = self._store.owner(token.strip())
        if owner is None or owner != (app.plugin.name, TokenKind.BOT):
            raise web.HTTPForbidden(text="a file wants the app's local bot token in the Authorization header")
        try:
            file = await app.files.download(url)
        except CallFailedInside as failed:
            raise _broken(failed) from failed
        async with contextlib.aclosing(file.pieces):
            return await _send_file(request, app.plugin.name, file)

    async def upload(self, request: web.Request) -> web.StreamResponse:
        """The bytes of a file, to the URL of a `files.getUploadURLExternal` ("Working with files").

        Raises:
            HTTPException: The bytes did not reach Slack: the status says why.
            HTTPNotFound: The gateway never gave this URL out.
        """
        app, url = self._unseal(request, "upload")
        if request.headers.get("Content-Encoding", "identity") != "identity":
            raise web.HTTPUnsupportedMediaType(text="the bytes of a file are sent as they are, not packed")
        pieces = request.content.iter_any()  # A piece is what was read ahead.
        content_type = request.headers.get("Content-Type", "application/octet-stream")
        try:
            status, text = await app.files.upload(url, pieces, request.content_length, content_type)
        except CallFailedInside as failed:
            raise _broken(failed) from failed
        return web.Response(status=status, text=text)

    def _unseal(self, request: web.Request, purpose: str) -> tuple[ServedApp, str]:
        about = request.match_info
        app = self._apps.get(about["plugin"])
        url = app.unseal(purpose, about["mac"], about["packed"]) if app is not None else None
        if app is None or url is None:
            raise web.HTTPNotFound(text="expired_url")
        _identified(request)
        return app, url

    async def _answer(
        self, call: ApiRequest, request: web.Request
    ) -> tuple[Mapping[str, Any], Mapping[str, str]]:
        """The answer, and the headers that go with it."""
        if call.error is not None:
            raise MethodError(call.error)
        if call.method == "api.test" and not call.token:
            return _api_test(call), {}
        app, kind = self._authenticate(call)
        _identified(request)
        connection = request.transport.get_extra_info("socket") if request.transport is not None else None
        if connection is not None and not may_use(connection, app.plugin):
            words = f"the kernel says that this process runs as a user that {app.plugin.file} doesn't name"
            raise self._refusal("other_user", "invalid_auth", words)
        base = f"{request.scheme}://{call.host}"
        if call.method == "apps.connections.open":
            return self._open_connection(app, kind, call, base), {}
        if kind is TokenKind.APP:
            if call.method == "auth.test":
                return {"ok": True, "app_name": app.plugin.name, "app_id": f"A0{app.plugin.name.upper()}"}, {}
            raise MethodError("not_allowed_token_type")
        if call.files:
            raise MethodError("invalid_arguments", **_error(_NO_FILES.format(", ".join(call.files))))
        arguments = app.restore(call.arguments)
        try:
            answer = await app.calls.call(call.method, arguments, _preferred_wait(request))
        except MethodError as error:
            if call.method == "api.test" and str(error) == "missing_scope":  # Slack wants no scope for it.
                return _api_test(call), _scopes(app)
            raise
        rewritten = dict(rewrite_files(answer, app.urls(base)))
        if call.method == "files.getUploadURLExternal" and isinstance(url := rewritten.get("upload_url"), str):
            rewritten["upload_url"] = app.urls(base).seal("upload", url)
        return rewritten, _scopes(app)

    def _authenticate(self, call: ApiRequest) -> tuple[ServedApp, TokenKind]:
        token = call.bearer if call.method == "apps.connections.open" else call.token
        if not isinstance(token, str) or not token:
            raise self._refusal("", "not_authed", "")
        if looks_like_slacks(token):
            raise self._refusal(
                "slacks_token",
                "invalid_auth",
                "this is a token of Slack's own, which the gateway neither needs nor forwards nor logs: put "
                "the app's local credentials in its place (slackctl gateway credentials NAME)",
            )
        owner = self._store.owner(token)
        app = self._apps.get(owner[0]) if owner is not None else None
        if owner is None or app is None:
            words = "no app here has this token: slackctl gateway credentials NAME says the right one"
            raise self._refusal("unknown_token", "invalid_auth", words)
        return app, owner[1]

    def _refusal(self, what: str, error: str, words: str) -> MethodError:
        self._counters.refusals["", what or error] += 1
        if not words:
            return MethodError(error)
        now = self._context.now()
        if now >= self._said.get(error + what, -math.inf) + _SAY_AGAIN:
            self._said[error + what] = now
            log.warning("a call was refused: %s", words, extra={"event": "gateway-refused"})
        return MethodError(error, **_error(words))

    def _open_connection(
        self, app: ServedApp, kind: TokenKind, call: ApiRequest, base: str
    ) -> Mapping[str, Any]:
        if not call.post:
            raise MethodError("insecure_request")
        if kind is not TokenKind.APP:
            raise MethodError("not_allowed_token_type")
        if app.socket_mode is None:
            words = f"write socket_mode = true under [gateway] in {app.plugin.file}"
            raise MethodError("access_denied", **_error(words))
        ticket = self._tickets.issue(app, base)
        scheme = "wss" if base.startswith("https:") else "ws"
        return {"ok": True, "url": link_url(scheme, call.host, ticket, app.plugin.name)}


def _error(words: str) -> dict[str, Any]:
    return {"response_metadata": {"messages": [f"[ERROR] {words}"]}}


def _api_test(call: ApiRequest) -> Mapping[str, Any]:
    """The answer to "api.test", which checks whether calls arrive."""
    wanted = {"error": call.arguments["error"]} if call.arguments.get("error") else {}
    return {"ok": not wanted, **wanted, **({"args": call.arguments} if call.arguments else {})}


@web.middleware
async def _say_own_mistakes(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """aiohttp's own log is off: it has a traceback for whatever anybody sends that is no HTTP."""
    try:
        return await handler(request)
    except (web.HTTPException, ConnectionError):
        raise
    except Exception as error:
        log.exception("a request could not be answered", exc_info=error, extra={"event": "gateway-mistake"})
        return web.Response(status=500, text="internal_error")


async def _send_file(request: web.Request, plugin: str, file: FileDownload) -> web.StreamResponse:
    """Pass a file on, its next piece when the app has taken the one before."""
    headers = {"Content-Type": file.content_type}
    if file.length is not None:
        headers["Content-Length"] = str(file.length)
    response = web.StreamResponse(status=file.status, headers=headers)
    writer = await response.prepare(request)
    transport = request.transport
    if writer is None or transport is None or request.method == hdrs.METH_HEAD:
        return response
    transport.set_write_buffer_limits(high=1)  # aiohttp would keep some, and so would asyncio.
    try:
        async for piece in file.pieces:
            await response.write(piece)
            await writer.drain()
    except CallFailedInside as failed:
        log.warning("%s: %s", plugin, failed, extra={"event": "gateway-file-broken"})
        transport.abort()
        return response
    finally:
        transport.set_write_buffer_limits()
    await response.write_eof()
    return response


def _identified(request: web.Request) -> None:
    """Its connection is one of somebody's who may call."""
    lent: object = request.transport
    if isinstance(lent, LentTransport):
        lent.identified()


def _scopes(app: ServedApp) -> Mapping[str, str]:
    """SDKs and apps look into this header of Slack's; what is granted here are methods."""
    return {"x-oauth-scopes": ",".join(("slackd", *app.plugin.methods))}


def _broken(failed: CallFailedInside) -> web.HTTPException:
    if failed.failure.code == jsonrpc.METHOD_NOT_GRANTED:
        return web.HTTPForbidden(text=str(failed))
    if failed.failure.code == jsonrpc.INVALID_PARAMS:
        return web.HTTPBadRequest(text=str(failed))
    return web.HTTPBadGateway(text=str(failed))


def _preferred_wait(request: web.Request) -> float | None:
    """Seconds in `Prefer: wait=N` (RFC 7240, section 4.3): how long a rate limit may hold the call up."""
    for preference in request.headers.get("Prefer", "").split(","):
        name, _, value = preference.partition("=")
        if name.strip().lower() == "wait" and value.strip().isdecimal():
            return float(value.strip())
    return None


async def _message(request: web.Request) -> dict[str, Any] | None:
    """The message of a post: JSON, or a form whose `payload` is JSON."""
    try:
        if request.content_type == "application/x-www-form-urlencoded":
            text = str((await request.post()).get("payload", ""))
        else:
            text = (await request.read()).decode("utf-8", "replace")
        message = jsonrpc.parse(text)
    except (*MALFORMED, RecursionError):
        return None
    return message if isinstance(message, dict) else None
