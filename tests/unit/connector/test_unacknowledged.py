"""Rule R1's memory: nothing is forgotten, nothing is kept for ever, and there is an end to it."""

import logging
from typing import Any
from unittest.mock import Mock

from hypothesis import given
from hypothesis import strategies as st

from slackd.connector.unacknowledged import IN_FLIGHT_CHARACTERS, BackPressure, Unacknowledged
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
        return "full" if unsettled.is_full else "room" if unsettled.has_room(linked=False) else "between"

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


class TestWhatIsInFlight:
    """While the broker is there, what is read from Slack is bounded by its bytes, not by its number."""

    def pressure(self) -> tuple[Unacknowledged, BackPressure, Any]:
        unsettled, transport = Unacknowledged(), Mock()
        return unsettled, BackPressure(unsettled, [transport], logging.getLogger()), transport

    def fill(self, unsettled: Unacknowledged, pressure: BackPressure) -> None:
        large = IN_FLIGHT_CHARACTERS // 8
        for number in range(8):
            unsettled.add(arrival(number, text="x" * large))
            pressure.pause_if_full()

    def test_large_envelopes_are_read_as_they_are_acknowledged(self) -> None:
        unsettled, pressure, transport = self.pressure()
        pressure.linked = True
        self.fill(unsettled, pressure)
        transport.pause.assert_called_once()
        for number in (0, 1):
            transport.resume.assert_not_called()
            unsettled.remove(number)
            pressure.resume_if_room()
        transport.resume.assert_called_once()

    def test_without_a_broker_more_is_kept_for_it(self) -> None:
        unsettled, pressure, transport = self.pressure()
        self.fill(unsettled, pressure)
        transport.pause.assert_not_called()

    def test_reading_goes_on_when_the_broker_goes_away(self) -> None:
        unsettled, pressure, transport = self.pressure()
        pressure.linked = True
        self.fill(unsettled, pressure)
        pressure.linked = False
        pressure.resume_if_room()
        transport.resume.assert_called_once()
