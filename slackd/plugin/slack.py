"""Slack's Web API, through slackd: no token comes near the plugin."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Protocol

from slackd import jsonrpc
from slackd.plugin.errors import CallFailed, SlackError

if TYPE_CHECKING:
    from slackd.plugin.envelope import Envelope
    from slackd.plugin.files import Progress
    from slackd.plugin.slack_methods import SlackMethods
else:
    SlackMethods = object

current_envelope: ContextVar[Envelope | None] = ContextVar("slackd.plugin.current_envelope", default=None)
"""What is being handled: calls are made for its app unless they name another, and the delivery's ack timeout
rests while slackd holds them back."""


class CallSender(Protocol):
    """Sends requests to slackd."""

    async def request(self, method: str, params: dict[str, Any]) -> jsonrpc.Result | jsonrpc.Failure:
        """slackd's answer to a request."""

    def request_from_thread(self, method: str, params: dict[str, Any]) -> jsonrpc.Result | jsonrpc.Failure:
        """slackd's answer to a request; blocks a thread in which no event loop runs."""


class Slack(SlackMethods):
    """Calls of Slack's Web API, made by slackd within the grants of the plugin's file (`[slack] methods`).

    `await slack.call("chat.postMessage", channel=…, text=…)`, or by the method's own name with `_` for each
    dot, `await slack.chat_postMessage(channel=…, text=…)`: editors and type checkers know their arguments.
    It works in handlers, and anywhere else while the plugin is served: in a timer, a web hook of the plugin's
    own, another thread (`call_sync`) or another event loop.

    slackd waits out rate limits. A call outlives a restart of slackd: it is repeated on the new connection
    under the same `call_id`, and slackd makes it once. Give a `call_id` of your own, made of
    `envelope.delivery` say, to have the same across attempts of one delivery.

    Slack's `ok: false` is raised as `SlackError` (its answer is in `.response`), everything else that goes
    wrong as `CallFailed`.
    """

    def __init__(self, caller: CallSender) -> None:
        self._caller = caller

    async def call(
        self,
        method: str,
        args: Mapping[str, Any] | None = None,
        /,
        *,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        """Slack's answer to a method.

        Args:
            method: Its name, "chat.postMessage" say.
            args: Its arguments; they may be given by name, too.
            app: The app in slackd's configuration; the one of the envelope in flight if it isn't named.
            call_id: A name of your own for this call: however often it is asked for, it is made once.
            more: Arguments by name.

        Raises:
            SlackError: Slack answered `ok: false`.
            CallFailed: There is no answer of Slack's.
            NotJsonError, TooLarge: The arguments can't be sent.
            NotRunning: The plugin is not being served.
        """
        params = _params(method, {**(args or {}), **more}, app, call_id)
        return _outcome(method, await self._caller.request("slack.call", params))

    def call_sync(
        self,
        method: str,
        args: Mapping[str, Any] | None = None,
        /,
        *,
        app: str | None = None,
        call_id: str | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        """`call` for plain functions: blocks its thread until Slack has answered. Never for async functions.

        Raises:
            SlackError: As `call`.
            CallFailed: As `call`.
            NotJsonError: The arguments have no JSON text.
            TooLarge: They don't fit into a line.
            NotRunning: The plugin is not being served, or this is the thread of its loop.
        """
        params = _params(method, {**(args or {}), **more}, app, call_id)
        return _outcome(method, self._caller.request_from_thread("slack.call", params))

    async def pages(
        self, method: str, args: Mapping[str, Any] | None = None, /, *, app: str | None = None, **more: Any
    ) -> AsyncIterator[dict[str, Any]]:
        """Slack's answers page after page, as long as they name a next one ("Pagination").

        `async for page in slack.pages("conversations.list", limit=200): …`

        Raises:
            SlackError: As `call`.
            CallFailed: As `call`.
            NotRunning: As `call`.
        """
        asked = {**(args or {}), **more}
        while True:
            page = await self.call(method, asked, app=app)
            yield page
            metadata = page.get("response_metadata")
            cursor = metadata.get("next_cursor") if isinstance(metadata, dict) else None
            if not cursor or cursor == asked.get("cursor"):
                return
            asked["cursor"] = cursor

    async def each(
        self, method: str, member: str, /, *, app: str | None = None, **args: Any
    ) -> AsyncIterator[Any]:
        """What is listed under a member of each page, one after the other.

        `async for channel in slack.each("conversations.list", "channels"): …`

        Raises:
            SlackError: As `call`.
            CallFailed: As `call`.
            NotRunning: As `call`.
        """
        async for page in self.pages(method, args, app=app):
            listed = page.get(member)
            for one in listed if isinstance(listed, list) else ():
                yield one

    async def respond(self, url: str, message: Mapping[str, Any] | str, *, app: str | None = None) -> None:
        """Post a message to a `response_url` that came in an envelope, by way of slackd.

        Raises:
            SlackError: Slack doesn't take it: the URL is used up or too old, or it doesn't like the message.
            CallFailed, NotJsonError, TooLarge, NotRunning: As `call` does.
        """
        params: dict[str, Any] = {"url": url, "message": as_message(message)}
        if name := app or _current_app():
            params["app"] = name
        outcome = await self._caller.request("slack.respond", params)
        if isinstance(outcome, jsonrpc.Failure):
            raise CallFailed("response_url", outcome.code, outcome.message, outcome.data)
        result = outcome.result if isinstance(outcome.result, dict) else {}
        body = result.get("body")
        status = result.get("status")
        if (
            not isinstance(body, dict)
            or body.get("ok") is False
            or not isinstance(status, int)
            or status >= 300
        ):
            raise SlackError("response_url", body if isinstance(body, dict) else {"error": f"http_{status}"})

    def download(
        self, url: str, *, app: str | None = None, progress: Progress | None = None
    ) -> AsyncGenerator[bytes, None]:
        """The file at a `url_private`, piece by piece (`async for piece in …`); needs the grant `files.info`.

        Args:
            url: One of Slack's.
            app: Whose file it is, where the plugin has several apps.
            progress: Called with the bytes that have come, and with those of the whole file or None.

        Raises:
            CallFailed: It can't be had; if that is said while it comes, begin again.
        """
        from slackd.plugin import files  # few plugins move files

        return files.download(self._caller, url, app or _current_app(), progress)

    async def upload(
        self,
        url: str,
        content: bytes | AsyncIterator[bytes],
        *,
        content_type: str = "application/octet-stream",
        app: str | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Send a file to the URL that `files.getUploadURLExternal` gave; needs the grant of that method.

        Args:
            url: Where Slack wants it.
            content: The whole file, or its pieces.
            content_type: Its media type.
            app: Whose file it is, where the plugin has several apps.
            progress: Called with the bytes that slackd has taken, and with those of the whole file or None.

        Raises:
            CallFailed: It did not get there, or Slack doesn't take it.
        """
        from slackd.plugin import files

        await files.upload(self._caller, url, content, content_type, app or _current_app(), progress)

    def __getattr__(self, name: str) -> Callable[..., Awaitable[dict[str, Any]]]:
        """A method of Slack's by its own name, with `_` for each dot."""
        if name.startswith("_") or "_" not in name:
            raise AttributeError(f"Slack has no method {name!r}: chat_postMessage is chat.postMessage, for one")
        method = name.replace("_", ".")

        async def call(**args: Any) -> dict[str, Any]:
            return await self.call(method, **args)

        call.__name__ = call.__qualname__ = name
        return call


def as_message(message: Mapping[str, Any] | str) -> dict[str, Any]:
    """A message; a text is `{"text": …}`."""
    return {"text": message} if isinstance(message, str) else dict(message)


def _params(method: str, args: dict[str, Any], app: str | None, call_id: str | None) -> dict[str, Any]:
    params: dict[str, Any] = {"method": method, "args": args, "call_id": call_id or os.urandom(16).hex()}
    if name := app or _current_app():
        params["app"] = name
    if envelope := current_envelope.get():
        params["delivery"] = f"{envelope.delivery}.{envelope.attempt}"
    return params


def _current_app() -> str | None:
    envelope = current_envelope.get()
    return envelope.app if envelope is not None else None


def _outcome(method: str, outcome: jsonrpc.Result | jsonrpc.Failure) -> dict[str, Any]:
    if isinstance(outcome, jsonrpc.Failure):
        raise CallFailed(method, outcome.code, outcome.message, outcome.data)
    answer = outcome.result
    if not isinstance(answer, dict):
        raise CallFailed(method, jsonrpc.INTERNAL_ERROR, "slackd gave no object as Slack's answer")
    if answer.get("ok") is True:
        return answer
    if "ok" in answer:
        raise SlackError(method, answer)
    raise CallFailed(method, jsonrpc.OUTCOME_UNKNOWN, 'an answer without "ok" is none of Slack\'s', answer)
