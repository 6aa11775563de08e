"""Rule R1's memory: nothing is forgotten, nothing is kept for ever, and there is an end to it."""

from hypothesis import given
from hypothesis import strategies as st

from slackd.connector.unacknowledged import Unacknowledged
from slackd.envelope import Arrival


def arrival(number: int, connection: str = "c", text: str = "x") -> Arrival:
    return Arrival(number, "main", connection, 0.0, text)


@given(st.lists(st.tuples(st.integers(0, 20), st.sampled_from("abc"), st.booleans())))
def test_it_keeps_exactly_what_was_added_and_not_removed(steps: list[tuple[int, str, bool]]) -> None:
    unsettled = Unacknowledged()
    model: dict[int, Arrival] = {}
    for number, connection, remove in steps:
        if remove:
            assert unsettled.remove(number) == model.pop(number, None)
        elif number not in model:
            model[number] = arrival(number, connection)
            unsettled.add(model[number])
        assert unsettled.all() == tuple(model.values())
        for name in "abc":
            assert unsettled.brought_by(name) == any(one.connection == name for one in model.values())


def test_the_high_water_mark_and_the_way_back() -> None:
    unsettled = Unacknowledged(high_water_arrivals=4, high_water_characters=100)

    def level() -> str:
        return "full" if unsettled.is_full else "room" if unsettled.has_room else "between"

    for number in range(4):
        assert level() in ("room", "between")
        unsettled.add(arrival(number))
    assert level() == "full"
    unsettled.remove(0)
    assert level() == "room"
    unsettled.add(arrival(9, text="x" * 80))
    assert level() == "full"
    unsettled.remove(1)
    assert level() == "between"
    unsettled.remove(9)
    assert level() == "room"
