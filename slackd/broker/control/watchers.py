"""Who watches envelopes pass. It never slows the broker: what a watcher can't take is counted, not kept."""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from slackd.broker.actions import Passed

BACKLOG = 2_000
"""What may wait for one watcher before more is dropped."""
MOST_WATCHERS = 16


class Watcher:
    """One person's view of what passes: a bounded queue."""

    def __init__(self) -> None:
        self.dropped = 0
        self._queue: deque[Passed] = deque()
        self._news = asyncio.Event()
        self.closed = False

    def put(self, passed: Passed) -> None:
        """Something happened; never blocks."""
        if len(self._queue) >= BACKLOG:
            self.dropped += 1
        else:
            self._queue.append(passed)
        self._news.set()

    async def take(self, limit: int) -> Sequence[Passed]:
        """What happened, in order, as soon as there is any; nothing once the watcher is closed."""
        await self._news.wait()
        taken = [self._queue.popleft() for _ in range(min(limit, len(self._queue)))]
        if not self._queue and not self.closed:
            self._news.clear()
        return taken

    def close(self) -> None:
        """Nothing more comes."""
        self.closed = True
        self._news.set()


class Described:
    """What was found out about the latest envelopes, by their ids: read once, whoever watches."""

    def __init__(self) -> None:
        self._by_id: dict[int, Mapping[str, Any]] = {}

    def get(self, envelope: int) -> Mapping[str, Any] | None:
        """What is known, if anything."""
        return self._by_id.get(envelope)

    def put(self, envelope: int, description: Mapping[str, Any]) -> None:
        """Remember it, and forget the oldest."""
        self._by_id[envelope] = description
        if len(self._by_id) > BACKLOG:
            del self._by_id[next(iter(self._by_id))]

    def clear(self) -> None:
        """Nobody watches any more."""
        self._by_id.clear()


class Watchers:
    """All of them; `on_change` is called with whether anybody watches at all."""

    def __init__(self, on_change: Callable[[bool], None]) -> None:
        self._on_change = on_change
        self._watchers: set[Watcher] = set()
        self.described = Described()

    def __len__(self) -> int:
        return len(self._watchers)

    def join(self) -> Watcher | None:
        """A new watcher, or None if there are too many."""
        if len(self._watchers) >= MOST_WATCHERS:
            return None
        watcher = Watcher()
        self._watchers.add(watcher)
        self._on_change(True)
        return watcher

    def leave(self, watcher: Watcher) -> None:
        """It watches no more."""
        self._watchers.discard(watcher)
        if not self._watchers:
            self.described.clear()
        self._on_change(bool(self._watchers))

    def passed(self, passed: Passed) -> None:
        """Something happened to an envelope."""
        for watcher in self._watchers:
            watcher.put(passed)

    def close(self) -> None:
        """The broker stops: everybody is let go."""
        for watcher in self._watchers:
            watcher.close()
