"""What the connections of one plugin may take of what all plugins share, as values. Pure: the time is given.

A connection that has not said yet which plugin it is shares with the others of its user.
"""

import attrs

from slackd.rate_limit import Allowance, LineLimit
from slackd.slotted import define

READING_SHARE = 0.05
"""Seconds of each second for reading what one plugin says. The most usual answers that it can give take about
a hundredth; a line of 1 MB that holds nothing but small objects takes three tenths of a second at once."""
READING_BURST = 0.003
"""Seconds that it may take at once after it has been quiet: three reads. Others' commands take several turns of
the loop, and each of them would wait for one."""
STALL = 0.001
"""Seconds of work at once that nobody notices. What takes longer is charged by its square, since the loop
stands still for the others in the meantime: it may happen only so much more seldom."""
DEAREST = 20.0
"""Times its own length that work at once is charged at most: it then takes a two-hundredth of the time."""
CALL_COST = 0.0002
"""Seconds that a call takes after its line was read."""
MOST_AT_ONCE, LEAST_AT_ONCE = 64 << 10, 4 << 10
"""Bytes that are read from one plugin at a time: less, where they take more than `STALL` to read."""
LOG_RATE, LOG_BURST = 50.0, 200
"""A plugin's own lines for the log: a second, and at once."""
LOG_LINE = 500
"""Characters beyond which one of them counts for more."""
NOTICE_RATE, NOTICE_BURST = 10.0, 200
"""Lines about connections that were refused, and sessions that began or ended: a second, and at once."""
CONNECT_RATE, CONNECT_BURST = 50.0, 1_024.0
"""Connections of one user that are served: a second, and at once. The sessions of four plugins with as many as
there may be come back at once; beyond that a connection is closed as soon as it is accepted."""
UNFINISHED_BYTES = 8 << 20
"""Bytes of lines whose end has not come yet. Beyond them one connection at a time is read to the end of its
line."""
UNREAD_BYTES = 8 << 20
"""Bytes of answers that may wait to be read. Each connection has its part of them, and is read no further
while more wait for it."""
UNREAD_LIMIT = 3 * UNREAD_BYTES
"""Bytes of answers beyond which the connection that reads least is closed: answers to calls also come while it
is not read."""


@define(eq=False)
class PeerLimits:
    """One plugin's, or one user's.

    Attributes:
        reading: Seconds of work by which its lines are read.
        said: Lines that it says for the log.
        notices: Lines that slackd says about its connections.
        connects: Connections that it makes.
    """

    reading: Allowance = attrs.field(factory=lambda: Allowance(READING_SHARE, READING_BURST))
    said: LineLimit = attrs.field(factory=lambda: LineLimit(LOG_RATE, LOG_BURST))
    notices: LineLimit = attrs.field(factory=lambda: LineLimit(NOTICE_RATE, NOTICE_BURST))
    connects: Allowance = attrs.field(factory=lambda: Allowance(CONNECT_RATE, CONNECT_BURST))


def unread_share(connections: int) -> int:
    """Bytes of answers that may wait for one of so many connections while it is still read. It is halved where
    they are twice as many, so that each seldom has to be told."""
    return max(UNREAD_BYTES >> max(connections - 1, 0).bit_length(), 32 << 10)


def room_at_once(room: int, connections: int) -> int:
    """Bytes to read from one of so many connections at a time, where this much may still come to wait: all of
    them may be read in the same turn of the loop."""
    return max(LEAST_AT_ONCE, min(room // max(connections, 1), MOST_AT_ONCE))


def charge(seconds: float) -> float:
    """Seconds that count for work that took so long at once."""
    return seconds * min(max(1.0, seconds / STALL), DEAREST)


def bytes_at_once(so_far: int, seconds: float, size: int) -> int:
    """Bytes to read at a time, after so many took so long."""
    bearable = int(size * STALL / seconds) if seconds > 0 else MOST_AT_ONCE
    return max(LEAST_AT_ONCE, min(bearable, 2 * so_far, MOST_AT_ONCE))
