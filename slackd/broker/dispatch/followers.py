"""Keys whose next delivery may go ahead of its turn, to the session that has the one before it. Pure.

P3, the invariant kept here: what goes ahead is the oldest of its key that nobody has, is no retry that waits,
and follows one that is out. So a program that begins each when it has answered the one before it keeps the
order of the journal.
"""

from collections.abc import Mapping

from slackd.broker.dispatch.intercepted import is_intercepted
from slackd.broker.dispatch.ordering_key import Key, KeyName
from slackd.broker.instant import Instant
from slackd.broker.journal.writes import OpenDelivery

AHEAD_OF_KEY = 16
"""Deliveries of one key that a session may have ahead of their turn."""


class Followers:
    """Those of one lane.

    Attributes:
        names: The keys, in the order in which they are looked at.
        are_wanted: Some session has said that it takes deliveries ahead of their turn.
    """

    def __init__(self) -> None:
        self.are_wanted = False
        self.names: dict[KeyName, None] = {}

    def note(self, name: KeyName, key: Key) -> None:
        """Something of this key is out, and it has room for what follows."""
        has_room = key.pending and len(key.ahead) < AHEAD_OF_KEY
        if has_room and isinstance(name, str) and not is_intercepted(name):
            self.names[name] = None

    def next(
        self, keys: Mapping[KeyName, Key], fenced_up_to: int, now: Instant
    ) -> tuple[int, OpenDelivery] | None:
        """What may be sent ahead, and which one it follows, that is out or was sent ahead itself. Unless it is
        sent, it is to be given to `pass_over` or `keep_back`."""
        while self.names:
            name = next(iter(self.names))
            key = keys.get(name)
            if key is not None and key.out is not None and _may_follow(key, fenced_up_to, now):
                return (key.ahead[-1] if key.ahead else key.out), key.pending[0]
            del self.names[name]
        return None

    def pass_over(self, follower: OpenDelivery) -> None:
        """There is no room for it now: others are looked at first."""
        del self.names[follower.key]
        self.names[follower.key] = None

    def keep_back(self, follower: OpenDelivery) -> None:
        """It waits for its turn here."""
        del self.names[follower.key]


def _may_follow(key: Key, fenced_up_to: int, now: Instant) -> bool:
    if key.deferred or not key.pending or len(key.ahead) >= AHEAD_OF_KEY:
        return False
    follower = key.pending[0]
    in_time = follower.expires_at is None or not now.has_passed(follower.expires_at)
    return follower.id > fenced_up_to and not follower.not_before and in_time
