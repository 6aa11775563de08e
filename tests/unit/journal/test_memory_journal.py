"""The journal in memory under a scheduler of the test's own: slow, failing and lost commits."""

from collections.abc import Callable
from typing import Any

import pytest

from slackd.errors import JournalBusy, JournalUnwritable
from tests.support.journal.memory_journal import MemoryDisk, open_memory_journal
from tests.support.journal.writing import NOW, event, to


class Scheduler:
    """Virtual time: nothing happens until `pass_time`."""

    def __init__(self) -> None:
        self.now = NOW
        self.agenda: list[tuple[float, Callable[[], None]]] = []

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        self.agenda.append((self.now + seconds, call))

    def pass_time(self, seconds: float) -> None:
        end = self.now + seconds
        while due := sorted((one for one in self.agenda if one[0] <= end), key=lambda one: one[0]):
            self.agenda.remove(due[0])
            self.now = due[0][0]
            due[0][1]()
        self.now = end


def start(scheduler: Scheduler, disk: MemoryDisk) -> Any:
    return open_memory_journal(disk, clock=lambda: scheduler.now, schedule=scheduler.later)[0]


def test_a_commit_takes_its_time_and_what_comes_meanwhile_is_the_next_group() -> None:
    scheduler, disk = Scheduler(), MemoryDisk(commit_seconds=lambda: 2.0)
    told: list[Any] = []
    journal = start(scheduler, disk)
    journal.submit([event("a")], lambda _: told.append(scheduler.now))
    scheduler.pass_time(1)
    journal.submit([event("b")], lambda _: told.append(scheduler.now))
    scheduler.pass_time(10)
    assert told == [NOW + 2, NOW + 4]


def test_a_failing_disk_writes_nothing_and_recovers() -> None:
    scheduler, disk = Scheduler(), MemoryDisk(failing="disk full")
    told: list[Any] = []
    journal = start(scheduler, disk)
    journal.submit([event("a")], told.append)
    scheduler.pass_time(1)
    assert isinstance(told[0], JournalUnwritable)
    assert journal.health().failing == "disk full"
    assert not disk.store.envelopes
    disk.failing = ""
    journal.submit([event("a")], told.append)
    scheduler.pass_time(1)
    assert told[1][0].envelope == 1


@pytest.mark.parametrize(("after", "survives"), [(1.0, False), (2.0, True)])
def test_killed_before_and_after_a_commit_is_durable(after: float, survives: bool) -> None:
    scheduler, disk = Scheduler(), MemoryDisk(commit_seconds=lambda: 2.0)
    told: list[Any] = []
    journal = start(scheduler, disk)
    journal.submit([event("a", deliveries=[to()])], told.append)
    scheduler.agenda.append((NOW + after, journal.kill))
    scheduler.pass_time(10)
    assert told == []
    assert bool(disk.store.envelopes) is survives
    start(scheduler, disk)


def test_one_owner() -> None:
    scheduler, disk = Scheduler(), MemoryDisk()
    start(scheduler, disk)
    with pytest.raises(JournalBusy):
        start(scheduler, disk)
