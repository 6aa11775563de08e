"""Files to and from Slack through slackd, a piece at a time; `Slack.upload` and `Slack.download` use it."""

import base64
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from typing import Any, Protocol

from slackd import jsonrpc
from slackd.plugin.errors import CallFailed, PluginError

PIECE = 32_768
"""Bytes of a file in one request or result."""

_CANCEL_PATIENCE = 1.0
"""Seconds that slackd has to hear that nobody wants the rest."""


class Requests(Protocol):
    """Sends requests to slackd."""

    async def request(self, method: str, params: dict[str, Any]) -> jsonrpc.Result | jsonrpc.Failure:
        """slackd's answer to a request."""


Progress = Callable[[int, int | None], object]
"""Called with the bytes that have gone so far, and those of the whole file where that is known."""


async def download(
    requests: Requests, url: str, app: str | None, progress: Progress | None = None
) -> AsyncGenerator[bytes, None]:
    """The pieces of the file at one of Slack's `url_private`.

    Raises:
        CallFailed: It can't be had, or broke off.
    """
    begun = await _ask(requests, "slack.download", {"url": url, **_of(app)})
    if (status := begun.get("status")) != 200:
        raise CallFailed("slack.download", jsonrpc.SLACK_UNAVAILABLE, f"Slack answered {status}", begun)
    is_over, transfer, moved = begun.get("end") is True, begun.get("transfer"), 0
    length = begun.get("length")
    async with _given_up_unless_done(requests, "slack.download", transfer):
        while not is_over:
            piece = await _ask(requests, "slack.download", {"transfer": transfer})
            is_over = piece.get("end") is True
            if data := base64.b64decode(str(piece.get("data", ""))):
                moved += len(data)
                if progress is not None:
                    progress(moved, length if isinstance(length, int) else None)
                yield data


async def upload(
    requests: Requests,
    url: str,
    content: bytes | AsyncIterator[bytes],
    content_type: str,
    app: str | None,
    progress: Progress | None = None,
) -> None:
    """Send a file to the URL that `files.getUploadURLExternal` gave.

    Raises:
        CallFailed: It broke off, or Slack didn't take it.
    """
    length = len(content) if isinstance(content, bytes) else None
    about = {"url": url, "length": length, "content_type": content_type, **_of(app)}
    transfer = (await _ask(requests, "slack.upload", about)).get("transfer")
    moved = 0
    async with _given_up_unless_done(requests, "slack.upload", transfer):
        async for given in content if not isinstance(content, bytes) else _alone(content):
            for piece in _cut(given):
                await _send(requests, transfer, piece)
                moved += len(piece)
                if progress is not None:
                    progress(moved, length)
    done = await _ask(requests, "slack.upload", {"transfer": transfer, "end": True})
    if done.get("status") != 200:
        words = f"Slack answered {done.get('status')}: {done.get('text', '')}"
        raise CallFailed("slack.upload", jsonrpc.SLACK_UNAVAILABLE, words, done)


@contextlib.asynccontextmanager
async def _given_up_unless_done(requests: Requests, method: str, transfer: Any) -> AsyncIterator[None]:
    """Whoever wants no more of a file, is cancelled, or fails, leaves its place to the next one: slackd would
    keep it until nothing was asked for during a minute."""
    import asyncio  # which scripts that make one call do without

    try:
        yield
    except BaseException:
        with contextlib.suppress(TimeoutError, PluginError):
            async with asyncio.timeout(_CANCEL_PATIENCE):
                await requests.request(method, {"transfer": transfer, "cancel": True})
        raise


async def _send(requests: Requests, transfer: Any, piece: bytes) -> None:
    data = base64.b64encode(piece).decode()
    said = await _ask(requests, "slack.upload", {"transfer": transfer, "data": data})
    if said.get("end"):
        words = f"Slack answered {said.get('status')} before it had all: {said.get('text', '')}"
        raise CallFailed("slack.upload", jsonrpc.SLACK_UNAVAILABLE, words, said)


async def _ask(requests: Requests, method: str, params: dict[str, Any]) -> dict[str, Any]:
    outcome = await requests.request(method, params)
    if isinstance(outcome, jsonrpc.Failure):
        raise CallFailed(method, outcome.code, outcome.message, outcome.data)
    if not isinstance(outcome.result, dict):
        raise CallFailed(method, jsonrpc.INTERNAL_ERROR, "slackd gave no object as its answer")
    return outcome.result


async def _alone(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _cut(content: bytes) -> Iterator[bytes]:
    for start in range(0, len(content), PIECE):
        yield content[start : start + PIECE]


def _of(app: str | None) -> dict[str, str]:
    return {"app": app} if app else {}
