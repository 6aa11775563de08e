"""What the in-memory journal holds, and what each write means, in plain words that every engine must match."""

from collections import Counter
from collections.abc import Sequence

import attrs

from slackd.broker.journal import DeadLetter, LateAnswer, StoredEnvelope
from slackd.broker.journal.limits import ABANDONED_AFTER, GAP_MEMORY, DeadLetterBytes, DeadLettered, Limits
from slackd.broker.journal.rules import DEDUPE_MEMORY, WAITED, byte_length
from slackd.broker.journal.writes import (
    AnswerPassed,
    AnswerState,
    AnswerUnsent,
    CleanShutdown,
    CloseDelivery,
    CloseHandled,
    DeadLetterDelivery,
    DeadReason,
    Discard,
    Done,
    Duplicate,
    ForgetSession,
    GapRecord,
    Ghost,
    HandledClosed,
    InFlight,
    Lane,
    LateSent,
    ListSession,
    NewDelivery,
    OpenDelivery,
    Outcome,
    Record,
    Recorded,
    Replay,
    RetryDelivery,
    Revive,
    SeenReady,
    Stale,
    Write,
)
from slackd.envelope import ParsedEnvelope, Unreadable
from slackd.text import as_unicode

_KINDS = Write.__args__


@attrs.define
class MemoryStore:
    """Everything that survives a crash."""

    envelopes: dict[int, StoredEnvelope] = attrs.field(factory=dict)
    keys: dict[tuple[str, str], tuple[int, int]] = attrs.field(factory=dict)
    open: dict[int, OpenDelivery] = attrs.field(factory=dict)
    dead: dict[int, tuple[DeadLetter, Lane, str]] = attrs.field(factory=dict)
    again: dict[int, float] = attrs.field(factory=dict)
    late: dict[int, LateAnswer] = attrs.field(factory=dict)
    sessions: dict[tuple[str, str], None] = attrs.field(factory=dict)
    gaps: dict[tuple[str, float], GapRecord] = attrs.field(factory=dict)
    ghosts: dict[tuple[str, str], Ghost] = attrs.field(factory=dict)
    seen_ready: dict[str, SeenReady] = attrs.field(factory=dict)
    clean_shutdown: tuple[InFlight, ...] | None = None
    needed: Counter[int] = attrs.field(factory=Counter)
    last_envelope: int = 0
    last_delivery: int = 0
    dropped: dict[str, tuple[int, int]] = attrs.field(factory=dict)
    dead_letter_bytes: dict[str, int] = attrs.field(factory=dict)

    def apply(self, writes: Sequence[Write], now: float) -> list[Outcome]:
        """Apply writes in their order.

        Raises:
            TypeError: One of them is no write; nothing was applied.
        """
        for write in writes:
            if not isinstance(write, _KINDS):
                raise TypeError(f"{type(write).__name__} is not a write the journal knows")
        return [self._apply(write, now) for write in writes]

    def _apply(self, write: Write, now: float) -> Outcome:
        match write:
            case Record():
                return self._record(write, now)
            case CloseDelivery():
                return self._close(write)
            case CloseHandled(_, deliveries):
                closes = [CloseDelivery(*each) for each in deliveries]
                return HandledClosed(tuple(each.delivery for each in closes if self._close(each) == Stale()))
            case RetryDelivery(delivery, attempt, not_before):
                waiting = self.open.get(delivery)
                if waiting is None or waiting.attempt != attempt:
                    return Stale()
                self.open[delivery] = attrs.evolve(waiting, attempt=attempt + 1, not_before=not_before)
                return Done(waiting.envelope)
            case DeadLetterDelivery(delivery, attempt, reason, error):
                waiting = self.open.get(delivery)
                if waiting is None or attempt not in (None, waiting.attempt):
                    return Stale()
                self._dead_letter(waiting, reason, error, now)
                return Done(waiting.envelope)
            case AnswerPassed(envelope):
                return Done(envelope) if self._answer(envelope, AnswerState.PASSED, None) else Stale()
            case AnswerUnsent():
                return self._answer_unsent(write)
            case LateSent(delivery):
                return Stale() if self.late.pop(delivery, None) is None else Done()
            case ListSession(plugin, session):
                self.sessions[plugin, as_unicode(session)] = None
                return Done()
            case ForgetSession(plugin, session):
                known = (plugin, as_unicode(session)) in self.sessions
                self.sessions.pop((plugin, as_unicode(session)), None)
                return Done() if known else Stale()
            case CleanShutdown(in_flight):
                last = {one.delivery: attrs.evolve(one, session=as_unicode(one.session)) for one in in_flight}
                self.clean_shutdown = tuple(last[delivery] for delivery in sorted(last))
                return Done()
            case GapRecord():
                self.gaps[write.app, write.start] = attrs.evolve(write, reason=as_unicode(write.reason))
                return Done()
            case Ghost():
                self.ghosts[write.app, write.connection] = write
                return Done()
            case SeenReady(app):
                self.seen_ready[app] = write
                return Done()
            case Revive(delivery):
                return self._revive(delivery, now)
            case Discard(delivery):
                dropped = self._drop_dead(delivery)
                return Stale() if dropped is None else Done(dropped)
            case Replay(envelope, new):
                return self._replay(envelope, new, now)

    def _record(self, record: Record, now: float) -> Outcome:
        envelope = record.envelope
        horizon = record.received_at - DEDUPE_MEMORY
        keys = [(envelope.app, key) for key in envelope.keys]
        fresh = [key for key in keys if key not in self.keys or self.keys[key][1] <= horizon]
        hits = [self.keys[key][0] for key in keys if key not in fresh]
        number = min(hits) if hits else self.last_envelope + 1
        self.keys.update(dict.fromkeys(fresh, (number, int(record.received_at))))
        if hits:
            known = self.envelopes.get(number)
            return (
                Duplicate(number, known.answer, known.response)
                if known
                else Duplicate(number, AnswerState.NONE, None)
            )
        self.last_envelope = number
        self.envelopes[number] = StoredEnvelope(
            number,
            envelope.app,
            as_unicode(envelope.envelope_id or ""),
            as_unicode(envelope.type) if isinstance(envelope, ParsedEnvelope) else "",
            as_unicode(envelope.text),
            record.received_at,
            record.answer,
            None if record.response is None else as_unicode(record.response),
            as_unicode(envelope.response_url) if isinstance(envelope, ParsedEnvelope) else "",
        )
        opened = [self._open(number, new, now, opens_with_it=True) for new in record.deliveries]
        if isinstance(envelope, Unreadable):
            self._open(
                number, NewDelivery("", Lane.EVENTS, "", dead=DeadReason.UNREADABLE), now, envelope.reason
            )
        return Recorded(number, tuple(one for one in opened if one is not None))

    def _open(
        self, envelope: int, new: NewDelivery, now: float, error: str = "", *, opens_with_it: bool = False
    ) -> OpenDelivery | None:
        self.last_delivery += 1
        self.needed[envelope] += 1
        opened = OpenDelivery(
            self.last_delivery,
            envelope,
            new.plugin,
            new.lane,
            as_unicode(new.key),
            expires_at=new.expires_at,
            respond_by=new.respond_by,
            stored=attrs.evolve(self.envelopes[envelope]) if opens_with_it else None,
        )
        if new.dead is not None:
            self._add_dead_letter(opened, new.dead, error, 0, now)
            return None
        self.open[opened.id] = opened
        return opened

    def _close(self, close: CloseDelivery) -> Outcome:
        waiting = self.open.get(close.delivery)
        if waiting is None or waiting.attempt != close.attempt:
            return Stale()
        response = None if close.response is None else as_unicode(close.response)
        passed = False
        if close.answer is not None:
            passed = not self._answer(waiting.envelope, close.answer, response)
            passed = passed and close.answer is not AnswerState.PASSED
        if close.late and response is not None and (passed or close.answer is None):
            stored = self.envelopes[waiting.envelope]
            self.late[waiting.id] = LateAnswer(
                waiting.id, stored.id, waiting.plugin, stored.app, stored.response_url, response
            )
        if close.keep:
            self.open[waiting.id] = attrs.evolve(waiting, respond_by=None, answered=True)
            return Done(waiting.envelope, passed=passed)
        del self.open[waiting.id]
        self._needed_less(waiting.envelope)
        return Done(waiting.envelope, passed=passed)

    def _answer(self, envelope: int, answer: AnswerState, response: str | None) -> bool:
        stored = self.envelopes.get(envelope)
        if stored is None or stored.answer is not AnswerState.OWED:
            return False
        given = stored.response if answer is AnswerState.PASSED else response
        self.envelopes[envelope] = attrs.evolve(stored, answer=answer, response=given)
        return True

    def _answer_unsent(self, write: AnswerUnsent) -> Outcome:
        stored = self.envelopes.get(write.envelope)
        if stored is None or stored.answer is not AnswerState.GIVEN or stored.response is None:
            return Stale()
        plugin, url = as_unicode(write.plugin), stored.response_url
        late = LateAnswer(write.delivery, stored.id, plugin, stored.app, url, stored.response)
        self.late[write.delivery] = late
        self.envelopes[write.envelope] = attrs.evolve(stored, answer=AnswerState.PASSED, response=None)
        return Done(write.envelope)

    def _dead_letter(self, waiting: OpenDelivery, reason: DeadReason, error: str, now: float) -> None:
        del self.open[waiting.id]
        attempts = waiting.attempt - 1 if reason in WAITED else waiting.attempt
        self._add_dead_letter(waiting, reason, error, attempts, now)
        if waiting.respond_by is not None:
            self._answer(waiting.envelope, AnswerState.PASSED, None)

    def _add_dead_letter(
        self, waiting: OpenDelivery, reason: DeadReason, error: str, attempts: int, now: float
    ) -> None:
        stored = self.envelopes[waiting.envelope]
        letter = DeadLetter(
            waiting.id,
            stored.id,
            waiting.plugin,
            stored.app,
            stored.type,
            reason,
            as_unicode(error),
            attempts,
            now,
            stored.received_at,
        )
        self.dead[waiting.id] = (letter, waiting.lane, waiting.key)

    def _revive(self, delivery: int, now: float) -> Outcome:
        found = self.dead.get(delivery)
        if found is None or not found[0].plugin:
            return Stale()
        letter, lane, key = found
        self._drop_dead(delivery)
        opened = self._open(letter.envelope, NewDelivery(letter.plugin, lane, key), now)
        assert opened is not None
        self.again[opened.id] = now
        return Done(letter.envelope, (opened,))

    def _replay(self, envelope: int, new: NewDelivery, now: float) -> Outcome:
        if envelope not in self.envelopes:
            return Stale()
        opened = self._open(envelope, new, now)
        if opened is not None:
            self.again[opened.id] = now
        return Done(envelope, () if opened is None else (opened,))

    def _drop_dead(self, delivery: int) -> int | None:
        found = self.dead.pop(delivery, None)
        if found is None:
            return None
        self._needed_less(found[0].envelope)
        return found[0].envelope

    def _needed_less(self, envelope: int) -> None:
        self.needed[envelope] -= 1
        if not self.needed[envelope]:
            del self.needed[envelope]

    def size_of(self, delivery: OpenDelivery) -> int:
        """Bytes of its envelope's text."""
        return byte_length(self.envelopes[delivery.envelope].text)

    # Retention

    def run_retention(self, limits: Limits, now: float) -> list[DeadLettered]:
        """All that retention has to do at this time."""
        dead_lettered: list[DeadLettered] = []
        for plugin in dict.fromkeys(delivery.plugin for delivery in self.open.values()):
            dead_lettered += self._dead_letter_beyond_limits(plugin, limits, now)
        for waiting in sorted(self.open.values(), key=lambda one: (one.expires_at or 0.0, one.id)):
            if waiting.expires_at is None or waiting.expires_at > now:
                continue
            if waiting.plugin in limits.away or waiting.expires_at <= now - ABANDONED_AFTER:
                self._dead_letter(waiting, DeadReason.EXPIRED, "it expired before the plugin came back", now)
                dead_lettered.append(
                    DeadLettered(waiting.id, waiting.envelope, waiting.plugin, DeadReason.EXPIRED, waiting.lane)
                )
        for delivery, (letter, _, _) in list(self.dead.items()):
            if letter.died_at < now - limits.dead_letter_age:
                self._drop_dead(delivery)
        self._drop_dead_letters_beyond_bytes(limits)
        self._drop_envelopes(limits, now)
        self.keys = {key: known for key, known in self.keys.items() if known[1] > int(now - DEDUPE_MEMORY)}
        self.gaps = {
            key: gap for key, gap in self.gaps.items() if gap.end is None or gap.end >= now - GAP_MEMORY
        }
        self.ghosts = {key: ghost for key, ghost in self.ghosts.items() if ghost.until > now}
        return dead_lettered

    def _dead_letter_beyond_limits(self, plugin: str, limits: Limits, now: float) -> list[DeadLettered]:
        own = sorted((one for one in self.open.values() if one.plugin == plugin), key=lambda one: one.id)
        excess = sum(self.size_of(one) for one in own) - limits.of(plugin).max_bytes
        horizon = now - limits.of(plugin).max_age
        dead_lettered = []
        for waiting in own:
            if excess > 0:
                reason, error = DeadReason.BACKLOG_FULL, "the plugin's backlog reached its max_bytes"
            elif max(self.envelopes[waiting.envelope].received_at, self.again.get(waiting.id, 0.0)) < horizon:
                reason, error = DeadReason.TOO_OLD, "the plugin's backlog reached its max_age"
            else:
                break
            excess -= self.size_of(waiting)
            self._dead_letter(waiting, reason, error, now)
            dead_lettered.append(DeadLettered(waiting.id, waiting.envelope, plugin, reason, waiting.lane))
        return dead_lettered

    def _drop_dead_letters_beyond_bytes(self, limits: Limits) -> None:
        letters = DeadLetterBytes(limits)
        for delivery in sorted(self.dead, reverse=True):
            letter = self.dead[delivery][0]
            size = byte_length(self.envelopes[letter.envelope].text)
            if not letters.keeps(letter.plugin, size):
                self._drop_dead(delivery)
                count, total = self.dropped.get(letter.plugin, (0, 0))
                self.dropped[letter.plugin] = count + 1, total + size
        self.dead_letter_bytes = letters.kept

    def _drop_envelopes(self, limits: Limits, now: float) -> None:
        excess = sum(byte_length(stored.text) for stored in self.envelopes.values()) - limits.max_bytes
        for number in sorted(self.envelopes):
            stored = self.envelopes[number]
            if number >= self.last_envelope or (stored.received_at >= now - limits.max_age and excess <= 0):
                break
            may_be_asked_for = stored.answer is not AnswerState.NONE or stored.response is not None
            if number in self.needed or (may_be_asked_for and stored.received_at > now - DEDUPE_MEMORY):
                continue
            excess -= byte_length(stored.text)
            del self.envelopes[number]
