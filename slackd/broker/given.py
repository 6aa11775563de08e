"""Answers that were settled a moment ago, should it turn out that no acknowledgement could carry them. Pure."""

from collections.abc import Iterable
from typing import Any

import attrs

from slackd.broker.journal import LateAnswer

REMEMBERED = 256
"""Answers that are remembered; a connector tells within milliseconds which of them came to nothing."""


@attrs.frozen
class Given:
    """A plugin's answer that is journaled as given.

    Attributes:
        answer: As it is to follow the acknowledgement.
        session, attempt: Who gave it, to which attempt.
    """

    answer: LateAnswer
    session: str
    attempt: int


@attrs.define
class _Outcome:
    """How many settlements may still carry it, or have."""

    given: Given
    hopes: int = 0


class GivenAnswers:
    """The newest of them, and the settlements that carry them, each named by its link and number."""

    def __init__(self) -> None:
        self._outcomes: dict[int, _Outcome] = {}
        self._carried: dict[tuple[int, int], int] = {}

    def committed(self, given: Given, carriers: Iterable[tuple[int, int]]) -> None:
        """It is journaled, and goes into these settlements."""
        self._outcomes[given.answer.envelope] = _Outcome(given)
        _forget_oldest(self._outcomes)
        for link, number in carriers:
            self.carried(given.answer.envelope, link, number)

    def carried(self, envelope: int, link: int, number: int) -> None:
        """A settlement carries the answer to this envelope; nothing is noted of what was given long ago."""
        outcome = self._outcomes.get(envelope)
        if outcome is not None:
            outcome.hopes += 1
            self._carried[link, number] = envelope
            _forget_oldest(self._carried)

    def unsent(self, link: int, numbers: Iterable[int]) -> list[Given]:
        """These could not be sent: the answers that reached nobody by that."""
        lost = []
        for number in numbers:
            envelope = self._carried.pop((link, number), 0)
            outcome = self._outcomes.get(envelope)
            if outcome is None:
                continue
            outcome.hopes -= 1
            if not outcome.hopes:
                del self._outcomes[envelope]
                lost.append(outcome.given)
        return lost


def _forget_oldest(known: dict[Any, Any]) -> None:
    if len(known) > REMEMBERED:
        del known[next(iter(known))]
