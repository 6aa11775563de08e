"""The Web API inside: an app's calls, made by a connector under the grants of the plugin's file."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Mapping
from typing import Any, Final

from slackd import jsonrpc
from slackd.gateway.call_turns import CallTurns, NoTurn
from slackd.gateway.counters import GatewayCounters
from slackd.gateway.plugin_client import PluginClient
from slackd.plugin.errors import TooLarge
from slackd.slack_server.errors import MethodError

log = logging.getLogger(__name__)

CALL_TIMEOUT: Final = 600.0
"""Seconds that a call may take, rate limits included."""
LONGEST_WAIT: Final = 20.0
"""Seconds that a call waits for Slack's rate limit, or for the broker, where its app doesn't say. SDKs give a
call up after 30 s: an app that has done so must not have its message posted after all."""
LEAST_WAIT: Final = 2.0
"""Seconds that a call waits for others of its app, however short the limit may be that it waits for."""
_BUSY_PAUSE: Final = 0.1


class CallFailedInside(Exception):
    """The broker has no answer of Slack's; `failure` says why."""

    def __init__(self, failure: jsonrpc.Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


class AppCalls:
    """One app's calls and posts, over one connection of the plugin's that is for calls alone."""

    def __init__(self, plugin: str, client: PluginClient, counters: GatewayCounters) -> None:
        self._plugin, self._client, self._counters = plugin, client, counters
        self._turns = CallTurns()

    async def call(self, method: str, args: Mapping[str, Any], max_wait: float | None) -> Mapping[str, Any]:
        """Slack's own answer.

        Args:
            max_wait: seconds that a rate limit may hold it up; `LONGEST_WAIT` by default.

        Raises:
            MethodError: There is none; in Slack's form, for the app.
        """
        params: dict[str, Any] = {"method": method, "args": dict(args), "call_id": os.urandom(12).hex()}
        wait = LONGEST_WAIT if max_wait is None else min(max_wait, CALL_TIMEOUT)
        clock = asyncio.get_running_loop().time
        until = clock() + wait
        try:
            async with self._turns.turn(method, _channel_of(args), max(wait, LEAST_WAIT)):
                answer = None
                while answer is None:
                    params["max_wait"] = max(0.0, until - clock())
                    answer = await self._ask("slack.call", params)
                    if answer is None and clock() >= until:
                        raise NoTurn(method)
                    if answer is None:
                        await asyncio.sleep(_BUSY_PAUSE)
        except (CallFailedInside, NoTurn) as failed:
            error = _rate_limited(1) if isinstance(failed, NoTurn) else as_method_error(method, failed.failure)
            self._counters.calls[self._plugin, str(error)] += 1
            raise error from failed
        self._counters.calls[self._plugin, "ok" if answer.get("ok") else "error"] += 1
        return answer

    async def respond(self, url: str, message: Mapping[str, Any]) -> tuple[int, Mapping[str, Any]]:
        """Post a message to a `response_url`; returns the status and body that Slack answered with.

        Raises:
            CallFailedInside: Slack never answered.
        """
        answer = await self.request("slack.respond", {"url": url, "message": dict(message)})
        return int(answer.get("status", 200)), answer.get("body") or {}

    async def request(self, method: str, params: dict[str, Any]) -> Mapping[str, Any]:
        """A request to the broker, which is about a `url` or a `transfer`, as soon as it takes one more.

        Raises:
            CallFailedInside: The broker answered with an error, or not at all.
        """
        about = str(params.get("transfer") or params.get("url", ""))
        clock = asyncio.get_running_loop().time
        until = clock() + CALL_TIMEOUT
        text = f"others of its kind were under way for {CALL_TIMEOUT:g} s"
        try:
            while clock() < until:
                async with self._turns.turn(method, about, until - clock()):
                    answer = await self._ask(method, params)
                if answer is not None:
                    return answer
                # Without its turn, since what is under way needs turns to come to its end.
                await asyncio.sleep(_BUSY_PAUSE)
        except NoTurn:
            pass
        raise CallFailedInside(jsonrpc.Failure(None, jsonrpc.SLACK_UNAVAILABLE, text))

    async def _ask(self, method: str, params: dict[str, Any]) -> Mapping[str, Any] | None:
        """The broker's answer; None where it takes no more at present."""
        patience = LONGEST_WAIT
        try:
            async with asyncio.timeout(patience):
                await self._client.ready.wait()
            patience = CALL_TIMEOUT
            outcome = await self._client.request(method, params, patience)
        except TooLarge as error:
            raise CallFailedInside(jsonrpc.Failure(None, jsonrpc.LINE_TOO_LONG, str(error))) from error
        except TimeoutError:
            text = self._client.refusal or f"the broker gave no answer within {patience:g} s"
            raise CallFailedInside(jsonrpc.Failure(None, jsonrpc.SLACK_UNAVAILABLE, text)) from None
        if isinstance(outcome, jsonrpc.Result):
            return outcome.result if isinstance(outcome.result, dict) else {}
        if outcome.code == jsonrpc.TOO_MANY_CALLS:
            return None
        raise CallFailedInside(outcome)


def as_method_error(method: str, failure: jsonrpc.Failure) -> MethodError:
    """What the broker says, in Slack's form: the words stand in `response_metadata`."""
    words: dict[str, Any] = {"response_metadata": {"messages": [f"[ERROR] {failure.message}"]}}
    match failure.code:
        case jsonrpc.METHOD_NOT_GRANTED:
            return MethodError("missing_scope", needed=method, provided="", **words)
        case jsonrpc.RATE_LIMITED:
            data = failure.data if isinstance(failure.data, dict) else {}
            return _rate_limited(int(data.get("retry_after", 1)))
        case jsonrpc.SLACK_UNAVAILABLE | jsonrpc.SHUTTING_DOWN:
            # Nothing was sent: an SDK that tries a 503 again does right.
            return MethodError("service_unavailable", status=503, **words)
        case jsonrpc.OUTCOME_UNKNOWN:
            return MethodError("internal_error", **words)
        case jsonrpc.INVALID_PARAMS if "method" in failure.message:
            return MethodError("unknown_method", req_method=method)
        case jsonrpc.INVALID_PARAMS | jsonrpc.LINE_TOO_LONG:
            return MethodError("invalid_arguments", **words)
        case _:
            return MethodError("fatal_error", **words)


def _channel_of(args: Mapping[str, Any]) -> str:
    channel = args.get("channel")
    return channel if isinstance(channel, str) else ""


def _rate_limited(retry_after: int) -> MethodError:
    return MethodError("ratelimited", status=429, headers={"Retry-After": str(retry_after)})
