"""The verdict on a status: what is an alarm, what needs a look, what is nothing."""

from typing import Any

import attrs
import pytest

from slackd.broker.control.health import judged, not_ready
from slackd.broker.control.status import (
    ConnectorSummary,
    FaultStatus,
    GapNow,
    Status,
    TroubleStatus,
    UserFaults,
)
from slackd.link.messages import RECEIVER
from tests.unit.control.control_statuses import app, broker, connector, journal, plugin, session, status

AWAY = ConnectorSummary(2, linked=False)
AWAY_NOW = ConnectorSummary(2, linked=False, changed_for=1.0)
TROUBLE = TroubleStatus("main", "Slack says invalid_auth", "put a new app token in place")
PAUSED = session(paused=True)


def test_all_is_well() -> None:
    assert (judged(status()).health, judged(status()).reasons) == ("ok", ())
    assert not_ready(status()) == ()


@pytest.mark.parametrize(
    ("differs", "about", "words"),
    [
        ({"journal": journal(healthy=False, failing="disk is full")}, "journal", "disk is full"),
        ({"journal": journal(healthy=False, silent_for=31.0)}, "journal", "has not answered for 31 s"),
        ({"apps": (app(ready=0, gap=GapNow(1.0, "stalled")),)}, "main", "no connection is READY (stalled)"),
        ({"apps": (app(ready=0),)}, "main", "no connection is READY"),
        ({"apps": (app(ready=0, troubles=(TROUBLE,)),)}, "main", "Slack says invalid_auth"),
    ],
)
def test_what_loses_envelopes_is_failing(differs: dict[str, Any], about: str, words: str) -> None:
    _said(status(**differs), "failing", about, words)


@pytest.mark.parametrize(
    ("differs", "about", "words"),
    [
        ({"apps": ()}, "configuration", "no app is configured"),
        ({"connectors": (connector(1), AWAY)}, "connector 2", "not linked to the broker"),
        (
            {"broker": broker(config_left_out=("plugin x is left out: …",))},
            "configuration",
            "plugin x is left out",
        ),
        ({"broker": broker(config_on_disk=("what is on disk …",))}, "configuration", "what is on disk"),
        ({"apps": (app(ready=1),)}, "main", "1 of 2 connections are READY"),
        ({"apps": (app(troubles=(TROUBLE,)),)}, "main", "Slack says invalid_auth"),
        ({"apps": (app(foreign=1),)}, "main", "1 connection of another process on the same app token"),
        ({"apps": (app(free=1, ghosts=7),)}, "main", "1 place free of Slack's ten"),
        ({"apps": (app(events_hour=27_000),)}, "main", "27,000 events within an hour, 90 %"),
        ({"plugins": (plugin(sessions=(), absent_for=95.0, open=12),)}, "deploy", "not connected for 95 s"),
        ({"plugins": (plugin(sessions=(), absent_for=95.0, open=1),)}, "deploy", "1 delivery waits"),
        (
            {"plugins": (plugin(sessions=(PAUSED,), oldest_age=11.0),)},
            "deploy",
            "does not read what it is sent",
        ),
        ({"plugins": (plugin(oldest_age=301.0, open=7),)}, "deploy", "has waited for 5 min; 7 deliveries wait"),
        ({"journal": journal(commit_p99=1.4)}, "journal", "one commit in a hundred takes 1.4 s"),
        ({"journal": journal(failing="it cannot be read")}, "journal", "it cannot be read"),
        (
            {"plugins": (plugin(max_bytes=1_000, open_bytes=900),)},
            "deploy",
            "its backlog has 90 % of the 1,000 bytes",
        ),
        (
            {"plugins": (plugin(max_bytes=1_000, open_bytes=0, dead_bytes=950),)},
            "deploy",
            "its dead letters have 95 % of the 1,000 bytes",
        ),
        (
            {"journal": journal(max_bytes=1_000, dead_bytes=900)},
            "journal",
            "all dead letters have 90 % of the 1,000 bytes",
        ),
    ],
)
def test_what_somebody_must_repair_is_degraded(differs: dict[str, Any], about: str, words: str) -> None:
    _said(status(**differs), "degraded", about, words)


