"""Numbers and instants as people read and write them."""

import json
import time
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slackd.cli.slackctl.instants import read_instant
from slackd.cli.slackctl.wording import age, count, duration, for_people, for_programs, moment, size

NOON = datetime(2026, 5, 4, 12, 0, 0).timestamp()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "–"),
        (0.0004, "0.4 ms"),
        (0.25, "250 ms"),
        (3.14, "3.1 s"),
        (90, "90 s"),
        (600, "10 min"),
        (3_600, "1 h"),
        (12_000, "3 h 20 min"),
        (100_000, "27 h"),
        (180_000, "2 d 2 h"),
        (4_000_000, "46 d"),
    ],
)
def test_durations(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words


def test_an_age_of_next_to_nothing_is_now() -> None:
    assert (age(0.2), age(2.0), age(None)) == ("now", "2 s", "–")
    assert (age(119), age(121), age(12_000), age(180_000)) == ("119 s", "2 min", "3 h", "2 d")


@pytest.mark.parametrize(
    ("bytes_", "words"),
    [(None, "–"), (812, "812 B"), (4_928_307, "4.7 MiB"), (1 << 30, "1.0 GiB"), (3 << 40, "3.0 TiB")],
)
def test_sizes(bytes_: int | None, words: str) -> None:
    assert size(bytes_) == words


def test_counts() -> None:
    assert (count(1, "gap"), count(0, "gap"), count(1_204, "gap")) == ("1 gap", "0 gaps", "1,204 gaps")


@given(
    st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))
)
def test_nothing_of_what_others_wrote_steers_a_terminal(value: object) -> None:
    assert json.dumps(for_people(value), ensure_ascii=False).isprintable()
    as_json = for_programs(value, indent=2)
    assert as_json.replace("\n", "").isprintable()
    assert json.loads(as_json) == value


def test_what_steers_a_terminal_is_shown_as_an_escape() -> None:
    assert for_people("\x1b[2J\u202eevil\x9b\n") == r"\x1b[2J\u202eevil\x9b\n"
    assert for_people("Grüße, 世界 🎉") == "Grüße, 世界 🎉"


def test_a_moment_of_another_day_has_its_date() -> None:
    assert moment(NOON) == "2026-05-04 12:00:00"
    assert len(moment(time.time())) == len("12:00:00")


@pytest.mark.parametrize(
    ("text", "unix"),
    [
        ("10m", NOON - 600),
        ("90s ago", NOON - 90),
        ("1.5h", NOON - 5_400),
        ("2d", NOON - 172_800),
        ("11:30", NOON - 1_800),
        ("9:30", NOON - 9_000),
        ("13:00", NOON - 82_800),
        ("2026-05-04 11:00", NOON - 3_600),
        ("2026-05-04T11:00:00", NOON - 3_600),
        ("1795500000", 1_795_500_000.0),
        ("1795500000.5", 1_795_500_000.5),
    ],
)
def test_instants(text: str, unix: float) -> None:
    assert read_instant(text, NOON) == pytest.approx(unix)


@pytest.mark.parametrize("text", ["99999999999999w", "0001-01-01", "9999-12-31", "25:99", "-5m", "1e3"])
def test_what_lies_outside_of_all_time_is_no_instant_or_one_that_can_be_asked_for(text: str) -> None:
    found = read_instant(text, NOON)
    assert found is None or abs(found) < 1e12


@pytest.mark.parametrize(
    ("zone", "now", "text", "expected"),
    [
        # The last Sunday of March has 23 hours in Berlin, that of October 25.
        ("CET-1CEST,M3.5.0,M10.5.0/3", "2026-03-29T10:00:00+02:00", "14:30", "2026-03-28T14:30:00+01:00"),
        ("CET-1CEST,M3.5.0,M10.5.0/3", "2026-10-25T10:00:00+01:00", "14:30", "2026-10-24T14:30:00+02:00"),
        ("NZST-12NZDT,M9.5.0,M4.1.0/3", "2026-05-05T00:10:00+12:00", "23:50", "2026-05-04T23:50:00+12:00"),
        ("EST5EDT,M3.2.0,M11.1.0", "2026-05-04T09:00:00-04:00", "9:00", "2026-05-04T09:00:00-04:00"),
    ],
)
def test_a_time_of_day_is_that_of_the_clock_on_the_wall(
    zone: str, now: str, text: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as here:
        here.setenv("TZ", zone)
        time.tzset()
        found = read_instant(text, datetime.fromisoformat(now).timestamp())
    time.tzset()
    assert found == datetime.fromisoformat(expected).timestamp()


@given(st.text())
def test_anything_else_is_no_instant_and_no_crash(text: str) -> None:
    read_instant(text, NOON)
