"""Files on their way between the broker and Slack's file hosts, piece by piece.

A piece is read from Slack when the broker asks for it, and taken from the broker when Slack takes it: whoever
is slow slows the other. Of one transfer no more than two pieces are in memory, 64 KiB. No redirect is followed,
and the token goes to Slack's file hosts alone ("Working with files").
"""

import asyncio
import base64
import binascii
import ssl
from collections.abc import AsyncIterator, Coroutine, Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import aiohttp

from slackd.config.values import App
from slackd.connector.credentials import Secret
from slackd.connector.network_errors import obstacle
from slackd.connector.proxy import proxy_for
from slackd.http_body import read_beginning
from slackd.link.messages import NOT_SENT, OUTCOME_UNKNOWN, Call, CallKind, Returned
from slackd.slack.limits import FILE_HOSTS
from slackd.slotted import define

PIECE: Final = 32_768
"""Bytes of a file that go over the link at once."""
IDLE: Final = 60.0
"""Seconds after which a transfer is given up whose next piece nobody wants or brings, or Slack doesn't send."""
READ_AHEAD: Final = 10_240
"""Bytes that are read at once; of a download at most three times as many are read ahead, for one piece."""
_LONGEST_TEXT: Final = 4_096
_CONNECT: Final = 30.0
_DOWNLOADING: Final = aiohttp.ClientTimeout(total=None, connect=_CONNECT, sock_read=IDLE)
_UPLOADING: Final = aiohttp.ClientTimeout(total=None, connect=_CONNECT)
"""Slack answers when it has all, and aiohttp 3.8 counts the silence of an answer from the request's beginning:
so each piece has the time of its call."""


class _Impossible(Exception):
    """A transfer can't begin or go on; the words are for whoever asked."""


class _GivenUp(Exception):
    """A transfer ended under a piece of it; the words are for whoever waits for that piece."""


@define(eq=False)
class _Download:
    response: aiohttp.ClientResponse
    idle: asyncio.TimerHandle

    def close(self) -> None:
        self.idle.cancel()
        self.response.close()


@define(eq=False)
class _Upload:
    pieces: asyncio.Queue[bytes | None]
    request: asyncio.Task[dict[str, Any]]
    idle: asyncio.TimerHandle

    def close(self) -> None:
        self.idle.cancel()
        self.request.cancel()


