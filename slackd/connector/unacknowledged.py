"""Rule R1: an envelope read from Slack stays in memory until the broker has settled or refused it. Pure.

It is also the measure of back-pressure: when the broker is away for so long that more than the high-water mark
waits, Slack's connections are read no further until a quarter of it is free again. While the broker is there
the mark is `IN_FLIGHT_CHARACTERS`: what is read must be acknowledged in three seconds, however large it is, and
what the broker journals in one is some tens of megabytes.
"""

import logging
from collections.abc import Iterable
from typing import Final

from slackd.connector.transport import Transport
from slackd.envelope import Arrival

HIGH_WATER_ARRIVALS: Final = 20_000
HIGH_WATER_CHARACTERS: Final = 64 * 1024 * 1024
IN_FLIGHT_CHARACTERS: Final = 16 * 1024 * 1024
_LOW_WATER: Final = 0.75


class Unacknowledged:
    """Every arrival that the broker has said no word about yet, in the order in which they came."""

    def __init__(
        self, high_water_arrivals: int = HIGH_WATER_ARRIVALS, high_water_characters: int = HIGH_WATER_CHARACTERS
    ) -> None:
        self._most = high_water_arrivals
        self._most_characters = high_water_characters
        self._most_in_flight = min(IN_FLIGHT_CHARACTERS, high_water_characters)
        self._arrivals: dict[int, Arrival] = {}
        self._by_connection: dict[str, int] = {}
        self._characters = 0

    def __contains__(self, number: object) -> bool:
        return number in self._arrivals

    def __len__(self) -> int:
        return len(self._arrivals)

    @property
    def is_full(self) -> bool:
        """The high-water mark is reached: read no further."""
        return self.is_enough(linked=False)

    def is_enough(self, *, linked: bool) -> bool:
        """Read no further: it is full or, with a link to the broker, as much as that should have at a time."""
        most = self._most_in_flight if linked else self._most_characters
        return self._characters >= most or len(self._arrivals) >= self._most

    def has_room(self, *, linked: bool) -> bool:
        """Below the low-water mark: read again. With a link to the broker that is the mark of what is in
        flight."""
        most = self._most_in_flight if linked else self._most_characters
        return len(self._arrivals) <= self._most * _LOW_WATER and self._characters <= most * _LOW_WATER

    def add(self, arrival: Arrival) -> None:
        """Keep an arrival until `remove`."""
        self._arrivals[arrival.number] = arrival
        self._characters += len(arrival.text)
        self._by_connection[arrival.connection] = self._by_connection.get(arrival.connection, 0) + 1

    def get(self, number: int) -> Arrival | None:
        """An arrival, if the broker has said no word about it."""
        return self._arrivals.get(number)

    def remove(self, number: int) -> Arrival | None:
        """The broker has said its word; None if it had said it before."""
        arrival = self._arrivals.pop(number, None)
        if arrival is None:
            return None
        self._characters -= len(arrival.text)
        left = self._by_connection[arrival.connection] - 1
        if left:
            self._by_connection[arrival.connection] = left
        else:
            del self._by_connection[arrival.connection]
        return arrival

    def brought_by(self, connection: str) -> bool:
        """Something that this connection brought is unsettled."""
        return connection in self._by_connection

    def all(self) -> tuple[Arrival, ...]:
        """Everything, in the order in which it came, to be delivered again over a new link."""
        return tuple(self._arrivals.values())


class BackPressure:
    """Stops all transports' reading while `Unacknowledged` is full, or has much in flight.

    Attributes:
        linked: There is a broker.
        is_paused: Nothing is read.
    """

    def __init__(self, unsettled: Unacknowledged, transports: Iterable[Transport], log: logging.Logger) -> None:
        self._unsettled, self._transports, self._log = unsettled, tuple(transports), log
        self._is_loud = False
        self.is_paused = self.linked = False

    def pause_if_full(self) -> None:
        """Something more arrived."""
        if self.is_paused or not self._unsettled.is_enough(linked=self.linked):
            return
        if self._unsettled.is_full:
            self._is_loud = True
            self._log.error(
                "%d envelopes wait for the broker: nothing more is read from Slack until it settles some",
                len(self._unsettled),
                extra={"event": "reading-paused"},
            )
        self.is_paused = True
        for transport in self._transports:
            transport.pause()

    def resume_if_room(self) -> None:
        """Something was settled or refused."""
        if not self.is_paused or not self._unsettled.has_room(linked=self.linked):
            return
        self.is_paused = False
        if self._is_loud:
            self._is_loud = False
            self._log.info("Slack's connections are read again", extra={"event": "reading-resumed"})
        for transport in self._transports:
            transport.resume()
