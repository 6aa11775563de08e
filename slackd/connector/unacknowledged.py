"""Rule R1: an envelope read from Slack stays in memory until the broker has settled or refused it. Pure.

It is also the measure of back-pressure: when the broker is away for so long that more than the high-water mark
waits, Slack's connections are read no further until a quarter of it is free again.
"""

import logging
from collections.abc import Iterable
from typing import Final

from slackd.connector.transport import Transport
from slackd.envelope import Arrival

HIGH_WATER_ARRIVALS: Final = 20_000
HIGH_WATER_CHARACTERS: Final = 64 * 1024 * 1024
_LOW_WATER: Final = 0.75


class Unacknowledged:
    """Every arrival that the broker has said no word about yet, in the order in which they came."""

    def __init__(
        self, high_water_arrivals: int = HIGH_WATER_ARRIVALS, high_water_characters: int = HIGH_WATER_CHARACTERS
    ) -> None:
        self._most = high_water_arrivals
        self._most_characters = high_water_characters
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
        return len(self._arrivals) >= self._most or self._characters >= self._most_characters

    @property
    def has_room(self) -> bool:
        """Below the low-water mark: read again."""
        return (
            len(self._arrivals) <= self._most * _LOW_WATER
            and self._characters <= self._most_characters * _LOW_WATER
        )

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
    """Stops all transports' reading while `Unacknowledged` is full."""

    def __init__(self, unsettled: Unacknowledged, transports: Iterable[Transport], log: logging.Logger) -> None:
        self._unsettled, self._transports, self._log = unsettled, tuple(transports), log
        self.is_paused = False

    def pause_if_full(self) -> None:
        """Something more arrived."""
        if self.is_paused or not self._unsettled.is_full:
            return
        self.is_paused = True
        self._log.error(
            "%d envelopes wait for the broker: nothing more is read from Slack until it settles some",
            len(self._unsettled),
            extra={"event": "reading-paused"},
        )
        for transport in self._transports:
            transport.pause()

    def resume_if_room(self) -> None:
        """Something was settled or refused."""
        if not self.is_paused or not self._unsettled.has_room:
            return
        self.is_paused = False
        self._log.info("Slack's connections are read again", extra={"event": "reading-resumed"})
        for transport in self._transports:
            transport.resume()
