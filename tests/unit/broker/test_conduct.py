"""Faults are counted for five minutes; a plugin that is away is told of once, and once when it is back."""

from slackd.broker.notices import AWAY_AFTER, PluginPresence, RegularNotices
from slackd.broker.plugins.conduct import MOST_COUNTED, WINDOW, Conduct, Fault


def test_faults_are_forgotten_after_five_minutes() -> None:
    conduct = Conduct()
    conduct.note(Fault.CRASHED, "first", 1_000.0)
    conduct.note(Fault.CRASHED, "second", 1_100.0)
    (found,) = conduct.recent(1_000.0 + WINDOW - 1)
    assert (found.count, found.last, found.ago) == (2, "second", WINDOW - 101)
    (found,) = conduct.recent(1_000.0 + WINDOW)
    assert found.count == 1
    assert list(conduct.recent(2_000.0)) == []


def test_faults_without_end_take_no_memory_without_end() -> None:
    conduct = Conduct()
    for _ in range(3 * MOST_COUNTED):
        conduct.note(Fault.REFUSED, "no", 1_000.0)
    (found,) = conduct.recent(1_000.0)
    assert found.count == MOST_COUNTED


def absent_for(*seconds: float) -> list[str]:
    notices = RegularNotices()
    return [notice.text for each in seconds for notice in notices.presence([PluginPresence("bot", each)])]


def test_a_plugin_that_is_away_is_told_of_once_and_when_it_is_back() -> None:
    assert absent_for(AWAY_AFTER - 1, AWAY_AFTER + 1, AWAY_AFTER + 60, 0.0, 0.0) == [
        "bot: no session for 31 s; its deliveries wait",
        "bot: back after 90 s",
    ]


def test_one_that_restarts_is_not_told_of() -> None:
    assert absent_for(0.0, 5.0, 0.0, AWAY_AFTER - 1, 0.0) == []
