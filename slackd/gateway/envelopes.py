"""The envelopes that one Socket Mode connection of an app has in flight. Pure.

An envelope keeps Slack's `envelope_id` over all attempts, so that an acknowledgement that comes after the next
attempt began still counts.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import attrs

from slackd.gateway.url_rewriting import UrlSeal, rewrite_payload
from slackd.plugin.envelope import Envelope


@attrs.define
class SentDelivery:
    """A delivery that was sent to the app.

    Attributes:
        delivery: slackd's id of it.
        attempt: the attempt that was sent last.
        until: seconds on the gateway's clock; then the broker has given up waiting for this connection.
    """

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
        self._by_id[envelope_id] = SentDelivery(envelope.delivery, envelope.attempt, now + self._ack_timeout)
        return json.dumps(shaped(envelope, envelope_id, urls), ensure_ascii=False, separators=(",", ":"))

    def acknowledge(self, envelope_id: str) -> str | None:
        """The delivery that this acknowledges, or None."""
        sent = self._by_id.pop(envelope_id, None)
        if sent is None:
            return None
        del self._ids[sent.delivery]
        return sent.delivery

    def take_overdue(self, now: float) -> list[str]:
        """The deliveries that nobody waits for any more, which are forgotten here."""
        overdue = [(name, sent) for name, sent in self._by_id.items() if sent.until <= now]
        for name, sent in overdue:
            del self._by_id[name]
            del self._ids[sent.delivery]
        return [sent.delivery for _, sent in overdue]

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
