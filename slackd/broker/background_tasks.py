"""Work in the background that ends with the broker: calls at Slack, late answers, sessions that open."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class BackgroundTasks:
    """Owns every task that is begun for somebody and that nobody awaits.

    Attributes:
        accepted: Set once tasks can be begun.
    """

    def __init__(self) -> None:
        self._group: asyncio.TaskGroup | None = None
        self.accepted = asyncio.Event()

    async def run(self) -> None:
        """Until cancelled; then every task is cancelled too (a plugin asks again, a late answer is kept)."""
        try:
            async with asyncio.TaskGroup() as self._group:
                self.accepted.set()
                await asyncio.Event().wait()
        finally:
            self._group = None

    def begin(self, task: Coroutine[Any, Any, object]) -> None:
        """Begin one; at the broker's end nothing is begun any more."""
        if self._group is None:
            task.close()
        else:
            self._group.create_task(task)
