"""Calls that a connector makes for us at Slack: plugins' Web API calls under their grants, and late answers.

P6, the invariant kept here: a plugin's call reaches a connector only if its file grants the method and the
app. The broker has no token and no network: it decides, the connector dials.
"""

import asyncio
import contextlib
import fnmatch
import json
import math
import time
import zlib
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from slackd import SlackdError, jsonrpc
from slackd.broker.call_queue import CallQueue, LaneName, Ticket
from slackd.broker.connection_registry import ConnectionRegistry
from slackd.broker.counters import Counters
from slackd.broker.plugins.events import CallAsked, PostAsked
from slackd.config import PluginConfig
from slackd.link.messages import NOT_SENT, OUTCOME_UNKNOWN, RECEIVER, Call, CallKind, Returned

CONNECTOR_PATIENCE = 5.0
"""Seconds to wait for a connector that can make the call: one that restarts is back by then."""
SAME_CONNECTOR_PATIENCE = 0.5
"""Seconds to wait for the connector that may have made the same call before."""
CALL_TIMEOUT = 30.0
"""Seconds that a connector has for one call."""
MAX_WAITING = 100
"""Calls of one plugin that may be under way."""
MAX_WAITING_BYTES = 4 << 20
"""Bytes of their lines together, but for a single call; as objects they may take some twenty times as much."""
MAX_RATE_LIMITED = 8
"""How often a call is made again after Slack's 429 before that is the plugin's answer."""
ALWAYS_GRANTED = "auth.test"
"""An app behind the gateway asks at its start who it is: that needs no line in its file."""
USUAL_RETRY_AFTER = 30.0
"""Seconds to wait after a 429 without `Retry-After`."""
LOOK_AT_LIMITS = 1.0
"""Seconds after which a call that waits looks whether Slack's limit holds it up for too long."""


