"""Envelopes whose acknowledgement waits for a plugin's answer: a pure machine on a given clock.

P5, the invariant kept here: every waiter (an arrival on some connection) is settled once, at its own deadline
at the latest, with the answer if there is one by then. P4: whoever waits for the same envelope gets the same.

A connection that closes ends the waiting early (`Closing` of the link): what it brought is settled without an
answer, as at the deadline, but only after the commit that says so. So an answer that comes meanwhile, or after
the broker's death, goes out late, and never both ways. If that commit fails and the deadline comes first, the
waiter is settled without; the journal may still take an answer as given that was on its way behind it. Then it
reached nobody (`Due.without`), and follows through the `response_url`.

Connections that are closing: envelopes from them do not wait for the plugin's answer. Pure.
"""

import heapq

import attrs

from slackd.broker.instant import Wakeup
from slackd.envelope import Promise, Settlement
from slackd.link.messages import Closing
from slackd.slack.acknowledgement import fits
from slackd.slotted import define, frozen

REMEMBERED = 256
"""Connections of one link that are remembered; a connector reports them again after every new link."""


class ClosingConnections:
    """What was reported, by link and connection."""

    def __init__(self) -> None:
        self._reported: dict[int, dict[str, Closing]] = {}

    def note(self, link: int, closing: Closing) -> None:
        """A connector reported it; nothing of what it reported before is taken back."""
        reported = self._reported.setdefault(link, {})
        before = reported.pop(closing.connection, closing)
        reported[closing.connection] = attrs.evolve(
            closing, everything=closing.everything or before.everything, mute=closing.mute or before.mute
        )
        if len(reported) > REMEMBERED:
            del reported[next(iter(reported))]

    def of(self, link: int, connection: str) -> Closing | None:
        """What was reported of a connection; None for one that stays."""
        return self._reported.get(link, {}).get(connection)

    def forget(self, link: int) -> None:
        """The link is gone."""
        self._reported.pop(link, None)


BROKER_IS_GONE = 0.25
"""Seconds after a deadline at which a connector takes it that there is no broker to keep it."""
_USUAL_ID = "00000000-0000-0000-0000-000000000000"


@frozen
class Waiter:
    """An arrival whose acknowledgement waits.

    Attributes:
        link: Names the link that brought it.
        number: Its number on that link.
        envelope_id: What its acknowledgement names: a redelivery may have another one than the first.
        due: Its deadline, monotonic seconds.
        connection: The connection that it came over.
    """

    link: int
    number: int
    envelope_id: str
    due: float
    connection: str = ""


@define
class _Owed:
    """One envelope's answer.

    Attributes:
        waiters: Who waits for it.
        plugin: Whose answer it is.
        empty: What is sent where the plugin answers nothing (JSON text), or None.
        fallback: What is sent where no answer comes (JSON text), or None.
        elsewhere: An answer that comes after the acknowledgement can go to a `response_url`.
        answered: A plugin has answered, with `response`, and its commit is on the way.
        ending: The commit is on the way that ends the waiting before the deadline.
    """

    waiters: list[Waiter]
    plugin: str
    empty: str | None
    fallback: str | None
    elsewhere: bool
    answered: bool = False
    response: str | None = None
    ending: bool = False

    @property
    def payload(self) -> str | None:
        """What goes into the acknowledgement as things stand."""
        if self.response is not None:
            return self.response
        return self.empty if self.answered else self.fallback


Settlements = list[tuple[int, Settlement]]
"""(link, settlement) pairs."""


@define
class Due:
    """What follows from deadlines that are here.

    Attributes:
        settlements: Who is settled now.
        passed: Envelopes for which nobody waits any more and no answer had come.
        early: Who is settled with an answer before its commit: envelope, link and number.
        without: Envelopes settled without an answer which the journal may yet take as given.
    """

    settlements: Settlements = attrs.field(factory=list)
    passed: list[int] = attrs.field(factory=list)
    early: list[tuple[int, int, int]] = attrs.field(factory=list)
    without: list[int] = attrs.field(factory=list)


