"""Web API calls over aiohttp's HTTP server."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from slackd.slack_server.api import ApiAnswer, ApiRequest, parse_json, parse_nested


async def read_call(request: web.Request) -> ApiRequest:
    """The call that an HTTP request makes; its route has a `method`.

    Raises:
        web.HTTPException: The body broke off, or is larger than the application takes.
    """
    try:
        args, error = await _arguments(request)
    except ConnectionError as broken:
        raise web.HTTPBadRequest(text="the body broke off") from broken
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return ApiRequest(
        method=request.match_info["method"],
        post=request.method == "POST",
        bearer=token.strip() if scheme.lower() == "bearer" and token.strip() else None,
        args=args,
        host=request.host,
        error=error,
    )


def answer_response(answer: ApiAnswer) -> web.Response:
    """The answer over HTTP."""
    if answer.raw is not None:
        return web.Response(
            status=answer.status, headers=answer.headers, text=answer.raw, content_type="text/html"
        )
    return web.json_response(answer.body, status=answer.status, headers=answer.headers)


async def _arguments(request: web.Request) -> tuple[dict[str, Any], str | None]:
    args: dict[str, Any] = dict(request.query)
    if request.content_type == "application/json":
        body, error = parse_json(await request.read())
        return ({}, error) if error else ({**args, **body}, None)
    if request.method == "POST":
        if request.content_type == "application/x-www-form-urlencoded":
            text = (await request.read()).decode(errors="replace")
            args |= dict(parse_qsl(text, keep_blank_values=True))
        else:
            try:
                form = await request.post()
            except (ValueError, AssertionError, HttpProcessingError):
                return {}, "invalid_form_data"
            args |= {name: _field(value) for name, value in form.items()}
    return parse_nested(args), None


def _field(value: Any) -> Any:
    return value.filename if isinstance(value, web.FileField) else value
