"""Whose turn it is to call Slack: calls queue per app, method and channel. Pure, on a given clock.

Slack limits each method, and messages to each channel ("Rate limits"). So calls stand in lanes, one for each
app, method and channel, and no lane waits for another. In a lane that Slack has not limited a few calls run
abreast. A 429 limits it: nothing goes until its `Retry-After` is over, then one call, the probe; each success
lets the next one go, after a pace that is learned from the 429s that follow a success. A limited lane that
has been empty for a while is as new; one that is not limited is forgotten with its last call.

Plugins take turns in a lane, each one's calls in the order in which they came.

    OPEN ──429──▶ LIMITED, one at a time, none before `not_before` ──empty for long──▶ OPEN

Times are monotonic seconds.
"""

from collections import OrderedDict, deque
from collections.abc import Iterator
from typing import Final

import attrs

from slackd.slotted import define

ABREAST: Final = 8
"""Calls of a lane that run side by side as long as Slack has not limited it."""
FORGOTTEN_AFTER: Final = 60.0
"""Seconds after which an empty lane is forgotten, with its limit: Slack counts by the minute."""
STEADY: Final = 5
"""Successes in a row after which a faster pace is tried."""
PACE_DECAY: Final = 0.75
"""Part of the pace that is left then."""
LONGEST_PACE: Final = 30.0
"""Seconds between two calls of a limited lane, at the most."""

LaneName = tuple[str, str, str]
"""App, method and channel; "" for calls that name no channel."""


@define(eq=False)
class Ticket:
    """One call that waits for its turn, or is being made.

    Attributes:
        lane: Where it stands.
        plugin: Whose call it is.
        refusals: How often Slack has answered it with a 429.
        number: Its place in the order in which calls came.
    """

    lane: LaneName
    plugin: str
    refusals: int = 0
    number: int = 0


@define
class _Lane:
    """One lane.

    Attributes:
        waiting: By plugin, the plugin whose turn it is first.
        under_way: How many are being made.
        limited: Slack has answered with a 429.
        not_before: Monotonic time before which nothing goes.
        pace: Seconds between a success and the next call, while it is limited.
        successes: How many there were in a row, while it is limited.
        empty_since: Monotonic time at which the last one left.
    """

    waiting: OrderedDict[str, deque[Ticket]] = attrs.field(factory=OrderedDict)
    under_way: int = 0
    limited: bool = False
    not_before: float = 0.0
    pace: float = 0.0
    successes: int = 0
    empty_since: float = 0.0

    def is_free(self, now: float) -> bool:
        """One more may go."""
        if self.limited:
            return self.under_way == 0 and now >= self.not_before
        return self.under_way < ABREAST

    @property
    def is_empty(self) -> bool:
        """Nobody waits here, and nothing is under way."""
        return not self.waiting and not self.under_way


class CallQueue:
    """All lanes."""

    def __init__(self) -> None:
        self._lanes: dict[LaneName, _Lane] = {}
        self._ready: dict[LaneName, None] = {}
        self._numbers = 0

    def enter(self, ticket: Ticket) -> None:
        """A call takes its place; `take` says when it is its turn."""
        self._numbers += 1
        ticket.number = self._numbers
        lane = self._lanes.setdefault(ticket.lane, _Lane())
        lane.waiting.setdefault(ticket.plugin, deque()).append(ticket)
        self._ready[ticket.lane] = None

    def take(self, now: float) -> list[Ticket]:
        """Those whose turn it is; each is under way until `leave`, or `refused` puts it back."""
        found: list[Ticket] = []
        for name in list(self._ready):
            lane = self._lanes[name]
            while lane.waiting and lane.is_free(now):
                found.append(_next_of(lane))
                lane.under_way += 1
            if not lane.waiting:
                del self._ready[name]
        return found

    def refused(self, ticket: Ticket, retry_after: float, now: float) -> None:
        """Slack answered with a 429: the call is first in its plugin's row again.

        Args:
            ticket: The call.
            retry_after: Seconds that Slack asks for.
            now: Seconds on the monotonic clock.
        """
        lane = self._lanes[ticket.lane]
        ticket.refusals += 1
        if lane.limited and lane.successes:
            lane.pace = min(max(lane.pace / PACE_DECAY, retry_after), LONGEST_PACE)
        lane.limited, lane.successes = True, 0
        lane.not_before = max(lane.not_before, now + retry_after)
        lane.under_way -= 1
        row = lane.waiting.setdefault(ticket.plugin, deque())
        row.insert(sum(each.number < ticket.number for each in row), ticket)
        lane.waiting.move_to_end(ticket.plugin, last=False)
        self._ready[ticket.lane] = None

    def leave(self, ticket: Ticket, now: float, *, answered: bool) -> None:
        """A call that was under way is over; `answered`: by Slack, and not with a 429."""
        lane = self._lanes[ticket.lane]
        lane.under_way -= 1
        if answered and lane.limited:
            lane.successes += 1
            lane.not_before = max(lane.not_before, now + lane.pace)
            if lane.successes >= STEADY:
                lane.pace *= PACE_DECAY
                lane.successes = 1
        self._emptied(ticket.lane, lane, now)

    def give_up(self, ticket: Ticket, now: float) -> None:
        """A call that waits is not wanted any more."""
        lane = self._lanes.get(ticket.lane)
        row = lane.waiting.get(ticket.plugin) if lane is not None else None
        if lane is None or row is None or ticket not in row:
            return
        row.remove(ticket)
        if not row:
            del lane.waiting[ticket.plugin]
        self._emptied(ticket.lane, lane, now)

    def wait_for(self, name: LaneName, now: float) -> float:
        """Seconds for which Slack's limit holds up the next call of a lane; 0 where none does."""
        lane = self._lanes.get(name)
        return max(0.0, lane.not_before - now) if lane is not None and lane.limited else 0.0

    def is_limited(self, ticket: Ticket) -> bool:
        """The call waits because of Slack's limit, not only for others that are under way."""
        lane = self._lanes.get(ticket.lane)
        return lane is not None and lane.limited

    def waiting(self, name: LaneName) -> Iterator[Ticket]:
        """The calls that wait in a lane."""
        lane = self._lanes.get(name)
        return (each for row in lane.waiting.values() for each in row) if lane is not None else iter(())

    def next_due(self, now: float) -> float | None:
        """The monotonic time at which `take` may find more by itself; forgets lanes of long ago."""
        self._forget(now)
        lanes = (self._lanes[name] for name in self._ready)
        return min((each.not_before for each in lanes if each.limited and not each.under_way), default=None)

    def _emptied(self, name: LaneName, lane: _Lane, now: float) -> None:
        """Of a lane that Slack has not limited nothing is to be remembered: plugins may name any channel."""
        if not lane.is_empty:
            return
        lane.empty_since = now
        if not lane.limited:
            del self._lanes[name]
            self._ready.pop(name, None)

    def _forget(self, now: float) -> None:
        for name, lane in list(self._lanes.items()):
            if lane.is_empty and now >= max(lane.empty_since + FORGOTTEN_AFTER, lane.not_before):
                del self._lanes[name]
                self._ready.pop(name, None)


def _next_of(lane: _Lane) -> Ticket:
    """The next call of the plugin whose turn it is; its turn comes again after all others'."""
    plugin, row = next(iter(lane.waiting.items()))
    ticket = row.popleft()
    if row:
        lane.waiting.move_to_end(plugin)
    else:
        del lane.waiting[plugin]
    return ticket
