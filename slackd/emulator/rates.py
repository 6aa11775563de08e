"""The Web API's rate limits (source: "Rate limits": tiers 1 to 4; one message a second a channel)."""

from __future__ import annotations

import math
from collections import deque

from slackd.emulator.context import EmulatorContext

_PER_MINUTE = {1: 1, 2: 20, 3: 50, 4: 100}
_TIERS = {
    "auth.test": 10_000,
    "api.test": 10_000,
    "chat.postEphemeral": _PER_MINUTE[4],
    "chat.getPermalink": 10_000,
    "users.info": _PER_MINUTE[4],
    "users.list": _PER_MINUTE[2],
    "conversations.list": _PER_MINUTE[2],
    "conversations.members": _PER_MINUTE[4],
    "views.open": _PER_MINUTE[4],
    "views.push": _PER_MINUTE[4],
    "views.update": _PER_MINUTE[4],
    "views.publish": _PER_MINUTE[4],
    "files.getUploadURLExternal": _PER_MINUTE[4],
    "files.completeUploadExternal": _PER_MINUTE[4],
    "usergroups.list": _PER_MINUTE[2],
    "usergroups.users.list": _PER_MINUTE[2],
}


class RateLimits:
    """Counts calls by app, method and, for messages, channel."""

    def __init__(self, context: EmulatorContext) -> None:
        self._context = context
        self._calls: dict[tuple[str, str, str], deque[float]] = {}

    def retry_after(self, app: str, method: str, channel: str, now: float) -> int | None:
        """None if the call may be made, and it is counted; else whole seconds to wait."""
        if method == "chat.postMessage":
            key, limit, window = (app, method, channel), 1, 1.0
        else:
            key, limit, window = (app, method, ""), _TIERS.get(method, _PER_MINUTE[3]), 60.0
        window = self._context.settings.scaled(window)
        calls = self._calls.setdefault(key, deque())
        while calls and calls[0] <= now - window:
            calls.popleft()
        if len(calls) >= limit:
            return max(1, math.ceil(calls[0] + window - now))
        calls.append(now)
        return None
