"""The pool's invariants, over months of simulated time in worlds that go wrong by chance, from a seed."""

import itertools
from collections import Counter

import pytest

from slackd.slack.connection_states import ConnectionPhase
from tests.unit.connector.pool_world import Odds, PoolWorld

ROUGH = Odds(fail=0.3, stall=0.2, drop=0.3, early_warning=0.5, silent_close=0.3)
ON_THE_WAY = (ConnectionPhase.DIALLING.value, ConnectionPhase.BACKOFF.value)


def watch(world: PoolWorld, connections: int) -> None:
    """Check after every event that no place has two replacements, or more connections than it may."""

    def check() -> None:
        lives = [life for life in world.pool._moves.lives if not life.is_over]
        heads = Counter(life.place for life in lives if life.phase.value in (*ON_THE_WAY, "ready"))
        assert all(count <= 1 for count in heads.values()), world.pool.states()
        assert set(heads) == set(range(connections)), world.pool.states()
        relied_on = Counter(life.place for life in lives if life.phase is not ConnectionPhase.RETIRING)
        assert all(count <= 2 for count in relied_on.values()), world.pool.states()
        left_over = Counter(life.place for life in lives if not life.closing)
        assert all(count <= 3 for count in left_over.values()), world.pool.states()

    world.check = check


@pytest.mark.parametrize("connections", [1, 2])
@pytest.mark.parametrize("seed", range(8))
def test_in_a_rough_world_no_place_is_forgotten_or_doubled(seed: int, connections: int) -> None:
    world = PoolWorld(seed, connections, ROUGH)
    watch(world, connections)
    world.start()
    world.run(4 * 86_400)
    dials_in_a_minute = max(
        sum(1 for later in world.dials[index : index + 100] if later < moment + 60)
        for index, moment in enumerate(world.dials)
    )
    assert dials_in_a_minute <= 16 * connections


@pytest.mark.parametrize("seed", range(8))
def test_without_accidents_there_is_always_a_ready_connection(seed: int) -> None:
    """Whatever Slack announces, and however often it announces it, P2 holds."""
    world = PoolWorld(seed, 1, Odds(early_warning=0.7, silent_close=0.3))
    watch(world, 1)
    world.start()
    world.run(5)
    assert world.ready
    inner = world.check

    def check() -> None:
        inner()
        assert world.ready, world.pool.states()

    world.check = check
    world.run(5 * 86_400)


@pytest.mark.parametrize("seed", range(3))
def test_planned_rotation_comes_before_every_warning(seed: int) -> None:
    world = PoolWorld(seed, 2)
    world.start()
    world.run(4 * 86_400)
    cues = Counter(move.cue.value for move in world.moves)
    assert cues["warning"] == 0
    assert cues["rotation due"] >= 2 * 4 * 86_400 // 18_060 - 2
    assert "rotation-waits" not in world.warnings()


@pytest.mark.parametrize("lifetime", [60.0, 360.0, 3_600.0, 18_060.0])
@pytest.mark.parametrize("apart", [0.0, 0.3, 7.0, 151.0])
def test_two_connectors_never_let_two_connections_retire_together(lifetime: float, apart: float) -> None:
    worlds = [PoolWorld(n, 2, lifetime=lifetime, connector=n, begin=n * apart) for n in (1, 2)]
    for world in worlds:
        world.start()
        world.run(40 * lifetime)
    leaving = [
        (move.at, n, move.state.connection)
        for n, world in enumerate(worlds)
        for move in world.moves
        if move.cue.value == "rotation due"
    ]
    retired = {
        (n, move.state.connection): move.at
        for n, world in enumerate(worlds)
        for move in world.moves
        if move.cue.value == "replacement ready"
    }
    spans = sorted(
        (begin, retired[(n, name)], f"{n}{name}") for begin, n, name in leaving if (n, name) in retired
    )
    assert len(spans) > 100
    for (_, end, first), (begin, _, second) in itertools.pairwise(spans):
        assert begin >= end, (first, second)


def test_a_world_repeats_itself() -> None:
    def dials() -> list[float]:
        world = PoolWorld(7, 2, ROUGH)
        world.start()
        world.run(86_400)
        return world.dials

    assert dials() == dials()
