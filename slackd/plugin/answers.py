"""The two answers that a delivery can get."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Done:
    """The delivery was handled; `response` is what Slack's acknowledgement carries, or None."""

    response: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Nack:
    """The delivery was not handled. `retry_after` in seconds, None for the backoff in the plugin's file."""

    reason: str
    retry_after: float | None = None
    permanent: bool = False


Answer = Done | Nack
