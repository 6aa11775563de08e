"""What the journal's limits took is said loudly, and not once a row."""

import logging

from slackd.broker.notices import EVERY, RegularNotices


def test_dead_letters_of_a_backlog_are_said_at_once_and_then_once_a_minute() -> None:
    notices = RegularNotices()
    notices.dead_lettered("bot", ["too_old", "too_old", "backlog_full"])
    (line,) = notices.limits(0.0)
    assert "3 deliveries became dead letters (1 backlog_full, 2 too_old)" in line.text
    assert (line.subject, line.level) == ("bot", logging.ERROR)
    for second in range(1, int(EVERY)):
        notices.dead_lettered("bot", ["backlog_full"] * 200)
        assert notices.limits(float(second)) == []
    (line,) = notices.limits(EVERY)
    assert "11800 deliveries" in line.text
    assert notices.limits(10 * EVERY) == [], "nothing new"


def test_dropped_dead_letters_are_counted_by_plugin() -> None:
    notices = RegularNotices()
    notices.dropped("bot", 200, 1_000_000)
    notices.dropped("bot", 100, 500_000)
    notices.dropped("", 1, 10)
    lines = {line.subject: line.text for line in notices.limits(0.0)}
    assert "300 oldest dead letters (1,500,000 bytes) are gone" in lines["bot"]
    assert "nobody could read" in lines[""]


def test_refused_envelopes_are_one_line_a_minute_and_app_with_a_count() -> None:
    notices = RegularNotices()
    assert len(notices.refused({"main": 1, "other": 2}, 0.0)) == 2
    lines = [line for second in range(1, 120) for line in notices.refused({"main": second}, float(second))]
    assert [line.subject for line in lines] == ["main"]
    assert "59 envelopes could not be journaled" in lines[0].text


def test_foreign_connections_are_said_once_until_there_are_more() -> None:
    notices = RegularNotices()
    assert notices.foreign({"main": 0}, 0.0) == []
    (said,) = notices.foreign({"main": 1}, 1.0)
    assert (said.event, said.subject) == ("foreign", "main")
    assert "stop that program" in said.text
    assert notices.foreign({"main": 1}, 100.0) == []
    (more,) = notices.foreign({"main": 2}, 200.0)
    assert "2 connections of another program" in more.text
    assert notices.foreign({"main": 0}, 300.0) == []
    assert len(notices.foreign({"main": 1}, 400.0)) == 1
