"""What was acknowledged without the answer that its plugin gave, for as long as the broker may not know. Pure.

An answer that the broker has journaled as given and that no acknowledgement carried must follow it (promise
P5), and the broker can see to that only when it knows. The connector reports it at once (`Unsent`), but a link
may break before the report arrives, or before the broker's settlement does. So such an arrival is delivered
again over each new link, like one that is unsettled. If the broker settles the duplicate with the answer,
since it still has it as given, the connector reports again; if it settles without one, nothing is owed any
more; so it answers a report, too, once its journal knows that the answer follows. A broker that can't write
just now refuses the duplicate, and is asked again. Until a broker has said its
word a connector that drains does not end: nobody else knows.
"""

from collections.abc import Iterable
from typing import Final

from slackd.envelope import Arrival

REMEMBERED: Final = 1_000
"""Arrivals that are remembered; the oldest go."""
REPEATED_FOR: Final = 60.0
"""Seconds after its receipt in which an arrival is delivered again for its answer's sake."""
REFUSED_AGAIN_AFTER: Final = 1.0
"""Seconds after which a broker that refused one is asked again."""
HEARD_WITHIN: Final = 3.0
"""Seconds that a connector stays, at the most, to hear from a broker what became of them."""


class Unanswered:
    """Arrivals by number: with an answer on its way to Slack, and without the answer they should have."""

    def __init__(self) -> None:
        self._carriers: dict[int, Arrival] = {}
        self._unanswered: dict[int, Arrival] = {}
        self._unheard: set[int] = set()
        self._refused: set[int] = set()

    @property
    def is_unheard(self) -> bool:
        """Of some of them no broker has said yet what becomes of their answers."""
        return not self._unheard.isdisjoint(self._unanswered)

    def __contains__(self, number: object) -> bool:
        return number in self._unanswered

    def settled_with_answer(self, arrival: Arrival) -> None:
        """Its acknowledgement is to carry an answer; `unsent` if it turns out that it can't."""
        _remember(self._carriers, arrival)

    def acknowledged_as_promised(self, arrival: Arrival) -> None:
        """It was acknowledged here, since no broker settled it in time."""
        _remember(self._unanswered, arrival)
        self._unheard.add(arrival.number)

    def unsent(self, number: int) -> None:
        """No acknowledgement could carry what this was settled with."""
        self._unheard.add(number)
        arrival = self._carriers.pop(number, None)
        if arrival is not None:
            _remember(self._unanswered, arrival)

    def forget(self, number: int) -> None:
        """The broker settled it without an answer: nothing is owed."""
        self._unanswered.pop(number, None)
        self._unheard.discard(number)

    def refused(self, number: int) -> None:
        """The broker could not look at it: it is to be asked again."""
        if number in self._unanswered:
            self._refused.add(number)

    def to_repeat(self, now: float) -> tuple[Arrival, ...]:
        """What is to be delivered again over a new link (`now` in monotonic seconds)."""
        self._refused.clear()
        return _to_repeat(self._unanswered.values(), now)

    def take_refused(self, now: float) -> tuple[Arrival, ...]:
        """What is to be delivered again over this link (`now` in monotonic seconds)."""
        refused, self._refused = self._refused, set()
        known = sorted(refused & self._unanswered.keys())
        return _to_repeat((self._unanswered[number] for number in known), now)


def _to_repeat(arrivals: Iterable[Arrival], now: float) -> tuple[Arrival, ...]:
    return tuple(each for each in arrivals if each.received_at + REPEATED_FOR > now)


def _remember(arrivals: dict[int, Arrival], arrival: Arrival) -> None:
    arrivals[arrival.number] = arrival
    if len(arrivals) > REMEMBERED:
        del arrivals[next(iter(arrivals))]
