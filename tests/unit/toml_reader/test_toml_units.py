"""Durations and sizes: what is read, what isn't, and that writing and reading go round."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slackd.toml_reader.units import format_duration, format_size, parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30), ("5m", 300), ("7d", 604_800), ("2h30m", 9_000), ("1.5s", 1.5), ("250ms", 0.25),
        ("1w", 604_800), ("0s", 0), ("1m 30s", 90), ("2 h", 7_200), ("1d2h3m4s5ms", 93_784.005),
    ],
)  # fmt: skip
def test_durations_are_read_as_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize(
    "text",
    ["", "30", "s", "30 seconds", "-5s", "1s1s", "30m2h", "1e3s", " 5s", "5s ", "٣s", "5S", "inf", "1_0s"],
)
def test_anything_else_is_no_duration(text: str) -> None:
    assert parse_duration(text) is None


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("1GiB", 1 << 30), ("500MB", 500_000_000), ("1.5 GiB", 3 << 29), ("10kB", 10_000), ("10KB", 10_000),
        ("4KiB", 4096), ("17B", 17), ("2TiB", 2 << 40), ("1gb", 10**9), ("0B", 0),
    ],
)  # fmt: skip
def test_sizes_are_read_as_bytes(text: str, count: int) -> None:
    assert parse_size(text) == count


@pytest.mark.parametrize("text", ["", "1", "GiB", "1G", "1iB", "-1GB", "1 G B", "1e3MB", "1GiB ", "١GB"])
def test_anything_else_is_no_size(text: str) -> None:
    assert parse_size(text) is None


@given(st.integers(0, 10**12))
def test_a_written_duration_is_read_as_the_same_milliseconds(milliseconds: int) -> None:
    assert parse_duration(format_duration(milliseconds / 1000)) == milliseconds / 1000


@given(st.integers(0, 10**15 - 1))
def test_a_written_size_is_read_as_the_same_bytes(count: int) -> None:
    assert parse_size(format_size(count)) == count


@given(st.text())
def test_no_text_makes_the_readers_raise(text: str) -> None:
    parse_duration(text)
    parse_size(text)
