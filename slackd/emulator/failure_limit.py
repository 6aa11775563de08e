"""When Slack stops sending events to a request URL ("The Events API", failure limits).

An app's event subscriptions are disabled when more than 95 % of the delivery attempts within 60 minutes have
failed; an app that gets fewer than 1,000 events an hour is exempt. Somebody switches them on again by hand.
Times are seconds on the emulator's clock.
"""

from __future__ import annotations

import collections
from typing import Final

WINDOW: Final = 3_600.0
"""Seconds that are looked at."""
FEWEST_ATTEMPTS: Final = 1_000
"""Attempts in the window below which an app is exempt."""
MOST_FAILED: Final = 0.95
"""Share of the attempts that may fail."""


class FailureLimit:
    """Counts attempts and those that failed.

    Args:
        window: seconds that are looked at.
    """

    def __init__(self, window: float = WINDOW) -> None:
        self._window = window
        self._attempts: collections.deque[tuple[float, bool]] = collections.deque()
        self._failed = 0

    def attempted(self, failed: bool, now: float) -> bool:
        """An attempt is over.

        Returns:
            Whether the limit is exceeded by it.
        """
        self._attempts.append((now, failed))
        self._failed += failed
        while self._attempts[0][0] <= now - self._window:
            self._failed -= self._attempts.popleft()[1]
        count = len(self._attempts)
        return count >= FEWEST_ATTEMPTS and self._failed > MOST_FAILED * count

    def forget(self) -> None:
        """Begin to count anew."""
        self._attempts.clear()
        self._failed = 0
