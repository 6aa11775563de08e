"""Which of an app's calls are with the broker: none keeps the others out, whatever limit it waits for.

Slack limits methods, and messages to a channel ("Rate limits"); a call that waits for that waits inside. With
Slack itself an app whose messages are limited still opens its views, so here no method, and no channel of one,
takes all the places that there are.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final
from weakref import WeakValueDictionary

AT_ONCE: Final = 64
"""Calls of one app that are with the broker at once; the others wait here."""
OF_METHOD: Final = 24
"""Of those, calls of one method: more than connectors make side by side."""
OF_LANE: Final = 8
"""Of those, calls of one method for the same channel: as many as the broker makes side by side."""


class NoTurn(Exception):
    """It was not the call's turn in time."""


class CallTurns:
    """One app's."""

    def __init__(self) -> None:
        self._all = asyncio.Semaphore(AT_ONCE)
        # Each lives as long as there is a call that has it.
        self._methods: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()
        self._lanes: WeakValueDictionary[tuple[str, str], asyncio.Semaphore] = WeakValueDictionary()

    @contextlib.asynccontextmanager
    async def turn(self, method: str, about: str, patience: float) -> AsyncIterator[None]:
        """It is the turn of a call of that method.

        Args:
            about: the channel, URL or transfer that it is about, "" where it names none.
            patience: seconds after which nobody waits for that any more.

        Raises:
            NoTurn: It wasn't within `patience`.
        """
        lane = self._lanes.setdefault((method, about), asyncio.Semaphore(OF_LANE))
        of_method = self._methods.setdefault(method, asyncio.Semaphore(OF_METHOD))
        async with contextlib.AsyncExitStack() as places:
            try:
                async with asyncio.timeout(patience):
                    for each in (lane, of_method, self._all):
                        await places.enter_async_context(each)
            except TimeoutError:
                raise NoTurn(method) from None
            yield