@pytest.mark.parametrize(
    ("differs", "about", "words"),
    [
        ({"plugins": (plugin(dead=3),)}, "deploy", "3 dead letters"),
        ({"journal": journal(unreadable_letters=1)}, "journal", "1 envelope could not be understood"),
        (
            {"apps": (app(gaps_day=2, gap_seconds_day=3.1),)},
            "main",
            "2 gaps in 24 hours",
        ),
        ({"warnings": ("slackd.toml: odd",)}, "configuration", "slackd.toml: odd"),
    ],
)
def test_what_needs_a_look_is_no_alarm(differs: dict[str, Any], about: str, words: str) -> None:
    found = judged(status(**differs))
    assert found.health == "ok"
    assert [(each.level, each.about) for each in found.reasons] == [("note", about)]
    assert words in found.reasons[0].text


@pytest.mark.parametrize(
    "differs",
    [
        {"plugins": (plugin(sessions=(), absent_for=0.5),)},
        {"plugins": (plugin(sessions=(session(awaited=True),)),)},
        {"plugins": (plugin(sessions=(PAUSED,), oldest_age=2.0),)},
    ],
)
def test_what_a_restart_brings_is_nothing(differs: dict[str, Any]) -> None:
    assert judged(status(uptime=1.0, **differs)).health == "ok"


def test_just_started_an_app_without_a_connection_is_not_failing_yet() -> None:
    found = judged(status(uptime=3.0, apps=(app(ready=0),)))
    assert (found.health, found.reasons[0].text) == ("degraded", "no connection is READY yet")


POSTED = app(transport="http", ready=0, wanted=1)
NO_RECEIVER = ConnectorSummary(RECEIVER, linked=False)


def test_an_app_that_is_posted_to_wants_the_receiver_and_no_connector() -> None:
    """Whoever forgot to enable it looked for errors of the connectors, which have none."""
    found = judged(status(apps=(POSTED,), connectors=(connector(1), connector(2), NO_RECEIVER)))
    reasons = {each.about: each for each in found.reasons}
    assert "the receiver is not linked" in reasons["main"].text
    assert reasons["main"].hint == "systemctl enable --now slackd-receiver"
    assert reasons["receiver"].hint == "systemctl status slackd-receiver"
    there = attrs.evolve(NO_RECEIVER, linked=True)
    (found_there,) = judged(status(apps=(POSTED,), connectors=(AWAY_NOW, there))).reasons[:1]
    assert found_there.hint == "look for errors of the receiver: journalctl -u slackd-receiver"


def test_a_receiver_that_restarts_is_no_trouble_and_no_connector() -> None:
    restarting = attrs.evolve(NO_RECEIVER, changed_for=1.0)
    found = judged(status(connectors=(connector(1), connector(2), restarting)))
    assert (found.health, [each.about for each in found.reasons]) == ("ok", ["receiver"])
    alone = judged(status(apps=(app(ready=0),), connectors=(AWAY, attrs.evolve(NO_RECEIVER, linked=True))))
    assert "no connector is linked" in next(each.text for each in alone.reasons if each.about == "main")


def test_a_rolling_restart_is_no_trouble() -> None:
    """The broker has just started, or a connector has just gone, and the other one has READY connections."""
    just_started = status(
        uptime=1.0, apps=(app(ready=0),), connectors=(AWAY_NOW, attrs.evolve(AWAY_NOW, number=1))
    )
    gone = status(connectors=(connector(1), AWAY_NOW), apps=(app(ready=1),))
    back = status(connectors=(connector(1), attrs.evolve(connector(2), changed_for=1.0)), apps=(app(ready=1),))
    for each in (just_started, gone, back):
        found = judged(each)
        assert found.health == "ok"
        assert {reason.level for reason in found.reasons} == {"note"}
    gone_for_good = status(connectors=(connector(1), attrs.evolve(AWAY_NOW, changed_for=21.0)))
    assert judged(gone_for_good).health == "degraded"


