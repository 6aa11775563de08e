"""The laws of planned rotation and of waiting before the next dial."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slackd.connector.socketmode import reconnect, rotation, waits
from slackd.connector.socketmode.rotation import Slot

LIFETIMES = st.floats(1.0, 100_000.0)
MOMENTS = st.floats(0.0, 1e8)


@st.composite
def slots(draw: st.DrawFn) -> Slot:
    connections = draw(st.integers(1, 2))
    return Slot.for_place(draw(st.integers(1, 2)), draw(st.integers(0, connections - 1)), connections)


@given(MOMENTS, LIFETIMES, slots())
def test_a_rotation_comes_a_little_before_the_end(ready_since: float, lifetime: float, slot: Slot) -> None:
    end = ready_since + lifetime
    due = rotation.rotation_due(ready_since, lifetime, slot)
    lead = rotation.lead(lifetime)
    assert end - lead - 1e-6 <= due <= end - lead / 2 + 1e-6
    assert lead <= lifetime / 4 + 1e-6


@given(MOMENTS, LIFETIMES, st.integers(1, 2))
def test_no_two_slots_have_their_turn_together(earliest: float, lifetime: float, connections: int) -> None:
    every = [Slot.for_place(n, place, connections) for n in (1, 2) for place in range(connections)]
    width = rotation.slice_width(lifetime, every[0])
    turns = sorted(rotation.next_turn(earliest, lifetime, slot) for slot in every)
    assert all(later - sooner >= width / 2 - 1e-6 for sooner, later in itertools.pairwise(turns))


def test_the_usual_connection_of_five_hours() -> None:
    assert rotation.lead(18_060) == pytest.approx(361.2)
    assert rotation.lead(360) == 90


def test_every_place_of_both_connectors_has_a_slot_of_its_own() -> None:
    assert {Slot.for_place(n, place, 2).index for n in (1, 2) for place in (0, 1)} == {0, 1, 2, 3}


@given(st.integers(0, 10_000), st.integers())
def test_waits_are_full_jitter_under_a_ceiling_that_doubles(tries: int, seed: int) -> None:
    rng = random.Random(seed)
    ceiling = waits.seconds(waits.TRANSIENT, tries)
    assert 0.25 <= ceiling <= 60
    full_jitter = waits.Jittered(waits.TRANSIENT, rng, least=0.0)
    assert reconnect.FLOOR <= waits.seconds(full_jitter, tries) <= max(ceiling, reconnect.FLOOR)
    half = waits.Jittered(waits.NO_PLACE, rng, least=0.5)
    assert 7.5 <= waits.seconds(half, tries) <= 300


def test_the_ceiling_doubles() -> None:
    assert [waits.seconds(waits.TRANSIENT, tries) for tries in (1, 2, 3, 9, 50)] == [
        0.25,
        0.5,
        1,
        60,
        60,
    ]


@given(st.floats(0, 86_400), st.integers())
def test_slacks_retry_after_is_never_undercut(retry_after: float, seed: int) -> None:
    assert retry_after <= reconnect.as_told(retry_after, random.Random(seed)) <= retry_after * 1.1 + 0.2
