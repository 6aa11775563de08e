"""What every engine of the journal does alike, whatever it keeps its rows in."""

from secrets import randbelow

from slackd.broker.journal.writes import DeadReason

DEDUPE_MEMORY = 25 * 3600.0
"""Seconds for which dedupe keys are remembered: Slack's Delayed Events retry for 24 hours."""

WAITED = frozenset({DeadReason.EXPIRED, DeadReason.TOO_OLD, DeadReason.BACKLOG_FULL})
"""Reasons that end a delivery while it waits for its next attempt, which therefore is not counted."""


IDS_FROM = 1_767_225_600.0
"""UNIX seconds from which delivery ids count: the start of 2026."""

IDS_A_SECOND = 1 << 16
"""Delivery ids that each second has for itself: more than are ever given out in one."""


def delivery_base(now: float, last: int) -> int:
    """The delivery id after which a journal counts that is opened now.

    Ids must not come back, not even when the journal's tail is lost (a backup put back, a fresh file): programs
    remember their answers by them. So they go with the clock: whatever was given out before is lower, whether
    this file knows of it or not. Where the clock was set back, chance has to do.

    Args:
        now: UNIX seconds.
        last: The highest id that the journal knows it gave out.

    Returns:
        At least `last`, and under 2 ** 53, so that every language's JSON holds it.
    """
    by_clock = min(int(max(0.0, now - IDS_FROM) * IDS_A_SECOND), 1 << 52)
    return by_clock if by_clock > last else last + randbelow(IDS_A_SECOND)


def byte_length(text: str) -> int:
    """Bytes of the text in UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
