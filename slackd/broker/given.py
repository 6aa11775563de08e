"""Answers that were settled a moment ago, should it turn out that no acknowledgement could carry them. Pure."""

from collections.abc import Iterable, Sequence

import attrs

from slackd.broker.journal import LateAnswer

REMEMBERED = 256
"""Settlements that are remembered; a connector tells within milliseconds which of them came to nothing."""


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
    """How many settlements may still have carried it."""

    given: Given
    hopes: int


class GivenAnswers:
    """The newest of them, by the settlements that carry them."""

    def __init__(self) -> None:
        self._outcomes: dict[tuple[int, int], _Outcome] = {}

    def settled(self, given: Given, settlements: Sequence[tuple[int, int]]) -> None:
        """It went into these settlements, each named by its link and number."""
        outcome = _Outcome(given, len(settlements))
        for settlement in settlements:
            self._outcomes[settlement] = outcome
        while len(self._outcomes) > REMEMBERED:
            del self._outcomes[next(iter(self._outcomes))]

    def unsent(self, link: int, numbers: Iterable[int]) -> list[Given]:
        """These could not be sent: the answers that reached nobody by that."""
        lost = []
        for number in numbers:
            outcome = self._outcomes.pop((link, number), None)
            if outcome is not None:
                outcome.hopes -= 1
                if not outcome.hopes:
                    lost.append(outcome.given)
        return lost
