"""Calls handlers: async functions in the loop, plain ones in threads, so that they may block.

Threads for plain functions: as many as are busy at once, kept for the next, and never waited for at exit.

An executor of the standard library would be joined when the interpreter ends, so one handler that hangs would
keep a stopped plugin from leaving.
"""

import asyncio
import contextlib
import inspect
import threading
from collections.abc import Awaitable, Callable
from contextvars import copy_context
from queue import SimpleQueue
from typing import Any

from slackd.plugin.handlers import Handler
from slackd.plugin.matching import HandlerRoute

Job = Callable[[], None]


class Threads:
    """Runs each job, and `after_job`, at once in an idle thread or a new one. Jobs must not raise."""

    def __init__(self, name: str, after_job: Job = lambda: None) -> None:
        self._name, self._after_job = name, after_job
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._idle = 0
        self._closed = False
        self._lock = threading.Lock()

    def submit(self, job: Job) -> None:
        """Run a job at once, in an idle thread or in a new one."""
        with self._lock:
            fresh = self._idle == 0
            if not fresh:
                self._idle -= 1
        if fresh:
            threading.Thread(target=self._work, args=(job,), name=self._name, daemon=True).start()
        else:
            self._jobs.put(job)

    def close(self) -> None:
        """Lets idle threads go; busy ones end with their job, or with the process."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, 0
        for _ in range(idle):
            self._jobs.put(None)

    def _work(self, job: Job | None) -> None:
        while job is not None:
            job()
            self._after_job()
            with self._lock:
                if self._closed:
                    return
                self._idle += 1
            job = self._jobs.get()


class HandlerCaller:
    """`name` is what the threads are called; `after_job` is called in each that has called a handler."""

    def __init__(self, name: str, after_job: Job = lambda: None) -> None:
        self._threads = Threads(name, after_job)

    def close(self) -> None:
        """Lets idle threads go. One that a handler still blocks is left behind, and holds up no exit."""
        self._threads.close()

    def call(self, route: HandlerRoute, *arguments: Any) -> Awaitable[Any]:
        """Call a handler with as many of the arguments as it takes.

        Returns:
            What gives the handler's value when it is awaited.
        """
        taken = arguments[: route.arguments]
        return route.handler(*taken) if route.is_async else self._call_plain(route.handler, taken)

    async def _call_plain(self, handler: Handler, arguments: tuple[Any, ...]) -> Any:
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
