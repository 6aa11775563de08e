"""When a plugin's connection is read: as long as there is no reason to pause."""

import asyncio
from enum import Enum


class Pause(Enum):
    """Why a connection is not read."""

    HELD = "connections of its plugin, or its user, failed again and again"
    OPENING = "nobody knows yet whether it may be that plugin"
    UNREAD = "it asks and doesn't read the answers"
    OVERDRAWN = "its plugin has had its share of the loop's time"
    STOPPING = "slackd is about to end"
    UNFINISHED = "its plugin has too many lines that have begun and not ended"


class FlowControl:
    """Pauses and resumes a transport; it is read again when the last reason to pause is gone."""

    __slots__ = ("_reasons", "_transport")

    def __init__(self, transport: asyncio.ReadTransport) -> None:
        self._transport = transport
        self._reasons: set[Pause] = set()

    @property
    def paused(self) -> bool:
        """Nothing is read from it."""
        return bool(self._reasons)

    def pause(self, reason: Pause) -> None:
        """Read nothing until this reason is gone, and every other one."""
        if not self._reasons and not self._transport.is_closing():
            self._transport.pause_reading()
        self._reasons.add(reason)

    def resume(self, reason: Pause) -> None:
        """This reason is gone."""
        if reason in self._reasons:
            self._reasons.remove(reason)
            if not self._reasons and not self._transport.is_closing():
                self._transport.resume_reading()
