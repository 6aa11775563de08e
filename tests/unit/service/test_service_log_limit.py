"""What says the same again and again is cut short and counted; everything else is logged."""

import logging
from typing import Any

from slackd.systemd.log_limit import LINE_BURST, MOST_SUBJECTS, RepetitionFilter


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


def record(text: str = "no", level: int = logging.ERROR, **extra: Any) -> logging.LogRecord:
    made = logging.LogRecord("slackd.x", level, "x.py", 7, "%s", (text,), None)
    made.__dict__.update(extra)
    return made


def test_a_flood_is_cut_short_and_its_end_says_how_much_it_was() -> None:
    clock = Clock()
    limit = RepetitionFilter(clock)
    passed = [limit.filter(record(event="delivery-dead", plugin="p")) for _ in range(LINE_BURST + 30)]
    assert passed == [True] * LINE_BURST + [False] * 30
    clock.now += LINE_BURST + 1
    last = record("the last", event="delivery-dead", plugin="p")
    assert limit.filter(last)
    assert last.getMessage() == "the last (30 more lines like this one were suppressed)"


def test_another_plugin_event_or_place_is_not_the_same() -> None:
    limit = RepetitionFilter(Clock())
    for _ in range(LINE_BURST + 1):
        limit.filter(record(event="delivery-dead", plugin="p"))
        limit.filter(record())
    assert limit.filter(record(event="delivery-dead", plugin="q"))
    assert limit.filter(record(event="journal-refused", plugin="p"))
    elsewhere = record()
    elsewhere.lineno = 8
    assert limit.filter(elsewhere)
    assert not limit.filter(record())


def test_what_is_for_debugging_or_limited_elsewhere_passes() -> None:
    limit = RepetitionFilter(Clock())
    assert all(limit.filter(record(level=logging.DEBUG)) for _ in range(LINE_BURST + 1))
    assert all(limit.filter(record(event="plugin-log")) for _ in range(LINE_BURST + 1))


def test_subjects_without_end_are_forgotten() -> None:
    limit = RepetitionFilter(Clock())
    for number in range(2 * MOST_SUBJECTS):
        limit.filter(record(event=f"e{number}"))
    assert len(limit._limits) == MOST_SUBJECTS
