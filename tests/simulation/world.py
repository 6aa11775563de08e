"""A virtual clock, an agenda and pipes: everything in a simulation happens here, one thing after the other."""

import heapq
import random
from collections.abc import Callable
from typing import Any

from slackd.broker.instant import Instant

EPOCH = 1_700_000_000.0


class World:
    """Time, chance, and what is to happen. The same seed gives the same history."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.time = 0.0
        self.history: list[str] = []
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    @property
    def now(self) -> Instant:
        return Instant(self.time, EPOCH + self.time)

    def unix(self) -> float:
        return EPOCH + self.time

    def after(self, seconds: float, then: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._agenda, (self.time + seconds, self._count, then))

    def say(self, words: str) -> None:
        self.history.append(f"{self.time:9.4f}  {words}")

    def run(self, until: float) -> None:
        while self._agenda and self._agenda[0][0] <= until:
            self.time, _, then = heapq.heappop(self._agenda)
            then()
        self.time = until


class Pipe:
    """One direction of a socket: in order, with a delay, and lost when it is cut."""

    def __init__(self, world: World, deliver: Callable[[Any], None], slowest: float = 0.004) -> None:
        self._world, self._deliver, self._slowest = world, deliver, slowest
        self._last = 0.0
        self.is_cut = False

    def send(self, message: Any) -> None:
        if self.is_cut:
            return
        at = max(self._last, self._world.time + self._world.rng.uniform(0.0, self._slowest))
        self._last = at
        self._world.after(at - self._world.time, lambda: None if self.is_cut else self._deliver(message))

    def cut(self) -> None:
        self.is_cut = True