class PendingAcks:
    """All envelopes whose answer is awaited, by the journal's id."""

    def __init__(self, wakeup: Wakeup | None = None) -> None:
        self._wakeup = wakeup if wakeup is not None else Wakeup()
        self._owed: dict[int, _Owed] = {}
        self._on_the_way: dict[int, str | None] = {}
        self._dues: list[tuple[float, int]] = []
        self._closing = ClosingConnections()
        self._following: set[int] = set()
        self._words: dict[int, str] = {}

    def __len__(self) -> int:
        return len(self._owed)

    def wait(
        self,
        envelope: int,
        waiter: Waiter,
        plugin: str,
        empty: str | None,
        *,
        slow: str | None = None,
        elsewhere: bool = False,
    ) -> tuple[Promise, bool]:
        """An arrival waits for this plugin's answer to this envelope.

        Args:
            envelope: The journal's id.
            waiter: The arrival.
            plugin: Whose answer it is.
            empty: What is sent where the plugin answers nothing (JSON text), or None.
            slow: What is sent instead where it has not answered by the deadline, if that is something else.
            elsewhere: A late answer has a `response_url` to go to.

        Returns:
            What its connector may do should there be no broker at the deadline, and whether the waiting is to
            end now: the caller journals that as `AnswerPassed`, then calls `passed`.
        """
        owed = self._owed.get(envelope)
        if owed is None:
            fallback = self._words.get(envelope, slow if slow is not None else empty)
            owed = self._owed[envelope] = _Owed([], plugin, empty, fallback, elsewhere)
            if envelope in self._on_the_way:
                owed.answered, owed.response = True, self._on_the_way[envelope]
        owed.waiters.append(waiter)
        heapq.heappush(self._dues, (waiter.due, envelope))
        self._wakeup.by(waiter.due)
        settlement = Settlement(waiter.number, waiter.envelope_id, owed.fallback)
        promise = Promise(settlement, waiter.due + BROKER_IS_GONE)
        return promise, self._ends(owed)

    def may_wait(self, link: int, connection: str, *, elsewhere: bool) -> bool:
        """What comes over this connection may wait for an answer: it stays, or the answer has no other way."""
        closing = self._closing.of(link, connection)
        if closing is None:
            return True
        return not (elsewhere or (closing.everything and not closing.mute))

    def is_awaited(self, envelope: int) -> bool:
        """Somebody waits for this envelope's answer."""
        return envelope in self._owed

    def room_for(self, envelope: int, response: str) -> bool:
        """Whether an acknowledgement with this response is short enough for Slack, for everybody who waits."""
        owed = self._owed.get(envelope)
        ids = [each.envelope_id for each in owed.waiters] if owed is not None else []
        return fits(max(ids, key=len, default=_USUAL_ID), response)

    def answer(self, envelope: int, response: str | None) -> None:
        """A plugin has answered; the waiters are settled by `given`, or at their deadline with this. So is
        who begins to wait while the commit is on the way (a connector that delivers again after a restart)."""
        owed = self._owed.get(envelope)
        if owed is not None and owed.ending:
            return
        self._on_the_way[envelope] = response
        if owed is not None:
            owed.answered, owed.response = True, response

    def void(self, envelope: int) -> None:
        """The journal didn't take that answer: its delivery was over before. Another may come."""
        self._on_the_way.pop(envelope, None)
        owed = self._owed.get(envelope)
        if owed is not None:
            owed.answered, owed.response = False, None

    def given(self, envelope: int, response: str | None) -> Settlements:
        """The answer is on the disk as given: everybody who waits for it gets it."""
        self._on_the_way.pop(envelope, None)
        self._words.pop(envelope, None)
        owed = self._owed.pop(envelope, None)
        if owed is None:
            return []
        return _settled(owed.waiters, response if response is not None else owed.empty)

    def passed(self, envelope: int) -> Settlements:
        """It is on the disk that no answer is waited for any more: whoever does gets the fallback."""
        self._on_the_way.pop(envelope, None)
        owed = self._owed.pop(envelope, None)
        return _settled(owed.waiters, owed.fallback) if owed is not None else []

    def closing(self, link: int, closing: Closing) -> list[int]:
        """A connection of this link closes. Returns the envelopes whose waiting is to end now: to be journaled
        as `AnswerPassed`, then reported to `passed`."""
        self._closing.note(link, closing)
        return [envelope for envelope, owed in self._owed.items() if self._ends(owed)]

    def falls_back(self, envelope: int, plugin: str, payload: str) -> None:
        """Where no answer of this plugin comes, this is sent (JSON text) in place of what was to be; also to
        whoever begins to wait later (a connector that delivers again after a restart)."""
        owed = self._owed.get(envelope)
        if owed is None:
            self._words[envelope] = payload
            if len(self._words) > REMEMBERED:
                del self._words[next(iter(self._words))]
        elif owed.plugin == plugin and not owed.answered:
            owed.fallback = payload

    def words_for(self, envelope: int) -> str | None:
        """What a person is to read in an acknowledgement that nobody has waited for (JSON text), or None."""
        return self._words.get(envelope)

    def is_awaited_of(self, envelope: int, plugin: str) -> bool:
        """Somebody waits for this plugin's answer to this envelope."""
        owed = self._owed.get(envelope)
        return owed is not None and owed.plugin == plugin

    def given_up(self, envelope: int, plugin: str) -> Settlements:
        """This plugin will not answer any more: whoever waits for it gets the fallback."""
        owed = self._owed.get(envelope)
        return self.passed(envelope) if owed is not None and owed.plugin == plugin else []

    def link_lost(self, link: int) -> None:
        """Nobody waits on this link any more; its connector will deliver again what it still has."""
        self._closing.forget(link)
        for envelope, owed in list(self._owed.items()):
            owed.waiters = [each for each in owed.waiters if each.link != link]
            if not owed.waiters and not owed.answered:
                del self._owed[envelope]

    def tick(self, now: float) -> Due:
        """Settle everybody whose deadline is here, and return what that does (`now` in monotonic seconds)."""
        found = Due()
        while self._dues and self._dues[0][0] <= now:
            _, envelope = heapq.heappop(self._dues)
            owed = self._owed.get(envelope)
            if owed is None:
                continue
            due = [each for each in owed.waiters if each.due <= now]
            owed.waiters = [each for each in owed.waiters if each.due > now]
            if owed.response is not None:
                found.early += [(envelope, each.link, each.number) for each in due]
            elif owed.ending and due:
                found.without.append(envelope)
            found.settlements += _settled(due, owed.payload)
            if not owed.waiters:
                del self._owed[envelope]
                if not (owed.answered or owed.ending):
                    found.passed.append(envelope)
        return found

    def follows(self, envelope: int, *, begins: bool) -> None:
        """An answer that was given is on its way to the `response_url` instead (or that is written)."""
        if begins:
            self._following.add(envelope)
        else:
            self._following.discard(envelope)

    def is_following(self, envelope: int) -> bool:
        """Its answer goes to the `response_url`, though the journal may not say so yet."""
        return envelope in self._following

    def next_due(self) -> float | None:
        """The monotonic time of the next deadline."""
        return self._dues[0][0] if self._dues else None

    def _ends(self, owed: _Owed) -> bool:
        """The waiting is to end, and nobody has said so before."""
        if owed.answered or owed.ending or not self._is_to_end(owed):
            return False
        owed.ending = True
        return True

    def _is_to_end(self, owed: _Owed) -> bool:
        """One of those who wait must be acknowledged now, or none of them can be any more."""
        reported = [self._closing.of(each.link, each.connection) for each in owed.waiters]
        if all(each is not None and each.mute for each in reported):
            return owed.elsewhere
        return any(
            each is not None and not each.mute and (owed.elsewhere or each.everything) for each in reported
        )


def _settled(waiters: list[Waiter], payload: str | None) -> Settlements:
    return [(each.link, Settlement(each.number, each.envelope_id, payload)) for each in waiters]
