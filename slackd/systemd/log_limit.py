"""One limit for every line that slackd logs: what says the same again and again is cut short, and counted.

journald drops whatever a service says beyond a limit of its own (journald.conf, `RateLimitBurst=`), the other
lines too. Nothing that comes from outside gets slackd near it: a plugin that refuses everything, a disk that is
full, bad requests.
"""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from slackd.rate_limit import LineLimit

LINE_RATE: Final = 1.0
"""Lines a second about the same, over a long time."""
LINE_BURST: Final = 50
"""Lines about the same at once. After that nothing is said of it for as many seconds, then how often it was."""
MOST_SUBJECTS: Final = 1_000
"""Subjects that are kept apart, those spoken of last."""
LIMITED_ELSEWHERE: Final = frozenset({"plugin-log"})
"""Events whose lines are counted where they arise."""


class RepetitionFilter(logging.Filter):
    """Lets lines about the same pass as long as they are few.

    What is the same: the event, or the place in the code where a record has none, and the app and plugin that
    the record is about.

    Args:
        clock: Monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._limits: OrderedDict[tuple[object, ...], LineLimit] = OrderedDict()

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is logged; it then says how many like it were left out before."""
        event = getattr(record, "event", None)
        if record.levelno < logging.INFO or event in LIMITED_ELSEWHERE:
            return True
        place = event or (record.name, record.lineno)
        subject = (place, getattr(record, "app", None), getattr(record, "plugin", None))
        suppressed = self._limit_of(subject).admit(self._clock())
        if suppressed:
            record.msg = f"{record.getMessage()} ({suppressed} more lines like this one were suppressed)"
            record.args = ()
        return suppressed is not None

    def _limit_of(self, subject: tuple[object, ...]) -> LineLimit:
        limit = self._limits.get(subject)
        if limit is None:
            limit = self._limits[subject] = LineLimit(LINE_RATE, LINE_BURST)
            if len(self._limits) > MOST_SUBJECTS:
                self._limits.popitem(last=False)
        self._limits.move_to_end(subject)
        return limit
