"""The Web API's rate limits (source: "Rate limits": tiers 1 to 4; one message a second a channel)."""

from __future__ import annotations

import math
from collections import deque
from typing import Final

from slackd.emulator.context import EmulatorContext

_USUAL: Final = 50
"""Calls a minute of tier 3, which most methods have."""
_BY_LIMIT: Final[dict[int, str]] = {
    20: """
        auth.teams.list bookmarks.add bookmarks.edit bookmarks.remove chat.startStream chat.stopStream
        conversations.archive conversations.close conversations.create conversations.list conversations.rename
        conversations.setPurpose conversations.setTopic conversations.unarchive dnd.teamInfo emoji.list
        pins.add pins.list pins.remove reactions.list reactions.remove usergroups.create usergroups.disable
        usergroups.enable usergroups.list usergroups.update usergroups.users.list usergroups.users.update
        users.list users.setPresence
    """,
    100: """
        api.test assistant.threads.setSuggestedPrompts assistant.threads.setTitle chat.appendStream
        chat.postEphemeral conversations.members files.completeUploadExternal files.getUploadURLExternal
        files.info users.info users.profile.get views.open views.publish views.push views.update
    """,
    600: """
        assistant.threads.setStatus
    """,
    10_000: """
        auth.test chat.getPermalink
    """,
}
"""Calls a minute (source: each method's page); the last two have special limits that nobody meets."""
_A_MINUTE: Final = {name: limit for limit, names in _BY_LIMIT.items() for name in names.split()}


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
            key, limit, window = (app, method, ""), _A_MINUTE.get(method, _USUAL), 60.0
        window = self._context.settings.scaled(window)
        calls = self._calls.setdefault(key, deque())
        while calls and calls[0] <= now - window:
            calls.popleft()
        if len(calls) >= limit:
            return max(1, math.ceil(calls[0] + window - now))
        calls.append(now)
        return None
