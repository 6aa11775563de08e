"""Slack's Web API, through slackd: no token comes near the plugin."""

import os
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Protocol

from slackd import jsonrpc
from slackd.plugin.errors import CallFailed, SlackError

current_app: ContextVar[str | None] = ContextVar("slackd.plugin.current_app", default=None)
"""The app whose envelope is being handled: calls are made for it unless they name another."""


class CallSender(Protocol):
    """Sends requests to slackd."""

    async def request(self, method: str, params: dict[str, Any]) -> jsonrpc.Result | jsonrpc.Failure: ...

    def request_from_thread(self, method: str, params: dict[str, Any]) -> jsonrpc.Result | jsonrpc.Failure: ...


class Slack:
    """Calls of Slack's Web API, made by slackd within the grants of the plugin's file (`[slack] methods`).

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
        """Slack's answer to `method`, "chat.postMessage" say, with arguments as a mapping, by name, or both.

        `app` is the app in slackd's configuration; the one of the envelope in hand if it isn't named. Raises
        `SlackError`, `CallFailed`, `NotJsonError`, `TooLarge`, `NotRunning`.
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
        """`call` for plain functions: blocks its thread until Slack has answered. Never for async functions."""
        params = _params(method, {**(args or {}), **more}, app, call_id)
        return _outcome(method, self._caller.request_from_thread("slack.call", params))


def _params(method: str, args: dict[str, Any], app: str | None, call_id: str | None) -> dict[str, Any]:
    params: dict[str, Any] = {"method": method, "args": args, "call_id": call_id or os.urandom(16).hex()}
    if name := app or current_app.get():
        params["app"] = name
    return params


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
