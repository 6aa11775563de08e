"""Web API calls over aiohttp's HTTP server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError

from slackd.slack_server.api import ApiAnswer, ApiRequest, parse_json, parse_nested

MALFORMED: Final = (
    ValueError,
    AssertionError,
    LookupError,
    RuntimeError,
    HttpProcessingError,
    web.RequestPayloadError,
)
"""What aiohttp raises for a body that isn't what its headers say: its length, charset or encodings."""
_FORM: Final = "application/x-www-form-urlencoded"
_POST_TYPES: Final = frozenset({"application/json", _FORM, "multipart/form-data", "text/plain"})


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
        args=_without_files(args),
        files=tuple(name for name, value in args.items() if isinstance(value, web.FileField)),
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
        try:
            body, error = parse_json(await request.read())
        except MALFORMED:
            return {}, "invalid_json"
        return ({}, error) if error else ({**args, **body}, None)
    if request.method != "POST":
        return parse_nested(args), None
    if request.can_read_body and request.content_type not in _POST_TYPES:
        return {}, "invalid_post_type" if hdrs.CONTENT_TYPE in request.headers else "missing_post_type"
    try:
        if request.content_type == _FORM:
            text = (await request.read()).decode(errors="replace")
            args |= dict(parse_qsl(text, keep_blank_values=True))
        else:
            args |= await request.post()
    except MALFORMED:
        return {}, "invalid_form_data"
    return parse_nested(args), None


def _without_files(args: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.filename if isinstance(value, web.FileField) else value for name, value in args.items()}
