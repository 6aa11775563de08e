"""The ledger: what was sent, acknowledged and when, redelivered, and answered with what.

Times are seconds on the emulator's clock; `wall` is UNIX seconds.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import attrs

Json = Mapping[str, Any]


@attrs.define(eq=False)
class SentEnvelope:
    """One time that an envelope went out.

    Attributes:
        connection: the connection that was chosen; None if the app had none.
        attempt: Slack's `retry_attempt`: 0 for the first.
        at: seconds on the emulator's clock.
        repeat: the same envelope once more, `envelope_id` and `retry_attempt` unchanged.
        swallowed: given to a connection from which it can't reach the client (a ghost, a stall).
    """

    envelope_id: str
    connection: str | None
    attempt: int
    at: float
    repeat: bool = False
    swallowed: bool = False


@attrs.define(eq=False)
class ReceivedAck:
    """One acknowledgement.

    Attributes:
        after: seconds since the latest send of that `envelope_id`.
        late: it came after the deadline: Slack has counted that send as failed.
        again: that envelope was acknowledged before; Slack takes no notice.
        payload: the response payload, or None.
    """

    envelope_id: str
    connection: str
    at: float
    after: float
    late: bool
    again: bool
    payload: Any = None


@attrs.define(eq=False)
class ResponsePost:
    """One post to the `response_url` of an interaction."""

    at: float
    status: int
    body: Any


NOT_SENT: Final = "not_sent"
"""The failure of what Slack tells no app, and what is therefore not in the ledger."""


@attrs.define(eq=False)
class LedgerEntry:
    """One event, command or interaction, from the moment it happened in Slack to its answer.

    Attributes:
        key: the `event_id` of an event, the `trigger_id` of anything else that has one.
        type: the envelope's type.
        name: the event's type, the command, or the interaction's type.
        at: when it happened, in seconds on the emulator's clock.
        payload: the payload's JSON text; gone once acknowledged, unless the settings keep it.
        redelivers: whether Slack sends it again when it isn't acknowledged (events alone).
        acknowledged_at: when the first acknowledgement in time came.
        user: who did it.
        channel: where, if anywhere.
        message_ts: in which message, if in one.
        played_by: the control call that made it: its path and its fields.
        failure: what the person saw instead (`operation_timeout`, `dispatch_failed`), or, for an event, that
            all attempts are used up (`given_up`), or that Slack sends nothing of what was done (`not_sent`).
    """

    key: str
    app: str
    type: str
    name: str
    at: float
    payload: str | None
    redelivers: bool
    accepts_response_payload: bool
    trigger_id: str | None = None
    response_url: str | None = None
    user: str | None = None
    channel: str | None = None
    message_ts: str | None = None
    played_by: tuple[str, Json] | None = None
    acknowledged_at: float | None = None
    failure: str | None = None
    sends: list[SentEnvelope] = attrs.field(factory=list)
    acks: list[ReceivedAck] = attrs.field(factory=list)
    posts: list[ResponsePost] = attrs.field(factory=list)

    @property
    def acknowledged(self) -> bool:
        """Whether an acknowledgement came in time."""
        return self.acknowledged_at is not None

    @property
    def response(self) -> Any:
        """The payload that Slack took as the answer: that of the first acknowledgement in time."""
        return next((ack.payload for ack in self.acks if not ack.late and not ack.again), None)

    @property
    def ack_seconds(self) -> float | None:
        """Seconds from the send to its first acknowledgement, early or late."""
        return self.acks[0].after if self.acks else None


@attrs.frozen
class ApiCall:
    """One call of a Web API method. Its token is not kept.

    Attributes:
        emulated: False for a method that Slack has and the emulator doesn't.
    """

    method: str
    app: str | None
    args: Json
    at: float
    status: int
    answer: Json
    emulated: bool = True

    @property
    def ok(self) -> bool:
        """Whether Slack said ok."""
        return bool(self.answer.get("ok"))

    @property
    def error(self) -> str | None:
        """Slack's error, if it wasn't ok."""
        return self.answer.get("error")


@attrs.define
class ReadySpans:
    """When an app had READY connections, as Slack knows it: from `hello` sent to the connection's end.

    Attributes:
        gaps: from and until when there was none, after the first; until is None while it lasts.
    """

    count: int = 0
    most: int = 0
    first_at: float | None = None
    gaps: list[tuple[float, float | None]] = attrs.field(factory=list)

    def changed(self, count: int, now: float) -> None:
        """There are `count` READY connections from `now` on."""
        if count and self.first_at is None:
            self.first_at = now
        elif count and not self.count and self.gaps:
            since, _ = self.gaps[-1]
            self.gaps[-1] = (since, now)
        elif not count and self.count:
            self.gaps.append((now, None))
        self.count = count
        self.most = max(self.most, count)


class Ledger:
    """Everything that happened, by app. `noticed` is called when something odd was."""

    def __init__(self) -> None:
        self.noticed: Callable[[], None] = lambda: None
        self.entries: dict[str, LedgerEntry] = {}
        self.calls: list[ApiCall] = []
        self.ready: dict[str, ReadySpans] = collections.defaultdict(ReadySpans)
        self.oddities: collections.Counter[tuple[str, str]] = collections.Counter()

    def add(self, entry: LedgerEntry) -> LedgerEntry:
        """Begin an entry.

        Returns:
            The entry.
        """
        self.entries[entry.key] = entry
        return entry

    def odd(self, app: str, what: str) -> None:
        """Count something that a client should not have done."""
        self.oddities[app, what] += 1
        self.noticed()

    def find(
        self, *, app: str | None = None, envelope_type: str | None = None, name: str | None = None
    ) -> Iterator[LedgerEntry]:
        """The entries of that app, envelope type and name; None means any."""
        for entry in self.entries.values():
            if (
                (app is None or entry.app == app)
                and (envelope_type is None or entry.type == envelope_type)
                and (name is None or entry.name == name)
            ):
                yield entry

    def calls_of(self, method: str | None = None, *, app: str | None = None) -> list[ApiCall]:
        """The Web API calls of that method and app; None means any."""
        return [
            call
            for call in self.calls
            if (method is None or call.method == method) and (app is None or call.app == app)
        ]

    def forget(self, now: float) -> None:
        """Begin anew. Connections that are READY stay so."""
        self.entries.clear()
        self.calls.clear()
        self.oddities.clear()
        for app, spans in list(self.ready.items()):
            fresh = ReadySpans()
            fresh.changed(spans.count, now)
            self.ready[app] = fresh


@attrs.frozen(kw_only=True)
class Summary:
    """The ledger of one app (or of all) in numbers.

    Attributes:
        sent: events, commands and interactions that happened.
        acked: of these, acknowledged in time.
        late: of these, acknowledged after the deadline only.
        never_acked: of these, not acknowledged at all (yet).
        unanswered: of these, still waiting within a deadline or for a redelivery.
        redelivered: of these, sent more than once.
        sends: envelopes that went out, redeliveries and repeats included.
        swallowed: of the sends, given to ghosts and stalled connections.
        unsent: sends for which the app had no connection.
        late_acks: acknowledgements after the deadline.
        repeated_acks: acknowledgements of what was acknowledged already.
        slowest_ack: seconds, early or late.
        ready_gaps: from and until when the app had no READY connection (seconds on the emulator's clock).
        ready_now: READY connections now.
        oddities: what clients should not have done, counted.
        not_emulated: calls of methods that the emulator doesn't carry out, counted by method.
    """

    app: str | None
    sent: int
    acked: int
    late: int
    never_acked: int
    unanswered: int
    redelivered: int
    sends: int
    swallowed: int
    unsent: int
    late_acks: int
    repeated_acks: int
    slowest_ack: float | None
    ack_percentiles: dict[str, float]
    by_type: dict[str, int]
    api_calls: dict[str, int]
    response_posts: int
    ready_now: int
    ready_gaps: list[tuple[float, float | None]]
    oddities: dict[str, int]
    not_emulated: dict[str, int]


def summarise(ledger: Ledger, app: str | None = None) -> Summary:
    """Add up the ledger, for one app or for all.

    Returns:
        The sums.
    """
    entries = list(ledger.find(app=app))
    acks = [ack for entry in entries for ack in entry.acks]
    sends = [send for entry in entries for send in entry.sends]
    first_acks = sorted(ack.after for ack in acks if not ack.again)
    acked = sum(entry.acknowledged for entry in entries)
    never = sum(not entry.acks for entry in entries)
    spans = [spans for name, spans in ledger.ready.items() if app in (None, name)]
    oddities: collections.Counter[str] = collections.Counter()
    for (name, what), count in ledger.oddities.items():
        if app in (None, name):
            oddities[what] += count
    return Summary(
        app=app,
        sent=len(entries),
        acked=acked,
        late=len(entries) - acked - never,
        never_acked=never,
        unanswered=sum(not entry.acknowledged and entry.failure is None for entry in entries),
        redelivered=sum(len(entry.sends) > 1 for entry in entries),
        sends=sum(send.connection is not None for send in sends),
        swallowed=sum(send.swallowed for send in sends),
        unsent=sum(send.connection is None for send in sends),
        late_acks=sum(ack.late for ack in acks),
        repeated_acks=sum(ack.again for ack in acks),
        slowest_ack=first_acks[-1] if first_acks else None,
        ack_percentiles={
            name: first_acks[min(int(len(first_acks) * share), len(first_acks) - 1)]
            for name, share in (("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999))
            if first_acks
        },
        by_type=dict(collections.Counter(entry.type for entry in entries)),
        api_calls=dict(collections.Counter(call.method for call in ledger.calls_of(app=app))),
        response_posts=sum(len(entry.posts) for entry in entries),
        ready_now=sum(span.count for span in spans),
        ready_gaps=sorted(gap for span in spans for gap in span.gaps),
        oddities=dict(oddities),
        not_emulated=dict(
            collections.Counter(call.method for call in ledger.calls_of(app=app) if not call.emulated)
        ),
    )
