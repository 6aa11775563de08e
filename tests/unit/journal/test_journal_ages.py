"""Ages go by what has passed, whatever somebody does to the clock."""

from hypothesis import given
from hypothesis import strategies as st

from slackd.broker.journal.ages import DAY, AgeClock, ClockRecord

LONGEST = 30 * DAY
NOW = 1_800_000_000.0


class Machine:
    """Clocks that pass together, until somebody sets one."""

    def __init__(self) -> None:
        self.unix, self.uptime, self.boot = NOW, 1_000.0, "boot"
        self.ages = AgeClock(None, LONGEST)
        self.look()

    def look(self) -> float | None:
        jump = self.ages.look(self.unix, self.uptime, self.boot)
        return None if jump is None else jump.seconds

    def passes(self, seconds: float) -> None:
        self.unix += seconds
        self.uptime += seconds

    def restart_broker(self) -> None:
        self.ages = AgeClock(self.ages.record, LONGEST)

    @property
    def now(self) -> float:
        return self.ages.now(self.unix)


def test_time_that_passes_is_age() -> None:
    machine = Machine()
    machine.passes(8 * DAY)
    assert machine.look() is None
    assert machine.now == NOW + 8 * DAY


def test_two_jumps_of_forty_days_age_nothing() -> None:
    machine = Machine()
    for _ in range(2):
        machine.unix += 40 * DAY
        assert machine.look() == 40 * DAY
        machine.passes(5)
        assert machine.look() is None
    assert machine.now == NOW + 10
    machine.restart_broker()
    machine.passes(1)
    machine.look()
    assert machine.now == NOW + 11, "the next broker knows it, too"


def test_small_steps_add_up() -> None:
    machine = Machine()
    jumps = []
    for _ in range(1_000):
        machine.unix += 50
        machine.passes(5)
        jumps.append(machine.look() or 0.0)
    assert sum(jumps) == 50 * 1_000
    assert machine.now == NOW + 5 * 1_000


def test_small_steps_back_and_forth_are_none() -> None:
    machine = Machine()
    for step in (50, -50) * 100:
        machine.unix += step
        machine.passes(1)
        assert machine.look() is None
    assert machine.now == NOW + 200


def test_a_jump_between_two_brokers_is_seen() -> None:
    machine = Machine()
    machine.restart_broker()
    machine.passes(60)
    machine.unix += 40 * DAY
    assert machine.look() == 40 * DAY
    assert machine.now == NOW + 60


def test_of_the_time_that_a_machine_was_off_a_day_counts() -> None:
    machine = Machine()
    machine.restart_broker()
    machine.boot, machine.uptime = "another", 3.0
    machine.unix += 9 * DAY
    machine.look()
    assert machine.now == NOW + DAY


def test_a_clock_that_is_set_right_again_leaves_nothing() -> None:
    machine = Machine()
    machine.unix += 40 * DAY
    machine.look()
    machine.unix -= 40 * DAY
    assert machine.look() == -40 * DAY
    assert (machine.now, machine.ages.ahead) == (NOW, 0.0)


def test_a_clock_that_is_set_back_ages_nothing() -> None:
    machine = Machine()
    machine.unix -= 40 * DAY
    machine.look()
    assert machine.now == machine.unix


def test_a_jump_is_forgotten_when_nothing_is_left_from_before_it() -> None:
    machine = Machine()
    machine.unix += 40 * DAY
    machine.look()
    machine.passes(LONGEST - 1)
    machine.look()
    assert machine.ages.ahead == 40 * DAY
    machine.passes(2)
    machine.look()
    assert machine.ages.ahead == 0.0


@given(st.lists(st.tuples(st.floats(0, DAY), st.floats(-50 * DAY, 50 * DAY)), max_size=20))
def test_nothing_from_before_is_ever_older_than_what_has_passed(story: list[tuple[float, float]]) -> None:
    machine = Machine()
    passed = 0.0
    for seconds, set_by in story:
        machine.passes(seconds)
        passed += seconds
        machine.unix += set_by
        machine.look()
        if passed < LONGEST - 2 * DAY:
            assert machine.now - NOW <= passed + 60.0 * len(story) + 1


def test_a_record_without_a_boot_is_of_another() -> None:
    ages = AgeClock(ClockRecord(NOW, 5.0, ""), LONGEST)
    ages.look(NOW + 9 * DAY, 6.0, "")
    assert ages.now(NOW + 9 * DAY) == NOW + DAY
