"""Calls handlers: async functions in the loop, plain ones in threads, so that they may block."""

import asyncio
import contextlib
import inspect
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from typing import Any

from slackd.plugin.matching import Handler, Route
from slackd.plugin.threads import Threads


class Caller:
    """`name` is what the threads are called."""

    def __init__(self, name: str) -> None:
        self._threads = Threads(name)

    def close(self) -> None:
        """Lets idle threads go. One that a handler still blocks is left behind, and holds up no exit."""
        self._threads.close()

    def call(self, route: Route, *arguments: Any) -> Awaitable[Any]:
        """What gives the handler's value when it is awaited."""
        return route.handler(*arguments) if route.is_async else self._call_plain(route.handler, *arguments)

    async def _call_plain(self, handler: Handler, *arguments: Any) -> Any:
        value = await self._in_thread(lambda: handler(*arguments))
        return await value if inspect.isawaitable(value) else value

    async def _in_thread(self, function: Callable[[], Any]) -> Any:
        loop = asyncio.get_running_loop()
        ended: asyncio.Future[tuple[Any, BaseException | None]] = loop.create_future()
        context = copy_context()

        def job() -> None:
            value, error = None, None
            try:
                value = context.run(function)
            except BaseException as raised:  # noqa: BLE001  it is raised again in the loop
                error = raised
            # A closed loop is a plugin that has left without this thread.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(_settle, ended, (value, error))

        self._threads.submit(job)
        value, error = await ended
        if error is not None:
            raise error
        return value


def _settle(ended: asyncio.Future[Any], outcome: tuple[Any, BaseException | None]) -> None:
    if not ended.done():
        ended.set_result(outcome)
