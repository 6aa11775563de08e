"""The journal: a small interface, so that another engine can take SQLite's place.

P1, the invariant that every engine keeps: when `on_commit` is called without an error, everything in that
submission survives `kill -9` and power loss; when it is called with one, nothing of it was written.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from slackd.broker.journal.writes import (
    AnswerState,
    DeadReason,
    GapRecord,
    Ghost,
    InFlight,
    Lane,
    OpenDelivery,
    Outcome,
    SeenReady,
    Write,
)
from slackd.errors import JournalError
from slackd.frozen import frozen

OnCommit = Callable[[Sequence[Outcome] | JournalError], None]
"""Called once a submission, on the event loop's thread, in the order of submission; one outcome a write."""


@frozen
class LateAnswer:
    """An answer that came after its deadline and has not gone out yet."""

    delivery: int
    envelope: int
    plugin: str
    app: str
    response_url: str
    response: str


@frozen
class Opening:
    """What a broker finds when it opens the journal (rule R6); its cost doesn't depend on the backlog.

    Attributes:
        sessions: Listed sessions: (plugin, session).
        handed: The note of a clean stop, read and removed in one commit; None after a crash.
        last_delivery: The highest delivery id given out before; what is open up to it is old.
        ghosts: Connections that Slack may still count.
        late: Late answers that must still go out.
        open_gaps: Gaps whose end was not written.
        seen_ready: When each app was last known to have a READY connection.
    """

    sessions: tuple[tuple[str, str], ...]
    handed: tuple[InFlight, ...] | None
    last_delivery: int
    ghosts: tuple[Ghost, ...] = ()
    late: tuple[LateAnswer, ...] = ()
    open_gaps: tuple[GapRecord, ...] = ()
    seen_ready: tuple[SeenReady, ...] = ()


@frozen
class StoredEnvelope:
    """An envelope as the journal has it.

    Attributes:
        id: The journal's id.
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
class DeadLetter:
    """A delivery that was given up; `plugin` is "" for an envelope that nobody could read."""

    delivery: int
    envelope: int
    plugin: str
    app: str
    type: str
    reason: DeadReason
    error: str
    attempts: int
    died_at: float
    received_at: float
    text: str = ""


@frozen
class Backlog:
    """What waits for a plugin: open deliveries, the bytes of their envelopes, and the oldest one's receipt."""

    deliveries: int
    bytes: int
    oldest: float | None
    dead: int


@frozen
class JournalHealth:
    """What status and metrics say of the journal.

    Attributes:
        bytes: Size of the database and its write-ahead log.
        commit_seconds: Durations of the commits since the last look.
        failing: The error of the last commit if it failed, "" when all is well.
        answered_at: Monotonic time at which the writer last answered, with a commit or an error.
    """

    bytes: int
    commit_seconds: tuple[float, ...]
    failing: str
    answered_at: float


class JournalReader(Protocol):
    """Reads, in short pages, that never block a write. All raise `JournalError`.

    A read that starts after `on_commit` was called sees that commit.
    """

    async def keys_after(self, plugin: str, lane: Lane, after: str | None, limit: int) -> Sequence[str]:
        """The next distinct ordering keys (in the keys' own order, "" first) with open deliveries; `after`
        None starts from the beginning. Costs O(limit), whatever the backlog."""

    async def open_of_key(
        self, plugin: str, lane: Lane, key: str, after: int, limit: int
    ) -> Sequence[OpenDelivery]:
        """Open deliveries of one key with ids above `after`, in the journal's order."""

    async def open_count(self, plugin: str, lane: Lane, up_to: int, limit: int) -> int:
        """How many open deliveries have ids of at most `up_to`, counting no further than `limit`."""

    async def open_by_id(self, ids: Sequence[int]) -> Sequence[OpenDelivery]:
        """Those of the deliveries that are still open."""

    async def envelopes(self, ids: Sequence[int]) -> Mapping[int, StoredEnvelope]:
        """Envelopes by id; the ones that are gone are left out."""

    async def recorded(
        self, after: int, limit: int, since: float | None = None, until: float | None = None
    ) -> Sequence[StoredEnvelope]:
        """Envelopes with ids above `after`, received in the interval, in order."""

    async def dead_letters(self, after: int, limit: int, plugin: str | None = None) -> Sequence[DeadLetter]:
        """Dead letters with delivery ids above `after`, without their texts."""

    async def dead_letter(self, delivery: int) -> DeadLetter | None:
        """One dead letter with its text."""

    async def gaps(self, since: float, limit: int, app: str | None = None) -> Sequence[GapRecord]:
        """The newest so many gaps that ended after `since` or have not ended, oldest first."""

    async def backlogs(self) -> Mapping[str, Backlog]:
        """Every plugin that has open deliveries or dead letters; costs O(plugins)."""


class Journal(JournalReader, Protocol):
    """The journal as its one owner sees it."""

    def submit(self, writes: Sequence[Write], on_commit: OnCommit) -> None:
        """Writes join the next group commit. Never blocks; after `close` the error comes at once."""

    def health(self) -> JournalHealth:
        """What status and metrics say; never blocks."""

    async def close(self) -> None:
        """Commits what was submitted, then closes and lets the lock go; waits for no full checkpoint."""
