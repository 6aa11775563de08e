"""One app's envelopes: each given to one connection, to be acknowledged in three seconds; events come again.

Slack's schedule, for events alone ("Events API", Retries): a failed attempt is followed by another nearly at
once, then one after a minute, then one after five. An attempt fails when its envelope is not acknowledged
within the deadline, or when there is no connection to give it to. An acknowledgement that is late has missed
its attempt. In the field the unacknowledged envelope itself comes again as well, with its old id and
`retry_attempt`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slackd.emulator.context import EmulatorContext
from slackd.emulator.ledger import Ledger, LedgerEntry, ReceivedAck, SentEnvelope
from slackd.emulator.settings import EmulatedApp
from slackd.slack_server import messages
from slackd.slack_server.connections import Registry


def envelope_text(entry: LedgerEntry, envelope_id: str, attempt: int) -> str:
    """The envelope's JSON text; the payload is not printed again."""
    return messages.envelope(
        envelope_id,
        entry.type,
        entry.payload,
        accepts_response_payload=entry.accepts_response_payload,
        retry=(attempt, "timeout" if attempt else "") if entry.type == "events_api" else None,
    )


class Deliveries:
    """Delivers envelopes, waits for their acknowledgement, and delivers events again.

    Attributes:
        answered: called with an entry, its response payload (or None) and the time, when the first
            acknowledgement in time came.
        post: takes an envelope in place of a connection, or doesn't (`request_url`).
    """

    def __init__(
        self,
        context: EmulatorContext,
        app: EmulatedApp,
        registry: Registry,
        ledger: Ledger,
        changed: Callable[[], None],
    ) -> None:
        self._context = context
        self._app = app
        self._registry = registry
        self._ledger = ledger
        self._changed = changed
        self.answered: Callable[[LedgerEntry, Any, float], None] = lambda entry, payload, now: None
        self._envelopes: dict[str, tuple[LedgerEntry, SentEnvelope]] = {}
        self._waiting: set[str] = set()
        self._open: set[str] = set()
        self._deadline_at = 0.0
        self._sent_together: list[tuple[LedgerEntry, SentEnvelope]] = []
        self.post: Callable[[LedgerEntry, SentEnvelope], bool] | None = None

    @property
    def waiting(self) -> int:
        """How many sends are within their deadline, unacknowledged."""
        return len(self._waiting)

    @property
    def unanswered(self) -> int:
        """How many entries may still be acknowledged in time, now or when they come again."""
        return len(self._open)

    def begin(self, entry: LedgerEntry, now: float) -> None:
        """It has happened in Slack: deliver it for the first time."""
        self._ledger.add(entry)
        self._open.add(entry.key)
        self._deliver(entry, self._context.ids.envelope_id(), 0, now, repeat=False)

    def acknowledged(self, connection: str, envelope_id: str, payload: Any, now: float) -> None:
        """A client acknowledged `envelope_id`, on that connection, with that payload or None."""
        found = self._envelopes.get(envelope_id)
        if found is None:
            self._ledger.odd(self._app.app_id, "ack of an unknown envelope")
            return
        entry, send = found
        if send.connection != connection:
            self._ledger.odd(self._app.app_id, "ack on another connection")
            if not self._context.settings.acks_on_any_connection:
                return
        # What was acknowledged in time is not delivered again, so what waits was not acknowledged before.
        waits = envelope_id in self._waiting
        again = not waits and any(ack.envelope_id == envelope_id and not ack.late for ack in entry.acks)
        late = not waits and not again
        self._waiting.discard(envelope_id)
        entry.acks.append(ReceivedAck(envelope_id, connection, now, now - send.at, late, again, payload))
        if payload and not entry.accepts_response_payload:
            self._ledger.odd(self._app.app_id, "response payload that is not accepted")
        if again:
            self._ledger.odd(self._app.app_id, "envelope acknowledged again")
        elif not late and entry.acknowledged_at is None:
            entry.acknowledged_at = now
            self._open.discard(entry.key)
            if not self._context.settings.keep_payloads:
                entry.payload = None
            self.answered(entry, payload, now)
        self._changed()

    def unacknowledged(
        self,
        envelope_id: str,
        now: float,
        *,
        again: bool = True,
        seen_by_person: str = "operation_timeout",
    ) -> None:
        """The attempt has failed before its deadline: a request was refused, say.

        Args:
            envelope_id: of the attempt.
            now: seconds on the emulator's clock.
            again: False if the app wants no other attempt (`X-Slack-No-Retry`).
            seen_by_person: what is shown to whoever waits for the answer.
        """
        found = self._envelopes.get(envelope_id)
        if found is None or envelope_id not in self._waiting:
            return
        entry, send = found
        self._waiting.discard(envelope_id)
        if again:
            self._failed(entry, send.attempt, seen_by_person, now)
        elif entry.acknowledged_at is None:
            entry.failure = "given_up" if entry.redelivers else seen_by_person
            self._open.discard(entry.key)
            self._changed()

    def forget(self) -> None:
        """Give up all that is under way."""
        self._envelopes.clear()
        self._waiting.clear()
        self._open.clear()

    def _attempt(self, entry: LedgerEntry, attempt: int, now: float) -> None:
        if self._obsolete(entry):
            return
        same = self._context.settings.redelivery_ids == "same"
        envelope_id = entry.sends[0].envelope_id if same else self._context.ids.envelope_id()
        self._deliver(entry, envelope_id, attempt, now, repeat=False)

    def _repeat(self, entry: LedgerEntry, envelope_id: str, attempt: int, now: float) -> None:
        if not self._obsolete(entry) and entry.failure is None:
            self._deliver(entry, envelope_id, attempt, now, repeat=True)

    def _deliver(self, entry: LedgerEntry, envelope_id: str, attempt: int, now: float, *, repeat: bool) -> None:
        settings, scheduler = self._context.settings, self._context.scheduler
        if self.post is not None:
            posted = SentEnvelope(envelope_id, "http", attempt, now, repeat)
            if self.post(entry, posted):
                entry.sends.append(posted)
                self._envelopes[envelope_id] = (entry, posted)
                self._waiting.add(envelope_id)
                return
        connection = self._registry.choose()
        send = SentEnvelope(envelope_id, connection.id if connection else None, attempt, now, repeat)
        entry.sends.append(send)
        if connection is None:
            if not repeat:
                self._failed(entry, attempt, "dispatch_failed", now)
            return
        sent = self._envelopes[envelope_id] = (entry, send)
        self._waiting.add(envelope_id)
        connection.sent += 1
        if connection.swallows:
            send.swallowed = True
        elif connection.line is not None:
            connection.line.send_text(envelope_text(entry, envelope_id, attempt))
        self._set_deadline(sent, now)
        pause = settings.repeat_same_envelope_after
        if entry.redelivers and not repeat and pause is not None and settings.redelivery_ids == "both":
            scheduler.at(self._context.later(now, pause), self._repeat, entry, envelope_id, attempt)

    def _set_deadline(self, sent: tuple[LedgerEntry, SentEnvelope], now: float) -> None:
        """One deadline stands for all that is sent at the same time."""
        deadline = self._context.later(now, self._context.settings.ack_deadline)
        if deadline != self._deadline_at or not self._sent_together:
            self._deadline_at, self._sent_together = deadline, []
            self._context.scheduler.at(deadline, self._deadline, self._sent_together)
        self._sent_together.append(sent)

    def _deadline(self, sent_together: list[tuple[LedgerEntry, SentEnvelope]], now: float) -> None:
        for sent in sent_together:
            entry, send = sent
            if self._envelopes.get(send.envelope_id) is not sent or send.envelope_id not in self._waiting:
                continue
            self._waiting.discard(send.envelope_id)
            if not send.repeat:
                self._failed(entry, send.attempt, "operation_timeout", now)
        sent_together.clear()

    def _failed(self, entry: LedgerEntry, attempt: int, seen_by_person: str, now: float) -> None:
        if entry.acknowledged_at is not None:
            return
        delay = self._delay_before(attempt + 1) if entry.redelivers else None
        if delay is not None:
            self._context.scheduler.at(self._context.later(now, delay), self._attempt, entry, attempt + 1)
            return
        entry.failure = "given_up" if entry.redelivers else seen_by_person
        self._open.discard(entry.key)
        self._changed()

    def _delay_before(self, attempt: int) -> float | None:
        settings = self._context.settings
        usual = settings.redelivery_delays
        if attempt <= len(usual):
            return usual[attempt - 1]
        if self._app.delayed_events and attempt <= len(usual) + settings.delayed_events_count:
            return settings.delayed_events_interval
        return None

    def _obsolete(self, entry: LedgerEntry) -> bool:
        return entry.acknowledged_at is not None or self._ledger.entries.get(entry.key) is not entry
