"""What can be done to a journal while no broker has it: looked through, rescued, replaced by a backup."""

from collections.abc import Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

from slackd.config import values
from slackd.slotted import frozen


@frozen
class JournalCheck:
    """What a look through the whole journal found.

    Attributes:
        holds: How many there are, by what they are called ("envelopes", "open deliveries", …).
        problems: What is wrong, in words; nothing when all is well.
    """

    holds: Mapping[str, int]
    problems: tuple[str, ...]


@frozen
class JournalRescue:
    """What was kept of a damaged journal.

    Attributes:
        kept: How many rows are in the new journal, by what they are called.
        lost: How many were seen and could not be kept; the same names.
        unreadable: Places of the old file that could not be read: nobody knows what stood there.
        damaged: Where the old files are now.
    """

    kept: Mapping[str, int]
    lost: Mapping[str, int]
    unreadable: int
    damaged: Path


@frozen
class JournalRestore:
    """A backup that is the journal now.

    Attributes:
        path: The journal's file.
        before: Where the journal is that stood there, or None.
        holds: As in `JournalCheck`.
    """

    path: Path
    before: Path | None
    holds: Mapping[str, int]


@runtime_checkable
class OfflineTools(Protocol):
    """A capability that an engine may have. Each becomes the journal's owner for as long as it takes, works as
    the user whom the journal's folder belongs to, and may take minutes.

    All raise `JournalBusy` if a broker has the journal, `JournalUnwritable` for want of rights or space, and
    `JournalDamaged` for what is no journal at all."""

    def check(self, config: values.JournalConfig) -> JournalCheck:
        """Look through all of it; changes nothing.

        Returns:
            What it holds, and what is wrong with it.
        """

    def rescue(self, config: values.JournalConfig) -> JournalRescue:
        """Make a new journal of what can be read of the one that is there, and put it in its place; the old
        files stay beside it.

        Returns:
            What was kept, and what was lost.
        """

    def restore(self, config: values.JournalConfig, source: Path) -> JournalRestore:
        """Put a backup in the journal's place, and keep what stood there.

        Returns:
            What it holds, and the new name of what stood there.
        """
