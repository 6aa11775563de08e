"""The journal: a small interface that every engine keeps, whatever it keeps its rows in.

An engine has a folder of its own here, and no name of it stands outside (`engines` opens the one that
`[journal] engine` names). The rules, which the conformance tests in `tests/unit/journal` hold every engine to:

- **Commit before anything else (P1).** `on_commit` gets the outcomes of a submission once all of it survives
  `kill -9` and power loss; it gets a `JournalError` once it is certain that nothing of it was written, and
  nothing will be. Of plain closes it need not outlive power loss: they are delivered once more (P3). An engine
  whose commit can fail without being undone, as it can over a network, finds out which of the two it was before
  it calls. What it can't find out is a third result, *unknown*, and no error: whoever gets it acknowledges
  nothing, and reads again what the writes touched. `OnCommit` is where that result is added (the type checker
  then names every place that has to decide); no engine of today has it.
- **Order.** Submissions take effect in the order in which they were submitted; each is committed as a whole,
  and its callback called once, in that order.
- **One owner (R2).** One broker at a time; it owns the journal before it reads any socket, and until it exits.
- **Conditional writes.** A write that names what is no longer so changes nothing, and its outcome is `Stale`.
- **Ids** of envelopes and deliveries grow in the journal's order. A delivery's id is never used again, not even
  by a journal that was put back or begun anew (`rules.delivery_base`), and each incarnation of a journal has an
  `id` of its own: programs remember what they did by these.
- **Reads** see everything whose `on_commit` was called before they began, and never wait for a write.
- **Costs** of opening, writing, reading a page, status and closing don't grow with the backlog.
- **Limits.** Retention makes dead letters of what is beyond a plugin's limits, drops the oldest dead letters
  beyond theirs, and removes what nothing needs any more, in small steps; so a plugin that never comes back, or
  that refuses everything, stops nobody. What it takes from anybody is reported.
- **Damage**, found by a write or a read, or a file that is no longer where it was, ends all writing: nothing is
  acknowledged that may not be there tomorrow. What nobody foresaw ends the process (`Journal.lost`).
- **Errors** are `JournalError`s, with a hint in words of the engine's own; a fault of the disk ends when the
  disk is well again, without a restart.
- **Formats** only grow: a release works on what the releases before and after it wrote.
"""

import math
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from typing import Protocol, runtime_checkable

import attrs

from slackd.broker.journal.ages import ClockAhead
from slackd.broker.journal.writes import (
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
from slackd.broker.journal.writes import StoredEnvelope as StoredEnvelope
from slackd.errors import JournalError
from slackd.slotted import frozen

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
        clean_shutdown: The clean-shutdown record, read and removed in one commit; None after a crash.
        last_delivery: The highest delivery id given out before; what is open up to it is old.
        ghosts: Connections that Slack may still count.
        late: Late answers that must still go out.
        open_gaps: Gaps whose end was not written.
        seen_ready: When each app was last known to have a READY connection.
    """

    sessions: tuple[tuple[str, str], ...]
    clean_shutdown: tuple[InFlight, ...] | None
    last_delivery: int
    ghosts: tuple[Ghost, ...] = ()
    late: tuple[LateAnswer, ...] = ()
    open_gaps: tuple[GapRecord, ...] = ()
    seen_ready: tuple[SeenReady, ...] = ()


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
        bytes: What it takes on the disk.
        commit_seconds: Durations of the commits since the last look, seconds.
        failing: What failed at the last commit, "" when all is well.
        answered_at: Monotonic time at which the writer last answered, with a commit or an error, seconds.
        hint: What a person should do about `failing`, in the engine's words.
        failed_at: Monotonic time of the last commit that failed, seconds; -infinity if none did. A disk that is
            nearly full fails now and then: whoever judges waits until it is steady.
        failed: What failed then, in words.
        dead_letter_bytes: By plugin, bytes of its dead letters' envelopes when retention last counted them.
    """

    bytes: int
    commit_seconds: tuple[float, ...]
    failing: str
    answered_at: float
    hint: str = ""
    failed_at: float = -math.inf
    failed: str = ""
    dead_letter_bytes: Mapping[str, int] = attrs.field(factory=dict, hash=False)


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
        """Envelopes with ids above `after`, received in the interval (UNIX seconds), in order."""

    async def dead_letters(self, after: int, limit: int, plugin: str | None = None) -> Sequence[DeadLetter]:
        """Dead letters with delivery ids above `after`, without their texts."""

    async def dead_letter(self, delivery: int) -> DeadLetter | None:
        """One dead letter with its text."""

    async def gaps(self, since: float, limit: int, app: str | None = None) -> Sequence[GapRecord]:
        """The newest so many gaps that ended after `since` (UNIX seconds) or have not ended, oldest first."""

    async def backlogs(self) -> Mapping[str, Backlog]:
        """Every plugin that has open deliveries or dead letters; costs O(plugins)."""


class Journal(JournalReader, Protocol):
    """The journal as its one owner sees it."""

    @property
    def id(self) -> str:
        """Names this incarnation of the journal; a copy that is put in its place has another."""

    def submit(self, writes: Sequence[Write], on_commit: OnCommit) -> None:
        """Let writes join the next group commit. Never blocks.

        Args:
            writes: What is committed together, or not at all.
            on_commit: Gets the outcomes, or the error; after `close` the error, at once.
        """

    def health(self) -> JournalHealth:
        """What status and metrics say; never blocks."""

    def clock_ahead(self) -> ClockAhead:
        """How far the clock was set ahead, as the journal knows by the machine's uptime; never blocks."""

    async def lost(self) -> JournalError:
        """Wait until this process can't go on with the journal: its writer ended by a fault that nobody foresaw
        (or, with several hosts, another one owns it now). Nothing may be settled or delivered after that.

        Returns:
            Why; it never returns otherwise.
        """

    def release_memory(self) -> None:
        """Let go of what is kept to be fast, since there is nothing to do; never blocks."""

    def set_away(self, plugins: Collection[str]) -> None:
        """Name the plugins that have no session. Nobody has their expired deliveries in flight, so retention
        dead-letters them; those of other plugins are the dispatcher's to dead-letter, for two hours."""

    async def run_retention(self, now: float) -> int:
        """Do all that retention has to do at this time (UNIX seconds); an engine also does it by itself.

        Returns:
            How many deliveries it dead-lettered.

        Raises:
            JournalError: A commit failed; what was done before it stays done.
        """

    async def close(self) -> None:
        """Commit what was submitted, then close and let the next owner in; waits for no full checkpoint."""


@runtime_checkable
class BackupSource(Protocol):
    """A capability that an engine may have: copies of the running journal. (A database that several hosts share
    has tools of its own for this.)"""

    def backup(self) -> AsyncGenerator[bytes, None]:
        """A consistent copy of the journal as it is now, as the bytes of a file that opens as a journal.

        Raises:
            JournalUnwritable: There is no room for the copy, or the disk fails.
            JournalError: The journal closes.
        """
