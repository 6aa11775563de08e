"""Calls that a connector makes for the broker at Slack: which connector makes one, and what it answered.

A call whose connector dies, or doesn't answer in time, may have been carried out or not: that is said, and
nothing is made again here.
"""

import asyncio
import contextlib
import json
import zlib
from collections.abc import Mapping
from typing import Any, Protocol

from slackd.broker.connection_registry import ConnectionRegistry
from slackd.link.messages import NOT_SENT, OUTCOME_UNKNOWN, RECEIVER, Call, CallKind, Returned

CONNECTOR_PATIENCE = 5.0
"""Seconds to wait for a connector that can make the call: one that restarts is back by then."""
SAME_CONNECTOR_PATIENCE = 0.5
"""Seconds to wait for the connector that may have made the same call before."""
CALL_TIMEOUT = 30.0
"""Seconds that a connector has for one call."""


class SendCall(Protocol):
    """Sends a call on a link; never blocks."""

    def __call__(self, link: int, call: Call) -> None: ...


class ConnectorCalls:
    """Every call that waits for a connector's answer."""

    def __init__(self, connectors: ConnectionRegistry, send: SendCall) -> None:
        self._connectors, self._send = connectors, send
        self._numbers = 0
        self._waiting: dict[int, tuple[int, asyncio.Future[Returned]]] = {}
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

    async def ask(self, app: str, method: str, args: Mapping[str, Any]) -> Returned:
        """A Web API call of the broker's own, once."""
        return await self.make(app, CallKind.METHOD, method, args)

    async def respond(self, app: str, response_url: str, body: str) -> Returned:
        """Post a message (JSON text) to a `response_url`, once.

        Returns:
            What became of it.
        """
        return await self.make(app, CallKind.RESPONSE_URL, response_url, json.loads(body))

    async def make(
        self, app: str, kind: CallKind, target: str, args: Mapping[str, Any], key: str = ""
    ) -> Returned:
        """A call, once, by a connector of this app.

        Args:
            target: The method, or the URL.
            key: What the connector knows the call by, should it be asked for again; "" for nothing.
        """
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
        """A call to this very connector, which has what the ones before it left there.

        `timeout` is in seconds."""
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


def may_be_carried_out(returned: Returned) -> bool:
    """Whether Slack may have done what was asked, though its answer never came. A 429 says that it has not; to
    any other status belongs a request that was sent (connectors of an earlier release report it so)."""
    return returned.body is None and returned.status not in (NOT_SENT, 429)
