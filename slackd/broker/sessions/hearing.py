"""When a connection is read: as long as nothing speaks against it."""

import asyncio
from enum import Enum


class Unheard(Enum):
    """Why a connection is not read."""

    OPENING = "nobody knows yet whether it may be that plugin"
    GREEDY = "it asks and doesn't read the answers"
    OVERDRAWN = "its plugin has had its share of the loop"


class Hearing:
    """Reads a transport as long as there is no reason not to."""

    __slots__ = ("_reasons", "_transport")

    def __init__(self, transport: asyncio.ReadTransport) -> None:
        self._transport = transport
        self._reasons: set[Unheard] = set()

    def stop(self, reason: Unheard) -> None:
        """Read nothing more until this reason is gone, and every other one."""
        if not self._reasons:
            self._transport.pause_reading()
        self._reasons.add(reason)

    def resume(self, reason: Unheard) -> None:
        """This reason is gone."""
        if reason in self._reasons:
            self._reasons.remove(reason)
            if not self._reasons and not self._transport.is_closing():
                self._transport.resume_reading()
