"""What every engine of the journal does alike, whatever it keeps its rows in."""

from slackd.broker.journal.writes import DeadReason

DEDUPE_MEMORY = 25 * 3600.0
"""Seconds for which dedupe keys are remembered: Slack's Delayed Events retry for 24 hours."""

WAITED = frozenset({DeadReason.EXPIRED, DeadReason.TOO_OLD, DeadReason.BACKLOG_FULL})
"""Reasons that end a delivery while it waits for its next attempt, which therefore is not counted."""


def storable(text: str) -> str:
    """The text without lone surrogates, which JSON can smuggle in and UTF-8 cannot hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def byte_length(text: str) -> int:
    """Bytes of the text in UTF-8."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
