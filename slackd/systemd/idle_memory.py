"""Memory that a flood took goes back to the system once the process has been idle for a while.

The C library keeps what was freed for later, and Python's garbage collector looks at nothing while nothing is
made: a process that was busy for a minute would look busy for ever.
"""

import asyncio
import ctypes
import gc
import time
from collections.abc import Callable
from typing import Final

LOOK_EVERY: Final = 2.0
"""Seconds between two looks. It takes some milliseconds, so bursts that follow on each other cost little."""
IDLE: Final = 0.02
"""Part of a core that an idle process takes at most."""
WORTH_IT: Final = 0.3
"""Seconds of CPU since the last time, under which there is nothing to give back."""
RELEASED_WITHIN: Final = 1.0
"""Seconds that other threads have to let go."""


class IdleMemory:
    """Decides when to give memory back, by the CPU time of the process. Pure: the clock readings are given.

    Args:
        used: Seconds of CPU that the process has used so far.
    """

    def __init__(self, used: float) -> None:
        self._last_look = self._given_back_at = used

    def is_time(self, used: float) -> bool:
        """Whether the process has been busy, and was idle since the last look (`LOOK_EVERY` seconds ago)."""
        idle = used - self._last_look < IDLE * LOOK_EVERY
        self._last_look = used
        if not idle or used - self._given_back_at < WORTH_IT:
            return False
        self._given_back_at = used
        return True


async def give_back_when_idle(release: Callable[[], None] = lambda: None) -> None:
    """Look every so often, until cancelled.

    Args:
        release: Lets go of what is kept for the next flood.
    """
    memory = IdleMemory(time.process_time())
    while True:
        await asyncio.sleep(LOOK_EVERY)
        if memory.is_time(time.process_time()):
            release()
            await asyncio.sleep(RELEASED_WITHIN)
            give_back()


def give_back() -> None:
    """Free what nothing refers to, and hand free pages to the system (`malloc_trim`, where the C library has
    it)."""
    gc.collect()
    if _trim is not None:
        _trim(0)


_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
