"""What the state machines here need to know of whoever serves with them."""

from __future__ import annotations

import random
from typing import Protocol

from slackd.slack_server.scheduler import Scheduler


class ServerSettings(Protocol):
    """Delays in seconds before scaling, and limits; `EmulatorSettings` explains the emulator's."""

    @property
    def ping_interval(self) -> float:
        """Seconds from one ping of the server's to the next."""

    @property
    def ping_text(self) -> str:
        """What a ping carries."""

    @property
    def longest_silence(self) -> float | None:
        """A client that sent nothing for so many seconds, no pong either, is dropped at the next ping; None:
        never."""

    @property
    def warning_grace(self) -> float:
        """Seconds from `disconnect` with reason `warning` to the end of the connection."""

    @property
    def refresh_grace(self) -> float:
        """Seconds from `refresh_requested` or `too_many_websockets` to the end."""

    @property
    def warns_before_refresh(self) -> bool:
        """Whether `warning` precedes the refresh at the end of a lifetime."""

    @property
    def max_connections(self) -> int:
        """Of one app."""

    @property
    def max_frame_bytes(self) -> int:
        """A longer client frame is closed with 1009."""

    @property
    def distribution(self) -> str:
        """`random` or `round_robin`: which connection gets the next envelope."""

    @property
    def notices_lost_connections(self) -> bool:
        """False makes a connection that ends without a Close frame a ghost."""

    @property
    def close_timeout(self) -> float:
        """Seconds that the server waits for the answer to its Close."""

    def scaled(self, seconds: float) -> float:
        """A delay in the seconds that it takes here."""


class ServerContext(Protocol):
    """What the parts of one server share."""

    @property
    def settings(self) -> ServerSettings:
        """The server's settings."""

    @property
    def scheduler(self) -> Scheduler:
        """What is to be done later."""

    @property
    def dice(self) -> random.Random:
        """The random source."""

    def later(self, now: float, seconds: float) -> float:
        """The time `seconds` (before scaling) after `now`."""
