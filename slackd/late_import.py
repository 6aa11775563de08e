"""Modules that take long to import, and that nobody waits for whom slackd serves first.

An import computes for as long as it takes, and a thread that computes keeps the interpreter for 5 ms at a time:
an envelope that comes in meanwhile would wait for its acknowledgement.
"""

import asyncio
import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Final

SWITCH_INTERVAL: Final = 0.0005
"""Seconds that a thread computes at most while another one waits."""
_USUAL: Final = sys.getswitchinterval()


async def imported(name: str) -> ModuleType:
    """Import a module in a thread, while the loop turns as promptly as it can.

    Args:
        name: Of the module, from the root on.

    Returns:
        The module; at once, where it was imported before.
    """
    with _turning_promptly():
        return await asyncio.to_thread(importlib.import_module, name)


@contextmanager
def _turning_promptly() -> Iterator[None]:
    """Threads that compute make way at once for a loop that has something to do, until the block ends."""
    sys.setswitchinterval(SWITCH_INTERVAL)
    try:
        yield
    finally:
        sys.setswitchinterval(_USUAL)
