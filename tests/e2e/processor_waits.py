"""For how long a machine's processes were kept waiting for a processor: what others do, and no test's subject.

The kernel counts it for each process (proc(5), `/proc/PID/schedstat`), and what the host took from all of them
(`/proc/stat`, steal). Where it counts nothing, nobody has waited.
"""

import contextlib
import os
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from tests.e2e.booted_machine import Machine
from tests.e2e.the_world import Slack

WINDOW: Final = 4.0
"""Seconds within which waits add up: about as long as the longest restart and Slack's patience."""
_EVERY: Final = 0.2
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_RESTART: Final = "restart"
"""systemd and the brokers that it starts, which wait one after the other."""


class LongestWait:
    """The longest wait within any window. Pure; times are seconds.

    Attributes:
        longest: Seconds.
    """

    def __init__(self) -> None:
        self.longest = 0.0
        self._seen: dict[int, float] = {}
        self._waited: defaultdict[str, float] = defaultdict(float)
        self._samples: deque[tuple[float, float, Mapping[str, float]]] = deque()

    def sample(self, now: float, stolen: float, waits: Mapping[int, tuple[str, float]]) -> None:
        """Take in how it stands.

        Args:
            now: The time.
            stolen: Since the machine began, what its host gave to others.
            waits: By pid, which of those it belongs to that wait one after the other, and for how long it has
                waited since it began.
        """
        for pid, (group, wait) in waits.items():
            self._waited[group] += max(0.0, wait - self._seen.get(pid, 0.0 if self._samples else wait))
        self._seen = {pid: wait for pid, (_, wait) in waits.items()}
        self._samples.append((now, stolen, dict(self._waited)))
        while self._samples[0][0] < now - WINDOW:
            self._samples.popleft()
        _, stolen_before, before = self._samples[0]
        longest = max((wait - before.get(group, 0.0) for group, wait in self._waited.items()), default=0.0)
        self.longest = max(self.longest, longest + stolen - stolen_before)


class ProcessorWaits:
    """Looks at a machine's slackd, its systemd and its Slack while the block runs."""

    def __init__(self, machine: Machine, slack: Slack) -> None:
        self._machine, self._slack = machine, slack
        self._waits = LongestWait()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, name="processor waits")

    @property
    def longest(self) -> float:
        """Seconds within any `WINDOW`."""
        return self._waits.longest

    def __enter__(self) -> "ProcessorWaits":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(_EVERY):
            found = {pid: (group, wait) for pid, group in self._groups() if (wait := _wait(pid)) is not None}
            self._waits.sample(time.monotonic(), _stolen(), found)

    def _groups(self) -> Iterator[tuple[int, str]]:
        yield self._slack.pid, "slack"
        for pid, command in self._machine.services().items():
            if command[1:2] == ["/usr/bin/slackd"]:
                yield pid, _RESTART if command[2:] == ["broker"] else " ".join(command[2:])
            elif Path(command[0]).name == "systemd":
                yield pid, _RESTART


def _wait(pid: int) -> float | None:
    with contextlib.suppress(OSError, IndexError):
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    return None


def _stolen() -> float:
    """Of one processor, on the average."""
    with contextlib.suppress(OSError, IndexError):
        words = Path("/proc/stat").read_text().partition("\n")[0].split()
        return int(words[8]) / _TICKS / (os.cpu_count() or 1)
    return 0.0
