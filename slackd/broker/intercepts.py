"""Intercepts: what one person does goes to whoever develops a plugin, and all else to production. Pure.

An intercept is in force for as long as its developer holds it open on the control socket. While it is, the
person's deliveries for that plugin go to sessions that came with its ticket, and to no others; to those goes
nothing else. When it ends, what they have not handled goes to the plugin's own sessions: nothing is lost.
"""

from collections.abc import Iterable, Sequence

import attrs

from slackd.broker.dispatch.intercepted import intercepted_key, person_of_user
from slackd.broker.dispatch.subscriptions import Match
from slackd.envelope import ParsedEnvelope
from slackd.slotted import frozen

MOST: int = 16
"""Intercepts in force at a time."""


class InterceptTakenError(Exception):
    """There is one already; the words say whose."""


@frozen
class Intercept:
    """One person's deliveries for one plugin.

    Attributes:
        uid: The user of this host who develops: sessions of no other may come with the ticket.
        ticket: What a session says to be one of this intercept's.
    """

    plugin: str
    app: str
    user: str
    uid: int
    ticket: str

    @property
    def person(self) -> str:
        """Whose deliveries these are."""
        return person_of_user(self.app, self.user)


class Intercepts:
    """Those that are in force."""

    def __init__(self) -> None:
        self._by_person: dict[tuple[str, str], Intercept] = {}

    def __bool__(self) -> bool:
        return bool(self._by_person)

    def begin(self, intercept: Intercept) -> None:
        """It is in force from now on.

        Raises:
            InterceptTakenError: Somebody has that person's deliveries, or too many are in force.
        """
        key = (intercept.plugin, intercept.person)
        other = self._by_person.get(key)
        if other is not None:
            raise InterceptTakenError(
                f"uid {other.uid} develops {other.plugin} as {other.user} of {other.app} already"
            )
        if len(self._by_person) >= MOST:
            raise InterceptTakenError(f"{MOST} intercepts are in force already, the most there may be")
        self._by_person[key] = intercept

    def end(self, intercept: Intercept) -> None:
        """It is in force no more."""
        self._by_person.pop((intercept.plugin, intercept.person), None)

    def of_ticket(self, ticket: str) -> Intercept | None:
        """The intercept that a session names by its ticket."""
        return next((each for each in self._by_person.values() if each.ticket == ticket), None)

    def divert(self, matches: Iterable[Match], envelope: ParsedEnvelope) -> Sequence[Match]:
        """The matches of an envelope, those that are intercepted under a key of their own."""
        person = person_of_user(envelope.app, envelope.facets.user)
        return [
            attrs.evolve(each, key=intercepted_key(person, each.key, envelope.envelope_id))
            if (each.plugin.name, person) in self._by_person
            else each
            for each in matches
        ]
