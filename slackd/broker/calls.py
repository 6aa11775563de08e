"""Plugins' calls at Slack: within their grants, within bounds, and each in its turn by Slack's rate limits."""

import asyncio
import math
import time
from collections.abc import Callable, Mapping
from typing import Any

from slackd import jsonrpc
from slackd.broker.call_queue import CallQueue, LaneName, Ticket
from slackd.broker.connector_calls import ConnectorCalls, may_be_carried_out
from slackd.broker.counters import Counters
from slackd.broker.grants import CallRefused, app_of, check_grant
from slackd.broker.plugins.events import CallAsked, PostAsked
from slackd.config import PluginConfig
from slackd.link.messages import NOT_SLACKS, CallKind, Returned

MAX_WAITING = 100
"""Calls of one plugin that may be under way."""
MAX_WAITING_BYTES = 4 << 20
"""Bytes of their lines together, but for a single call; as objects they may take some twenty times as much."""
MAX_RATE_LIMITED = 8
"""How often a call is made again after Slack's 429 before that is the plugin's answer."""
USUAL_RETRY_AFTER = 30.0
"""Seconds to wait after a 429 without `Retry-After`."""
LOOK_AT_LIMITS = 1.0
"""Seconds after which a call that waits looks whether Slack's limit holds it up for too long."""


def _ignore(_held_back: bool) -> None:
    """Nobody's time rests."""


