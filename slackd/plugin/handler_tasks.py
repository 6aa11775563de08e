"""Handlers at work, each in a task of its own.

`asyncio.TaskGroup` would ask the loop for one more call at the end of each of them, which is a good part of
what the SDK does for an event. So one task of a group answers for them all here.
"""

import asyncio
from contextvars import copy_context

from slackd.plugin.context import Context
from slackd.plugin.handling import Handling


class HandlerTasks:
    """The tasks of one loop; `keep` owns them.

    Each begins with the context variables that were there when the plugin was served: the one before it in its
    channel may be what starts it, and leaves it nothing of its own.
    """

    def __init__(self, handling: Handling) -> None:
        self._handling = handling
        self._variables = copy_context()
        self._keeper: asyncio.Task[None] | None = None
        self._leaving = False
        self._loop = asyncio.get_running_loop()
        self._tasks: dict[Context, asyncio.Task[None]] = {}
        self._broken: asyncio.Future[None] = self._loop.create_future()

    @property
    def working(self) -> list[asyncio.Task[None]]:
        """Those that have not ended."""
        return [each for each in self._tasks.values() if not each.done()]

    def start(self, context: Context) -> None:
        """Handle a delivery."""
        task = self._loop.create_task(
            self._handle(context), name=context.envelope.delivery, context=self._variables.copy()
        )
        if not task.done():  # as it may be at once, if the author's loop has an eager task factory
            self._tasks[context] = task

    async def keep(self) -> None:
        """Wait until a task breaks, which no handler's exception does, and raise what broke it. When this ends,
        or is cancelled, the tasks are cancelled, and awaited."""
        self._keeper = asyncio.current_task()
        try:
            await self._broken
        finally:
            self.leave_unanswered()
            while working := self.working:
                for each in working:
                    if not each.cancelling():
                        each.cancel()
                await asyncio.wait(working)

    def leave_unanswered(self) -> None:
        """Tasks that are cancelled from now on leave their deliveries as they are: the program ends, and slackd
        delivers them again. Whom the author's code cancels before that has failed."""
        self._leaving = True

    async def _handle(self, context: Context) -> None:
        try:
            await self._handling.handle(context)
        except asyncio.CancelledError:
            if not (self._leaving or (self._keeper is not None and self._keeper.cancelling())):
                context.nack("the handler was cancelled by its own code")
            raise
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:  # noqa: BLE001  raised again by `keep`
            if not self._broken.done():
                self._broken.set_exception(error)
        finally:
            self._tasks.pop(context, None)
