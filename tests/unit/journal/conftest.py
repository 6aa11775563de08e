"""Journals for the specifications: of every engine, and of SQLite alone."""

import pytest

from tests.support.journal.engines import JournalRig, OpenJournal


@pytest.fixture(params=["sqlite", "memory"])
def journal_in(request: pytest.FixtureRequest) -> OpenJournal:
    """Opens a journal in a folder; the specification is held to every engine."""
    return JournalRig(request.param).open


@pytest.fixture
def sqlite_journal_in() -> OpenJournal:
    """Opens a journal of SQLite's."""
    return JournalRig("sqlite").open
