"""Looks up, through the connectors, who is in the user groups that subscriptions allow; keeps it fresh."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from slackd.broker.access import FRESH_FOR, Group, GroupMembers
from slackd.broker.connector_calls import ConnectorCalls

log: Final = logging.getLogger(__name__)

METHOD: Final = "usergroups.users.list"
GONE: Final = "no_such_subteam"
"""There is no such group (any more): nobody is in it, from that moment on."""
LOOK_UP_EVERY: Final = 60.0
"""Seconds between two rounds; Slack allows the method 20 times a minute ("usergroups.users.list", tier 2)."""
A_CALL_EVERY: Final = 6.0
"""Seconds for each group, where there are many of them."""
AGAIN_AFTER: Final = 5.0
"""Seconds after a round in which some group could not be looked up."""


class UserGroups:
    """The groups that are wanted, and their members.

    Args:
        calls: The way to Slack.
        wanted: Which groups.
        members: What is known is put there.
        keep: Called, in a thread, after each round that found something.
        clock: The monotonic clock.
        sleep: Waits so many seconds.
    """

    def __init__(
        self,
        calls: ConnectorCalls,
        wanted: Sequence[Group],
        members: GroupMembers,
        keep: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._calls, self._wanted, self._members = calls, wanted, members
        self._keep, self._clock, self._sleep = keep, clock, sleep
        self._failing: set[Group] = set()

    async def keep_fresh(self) -> None:
        """Look them up again and again, until cancelled; returns at once if none is wanted."""
        while self._wanted:
            found = [await self._look_up(group) for group in self._wanted]
            if any(found):
                await asyncio.to_thread(self._keep)
            pause = max(LOOK_UP_EVERY, A_CALL_EVERY * len(self._wanted))
            await self._sleep(pause if all(found) else AGAIN_AFTER)

    async def _look_up(self, group: Group) -> bool:
        app, usergroup = group
        asked_at = self._clock()
        returned = await self._calls.ask(app, METHOD, {"usergroup": usergroup})
        body = returned.body or {}
        users = body.get("users")
        if body.get("error") == GONE:
            self._members.put(group, (), asked_at)
            self._complain(group, f"Slack has no such group ({GONE}): nobody of it may")
            return True
        if body.get("ok") is not True or not isinstance(users, list):
            why = body.get("error") or returned.error or "no list of users came"
            words = f"it can't be looked up ({why}): nobody of it may, {FRESH_FOR:g} s after the last look"
            self._complain(group, words)
            return False
        self._members.put(group, (each for each in users if isinstance(each, str)), asked_at)
        self._failing.discard(group)
        return True

    def _complain(self, group: Group, why: str) -> None:
        if group in self._failing:
            return
        self._failing.add(group)
        app, usergroup = group
        extra = {"event": "usergroup-unknown", "app": app}
        log.error("%s: the user group %s: %s", app, usergroup, why, extra=extra)
