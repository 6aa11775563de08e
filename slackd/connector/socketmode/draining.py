"""How a connection ends that is no longer relied on. Pure.

Slack sends into a connection until it reads our Close, and what is unacknowledged then, or crosses our Close,
can't be acknowledged any more. So one that was replaced is left for Slack to close. One that is drained, or
makes room, is closed by us in a moment with nothing in flight; under steady commands whose answers take long
there is none, and then the waiting for answers ends first: they follow through the `response_url`.

Times are monotonic seconds.
"""

from collections.abc import Iterator
from typing import Final

from slackd.connector.socketmode.actions import CloseConnection, EndWaiting
from slackd.connector.socketmode.pooled_connection import PooledConnection

FAREWELL: Final = 15.0
"""Seconds after Slack's announcement in which Slack has closed ("about 10 seconds", "Using Socket Mode")."""
BEFORE_FAREWELL: Final = 6.0
"""Seconds after Slack's announcement in which everything may wait for its answer: what is in flight when Slack
closes, some seconds later, can't be acknowledged."""
QUIET_PATIENCE: Final = 3.0
"""Seconds in which a moment with nothing in flight is waited for: longer than any answer's deadline, so that
whatever was in flight at the beginning has its answer in its acknowledgement. Then what has a `response_url`
waits for its answer no longer."""
LAST_PATIENCE: Final = 6.0
"""Seconds after which nothing waits for its answer, though those that have no other way are lost."""


def lingers_until(life: PooledConnection, now: float) -> float:
    """Until when a life that was replaced at this moment is read, if Slack doesn't close it sooner."""
    if life.has_stalled or life.ready_since is None:
        return now
    if life.farewell_at is not None:
        return life.farewell_at + FAREWELL
    return life.ready_since + life.lifetime + FAREWELL


def next_step(life: PooledConnection, now: float, *, is_busy: bool) -> CloseConnection | EndWaiting | None:
    """What to do with a RETIRING life that isn't closing; that the waiting ends is reported once, and noted."""
    if life.draining or (life.replaced and now >= life.linger_until):
        if not is_busy or (not life.draining and now >= life.linger_until + FAREWELL):
            return CloseConnection(life.connection)
        if life.busy_since is None:
            life.busy_since = now
    everything = _is_over(life.busy_since, LAST_PATIENCE, now)
    announced = life.replaced and _is_over(life.farewell_at, BEFORE_FAREWELL, now)
    ends = everything or announced or _is_over(life.busy_since, QUIET_PATIENCE, now)
    if not ends or life.waiting_ended in (True, everything):
        return None
    life.waiting_ended = everything
    return EndWaiting(life.connection, everything)


def wake_times(life: PooledConnection) -> Iterator[float]:
    """When to look at it again; whoever acknowledges something looks at once."""
    if life.replaced and not life.draining:
        yield life.linger_until + (FAREWELL if life.busy_since is not None else 0.0)
        if life.farewell_at is not None and life.waiting_ended is None:
            yield life.farewell_at + BEFORE_FAREWELL
    if life.busy_since is not None and not life.waiting_ended:
        yield life.busy_since + (QUIET_PATIENCE if life.waiting_ended is None else LAST_PATIENCE)


def _is_over(since: float | None, patience: float, now: float) -> bool:
    return since is not None and now >= since + patience
