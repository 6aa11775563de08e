"""Who may: a subscription's `allow`, asked for each envelope before its plugin could see it. Pure.

A person is allowed who is named, or is in a user group that is named; where channels are named, there alone.
Who is in a group is what a connector has looked up, as long as that is fresh: what is not known is a no.

Times are monotonic seconds.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from slackd.config import Allow, App, PluginConfig
from slackd.config.globs import overlap
from slackd.envelope import ParsedEnvelope

FRESH_FOR: Final = 600.0
"""Seconds for which the members of a user group are taken to be those that were looked up."""

Group = tuple[str, str]
"""An app and the id of a user group."""


class GroupMembers:
    """Who is in which user group, as it was looked up."""

    def __init__(self) -> None:
        self._members: dict[Group, tuple[frozenset[str], float]] = {}

    def put(self, group: Group, users: Iterable[str], now: float) -> None:
        """They were looked up at this moment (monotonic seconds)."""
        self._members[group] = (frozenset(users), now)

    def known(self, now: float) -> Iterable[tuple[Group, tuple[frozenset[str], float]]]:
        """Every group that is known at this moment, its members, and when they were looked up."""
        return [(group, each) for group, each in self._members.items() if now - each[1] < FRESH_FOR]

    def of(self, group: Group, now: float) -> frozenset[str] | None:
        """The members; None where they aren't known, or not any more."""
        users, at = self._members.get(group, (frozenset(), -FRESH_FOR))
        return users if now - at < FRESH_FOR else None


def refusal(allow: Allow | None, envelope: ParsedEnvelope, members: GroupMembers, now: float) -> str:
    """Why whoever did this may not, in words for the audit; "" if they may.

    Args:
        allow: The subscription's rule; None lets everybody.
        envelope: What was done.
        members: Who is in which user group.
        now: Seconds on the monotonic clock.
    """
    if allow is None:
        return ""
    user, channel = envelope.facets.user, envelope.facets.channel
    if allow.channels and channel not in allow.channels:
        return f"the channel {channel or '(none)'} is not in allow.channels"
    if not (allow.users or allow.usergroups) or user in allow.users:
        return ""
    unknown = []
    for group in allow.usergroups:
        known = members.of((envelope.app, group), now)
        if known is None:
            unknown.append(group)
        elif user and user in known:
            return ""
    if unknown:
        return f"the members of {', '.join(unknown)} are not known, so nobody of them may"
    return f"the user {user or '(none)'} is neither in allow.users nor in allow.usergroups"


def groups_wanted(plugins: Mapping[str, PluginConfig], apps: Mapping[str, App]) -> list[Group]:
    """Every user group that some subscription asks for, of each app that it may be about."""
    found: dict[Group, None] = {}
    for plugin in plugins.values():
        for subscription in plugin.subscriptions:
            for app in apps:
                if subscription.app and not any(overlap(pattern, app) for pattern in subscription.app):
                    continue
                for group in subscription.allow.usergroups if subscription.allow is not None else ():
                    found[app, group] = None
    return list(found)
