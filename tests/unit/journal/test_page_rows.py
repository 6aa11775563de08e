"""Rows are read from a database's pages as SQLite wrote them, without its trees."""

import contextlib
import os
import sqlite3
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from slackd.broker.journal.sqlite.page_rows import rows_of_pages
from slackd.broker.journal.sqlite.schema import PAGE_SIZE

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
long_texts = st.integers(1, 40_000).map(lambda length: "ä" * length)
numbers = st.integers(-(1 << 63), (1 << 63) - 1) | st.sampled_from([0, 1, 127, 128, -129, 1 << 23, -(1 << 47)])
values = st.none() | numbers | st.floats(allow_nan=False) | texts | long_texts | st.binary(max_size=40)
ids = st.integers(-(1 << 63), (1 << 63) - 1) | st.integers(0, 300)
rows = st.dictionaries(ids, st.tuples(values, values, values), max_size=60)


def _database(folder: Path, content: Iterable[tuple[Any, ...]]) -> Path:
    path = folder / "a.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a, b, c)")
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", content)
        connection.execute("COMMIT")
    return path


@given(rows)
@settings(max_examples=60, deadline=None)
def test_every_row_is_read_as_it_was_written(content: dict[int, tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = _database(Path(folder), ((number, *rest) for number, rest in content.items()))
        found = {row[0]: row[1:] for row in rows_of_pages(path) if len(row) == 4}
        assert found == content


keyed = st.dictionaries(st.binary(max_size=3_000), st.tuples(numbers, long_texts), max_size=60)


@given(keyed)
@settings(max_examples=60, deadline=None)
def test_rows_without_a_number_are_read_too(content: dict[bytes, tuple[Any, ...]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.db"
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute(f"PRAGMA page_size = {PAGE_SIZE}")
            connection.execute("CREATE TABLE t (key BLOB PRIMARY KEY, a, b) WITHOUT ROWID")
            connection.executemany("INSERT INTO t VALUES (?, ?, ?)", ((k, *v) for k, v in content.items()))
        assert {row[0]: row[1:] for row in rows_of_pages(path) if len(row) == 3} == content


def test_what_was_removed_stays_away(tmp_path: Path) -> None:
    path = _database(tmp_path, ((number, "x" * 3_000, 1, 2) for number in range(200)))
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DELETE FROM t WHERE id < 150")
    assert {row[0] for row in rows_of_pages(path) if len(row) == 4} == set(range(150, 200))


@given(
    st.lists(st.tuples(st.integers(0, 1 << 20), st.binary(min_size=1, max_size=64)), min_size=1, max_size=20)
)
@settings(max_examples=100, deadline=None)
def test_garbage_costs_rows_and_nothing_else(harm: list[tuple[int, bytes]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = _database(Path(folder), ((number, "x" * 3_000, "y" * 9_000, 2) for number in range(50)))
        with path.open("r+b") as file:
            for place, data in harm:
                file.seek(place % os.path.getsize(path))
                file.write(data)
        for _ in rows_of_pages(path):
            pass
