"""Runs a scheduler on an asyncio event loop."""

from __future__ import annotations

import asyncio

from slackd.slack_server.scheduler import Scheduler


class Alarm:
    """Runs what is due on a scheduler: one timer of the event loop for all of it."""

    def __init__(self, scheduler: Scheduler, loop: asyncio.AbstractEventLoop) -> None:
        self._scheduler = scheduler
        self._loop = loop
        self._handle: asyncio.TimerHandle | None = None
        self._running = False
        scheduler.on_earlier = self._set
        self._set()

    def stop(self) -> None:
        """Run nothing any more."""
        self._running = True
        if self._handle is not None:
            self._handle.cancel()

    def _set(self) -> None:
        if self._running:
            return
        if self._handle is not None:
            self._handle.cancel()
        when = self._scheduler.next_at()
        self._handle = None if when is None else self._loop.call_at(when, self._ring)

    def _ring(self) -> None:
        self._running = True
        try:
            self._scheduler.run_due(self._loop.time())
        finally:
            self._running = False
            self._set()