def test_a_plugin_that_crashes_in_a_loop_is_degraded() -> None:
    crashes = FaultStatus("crashed", "sessions that ended at once and handled nothing", 5, "after 0.1 s", 2.0)
    found = judged(status(plugins=(plugin(faults=(crashes,)),)))
    assert found.health == "degraded"
    assert found.reasons[0].text == (
        "5 sessions that ended at once and handled nothing within 5 min; the last 2 s ago: after 0.1 s"
    )
    assert judged(status(plugins=(plugin(faults=(attrs.evolve(crashes, count=4),)),))).reasons == ()


@pytest.mark.parametrize(
    ("kind", "count", "level"), [("refused", 1, "note"), ("refused", 5, "degraded"), ("slowed", 1, "degraded")]
)
def test_what_a_plugin_did_wrong_is_told_in_its_own_words(kind: str, count: int, level: str) -> None:
    fault = FaultStatus(kind, "refused connections", count, "the line is not UTF-8", 3.0)
    (reason,) = judged(status(plugins=(plugin(faults=(fault,)),))).reasons
    assert (reason.level, reason.about) == (level, "deploy")
    assert reason.text.endswith("the last 3 s ago: the line is not UTF-8")


def test_what_another_user_does_is_noted_and_no_trouble() -> None:
    fault = FaultStatus("refused", "refused connections", 900, "may not be plugin 'deploy'", 3.0)
    found = judged(attrs.evolve(status(), users=(UserFaults(61_003, (fault,)),)))
    assert (found.health, found.reasons[0].about) == ("ok", "uid 61003")


def test_answers_that_nobody_waited_for_are_noted() -> None:
    (reason,) = judged(status(plugins=(plugin(stale_hour=7),))).reasons
    assert (reason.level, reason.text) == ("note", "7 answers within an hour that nobody waited for")


def test_nobody_is_sent_to_systemd_where_there_is_none() -> None:
    started_by_hand = attrs.evolve(status().broker, foreground=True)
    found = judged(
        status(
            broker=started_by_hand,
            connectors=(connector(1), AWAY),
            apps=(app(ready=0), app(ready=1)),
            plugins=(plugin(sessions=(), absent_for=20.0),),
        )
    )
    assert len(found.reasons) == 4
    assert not any("systemctl" in each.hint or "journalctl" in each.hint for each in found.reasons)


def test_the_worst_comes_first() -> None:
    found = judged(
        status(
            plugins=(plugin(dead=1),), apps=(app(foreign=1),), journal=journal(healthy=False, failing="full")
        )
    )
    assert [each.level for each in found.reasons] == ["failing", "degraded", "note"]


def test_the_same_trouble_of_both_connectors_is_said_once() -> None:
    assert len(judged(status(apps=(app(ready=0, troubles=(TROUBLE, TROUBLE)),))).reasons) == 1


def test_ready_is_a_journal_that_takes_and_an_app_that_hears_unless_it_is_in_trouble() -> None:
    assert not_ready(status(journal=journal(healthy=False, failing="full"))) == ("journal: full",)
    assert not_ready(status(apps=(app(ready=0),))) == ("main: no connection is READY",)
    assert not_ready(status(apps=(app(ready=0, troubles=(TROUBLE,)),))) == ()


def _said(found: Status, level: str, about: str, words: str) -> None:
    verdict = judged(found)
    assert verdict.health == level
    worst = verdict.reasons[0]
    assert (worst.level, worst.about) == (level, about)
    assert words in worst.text
    assert worst.hint
