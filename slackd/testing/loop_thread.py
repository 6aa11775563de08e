"""What all tests of a run share: an event loop in a thread, and the Python that programs are forked from."""

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from slackd.testing.forked_process import OF_APPS, OF_PLUGINS, PythonForks

T = TypeVar("T")


class LoopThread:
    """An event loop in a thread.

    Attributes:
        plugins: Starts plugins in Python, for as long as the loop runs.
        apps: The same for apps that speak to Slack themselves.
    """

    def __init__(self) -> None:
        self.plugins = PythonForks(OF_PLUGINS)
        self.apps = PythonForks(OF_APPS, of_apps=True)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="slackd-testing", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the loop, and wait for it; from any thread but the loop's own.

        Returns:
            What it returns. What it raises is raised here.
        """
        future: Future[T] = asyncio.run_coroutine_threadsafe(work, self._loop)
        return future.result()

    def close(self) -> None:
        """End the loop and its thread."""
        for forks in (self.plugins, self.apps):
            self.run(forks.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
