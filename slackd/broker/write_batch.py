"""Writes that go to the journal together, and who wants to know what came of each."""

from collections.abc import Callable, Iterable, Sequence

import attrs

from slackd.broker.ingest import NO_LINK, Incoming
from slackd.broker.journal.writes import CloseHandled, Outcome, Write
from slackd.broker.unsent_answers import GivenAnswer
from slackd.errors import JournalError
from slackd.slotted import define, frozen

Reply = Callable[[Sequence[Outcome] | JournalError], None]
"""Told once what came of the writes that one caller asked for."""


@frozen
class Origin:
    """Where a write comes from.

    Attributes:
        plugin: The plugin whose delivery it is about, or "".
        envelope: For a `Close` with the answer that is owed: the envelope's id, else 0.
        session: For a `Close` with an answer that is late, or may turn out to be: who answered.
        is_message: That answer is a message, which a `response_url` takes.
        app, response_url: Where it would go then; "" if the journal must be asked.
        reason: Why it would go there, a name from `answer_reasons.REASONS`.
        given: For an `AnswerUnsent`: the answer.
    """

    plugin: str = ""
    envelope: int = 0
    session: str = ""
    is_message: bool = False
    app: str = ""
    response_url: str = ""
    reason: str = "late"
    given: GivenAnswer | None = None


NOBODY = Origin()

CLOSES_TOGETHER = 256
"""Deliveries of one plugin whose closes wait for company at most."""


@define
class WriteBatch:
    """Writes in order; what belongs to one of them stands under its place.

    Attributes:
        handled: By plugin, deliveries (and attempts) that are handled: one write of each, once it is `sealed`.
        can_wait: Nobody waits for any of them.
    """

    writes: list[Write] = attrs.field(factory=list)
    incoming: dict[int, Incoming] = attrs.field(factory=dict)
    origins: dict[int, Origin] = attrs.field(factory=dict)
    replies: list[tuple[range, Reply]] = attrs.field(factory=list)
    handled: dict[str, list[tuple[int, int]]] = attrs.field(factory=dict)
    can_wait: bool = True

    @property
    def is_empty(self) -> bool:
        """There is nothing to write."""
        return not (self.writes or self.handled)

    def add_handled(self, plugin: str, delivery: int, attempt: int, *, can_wait: bool) -> None:
        """A delivery to be closed; repeated until it is written."""
        mine = self.handled.setdefault(plugin, [])
        mine.append((delivery, attempt))
        self.can_wait &= can_wait and len(mine) <= CLOSES_TOGETHER

    def sealed(self) -> "WriteBatch":
        """This, with a write for what is handled; nothing more is added to it."""
        for plugin, deliveries in self.handled.items():
            self.writes.append(CloseHandled(plugin, tuple(deliveries)))
        self.handled.clear()
        return self

    def add(self, write: Write, origin: Origin = NOBODY) -> None:
        """A write that is repeated until it is written."""
        self.can_wait = False
        if origin is not NOBODY:
            self.origins[len(self.writes)] = origin
        self.writes.append(write)

    def add_all(self, writes: Iterable[tuple[Write, Origin]]) -> None:
        """Writes that are repeated until they are written."""
        for write, origin in writes:
            self.add(write, origin)

    def add_arrival(self, incoming: Incoming) -> None:
        """An arrival's record: refused if it can't be written."""
        self.can_wait = False
        self.incoming[len(self.writes)] = incoming
        self.writes.append(incoming.record)

    def add_asked(self, writes: Sequence[Write], reply: Reply) -> None:
        """Writes that are tried once; whoever asked is notified."""
        self.can_wait = False
        start = len(self.writes)
        self.writes.extend(writes)
        self.replies.append((range(start, len(self.writes)), reply))

    def link_lost(self, link: int) -> None:
        """What came over this link is nobody's now; its connector will deliver it again."""
        for place, incoming in self.incoming.items():
            if incoming.link == link:
                self.incoming[place] = attrs.evolve(incoming, link=NO_LINK)

    def origin(self, place: int) -> Origin:
        """Where the write at this place comes from."""
        return self.origins.get(place, NOBODY)

    def to_repeat(self) -> list[tuple[Write, Origin]]:
        """What must be submitted again if nothing of this could be written."""
        tried_once = set(self.incoming)
        for places, _ in self.replies:
            tried_once.update(places)
        return [(w, self.origin(place)) for place, w in enumerate(self.writes) if place not in tried_once]

    def append(self, later: "WriteBatch") -> None:
        """What came after this goes behind it."""
        shift = len(self.writes)
        self.can_wait &= later.can_wait
        self.writes += later.sealed().writes
        self.incoming.update({place + shift: each for place, each in later.incoming.items()})
        self.origins.update({place + shift: each for place, each in later.origins.items()})
        self.replies += [(range(p.start + shift, p.stop + shift), reply) for p, reply in later.replies]

    def without_repeated(self) -> "WriteBatch":
        """What of this is tried only once: arrivals, and what somebody waits for."""
        rest = WriteBatch()
        for place in sorted(self.incoming):
            rest.add_arrival(self.incoming[place])
        for places, reply in self.replies:
            rest.add_asked(self.writes[places.start : places.stop], reply)
        return rest
