"""The envelopes that one Socket Mode connection of an app has in flight. Pure.

An envelope keeps Slack's `envelope_id` over all attempts, so that an acknowledgement that comes after the next
attempt began still counts.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any, Final

from slackd.accelerators import json_encoder
from slackd.gateway.url_rewriting import UrlSeal, rewrite_payload
from slackd.plugin.envelope import Envelope
from slackd.slotted import define

_encode_fast: Final = json_encoder()
_print: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_RETURNED: Final = 1_024
"""Envelopes that are remembered; the oldest go."""
_print_ascii: Final = json.JSONEncoder(separators=(",", ":")).encode


@define
class SentDelivery:
    """A delivery that was sent to the app.

    Attributes:
        envelope_id: the app's id of it.
        delivery: slackd's id of it.
        attempt: the attempt that was sent last.
        until: seconds on the gateway's clock; then the broker has given up waiting for this connection.
    """

    envelope_id: str
    delivery: str
    attempt: int
    until: float


class EnvelopesInFlight:
    """What was sent and not acknowledged.

    Args:
        ack_timeout: seconds that the broker waits for an answer.
        draw: makes an `envelope_id`.
    """

    def __init__(self, ack_timeout: float, draw: Callable[[], str] = lambda: str(uuid.uuid4())) -> None:
        self._ack_timeout = ack_timeout
        self._draw = draw
        self._by_id: dict[str, SentDelivery] = {}
        self._ids: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._by_id)

    def send(self, envelope: Envelope, urls: UrlSeal, now: float) -> str:
        """The text message that brings this delivery to the app."""
        envelope_id = self._ids.get(envelope.delivery) or self._free_id(envelope)
        self._ids[envelope.delivery] = envelope_id
        self._by_id.pop(envelope_id, None)
        until = now + self._ack_timeout
        self._by_id[envelope_id] = SentDelivery(envelope_id, envelope.delivery, envelope.attempt, until)
        return json_text(shaped(envelope, envelope_id, urls))

    def __contains__(self, delivery: str) -> bool:
        """Whether that delivery was sent and not acknowledged."""
        return delivery in self._ids

    def acknowledge(self, envelope_id: str) -> str | None:
        """The delivery that this acknowledges, or None."""
        sent = self._by_id.pop(envelope_id, None)
        if sent is None:
            return None
        del self._ids[sent.delivery]
        return sent.delivery

    def take(self, delivery: str, attempt: int | None = None) -> bool:
        """Forget that delivery; whether it was in flight, at that attempt if one is named."""
        sent = self._by_id.get(self._ids.get(delivery, ""))
        if sent is None or attempt not in (None, sent.attempt):
            return False
        del self._by_id[sent.envelope_id]
        del self._ids[delivery]
        return True

    def take_overdue(self, now: float) -> list[str]:
        """The deliveries that nobody waits for any more, which are forgotten here."""
        overdue: list[str] = []
        while self._by_id:
            # What was sent last stands last, so the first is the one that is due first.
            name, sent = next(iter(self._by_id.items()))
            if sent.until > now:
                break
            del self._by_id[name]
            del self._ids[sent.delivery]
            overdue.append(sent.delivery)
        return overdue

    def take_all(self) -> list[SentDelivery]:
        """All of them, which are forgotten here."""
        taken = list(self._by_id.values())
        self._by_id.clear()
        self._ids.clear()
        return taken

    def _free_id(self, envelope: Envelope) -> str:
        # A replayed envelope is another delivery, with the same id of Slack's.
        given = envelope.raw.get("envelope_id")
        return given if isinstance(given, str) and given and given not in self._by_id else self._draw()


class ReturnedEnvelopes:
    """Envelopes that went back with a connection that ended.

    An app that reconnects acknowledges on its next connection what the last one brought; that answers the next
    attempt, which the app needn't see then.
    """

    def __init__(self) -> None:
        self._deliveries: dict[str, str] = {}
        self._payloads: dict[str, Any] = {}

    def went_back(self, sent: SentDelivery) -> None:
        """Its connection ended before the app acknowledged it."""
        for known in (self._deliveries, self._payloads):
            if len(known) >= _RETURNED:
                del known[next(iter(known))]
        self._deliveries[sent.envelope_id] = sent.delivery

    def acknowledge(self, envelope_id: str, payload: Any) -> bool:
        """Whether this acknowledges one of them; the first acknowledgement counts."""
        delivery = self._deliveries.pop(envelope_id, None)
        if delivery is None:
            return False
        self._payloads[delivery] = payload
        return True

    def take(self, delivery: str) -> tuple[Any] | None:
        """The payload of the acknowledgement that came meanwhile, or None where none came."""
        return (self._payloads.pop(delivery),) if delivery in self._payloads else None


def shaped(envelope: Envelope, envelope_id: str, urls: UrlSeal) -> dict[str, Any]:
    """The envelope as the app gets it: its URLs rewritten, slackd's attempts counted with Slack's."""
    message = {**envelope.raw, "envelope_id": envelope_id, "payload": rewrite_payload(envelope.payload, urls)}
    attempt, reason = retry_of(envelope)
    if attempt:
        message |= {"retry_attempt": attempt, "retry_reason": reason}
    return message


def retry_of(envelope: Envelope) -> tuple[int, str]:
    """`retry_attempt` and `retry_reason`, with slackd's own attempts in them."""
    before = envelope.raw.get("retry_attempt")
    attempt = (before if isinstance(before, int) else 0) + envelope.attempt - 1
    reason = envelope.raw.get("retry_reason")
    if envelope.attempt > 1 or not isinstance(reason, str):
        reason = "timeout" if attempt else ""
    return attempt, reason


def json_text(value: Any) -> str:
    """The JSON text of what was read from JSON; it goes through UTF-8, whatever escapes it came with."""
    if _encode_fast is not None:
        try:
            return _encode_fast(value).decode()
        except (ValueError, OverflowError, RecursionError):
            pass  # Half of a surrogate pair, or nested deeper than msgspec goes.
    text = _print(value)
    try:
        text.encode()
    except UnicodeEncodeError:
        return _print_ascii(value)
    return text