class FileMover:
    """One app's transfers.

    Args:
        token: the app's bot token, which Slack wants for a file of the workspace.
    """

    def __init__(self, app: App, token: Secret | None) -> None:
        self._app, self._token = app, token
        self._open: dict[str, _Download | _Upload] = {}
        self._posts: set[asyncio.Task[dict[str, Any]]] = set()

    def __len__(self) -> int:
        return len(self._open)

    async def carry_out(self, call: Call, session: aiohttp.ClientSession, tls: ssl.SSLContext) -> Returned:
        """Begin the transfer that the call names, or move its next piece.

        Returns:
            What becomes of the call: how the transfer began, the next piece, or why not.
        """
        name = str(call.args.get("transfer", ""))
        proxy = None
        try:
            if call.target:
                proxy = proxy_for(call.target, self._app.proxy)
                body = await self._begin(call, name, session, tls, proxy)
            else:
                body = await self._go_on(name, call)
        except _Impossible as error:
            return Returned(call.number, None, NOT_SENT, error=str(error))
        except _GivenUp as error:
            return Returned(call.number, None, OUTCOME_UNKNOWN, error=str(error))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            self.give_up(name)
            return Returned(call.number, None, OUTCOME_UNKNOWN, error=obstacle(error, proxy).reason)
        except BaseException:
            self.give_up(name)
            raise
        if body.get("end"):
            self.give_up(name)
        return Returned(call.number, body)

    async def close(self) -> None:
        """Give all of them up, and wait until nothing is sent any more."""
        for name in list(self._open):
            self.give_up(name)
        if self._posts:
            await asyncio.wait(self._posts)

    def give_up(self, name: str) -> None:
        """End one, if it is there."""
        transfer = self._open.pop(name, None)
        if transfer is not None:
            transfer.close()

    async def _begin(
        self, call: Call, name: str, session: aiohttp.ClientSession, tls: ssl.SSLContext, proxy: str | None
    ) -> dict[str, Any]:
        if not is_file_url(call.target, self._app.api_url):
            raise _Impossible("the URL does not lead to Slack's file hosts; nothing was sent")
        if call.kind is CallKind.UPLOAD:
            pieces: asyncio.Queue[bytes | None] = asyncio.Queue(1)
            request = asyncio.create_task(self._post(call, pieces, session, tls, proxy))
            self._posts.add(request)
            request.add_done_callback(self._posted)
            self._open[name] = _Upload(pieces, request, self._idle(name))
            return {}
        if self._token is None:
            raise _Impossible(
                f"the app has no bot token: set apps.{self._app.name}.bot_token and reload slackd"
            )
        response = await session.get(
            call.target,
            headers={"Authorization": f"Bearer {self._token.reveal()}", "Accept-Encoding": "identity"},
            allow_redirects=False,
            proxy=proxy,
            ssl=tls,
            timeout=_DOWNLOADING,
            read_bufsize=READ_AHEAD,
        )
        about = {
            "status": response.status,
            "content_type": response.headers.get("Content-Type", "application/octet-stream"),
            "length": response.content_length,
        }
        if response.status != 200:
            response.close()
            return {**about, "end": True}
        self._open[name] = _Download(response, self._idle(name))
        return about

    async def _go_on(self, name: str, call: Call) -> dict[str, Any]:
        transfer, args = self._open.get(name), call.args
        if transfer is None:
            raise _Impossible("no such transfer is under way at this connector: begin it again")
        transfer.idle.cancel()
        if args.get("cancel"):
            return {"end": True}
        if isinstance(transfer, _Download):
            # All that was read ahead: aiohttp reads ahead twice as much as it was ever asked for at once.
            data = await transfer.response.content.readany()
            transfer.idle = self._idle(name)
            at_end = not data or transfer.response.content.at_eof()
            return {"data": base64.b64encode(data).decode(), "end": at_end}
        async with asyncio.timeout(call.timeout):
            body = await self._send_piece(transfer, args)
        transfer.idle = self._idle(name)
        return body

    async def _send_piece(self, upload: _Upload, args: Mapping[str, Any]) -> dict[str, Any]:
        try:
            data = base64.b64decode(str(args.get("data", "")), validate=True)
        except binascii.Error as error:
            raise ValueError(f"a piece that is not base64: {error}") from error
        for piece in ([data] if data else []) + ([None] if args.get("end") else []):
            await _unless_over(upload, upload.pieces.put(piece))
        # The next piece is asked for once this one is written: TLS may have one besides that isn't sent yet.
        await _unless_over(upload, upload.pieces.join())
        # Slack may answer before it has read all: that is the end.
        if not args.get("end") and not upload.request.done():
            return {}
        await asyncio.wait({upload.request})
        if upload.request.cancelled():
            raise _GivenUp("it was given up meanwhile")
        return upload.request.result()

    def _posted(self, request: asyncio.Task[dict[str, Any]]) -> None:
        self._posts.discard(request)
        if not request.cancelled():
            request.exception()  # whoever sends the next piece gets it; perhaps nobody does

    async def _post(
        self,
        call: Call,
        pieces: asyncio.Queue[bytes | None],
        session: aiohttp.ClientSession,
        tls: ssl.SSLContext,
        proxy: str | None,
    ) -> dict[str, Any]:
        headers = {"Content-Type": str(call.args.get("content_type") or "application/octet-stream")}
        if isinstance(length := call.args.get("length"), int):
            headers["Content-Length"] = str(length)
        async with session.post(
            call.target,
            data=_PacedPieces(_until_none(pieces)),
            headers=headers,
            allow_redirects=False,
            proxy=proxy,
            ssl=tls,
            timeout=_UPLOADING,
        ) as response:
            text = (await read_beginning(response, _LONGEST_TEXT)).decode("utf-8", "replace")
            return {"status": response.status, "text": text, "end": True}

    def _idle(self, name: str) -> asyncio.TimerHandle:
        return asyncio.get_running_loop().call_later(IDLE, self.give_up, name)


async def _until_none(pieces: asyncio.Queue[bytes | None]) -> AsyncIterator[bytes]:
    while (piece := await pieces.get()) is not None:
        yield piece
        pieces.task_done()
    pieces.task_done()


class _PacedPieces(aiohttp.AsyncIterablePayload):
    """Takes the next piece when the kernel has taken the one before; aiohttp would keep 64 KiB and more."""

    async def write(self, writer: Any) -> None:
        await self.write_with_length(writer, None)

    async def write_with_length(self, writer: Any, content_length: int | None) -> None:
        writer.transport.set_write_buffer_limits(high=1)
        try:
            async for piece in self._value:
                await writer.write(piece)
                await writer.drain()
        finally:
            if writer.transport is not None:
                writer.transport.set_write_buffer_limits()


def is_file_url(url: str, api_url: str) -> bool:
    """Whether a URL leads to one of Slack's file hosts, or to an emulator's own origin."""
    try:
        parts, api = urlsplit(url), urlsplit(api_url)
        host, is_same_port = (parts.hostname or "").lower(), parts.port == api.port
    except ValueError:
        return False
    if parts.username is not None or not host:
        return False
    if parts.scheme == "https" and parts.port in (None, 443) and host in FILE_HOSTS:
        return True
    is_slack = (api.hostname or "").lower().endswith(
        (".slack.com", ".slack-gov.com")
    ) or api.hostname == "slack.com"
    return not is_slack and host == (api.hostname or "").lower() and parts.scheme == api.scheme and is_same_port


async def _unless_over(upload: _Upload, step: Coroutine[Any, Any, None]) -> None:
    """Wait for a step of an upload, or for the end of its request if that comes first."""
    async with asyncio.TaskGroup() as group:
        task = group.create_task(step)
        await asyncio.wait({task, upload.request}, return_when=asyncio.FIRST_COMPLETED)
        task.cancel()
