"""Everything that can be written to the journal, as values, and what came of each after the commit.

Whatever is submitted together is committed together; the writer applies writes in the order in which they were
submitted. Times are UNIX seconds, since they outlive the machine's monotonic clock.
"""

from enum import Enum, IntEnum

import attrs

from slackd.envelope import ParsedEnvelope, Unreadable
from slackd.slotted import define, frozen


class Lane(IntEnum):
    """Prompt envelopes (a person waits) travel apart from events: own order, own window."""

    EVENTS = 0
    PROMPT = 1


class AnswerState(IntEnum):
    """What is known of an envelope's response to Slack.

    NONE: none is owed, it was acknowledged (with the response stored, if any) at its commit.
    OWED: a plugin's answer is awaited. GIVEN: it came in time. PASSED: the deadline came first.
    """

    NONE = 0
    OWED = 1
    GIVEN = 2
    PASSED = 3


class DeadReason(Enum):
    """Why a delivery became a dead letter."""

    ATTEMPTS = "attempts"
    PERMANENT = "permanent"
    EXPIRED = "expired"
    TOO_OLD = "too_old"
    BACKLOG_FULL = "backlog_full"
    TOO_LARGE = "too_large"
    UNREADABLE = "unreadable"
    DISCARDED = "discarded"


@frozen
class NewDelivery:
    """An envelope's way to one plugin, to be opened with it.

    Attributes:
        plugin: The plugin's name.
        lane: Which lane it travels in.
        key: Ordering key; "" for none: it waits for nothing.
        expires_at: After this it is an expired dead letter, unless a session has it; None for never.
        respond_by: Until when this plugin's answer goes into the acknowledgement; None where none is owed.
        dead: A dead letter from the start, and why.
    """

    plugin: str
    lane: Lane
    key: str
    expires_at: float | None = None
    respond_by: float | None = None
    dead: DeadReason | None = None


@define(unsafe_hash=True)
class StoredEnvelope:
    """An envelope as the journal has it. Nothing of it changes but that memory may let go of its text.

    Attributes:
        id: The journal's id.
        text: As it was recorded, or "" if memory has let go of it: it is to be read again.
        received_at: UNIX seconds.
        answer, response: What is known of its response to Slack.
        response_url: Where a late answer may go, "" where there is none.
    """

    id: int
    app: str
    envelope_id: str
    type: str
    text: str
    received_at: float
    answer: AnswerState
    response: str | None
    response_url: str


@frozen
class OpenDelivery:
    """A delivery that is neither done nor dead.

    Attributes:
        id: Names it for ever, grows in the journal's order and is never used again.
        envelope: The journal's id of its envelope.
        attempt: Counts from 1; the attempt that is in flight or goes next.
        not_before: A retry waits until then; 0 for at once.
        stored: Its envelope, if the delivery was opened with it; None if it is to be read.
        answered: Its answer was given, and it is kept open all the same; then none is owed any more.
        (the rest as in `NewDelivery`)
    """

    id: int
    envelope: int
    plugin: str
    lane: Lane
    key: str
    attempt: int = 1
    not_before: float = 0.0
    expires_at: float | None = None
    respond_by: float | None = None
    stored: StoredEnvelope | None = attrs.field(default=None, eq=False, repr=False)
    answered: bool = False


@frozen
class Record:
    """An envelope comes in. Committed as new, or found to be a duplicate by any of its keys.

    Attributes:
        envelope: What came; an `Unreadable` becomes a dead letter of no plugin from the start.
        received_at: When, UNIX seconds.
        answer: `OWED` if the acknowledgement waits for a plugin, else `NONE`.
        response: What it is acknowledged with where no plugin is asked (JSON text), or None.
        deliveries: To whom it goes.
    """

    envelope: ParsedEnvelope | Unreadable
    received_at: float
    answer: AnswerState = AnswerState.NONE
    response: str | None = None
    deliveries: tuple[NewDelivery, ...] = ()


@frozen
class Recorded:
    """It is new: its id, and the deliveries that were opened (dead ones left out)."""

    envelope: int
    deliveries: tuple[OpenDelivery, ...]


@frozen
class Duplicate:
    """It was known: its id, what is known of its answer, and the stored response."""

    envelope: int
    answer: AnswerState
    response: str | None


