"""What all parts of one emulated Slack share: its settings, its scheduler, its ids, its dice."""

from __future__ import annotations

import random

from slackd.emulator.ids import IdSource
from slackd.emulator.settings import EmulatorSettings
from slackd.slack_server.scheduler import Scheduler


class EmulatorContext:
    """One emulated Slack's surroundings.

    Attributes:
        settings: replaced as a whole when they change while it runs.
        began: reading of the monotonic clock at the start; the ledger's times count from it.
        wall_began: the wall clock then, in seconds since the epoch.
    """

    def __init__(self, settings: EmulatorSettings, *, now: float, wall: float) -> None:
        self.settings = settings
        self.scheduler = Scheduler()
        self.ids = IdSource(settings.seed)
        self.dice = random.Random(settings.seed)
        self.began = now
        self.wall_began = wall

    def wall(self, now: float) -> float:
        """The wall-clock time of a reading of the monotonic clock."""
        return self.wall_began + (now - self.began)

    def later(self, now: float, seconds: float) -> float:
        """The time `seconds` of Slack's after `now`."""
        return now + self.settings.scaled(seconds)
