"""What the connections of one plugin share, however many they are: a part of the loop's time and of the log.

A connection that has not said yet which plugin it is shares with the others of its user.
"""

import attrs

from slackd.broker.sessions.allowance import Allowance, LineLimit

READING_SHARE = 0.1
"""Seconds of each second for reading what one plugin says. The most usual answers that it can give take about
a hundredth; a line of 1 MB that holds nothing but small objects takes three tenths of a second at once."""
READING_BURST = 0.05
"""Seconds that it may take at once after it has been quiet."""
LOG_RATE, LOG_BURST = 50.0, 200
"""A plugin's own lines for the log: a second, and at once."""
NOTICE_RATE, NOTICE_BURST = 10.0, 200
"""Lines about connections that were refused, and sessions that began or ended: a second, and at once."""


@attrs.define(eq=False)
class Standing:
    """One plugin's, or one user's.

    Attributes:
        reading: Seconds of work by which its lines are read.
        said: Lines that it says for the log.
        notices: Lines that slackd says about its connections.
    """

    reading: Allowance = attrs.field(factory=lambda: Allowance(READING_SHARE, READING_BURST))
    said: LineLimit = attrs.field(factory=lambda: LineLimit(LOG_RATE, LOG_BURST))
    notices: LineLimit = attrs.field(factory=lambda: LineLimit(NOTICE_RATE, NOTICE_BURST))
