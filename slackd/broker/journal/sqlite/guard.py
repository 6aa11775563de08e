"""Whether the file may still be written, and what became of the last commit.

    well ──a commit fails──▶ failing ──a commit succeeds──▶ well
    well, failing ──the file is damaged, or not where it was──▶ damaged (until the process ends)

Damage ends all writing: what is written to such a file may be gone tomorrow, so nothing may be acknowledged on
the strength of it.
"""

import contextlib
import logging
import math
import time
from pathlib import Path

from slackd.broker.journal.sqlite.connection import OwnedConnection
from slackd.broker.journal.sqlite.errors import FAILURES, damaged_for_good, fault
from slackd.broker.journal.sqlite.inspection import inspect
from slackd.errors import JournalDamaged, JournalError

log = logging.getLogger(__name__)

LOOK_EVERY = 1.0
"""Seconds after which an idle writer compares the file that it has open with its name; before a commit and a
checkpoint it always does."""

INSPECT_EVERY = 5.0
"""Seconds between two looks at the file as a program that opens it now would find it."""


class FileGuard:
    """What stands between the writer and a file that is no longer good.

    Attributes:
        damage: What ended all writing, or None.
        failing: What failed at the last commit, or None.
        last_failure: What failed last, though later commits succeeded; None if nothing did.
        failed_at: When that was, monotonic seconds.
    """

    def __init__(self, path: Path, owned: OwnedConnection) -> None:
        self._path, self._owned = path, owned
        self._looked_at = 0.0
        self._inspected_at = time.monotonic()
        self.damage: JournalDamaged | None = None
        self.failing: JournalError | None = None
        self.last_failure: JournalError | None = None
        self.failed_at = -math.inf

    def stop_writing(self, damage: JournalDamaged) -> None:
        """Refuse everything from now on. Any thread may call it; the first damage is the one that counts."""
        if self.damage is None:
            self.damage = self.failing = damage
            log.critical("nothing more is journaled: %s", damage, extra={"event": "journal-damaged"})

    def look_if_due(self, now: float) -> None:
        """Look, if the last look is a while ago, and see now and then whether the file could still be opened.

        Args:
            now: Monotonic seconds.
        """
        if now - self._inspected_at >= INSPECT_EVERY:
            self._inspected_at = now
            if self.look():
                self._inspect()
        elif now - self._looked_at >= LOOK_EVERY:
            self.look()

    def _inspect(self) -> None:
        try:
            inspect(self._path)
        except FAILURES as error:
            found = fault(error, str(self._path), "read")
            # Whatever else keeps it from being read says nothing of what it holds.
            if isinstance(found, JournalDamaged):
                self.stop_writing(found)

    def look(self) -> bool:
        """Compare the file that is open with its name.

        Returns:
            Whether it may still be written.
        """
        if self.damage is not None or self._owned.file is None:
            return False
        self._looked_at = time.monotonic()
        try:
            self._owned.file.look()
        except JournalDamaged as damage:
            self.stop_writing(damage)
            with contextlib.suppress(*FAILURES):
                # So that the file that is open, the one that can still be copied, has everything.
                self._owned.usable().execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            return False
        return True

    @property
    def refusal(self) -> JournalError:
        """What is said of a commit that is not tried."""
        return self.damage or JournalError(f"{self._path}: nothing more is journaled")

    def committed(self) -> None:
        """A commit succeeded."""
        self.failing = None

    def failed(self, error: BaseException) -> JournalError:
        """A commit failed; returns the error as callers know it."""
        self.failing = self.last_failure = self.known(error)
        self.failed_at = time.monotonic()
        return self.failing

    def known(self, error: BaseException) -> JournalError:
        """The error as callers know it; damage stops the writer."""
        known = fault(error, str(self._path))
        if isinstance(known, JournalDamaged) and damaged_for_good(error):
            self.stop_writing(known)
        return known
