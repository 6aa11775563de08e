"""How the clocks stood, from one broker to the next."""

import sqlite3

import pytest

from slackd.broker.journal.ages import ClockRecord
from slackd.broker.journal.sqlite import clock_record, schema


@pytest.fixture
def journal() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    schema.prepare(connection, "journal.db")
    return connection


def test_all_of_it_is_kept_the_small_steps_too(journal: sqlite3.Connection) -> None:
    kept = ClockRecord(1_800_000_000.5, 1_000.25, "boot", 86_400.0, 1_799_000_000.0, -42.0)
    clock_record.write(journal.cursor(), kept)
    assert clock_record.read(journal) == kept


@pytest.mark.parametrize(
    "value", ["[1, 2]", "{}", "null", "[1, 2, 'x']", '[NaN, 1, "b", 0, 0, 0]', "[" * 9_999]
)
def test_what_makes_no_sense_is_no_record(journal: sqlite3.Connection, value: str) -> None:
    journal.execute("INSERT INTO meta (name, value) VALUES ('clock', ?)", (value,))
    assert clock_record.read(journal) is None
