"""HTTP to Slack: TLS with the certificates that we trust, no redirect followed, answers of bounded size.

A redirect of a Web API call is never Slack's doing. Followed, it would take what people wrote to another host
(aiohttp leaves the token out, on another origin), or over plain HTTP. The WebSocket's handshake likewise.
"""

import json
import ssl
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from slackd.connector.dial_progress import progress_tracing
from slackd.connector.frame_limit import bounded
from slackd.connector.resolver import HostResolver
from slackd.connector.small_buffers import SmallBuffersConnector
from slackd.http_body import ACCEPTED, read_whole

ANSWER_LIMIT: Final = 16 * 1024 * 1024
"""Bytes of one answer, unpacked; Slack's are far smaller."""


class UnwantedAnswerError(aiohttp.ClientError):
    """What came is nothing that Slack would send; the words are for a person, and hold no URL."""


class SlackResponse(aiohttp.ClientResponse):
    """An answer that is JSON whatever its label says, as it is to most of Slack's clients, and not endless."""

    @property
    def content_type(self) -> str:
        """slack_sdk reads no answer that says it is text; a server that says nothing sends bytes."""
        return "application/json"

    async def read(self) -> bytes:
        """The whole body.

        Raises:
            BodyTooLargeError: It has more than `ANSWER_LIMIT` bytes.
            aiohttp.ClientError: It broke off, or can't be unpacked.
        """
        if self._body is None:
            self._body = await read_whole(self, ANSWER_LIMIT)
        return self._body

    async def json(self, **_options: Any) -> Any:
        """The body as JSON in UTF-8.

        Raises:
            ValueError: It is something else.
            BodyTooLargeError: It is larger than slackd reads of any answer.
        """
        try:
            return json.loads(await self.read())
        except RecursionError:
            raise ValueError("the answer is nested too deep") from None


def file_session(tls: ssl.SSLContext, read_size: int) -> aiohttp.ClientSession:
    """A session for Slack's file hosts, which reads so many bytes at once, and keeps little that is written."""
    connector = SmallBuffersConnector(read_size, limit=0, ssl=tls, resolver=HostResolver())
    return aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(), connector=connector, auto_decompress=False, headers=ACCEPTED
    )


def slack_session(tls: ssl.SSLContext, *, reuse: bool = True, **options: Any) -> aiohttp.ClientSession:
    """A session for Slack's API and WebSockets.

    Args:
        tls: Which certificates are trusted.
        reuse: Keep connections for the next request.
        **options: More options of `aiohttp.ClientSession`.
    """
    tracing = progress_tracing()
    tracing.on_request_redirect.append(_refuse_to_follow)
    tracing.on_connection_create_start.append(_refuse_to_repeat)
    return aiohttp.ClientSession(
        cookie_jar=aiohttp.DummyCookieJar(),
        response_class=SlackResponse,
        auto_decompress=False,
        headers=ACCEPTED,
        trace_configs=[tracing],
        connector=bounded(
            aiohttp.TCPConnector(limit=0, ssl=tls, resolver=HostResolver(), force_close=not reuse)
        ),
        **options,
    )


async def _refuse_to_repeat(
    _session: aiohttp.ClientSession, context: SimpleNamespace, _start: aiohttp.TraceConnectionCreateStartParams
) -> None:
    """aiohttp asks once more where a connection ends without an answer; a one-use URL is dialled once."""
    if getattr(context, "has_connected", False):
        raise UnwantedAnswerError("the connection ended without an answer")
    context.has_connected = True


async def _refuse_to_follow(
    _session: aiohttp.ClientSession, _context: SimpleNamespace, redirect: aiohttp.TraceRequestRedirectParams
) -> None:
    response = redirect.response
    response.close()
    target = _host_of(response.headers.get("Location", "")) or redirect.url.host
    raise UnwantedAnswerError(
        f"HTTP {response.status} leads on to {target}, and was not followed (check api_url and proxy)"
    )


def _host_of(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None