@frozen
class CloseDelivery:
    """A plugin has handled a delivery.

    Attributes:
        delivery, attempt: Ignored (`Stale`) unless the journal has this delivery open at this attempt.
        response: JSON text of the plugin's answer, or None.
        answer: The envelope's new state if this is the answer that was owed, else None.
        late: If the answer is owed no (more), it must still go out through `response_url`: it is remembered
            until `LateSent`. The journal decides, so an answer never goes both ways.
        keep: The answer alone is given: the delivery stays open, and is one that was `answered`.
    """

    delivery: int
    attempt: int
    response: str | None = None
    answer: AnswerState | None = None
    late: bool = False
    keep: bool = False


@frozen
class CloseHandled:
    """A plugin has handled these deliveries, and has nothing to say to Slack: what becomes of nearly all.

    Attributes:
        plugin: Whose they are.
        deliveries: Each with its attempt; ignored unless the journal has it open at this attempt.
    """

    plugin: str
    deliveries: tuple[tuple[int, int], ...]


@frozen
class RetryDelivery:
    """An attempt failed and another will follow: the attempt is counted before it goes out (rule R7)."""

    delivery: int
    attempt: int
    not_before: float
    error: str


@frozen
class DeadLetterDelivery:
    """A delivery becomes a dead letter; an owed answer is given up with it (`PASSED`).

    Attributes:
        attempt: As in `CloseDelivery`; None dead-letters whatever attempt is open.
    """

    delivery: int
    attempt: int | None
    reason: DeadReason
    error: str


@frozen
class AnswerPassed:
    """The deadline came before the answer: duplicates are acknowledged without one from now on."""

    envelope: int


@frozen
class AnswerUnsent:
    """An answer that is journaled as given reached nobody: no acknowledgement could carry it. It is passed now,
    so duplicates are acknowledged without, and the answer is remembered as a late one until `LateSent`.

    `Stale` unless the envelope's answer is `GIVEN`, with a response.
    """

    envelope: int
    delivery: int
    plugin: str


@frozen
class LateSent:
    """A late answer went out, or never can: it need not be remembered any more."""

    delivery: int


@frozen
class ListSession:
    """A session may be sent deliveries from now on, so a successor must await it (rule R4)."""

    plugin: str
    session: str


@frozen
class ForgetSession:
    """A session's grace is over."""

    plugin: str
    session: str


@frozen
class InFlight:
    """One delivery that is in flight at a clean stop (rule R5): a session has it, or it waits for one."""

    delivery: int
    plugin: str
    session: str


@frozen
class CleanShutdown:
    """What a clean stop leaves (rule R5): every delivery that is in flight, and its owner."""

    in_flight: tuple[InFlight, ...]


@frozen
class GapRecord:
    """An interval in which an app had no READY connection. The same (app, start) again replaces it."""

    app: str
    start: float
    end: float | None
    reason: str


@frozen
class Ghost:
    """A connection of ours whose end Slack did not confirm; it is forgotten at `until`."""

    app: str
    connection: str
    until: float


@frozen
class SeenReady:
    """An app had a READY connection at this moment: should all of slackd be gone after it, a gap began here."""

    app: str
    at: float


@frozen
class Revive:
    """An operator's retry of a dead letter: a new delivery, at the end of its key's order, attempt 1."""

    delivery: int


@frozen
class Discard:
    """An operator throws a dead letter away."""

    delivery: int


@frozen
class Replay:
    """An operator wants an envelope delivered to a plugin again: a new delivery at the end of the order."""

    envelope: int
    delivery: NewDelivery


@frozen
class Done:
    """The write took effect.

    Attributes:
        envelope: The envelope concerned, 0 where there is none.
        opened: Deliveries that it opened (`Revive`, `Replay`).
        passed: For a `CloseDelivery` with an `answer`: the envelope was acknowledged without it, or will be.
    """

    envelope: int = 0
    opened: tuple[OpenDelivery, ...] = ()
    passed: bool = False


@frozen
class HandledClosed:
    """What came of a `CloseHandled`: the deliveries in it that were ignored."""

    stale: tuple[int, ...] = ()


@frozen
class Stale:
    """The write named something that is no longer so (closed, another attempt, gone): nothing was changed."""


Write = (
    Record
    | CloseDelivery
    | CloseHandled
    | RetryDelivery
    | DeadLetterDelivery
    | AnswerPassed
    | AnswerUnsent
    | LateSent
    | ListSession
    | ForgetSession
    | CleanShutdown
    | GapRecord
    | Ghost
    | SeenReady
    | Revive
    | Discard
    | Replay
)
Outcome = Recorded | Duplicate | Done | HandledClosed | Stale
