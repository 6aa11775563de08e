"""What was written down before somebody set the clock ahead comes due by what has passed."""

from slackd.broker.clock import BrokerClock
from slackd.broker.instant import Instant
from slackd.broker.journal.ages import DAY, AgeClock, ClockAhead

NOW = 1_800_000_000.0


class Machine:
    """Clocks that pass together, until somebody sets one or the machine sleeps; a journal that has looked."""

    def __init__(self) -> None:
        self.wall, self.monotonic, self.uptime = NOW, 50.0, 1_000.0
        self.ages = AgeClock(None, 30 * DAY)
        self.ages.look(self.wall, self.uptime, "boot")
        self.asked = 0
        self.clock = BrokerClock(self._ahead, lambda: self.monotonic, lambda: self.wall)

    def _ahead(self) -> ClockAhead:
        self.asked += 1
        return self.ages.ahead_at(self.wall, self.uptime, "boot")

    def passes(self, seconds: float, *, asleep: bool = False) -> Instant:
        self.wall += seconds
        self.uptime += seconds
        self.monotonic += 0.0 if asleep else seconds
        return self.clock()


def test_time_that_passes_brings_it_due_and_nobody_is_asked() -> None:
    machine = Machine()
    due = NOW + 1_800
    assert not machine.passes(1_799).has_passed(due)
    assert machine.passes(1).has_passed(due)
    assert machine.asked == 1


def test_a_clock_that_is_set_ahead_brings_nothing_nearer() -> None:
    machine = Machine()
    due = NOW + 1_800
    machine.clock()
    machine.wall += 40 * DAY
    assert not machine.passes(1).has_passed(due)
    assert not machine.passes(1_798).has_passed(due)
    assert machine.passes(1).has_passed(due)


def test_what_waits_is_as_old_as_what_has_passed() -> None:
    machine = Machine()
    machine.clock()
    machine.wall += 40 * DAY
    assert machine.passes(300).age(NOW) == 300


def test_what_comes_after_it_needs_no_correction() -> None:
    machine = Machine()
    machine.clock()
    machine.wall += 40 * DAY
    due = machine.passes(1).unix + 1_800
    assert not machine.passes(1_799).has_passed(due)
    assert machine.passes(1).has_passed(due)


def test_sleep_is_time_that_passes() -> None:
    machine = Machine()
    machine.clock()
    assert machine.passes(3 * DAY, asleep=True).has_passed(NOW + 1_800)


def test_a_clock_that_is_set_back_again_is_right() -> None:
    machine = Machine()
    due = NOW + 1_800
    for step in (40 * DAY, -40 * DAY):
        machine.wall += step
        machine.clock()
    assert not machine.passes(1_799).has_passed(due)
    assert machine.passes(1).has_passed(due)
