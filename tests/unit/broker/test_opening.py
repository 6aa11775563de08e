"""Connections without a session: a user who only connects makes room for itself, and keeps nobody else out."""

from hypothesis import given
from hypothesis import strategies as st

from slackd.broker.plugins.opening import OpeningConnections


def test_of_one_users_connections_the_oldest_makes_room() -> None:
    opening: OpeningConnections[str] = OpeningConnections(2, 100)
    assert [opening.add(1, name) for name in "abcd"] == [None, None, "a", "b"]


def test_where_all_have_too_many_the_user_with_the_most_makes_room() -> None:
    opening: OpeningConnections[str] = OpeningConnections(9, 4)
    for name in "abcd":
        assert opening.add(1, name) is None
    assert opening.add(2, "honest") == "a"
    assert opening.add(2, "honest too") == "b"


def test_who_has_a_session_makes_room_for_nobody() -> None:
    opening: OpeningConnections[str] = OpeningConnections(1, 100)
    opening.add(1, "a")
    opening.discard(1, "a")
    opening.discard(1, "a")
    assert opening.add(1, "b") is None


def test_in_a_crowd_a_user_has_a_fair_share_and_outside_of_one_all_that_it_wants() -> None:
    opening: OpeningConnections[str] = OpeningConnections(9, 100)
    for name in "abc":
        assert not opening.is_crowded(1, fair=2, crowd=1)
        opening.add(1, name)
    opening.add(2, "honest")
    assert opening.is_crowded(1, fair=2, crowd=1)
    assert not opening.is_crowded(2, fair=2, crowd=1)
    assert not opening.is_crowded(3, fair=2, crowd=1)


def test_a_part_is_taken_from_those_who_have_the_most() -> None:
    opening: OpeningConnections[str] = OpeningConnections(9, 100)
    for name in "abcdefg":
        opening.add(1, name)
    opening.add(2, "honest")
    assert list(opening.take(0.5)) == ["a", "b", "c", "d"]
    assert len(opening) == 4


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=200))
def test_it_never_counts_more_than_it_may(steps: list[tuple[int, bool]]) -> None:
    opening: OpeningConnections[int] = OpeningConnections(4, 10)
    alive: dict[int, int] = {}
    for number, (uid, comes) in enumerate(steps):
        if comes:
            alive[number] = uid
            gone = opening.add(uid, number)
            if gone is not None:
                del alive[gone]
        elif alive:
            oldest = next(iter(alive))
            opening.discard(alive.pop(oldest), oldest)
        assert len(opening) == len(alive) <= 10
        assert all(list(alive.values()).count(each) <= 4 for each in alive.values())