class CallRefused(SlackdError):
    """A plugin's call is answered with an error; `code` and `data` are the protocol's."""

    def __init__(self, code: int, message: str, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.data = data


class SendCall(Protocol):
    """Sends a call on a link; never blocks."""

    def __call__(self, link: int, call: Call) -> None: ...


def _ignore(_held_back: bool) -> None:
    """Nobody's time rests."""


class Calls:
    """Every call that is under way."""

    def __init__(
        self,
        connectors: ConnectionRegistry,
        apps: Mapping[str, object],
        counters: Counters,
        send: SendCall,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connectors, self._apps, self._counters = connectors, apps, counters
        self._send, self._clock = send, clock
        self._numbers = 0
        self._waiting: dict[int, tuple[int, asyncio.Future[Returned]]] = {}
        self._queue = CallQueue()
        self._turns: dict[Ticket, asyncio.Future[None]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._of_plugin: dict[str, list[int]] = {}
        self._news = asyncio.Event()

    def returned(self, returned: Returned) -> None:
        """A connector answered."""
        _, future = self._waiting.pop(returned.number, (0, None))
        if future is not None and not future.done():
            future.set_result(returned)

    def connectors_changed(self) -> None:
        """A connector came, or reported something new of itself."""
        self._news.set()
        self._news = asyncio.Event()

    def link_lost(self, link: int) -> None:
        """Whatever was under way on this link: nobody knows what became of it."""
        for number, (on, future) in list(self._waiting.items()):
            if on == link and not future.done():
                del self._waiting[number]
                future.set_result(Returned(number, None, OUTCOME_UNKNOWN, error="the connector died meanwhile"))

    @property
    def under_way(self) -> int:
        """Calls that wait for a connector's answer."""
        return len(self._waiting)

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
        app = self.app_of(plugin, asked.app)
        if isinstance(asked, CallAsked):
            self.check_grant(plugin, asked.method)
        sizes = self._of_plugin.setdefault(plugin.name, [])
        if len(sizes) >= MAX_WAITING or (sizes and sum(sizes) + asked.size > MAX_WAITING_BYTES):
            text = f"{len(sizes)} calls of {plugin.name} with {sum(sizes)} bytes are under way already"
            raise CallRefused(jsonrpc.TOO_MANY_CALLS, text, {"retry_after": self._retry_after(app, asked)})
        sizes.append(asked.size)
        try:
            if isinstance(asked, PostAsked):
                return _posted(await self._call(app, CallKind.RESPONSE_URL, asked.url, asked.message))
            key = f"{plugin.name}/{asked.call_id}" if asked.call_id else ""
            returned = await self._rate_limited(app, plugin.name, asked, key, rest)
        finally:
            sizes.remove(asked.size)
        outcome = _outcome(returned)
        self._counters.count_call(plugin.name, outcome)
        if returned.body is not None:
            return returned.body
        if _may_be_carried_out(returned):
            text = f"{asked.method}: {returned.error}; Slack may or may not have carried it out"
            raise CallRefused(jsonrpc.OUTCOME_UNKNOWN, text)
        raise CallRefused(jsonrpc.SLACK_UNAVAILABLE, f"{asked.method}: {returned.error}")

    async def ask(self, app: str, method: str, args: Mapping[str, Any]) -> Returned:
        """A Web API call of the broker's own, once."""
        return await self._call(app, CallKind.METHOD, method, args)

    async def respond(self, app: str, response_url: str, body: str) -> Returned:
        """Post a message (JSON text) to a `response_url`, once."""
        return await self._call(app, CallKind.RESPONSE_URL, response_url, json.loads(body))

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
                returned = await self._call(app, CallKind.METHOD, asked.method, asked.args, key)
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

    async def _call(
        self, app: str, kind: CallKind, target: str, args: Mapping[str, Any], key: str = ""
    ) -> Returned:
        self._numbers += 1
        number = self._numbers
        try:
            async with asyncio.timeout(CONNECTOR_PATIENCE):
                link = await self._link_for(app, key)
        except TimeoutError:
            return Returned(number, None, NOT_SENT, error=f"no connector is there for the app {app!r}")
        return await self._ask(link, Call(number, app, kind, target, args, CALL_TIMEOUT, key))

    async def on_link(
        self, link: int, app: str, kind: CallKind, target: str, args: Mapping[str, Any], timeout: float
    ) -> Returned:
        """A call to this very connector, which has what the ones before it left there."""
        self._numbers += 1
        if link not in self._connectors.views:
            return Returned(self._numbers, None, OUTCOME_UNKNOWN, error="the connector is gone")
        return await self._ask(link, Call(self._numbers, app, kind, target, args, timeout))

    async def link_that_can(self, app: str, feature: str) -> int | None:
        """A connector of this app that has the feature; None if none comes in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CONNECTOR_PATIENCE):
                return await self._link_of(app, None, feature)
        return None

    async def _ask(self, link: int, call: Call) -> Returned:
        future: asyncio.Future[Returned] = asyncio.get_running_loop().create_future()
        self._waiting[call.number] = (link, future)
        try:
            self._send(link, call)
            async with asyncio.timeout(call.timeout + 5.0):
                return await future
        except TimeoutError:
            return Returned(call.number, None, OUTCOME_UNKNOWN, error="the connector did not answer in time")
        finally:
            self._waiting.pop(call.number, None)

    async def _link_for(self, app: str, key: str) -> int:
        """A connector that can make the call. A call with a key goes to the same one each time, which knows
        whether it has made it before, unless that one stays away."""
        if key:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SAME_CONNECTOR_PATIENCE):
                    return await self._link_of(app, 1 + zlib.crc32(key.encode()) % 2)
        return await self._link_of(app, None)

    async def _link_of(self, app: str, number: int | None, feature: str | None = None) -> int:
        views = self._connectors.views
        while True:
            candidates = [
                link
                for link, view in views.items()
                if app in view.hello.apps
                and view.hello.connector != RECEIVER
                and number in (None, view.hello.connector)
                and (feature is None or feature in view.hello.features)
            ]
            if candidates:
                return max(candidates, key=lambda link: (views[link].ready(app) > 0, -link))
            await self._news.wait()

    def _retry_after(self, app: str, asked: CallAsked | PostAsked) -> int:
        """Whole seconds after which one more call may find room."""
        if isinstance(asked, PostAsked):
            return 1
        lane = (app, asked.method, _channel_of(asked.args))
        return max(1, math.ceil(self._queue.wait_for(lane, self._clock())))

    def app_of(self, plugin: PluginConfig, app: str | None) -> str:
        """The app that a plugin's request is for.

        Raises:
            CallRefused: It names none, or one that it isn't given.
        """
        granted = plugin.apps or tuple(self._apps)
        if app is None:
            if len(granted) == 1:
                return granted[0]
            text = f'name an "app": {plugin.file} gives this plugin {", ".join(granted) or "none"}'
            raise CallRefused(jsonrpc.UNKNOWN_APP, text)
        if app not in granted:
            text = f"the app {app[:100]!r} is not in [slack] apps of {plugin.file}"
            raise CallRefused(jsonrpc.UNKNOWN_APP, text)
        return app

    def check_grant(self, plugin: PluginConfig, method: str) -> None:
        """Whether its file grants a plugin this method.

        Raises:
            CallRefused: It doesn't; the words have the line to write.
        """
        if plugin.gateway is not None and method == ALWAYS_GRANTED:
            return
        if any(fnmatch.fnmatchcase(method, pattern) for pattern in plugin.methods):
            return
        methods = json.dumps([*plugin.methods, method])
        text = f"{plugin.file} does not grant {method}; the line to write under [slack]: methods = {methods}"
        raise CallRefused(jsonrpc.METHOD_NOT_GRANTED, text)


def _posted(returned: Returned) -> Mapping[str, Any]:
    """What a `response_url` answered.

    Raises:
        CallRefused: It never did.
    """
    if returned.body is not None:
        return {"status": returned.status, "body": dict(returned.body)}
    code = jsonrpc.OUTCOME_UNKNOWN if _may_be_carried_out(returned) else jsonrpc.SLACK_UNAVAILABLE
    raise CallRefused(code, f"response_url: {returned.error}")


def _may_be_carried_out(returned: Returned) -> bool:
    """Whether Slack may have done what was asked, though its answer never came. A 429 says that it has not; to
    any other status belongs a request that was sent (connectors of an earlier release report it so)."""
    return returned.body is None and returned.status not in (NOT_SENT, 429)


def _outcome(returned: Returned) -> str:
    if returned.body is None:
        return "unknown" if _may_be_carried_out(returned) else "unavailable"
    if returned.body.get("ok"):
        return "ok"
    return str(returned.body.get("error", "error"))


def _channel_of(args: Mapping[str, Any]) -> str:
    """The channel whose limit a call comes under: Slack limits messages by channel."""
    channel = args.get("channel")
    return channel if isinstance(channel, str) else ""
