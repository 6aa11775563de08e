"""Answers that were settled a moment ago, should it turn out that no acknowledgement could carry them. Pure.

An answer that the journal has as given is on its way, always: a settlement under way carries it (a
hope), or its connector will deliver the arrival again over a new link and gets it then, or it follows through
the `response_url`. A connector delivers again what it has not been settled, what it acknowledged as promised,
and what it was settled and could not send; the duplicate is settled with the answer, and the connector reports
what no acknowledgement can carry any more (`Unsent`). So a hope ends with its link, and nothing is lost by
that; the answer follows when the last hope is gone and one of them is known to have failed. Who reported one
hears of it (`Report`) when the disk knows that it follows, or that nothing is owed, and keeps it until then: a
connector that ends and a broker that stops in the same moment would forget it both. One for which
nobody waits when it is journaled, and nobody asks in the time that Slack gives, was brought by a connector that
ended while there was no broker: it follows, too. P5 rests on it.
"""

from collections import deque
from collections.abc import Iterable
from typing import Any

from slackd.broker.journal import LateAnswer
from slackd.slack.limits import ACK_DEADLINE
from slackd.slotted import define, frozen

REMEMBERED = 256
"""Answers that are remembered; a connector reports within milliseconds which of them came to nothing."""
ASKED_FOR_WITHIN = ACK_DEADLINE + 1.0
"""Seconds within which whoever has an arrival delivers it again to a broker that has begun: Slack's deadline,
at which it is acknowledged as promised, and a link's way back."""


@frozen
class GivenAnswer:
    """A plugin's answer that is journaled as given.

    Attributes:
        answer: As it is to follow the acknowledgement.
        session, attempt: Who gave it, to which attempt.
        reason: Why it goes through the `response_url`, if it does: a name from `answer_reasons.REASONS`.
    """

    answer: LateAnswer
    session: str
    attempt: int
    reason: str = "late"


Report = tuple[int, int]
"""Link and number of what a connector has reported as unsent."""


@define
class _Outcome:
    """What became of an answer.

    Attributes:
        given: The answer, once it is journaled as given.
        hopes: Settlements that may still carry it, or have.
        lost: One of them could not.
        asked_for: There was one.
    """

    given: GivenAnswer | None = None
    hopes: int = 0
    lost: bool = False
    asked_for: bool = False


class UnsentAnswers:
    """The newest of them, and the settlements that carry them, each named by its link and number."""

    def __init__(self) -> None:
        self._outcomes: dict[int, _Outcome] = {}
        self._carried: dict[tuple[int, int], int] = {}
        self._unclaimed: deque[tuple[float, int]] = deque()
        self._reports: dict[int, list[Report]] = {}

    def early(self, envelope: int, link: int, number: int) -> None:
        """A settlement carries an answer whose commit is on the way: its deadline came first."""
        self._outcomes.setdefault(envelope, _Outcome())
        _forget_oldest(self._outcomes)
        self.carried(envelope, link, number)

    def committed(
        self, given: GivenAnswer, carriers: Iterable[tuple[int, int]], now: float
    ) -> list[GivenAnswer]:
        """It is journaled at this moment (monotonic seconds), and goes into these settlements; returned if it
        is known to have reached nobody."""
        envelope = given.answer.envelope
        outcome = self._outcomes.setdefault(envelope, _Outcome())
        outcome.given = given
        _forget_oldest(self._outcomes)
        for link, number in carriers:
            self.carried(envelope, link, number)
        if not (outcome.asked_for or outcome.lost):
            self._unclaimed.append((now + ASKED_FOR_WITHIN, envelope))
        return self._take_if_lost(envelope, outcome)

    def unclaimed(self, now: float) -> list[GivenAnswer]:
        """Those that nobody has asked for in time (`now` in monotonic seconds)."""
        found = []
        while self._unclaimed and self._unclaimed[0][0] <= now:
            _, envelope = self._unclaimed.popleft()
            outcome = self._outcomes.get(envelope)
            if outcome is not None and not outcome.asked_for:
                outcome.lost = True
                found += self._take_if_lost(envelope, outcome)
        return found

    def next_due(self) -> float | None:
        """The monotonic time of the next look at `unclaimed`."""
        return self._unclaimed[0][0] if self._unclaimed else None

    def adopt(self, given: GivenAnswer) -> None:
        """An answer that the journal has as given, of which nothing is known here: an earlier broker's."""
        if given.answer.envelope not in self._outcomes:
            self._outcomes[given.answer.envelope] = _Outcome(given)
            _forget_oldest(self._outcomes)

    def without(self, envelope: int) -> None:
        """Somebody was settled without this answer while it was on its way to the journal."""
        self._outcomes.setdefault(envelope, _Outcome()).lost = True
        _forget_oldest(self._outcomes)

    def link_lost(self, link: int) -> None:
        """Whatever this link's settlements carried is carried by the next one's, or was acknowledged."""
        for envelope, reports in list(self._reports.items()):
            self._keep_reports(envelope, [each for each in reports if each[0] != link])
        for carrier in [each for each in self._carried if each[0] == link]:
            outcome = self._outcomes.get(self._carried.pop(carrier))
            if outcome is not None:
                outcome.hopes -= 1

    def carried(self, envelope: int, link: int, number: int) -> None:
        """A settlement carries the answer to this envelope; nothing is noted of one that is not known."""
        outcome = self._outcomes.get(envelope)
        if outcome is not None:
            outcome.hopes, outcome.asked_for = outcome.hopes + 1, True
            self._carried[link, number] = envelope
            _forget_oldest(self._carried)

    def unsent(self, link: int, numbers: Iterable[int]) -> tuple[list[GivenAnswer], list[Report]]:
        """These could not be sent: the answers that reached nobody by that, and the reports that are done with,
        since nothing is owed or another settlement carries it."""
        found, done = [], []
        for number in numbers:
            envelope = self._carried.pop((link, number), 0)
            outcome = self._outcomes.get(envelope)
            if outcome is None:
                done.append((link, number))
                continue
            outcome.hopes, outcome.lost = outcome.hopes - 1, True
            if outcome.hopes:
                done.append((link, number))
            else:
                self._keep_reports(envelope, [*self._reports.get(envelope, ()), (link, number)])
            found += self._take_if_lost(envelope, outcome)
        return found, done

    def written(self, envelope: int) -> list[Report]:
        """The journal says that its answer follows: the reports that are done with by that."""
        return self._reports.pop(envelope, [])

    def _keep_reports(self, envelope: int, reports: list[Report]) -> None:
        self._reports.pop(envelope, None)
        if reports:
            self._reports[envelope] = reports
            _forget_oldest(self._reports)

    def _take_if_lost(self, envelope: int, outcome: _Outcome) -> list[GivenAnswer]:
        if outcome.given is None or outcome.hopes or not outcome.lost:
            return []
        del self._outcomes[envelope]
        return [outcome.given]


def _forget_oldest(known: dict[Any, Any]) -> None:
    if len(known) > REMEMBERED:
        del known[next(iter(known))]