class Calls:
    """Every call of a plugin that is under way."""

    def __init__(
        self,
        connector_calls: ConnectorCalls,
        apps: Mapping[str, object],
        counters: Counters,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connector_calls, self._apps, self._counters = connector_calls, apps, counters
        self._clock = clock
        self._queue = CallQueue()
        self._turns: dict[Ticket, asyncio.Future[None]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._of_plugin: dict[str, list[int]] = {}

    async def for_plugin(
        self, plugin: PluginConfig, asked: CallAsked | PostAsked, rest: Callable[[bool], None] = _ignore
    ) -> Mapping[str, Any]:
        """A plugin's Web API call, or its post to a `response_url`.

        Args:
            plugin: Whose call it is.
            asked: What it asks for.
            rest: Called with True when Slack's rate limit begins to hold the call back, with False when that
                is over.

        Returns:
            Slack's own JSON; of a post `{"status": …, "body": …}`, since a `response_url` answers with more.

        Raises:
            CallRefused: There is no answer of Slack's.
        """
        app = app_of(plugin, asked.app, self._apps)
        if isinstance(asked, CallAsked):
            check_grant(plugin, asked.method)
        sizes = self._of_plugin.setdefault(plugin.name, [])
        if len(sizes) >= MAX_WAITING or (sizes and sum(sizes) + asked.size > MAX_WAITING_BYTES):
            text = f"{len(sizes)} calls of {plugin.name} with {sum(sizes)} bytes are under way already"
            raise CallRefused(jsonrpc.TOO_MANY_CALLS, text, {"retry_after": self._retry_after(app, asked)})
        sizes.append(asked.size)
        try:
            if isinstance(asked, PostAsked):
                return _posted(
                    await self._connector_calls.make(app, CallKind.RESPONSE_URL, asked.url, asked.message)
                )
            key = f"{plugin.name}/{asked.call_id}" if asked.call_id else ""
            returned = await self._rate_limited(app, plugin.name, asked, key, rest)
        finally:
            sizes.remove(asked.size)
        outcome = _outcome(returned)
        self._counters.count_call(plugin.name, outcome)
        if returned.body is not None:
            return returned.body
        if may_be_carried_out(returned):
            text = f"{asked.method}: {returned.error}; Slack may or may not have carried it out"
            raise CallRefused(jsonrpc.OUTCOME_UNKNOWN, text)
        raise CallRefused(jsonrpc.SLACK_UNAVAILABLE, f"{asked.method}: {returned.error}")

    async def _rate_limited(
        self, app: str, plugin: str, asked: CallAsked, key: str, rest: Callable[[bool], None]
    ) -> Returned:
        """Make a call when it is its turn, as often as Slack's 429 asks for."""
        ticket = Ticket((app, asked.method, _channel_of(asked.args)), plugin)
        until = None if asked.max_wait is None else self._clock() + asked.max_wait
        self._refuse_if_too_long(ticket.lane, asked, until)
        turn = self._turns[ticket] = asyncio.get_running_loop().create_future()
        self._queue.enter(ticket)
        self._take_turns()
        while True:
            await self._wait_for_turn(ticket, turn, asked, until, rest)
            returned, answered = None, False
            try:
                returned = await self._connector_calls.make(app, CallKind.METHOD, asked.method, asked.args, key)
                answered = returned.body is not None and returned.status != 429
            finally:
                if returned is None or returned.status != 429 or ticket.refusals + 1 >= MAX_RATE_LIMITED:
                    self._turns.pop(ticket, None)
                    self._queue.leave(ticket, self._clock(), answered=answered)
                    self._take_turns()
            if ticket not in self._turns:
                return returned
            after = returned.retry_after if returned.retry_after is not None else USUAL_RETRY_AFTER
            turn = self._turns[ticket] = asyncio.get_running_loop().create_future()
            self._queue.refused(ticket, after, self._clock())
            self._take_turns()

    async def _wait_for_turn(
        self,
        ticket: Ticket,
        turn: asyncio.Future[None],
        asked: CallAsked,
        until: float | None,
        rest: Callable[[bool], None],
    ) -> None:
        held_back = False
        try:
            while not turn.done():
                if self._queue.is_limited(ticket):
                    self._refuse_if_too_long(ticket.lane, asked, until)
                    if not held_back:
                        held_back = True
                        rest(True)
                await asyncio.wait([turn], timeout=LOOK_AT_LIMITS)
        except BaseException:
            self._turns.pop(ticket, None)
            if turn.done():
                self._queue.leave(ticket, self._clock(), answered=False)
            else:
                self._queue.give_up(ticket, self._clock())
            self._take_turns()
            raise
        finally:
            if held_back:
                rest(False)

    def _refuse_if_too_long(self, lane: LaneName, asked: CallAsked, until: float | None) -> None:
        """Raises `CallRefused` where Slack's limit holds a call up beyond its `max_wait`."""
        now = self._clock()
        wait = self._queue.wait_for(lane, now)
        if until is not None and wait and now + wait > until:
            text = f"Slack's rate limit for {asked.method} holds it up for {wait:.0f} s more"
            raise CallRefused(jsonrpc.RATE_LIMITED, text, {"retry_after": max(1, math.ceil(wait))})

    def _take_turns(self) -> None:
        """Whoever's turn it is goes; a timer looks again when the next limit is over."""
        now = self._clock()
        for ticket in self._queue.take(now):
            turn = self._turns.get(ticket)
            if turn is not None and not turn.done():
                turn.set_result(None)
            else:
                self._queue.leave(ticket, now, answered=False)
        due = self._queue.next_due(now)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if due is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(max(0.0, due - now), self._take_turns)

    def _retry_after(self, app: str, asked: CallAsked | PostAsked) -> int:
        """Whole seconds after which one more call may find room."""
        if isinstance(asked, PostAsked):
            return 1
        lane = (app, asked.method, _channel_of(asked.args))
        return max(1, math.ceil(self._queue.wait_for(lane, self._clock())))


def _posted(returned: Returned) -> Mapping[str, Any]:
    """What a `response_url` answered.

    Raises:
        CallRefused: It never did.
    """
    if returned.body is not None:
        return {"status": returned.status, "body": dict(returned.body)}
    if returned.status == NOT_SLACKS:
        raise CallRefused(jsonrpc.INVALID_PARAMS, f'slack.respond: "url": {returned.error}')
    code = jsonrpc.OUTCOME_UNKNOWN if may_be_carried_out(returned) else jsonrpc.SLACK_UNAVAILABLE
    raise CallRefused(code, f"response_url: {returned.error}")


def _outcome(returned: Returned) -> str:
    if returned.body is None:
        return "unknown" if may_be_carried_out(returned) else "unavailable"
    if returned.body.get("ok"):
        return "ok"
    return str(returned.body.get("error", "error"))


def _channel_of(args: Mapping[str, Any]) -> str:
    """The channel whose limit a call comes under: Slack limits messages by channel."""
    channel = args.get("channel")
    return channel if isinstance(channel, str) else ""
