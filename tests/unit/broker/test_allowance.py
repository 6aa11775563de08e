"""What one plugin may take of what all share: a tenth of the time, so many lines."""

from hypothesis import given
from hypothesis import strategies as st

from slackd.broker.plugins.peer_limits import (
    DEAREST,
    LEAST_AT_ONCE,
    MOST_AT_ONCE,
    READING_SHARE,
    STALL,
    PeerLimits,
    bytes_at_once,
    charge,
)
from slackd.held_bytes import HeldBytes
from slackd.rate_limit import Allowance, LineLimit

STEPS = st.lists(st.tuples(st.floats(0, 2), st.floats(0, 5)), max_size=50)


class TestAllowance:
    def test_what_is_there_may_be_taken_at_once(self) -> None:
        allowance = Allowance(0.1, 0.05)
        assert allowance.wait_for(0.05, 1_000.0) == 0.0
        allowance.take(0.05, 1_000.0)
        assert not allowance.was_overdrawn
        assert allowance.wait_for(0.0, 1_000.0) == 0.0

    def test_a_debt_is_waited_out(self) -> None:
        allowance = Allowance(0.1, 0.05)
        allowance.take(0.45, 1_000.0)
        assert allowance.was_overdrawn
        assert round(allowance.wait_for(0.0, 1_000.0), 6) == 4.0
        assert round(allowance.wait_for(0.0, 1_003.0), 6) == 1.0
        assert allowance.wait_for(0.0, 1_004.1) == 0.0

    def test_nothing_is_saved_up_beyond_the_most(self) -> None:
        allowance = Allowance(1.0, 3.0)
        allowance.take(5.0, 1_000_000.0)
        assert allowance.wait_for(0.0, 1_000_000.0) == 2.0

    @given(STEPS)
    def test_who_waits_takes_no_more_than_the_rate_and_the_most_allow(
        self, steps: list[tuple[float, float]]
    ) -> None:
        allowance, now, taken, last = Allowance(0.1, 0.5), 100.0, 0.0, 0.0
        for pause, amount in steps:
            now += pause + allowance.wait_for(0.0, now + pause)
            assert taken <= 0.5 + 0.1 * (now - 100.0) + 1e-6
            allowance.take(amount, now)
            taken, last = taken + amount, amount
        assert taken - last <= 0.5 + 0.1 * (now - 100.0) + 1e-6


class TestLineLimit:
    def test_a_burst_is_written_and_what_comes_after_it_is_not(self) -> None:
        limit = LineLimit(50.0, 200)
        assert [limit.admit(10.0) for _ in range(300)] == [0] * 200 + [None] * 100

    def test_a_long_line_counts_for_several(self) -> None:
        limit = LineLimit(50.0, 200)
        assert [limit.admit(10.0, 32.0) for _ in range(8)] == [0] * 6 + [None] * 2

    def test_after_silence_what_was_left_out_is_told_once(self) -> None:
        limit = LineLimit(50.0, 200)
        for _ in range(300):
            limit.admit(10.0)
        assert limit.admit(13.9) is None
        assert limit.admit(14.1) == 101
        assert limit.admit(14.1) == 0

    def test_who_never_stops_is_heard_at_the_rate_and_told_of_seldom(self) -> None:
        limit = LineLimit(50.0, 200)
        heard = [limit.admit(10.0 + n / 1_000) for n in range(60_000)]
        written = [each for each in heard if each is not None]
        assert len(written) <= 200 + 50 * 60
        assert sum(each > 0 for each in written) <= 16
        assert sum(written) + len(written) <= 60_000

    def test_who_keeps_below_the_rate_is_never_limited(self) -> None:
        limit = LineLimit(50.0, 200)
        assert {limit.admit(10.0 + n / 49) for n in range(5_000)} == {0}


class TestReading:
    @given(st.floats(STALL, DEAREST * STALL))
    def test_the_longer_the_loop_stands_still_the_more_seldom(self, seconds: float) -> None:
        of_the_time = seconds / (charge(seconds) / READING_SHARE)
        assert of_the_time * seconds <= READING_SHARE * STALL * 1.001

    def test_others_wait_for_a_few_reads_though_somebody_was_quiet_for_long(self) -> None:
        allowance, reads = PeerLimits().reading, 0
        while not allowance.wait_for(0.0, 1_000.0):
            allowance.take(charge(STALL), 1_000.0)
            reads += 1
        assert reads <= 4

    def test_what_is_quick_counts_as_what_it_took(self) -> None:
        assert charge(STALL / 2) == STALL / 2

    def test_as_much_is_read_at_once_as_is_read_in_no_time(self) -> None:
        at_once = MOST_AT_ONCE
        at_once = bytes_at_once(at_once, 4 * STALL, at_once)
        assert at_once == MOST_AT_ONCE // 4
        assert bytes_at_once(at_once, 100 * STALL, at_once) == LEAST_AT_ONCE
        for _ in range(10):
            at_once = bytes_at_once(at_once, 0.0, at_once)
        assert at_once == MOST_AT_ONCE


class TestHeldBytes:
    @given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 50)), max_size=50))
    def test_it_knows_how_much_is_held_and_by_whom(self, steps: list[tuple[str, int]]) -> None:
        held: HeldBytes[str] = HeldBytes(100)
        expected: dict[str, int] = {}
        for member, size in steps:
            held.hold(member, size)
            expected.pop(member, None) if not size else expected.update({member: size})
            assert held.exceeded == (sum(expected.values()) > 100)
            assert held.oldest == next(iter(expected), None)
            assert list(held) == list(expected)
            assert held.greatest is None or expected[held.greatest] == max(expected.values())
