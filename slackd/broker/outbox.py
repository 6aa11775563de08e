"""What is to be done about all that happened in one turn of the loop, in order. Pure.

What a connector is told goes to each link in one message: settlements, refusals, promises. A promise is made
before the arrival that it is about is settled, and after deliveries have gone out, for plugins' answers are
waited for and promises count only seconds later.
"""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from slackd.broker.actions import Action, Submit, ToConnector
from slackd.broker.ingest import NO_LINK
from slackd.broker.pending_acks import Settlements
from slackd.envelope import Promise, Refusal
from slackd.link.messages import Promised, Refused, Settled

Word = TypeVar("Word")


class Outbox:
    """Collects actions until the turn ends."""

    def __init__(self) -> None:
        self._actions: list[Action] = []
        self._promises: list[tuple[int, Promise]] = []

    def add(self, action: Action) -> None:
        """One more thing to do."""
        self._actions.append(action)

    def extend(self, actions: Iterable[Action]) -> None:
        """More things to do."""
        self._actions += actions

    def promise(self, promises: Sequence[tuple[int, Promise]]) -> None:
        """Arrivals are journaled, and wait for answers."""
        self._promises += promises

    def settle(self, settlements: Settlements) -> None:
        """Arrivals may be acknowledged."""
        if settlements:
            if self._promises:
                self._say_promises()
            self._actions += [ToConnector(link, Settled(each)) for link, each in _by_link(settlements)]

    def refuse(self, refusals: Sequence[tuple[int, Refusal]]) -> None:
        """Arrivals must not be acknowledged."""
        self._actions += [ToConnector(link, Refused(each)) for link, each in _by_link(refusals)]

    def take(self, submit: Submit | None) -> list[Action]:
        """All of it, and what is to be written; what comes now is the next turn's."""
        if self._promises:
            self._say_promises()
        if submit is not None:
            self._actions.append(submit)
        actions, self._actions = self._actions, []
        return actions

    def take_so_far(self) -> list[Action]:
        """What needn't wait for the end of the turn: all but promises, and what is to be written."""
        actions, self._actions = self._actions, []
        return actions

    def _say_promises(self) -> None:
        promises, self._promises = self._promises, []
        self._actions += [ToConnector(link, Promised(each)) for link, each in _by_link(promises)]


def _by_link(words: Sequence[tuple[int, Word]]) -> list[tuple[int, tuple[Word, ...]]]:
    """What is said on each link, in order."""
    found: dict[int, list[Word]] = {}
    for link, word in words:
        if link != NO_LINK:
            found.setdefault(link, []).append(word)
    return [(link, tuple(each)) for link, each in found.items()]
