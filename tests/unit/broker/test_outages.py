"""When nothing could be journaled, and why."""

from slackd.broker.instant import Instant
from slackd.broker.journal.writes import GapRecord
from slackd.broker.outages import BRIEF, NO_BROKER, STEADY, STOOD_STILL, JournalOutage, Outages

EPOCH = 1_800_000_000.0


def at(moment: float) -> Instant:
    return Instant(moment, EPOCH + moment)


def looked_every_second(outages: Outages, first: int, last: int) -> list[JournalOutage]:
    return [found for moment in range(first, last + 1) for found in outages.look(at(float(moment)))]


def test_a_full_disk_is_an_outage_from_the_first_failure_to_the_success_after_the_last() -> None:
    outages = Outages({}, at(0.0))
    assert outages.failed(at(1.0), "the disk is full")
    assert not outages.failed(at(5.0), "the disk is full"), "the way in is told once"
    outages.written(at(7.0))
    assert looked_every_second(outages, 1, 14) == []
    before, (outage,) = outages.in_trouble, looked_every_second(outages, 15, 30)
    assert (before, outages.in_trouble) == (True, False)
    assert outage == JournalOutage(EPOCH + 1.0, EPOCH + 7.0, "nothing could be journaled: the disk is full")
    assert outage.gaps(["a", "b"]) == [
        GapRecord("a", EPOCH + 1.0, EPOCH + 7.0, outage.reason),
        GapRecord("b", EPOCH + 1.0, EPOCH + 7.0, outage.reason),
    ]


def test_a_disk_that_takes_small_commits_in_between_is_one_outage() -> None:
    outages = Outages({}, at(0.0))
    told = []
    for moment in range(1, 60):
        told.append(outages.failed(at(moment), "full"))
        outages.written(at(moment + 0.5))
        assert outages.look(at(moment + 0.6)) == []
    assert told.count(True) == 1
    (outage,) = looked_every_second(outages, 60, 60 + int(STEADY))
    assert (outage.start, outage.end) == (EPOCH + 1.0, EPOCH + 59.5)


def test_a_process_that_stood_still_says_so() -> None:
    outages = Outages({}, at(0.0))
    assert outages.look(at(BRIEF)) == []
    assert outages.look(at(50.0)) == [JournalOutage(EPOCH + BRIEF, EPOCH + 50.0, STOOD_STILL)]


def test_no_broker_beside_connectors_that_went_on_is_a_gap() -> None:
    outages = Outages({"main": EPOCH + 100.0, "brief": EPOCH + 125.0}, at(130.0))
    assert outages.without_broker([], lambda app: True) == [], "not clear yet"
    assert outages.without_broker([], lambda app: False) == [
        GapRecord("main", EPOCH + 100.0, EPOCH + 130.0, NO_BROKER)
    ]
    assert outages.without_broker([], lambda app: False) == [], "told once"


def test_what_a_gap_without_connections_covers_is_told_once() -> None:
    outages = Outages({"main": EPOCH + 100.0}, at(130.0))
    gap = GapRecord("main", EPOCH + 100.0, None, "slackd was not running")
    assert outages.without_broker([gap], lambda app: False) == []
    assert outages.without_broker([], lambda app: False) == []
