"""Go or no-go: each line of the checklist turns it on its own."""

from typing import Any

import pytest

from slackd.rolling_restart.preflight import (
    Verdict,
    is_go,
    of_disk,
    of_disk_by_the_broker,
    of_inflight,
    of_room,
    of_status,
)
from slackd.rolling_restart.systemd import read_status


def status(**changes: Any) -> dict[str, Any]:
    connectors = [
        {"number": number, "linked": True, "digest": "c", "ready": {"main": 1}, "wanted": {"main": 1}}
        for number in (1, 2)
    ]
    app = {"name": "main", "ready": 2, "wanted": 2, "ghosts": 0, "foreign": 0, "free": 8}
    journal = {"directory": "/var/lib/slackd", "healthy": True, "failing": "", "bytes": 0}
    return {"broker": {"digest": "b"}, "connectors": connectors, "apps": [app], "journal": journal} | changes


def verdict_on(what: str, found: dict[str, Any]) -> Verdict:
    return next(line.verdict for line in of_status(found) if line.what == what)


def test_all_is_well() -> None:
    assert is_go((*of_status(status()), *of_disk(""), of_room(5 << 30, "/"), of_inflight(inflight())))


def test_what_is_on_disk_and_cannot_be_used_is_no_go() -> None:
    (line,) = of_disk("slackd.toml: conections: unknown key")
    assert (line.verdict, line.found) == (Verdict.NO_GO, "slackd.toml: conections: unknown key")


def test_a_warning_is_worth_a_look() -> None:
    assert [line.verdict for line in of_disk("", ["no plugin"])] == [Verdict.GO, Verdict.LOOK]


def test_a_missing_connector_is_no_go() -> None:
    found = status()
    found["connectors"][1] |= {"linked": False, "ready": {}}
    assert verdict_on("connectors", found) is Verdict.NO_GO


def test_an_app_at_one_connector_alone_is_no_go() -> None:
    found = status()
    found["connectors"][1]["ready"] = {"main": 0}
    found["apps"][0]["ready"] = 1
    assert verdict_on("app main", found) is Verdict.NO_GO


def test_an_app_that_is_ready_nowhere_holds_nothing_up() -> None:
    found = status()
    for each in found["connectors"]:
        each["ready"] = {"main": 0}
    found["apps"][0]["ready"] = 0
    assert verdict_on("app main", found) is Verdict.LOOK
    assert is_go(tuple(of_status(found)))


def test_an_app_that_is_posted_to_is_ready_at_the_receiver() -> None:
    receiver = {"number": 3, "linked": True, "digest": "r", "ready": {"main": 1}, "wanted": {"main": 1}}
    connectors = [{**each, "ready": {}, "wanted": {}} for each in status()["connectors"]]
    app = {**status()["apps"][0], "transport": "http", "ready": 1, "wanted": 1}
    lines = {line.what: line for line in of_status(status(connectors=[*connectors, receiver], apps=[app]))}
    assert lines["app main"].found == "READY at the receiver"
    assert lines["connectors"].found == "2 linked to the broker"
    assert lines["receiver"].verdict is Verdict.GO


def test_a_receiver_that_is_off_is_worth_a_look_and_nobody_waits_for_it() -> None:
    off = {"number": 3, "linked": False, "digest": "", "ready": {}, "wanted": {}}
    found = status(connectors=[*status()["connectors"], off])
    assert verdict_on("receiver", found) is Verdict.LOOK
    assert verdict_on("connectors", found) is Verdict.GO
    assert set(read_status(found).connectors) == {1, 2}


@pytest.mark.parametrize(("free", "verdict"), [(0, Verdict.NO_GO), (1, Verdict.LOOK), (2, Verdict.GO)])
def test_free_places(free: int, verdict: Verdict) -> None:
    found = status()
    found["apps"][0]["free"] = free
    assert verdict_on("places of main", found) is verdict


def test_a_journal_that_cannot_be_written_is_no_go() -> None:
    found = status()
    found["journal"] |= {"healthy": False, "failing": "the disk is full"}
    assert verdict_on("journal", found) is Verdict.NO_GO


@pytest.mark.parametrize(
    ("free", "verdict"), [(1 << 20, Verdict.NO_GO), (100 << 20, Verdict.LOOK), (2 << 30, Verdict.GO)]
)
def test_room_for_the_journal(free: int, verdict: Verdict) -> None:
    assert of_room(free, "/var/lib/slackd").verdict is verdict


def inflight(total: int = 0, answers: int = 0, calls: int = 0) -> dict[str, int]:
    return {"total": total, "answers_awaited": answers, "calls_under_way": calls}


def test_the_time_to_drain_is_said() -> None:
    assert "waits for nothing" in of_inflight(inflight(total=7)).found
    assert "waits at most 6 s" in of_inflight(inflight(answers=1)).found
    assert "waits at most 12 s" in of_inflight(inflight(answers=1, calls=1)).found


def test_who_is_not_root_learns_what_the_broker_sees_of_the_disk() -> None:
    good = tuple(of_disk_by_the_broker(status()))
    assert is_go(good)
    assert [(line.what, line.verdict) for line in good] == [
        ("configuration", Verdict.GO),
        ("tokens", Verdict.LOOK),
    ]
    broken = status(broker={"digest": "b", "config_on_disk": ["what is on disk can't be used: …"]})
    assert not is_go(tuple(of_disk_by_the_broker(broken)))
