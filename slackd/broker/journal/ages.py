"""How old things are, although somebody sets the clock: what retention takes for now.

A clock that jumps 40 days ahead would make every backlog too old, and a second jump would remove the dead
letters. So ages are capped by what has passed: retention's now is the clock's less the jumps that were seen.
While the broker runs, a jump is what the clock went on by and the machine's uptime did not. Between two brokers
it is the same within one boot; after another boot nobody can say how long the machine was off, and a day of it
counts.

A jump is forgotten once everything received before it is past every limit by what has passed since: then the
clock is right for all that is left. A clock that is set back only takes back what it had jumped ahead. Steps
that are too small to be a jump add up, until they are one.
"""

import math

from slackd.slotted import frozen

DAY = 86_400.0
JUMP = 60.0
"""Seconds; less than this is a clock being slewed, or a machine that was asleep."""


@frozen
class ClockRecord:
    """How the clocks stood, as the journal keeps it.

    Attributes:
        unix: The clock, UNIX seconds.
        uptime: Of the machine, sleep included (CLOCK_BOOTTIME), seconds.
        boot: Names the boot that the uptime is of, "" where nobody knows.
        ahead: Seconds by which the clock has jumped ahead of what has passed.
        since: Retention's now at the last jump.
        drift: Seconds that the clock went on by and the uptime did not since then, in steps too small to count.
    """

    unix: float
    uptime: float
    boot: str
    ahead: float = 0.0
    since: float = 0.0
    drift: float = 0.0


@frozen
class ClockAhead:
    """By how many seconds the clock is ahead of what has passed, and the UNIX time at which it was set last:
    that concerns what was written down before."""

    seconds: float = 0.0
    until: float = -math.inf


@frozen
class ClockJump:
    """The clock went ahead (or back) by so many seconds that nobody saw pass."""

    seconds: float


class AgeClock:
    """Retention's now. Pure: whoever asks reads the clocks.

    Attributes:
        record: What the journal has to keep; None before the first look.
    """

    def __init__(self, record: ClockRecord | None, longest: float) -> None:
        self.record = record
        self._longest = longest

    def look(self, unix: float, uptime: float, boot: str) -> ClockJump | None:
        """The clocks stand like this now (seconds).

        Returns:
            A jump since the last look; None for none. The record has it at once, and must be kept before
            anything is done by the new `now`.
        """
        self.record, jump = self._next(unix, uptime, boot)
        return jump

    def ahead_at(self, unix: float, uptime: float, boot: str) -> ClockAhead:
        """What `look` would find (seconds), without a look; any thread may ask."""
        record, _ = self._next(unix, uptime, boot)
        return ClockAhead(record.ahead, record.since + record.ahead) if record.ahead else ClockAhead()

    def _next(self, unix: float, uptime: float, boot: str) -> tuple[ClockRecord, ClockJump | None]:
        last = self.record
        if last is None:
            return ClockRecord(unix, uptime, boot), None
        went = unix - last.unix
        same_boot = boot and boot == last.boot
        jump = last.drift + went - (uptime - last.uptime) if same_boot else max(0.0, went - DAY)
        jump, drift = (jump, 0.0) if abs(jump) >= JUMP else (0.0, jump)
        ahead = max(0.0, last.ahead + jump)
        since = unix - ahead if jump > 0 else last.since
        if ahead and unix - ahead - since > self._longest:
            ahead = 0.0
        record = ClockRecord(unix, uptime, boot, ahead, since, drift)
        return record, ClockJump(jump) if jump else None

    @property
    def ahead(self) -> float:
        """Seconds by which the clock is ahead of what has passed."""
        return self.record.ahead if self.record is not None else 0.0

    def now(self, unix: float) -> float:
        """What retention takes for now, in UNIX seconds, when the clock says `unix`."""
        return unix - self.ahead
