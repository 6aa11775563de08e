"""A request URL inside: each delivery is one POST, as Slack would have made it.

What is posted, and what an answer means, is pure; `request_url_app` does the posting. ("Verifying requests from
Slack", "The Events API", "Slash commands", "Handling user interaction".)
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

from slackd.config.values import PluginGateway
from slackd.gateway.envelopes import json_text, retry_of
from slackd.gateway.url_rewriting import UrlSeal, rewrite_payload
from slackd.plugin.answers import Ack, Answer, Nack
from slackd.plugin.envelope import Envelope
from slackd.slack.envelopes import COMMANDS, EVENTS, INTERACTIVE, OPTIONS_KINDS
from slackd.slotted import frozen

USER_AGENT: Final = "Slackbot 1.0 (+https://api.slack.com/robots)"
RETRIED: Final = frozenset({408, 425, 429})
"""Statuses below 500 after which the same request may go well."""
UNAUTHORISED: Final = frozenset({401, 403})
"""Statuses that say that the signature was made with another secret, while two are good."""


@frozen
class AppRequest:
    """A POST that isn't signed yet.

    Attributes:
        retry: `X-Slack-Retry-Num` and its reason, or None for a first attempt.
    """

    url: str
    content_type: str
    body: bytes
    retry: tuple[int, str] | None

    def headers(self, secret: str, now: float) -> dict[str, str]:
        """Slack's headers, signed with that secret at that UNIX time."""
        stamp = str(int(now))
        base = b"v0:" + stamp.encode() + b":" + self.body
        headers = {
            "User-Agent": USER_AGENT,
            "Accept": "*/*",
            "Content-Type": self.content_type,
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest(),
        }
        if self.retry is not None:
            headers |= {"X-Slack-Retry-Num": str(self.retry[0]), "X-Slack-Retry-Reason": self.retry[1]}
        return headers


def request_for(envelope: Envelope, gateway: PluginGateway, urls: UrlSeal) -> AppRequest:
    """The POST that brings this delivery."""
    payload = rewrite_payload(envelope.payload, urls)
    number, _ = retry_of(envelope)
    retry = (number, "http_timeout" if envelope.attempt == 1 else "http_error") if number else None
    url = url_for(envelope, gateway)
    if envelope.type == COMMANDS:
        fields = {name: _field(value) for name, value in payload.items() if value is not None}
        body = urlencode(fields, errors="replace").encode()
        return AppRequest(url, "application/x-www-form-urlencoded", body, retry)
    text = json_text(payload)
    if envelope.type == INTERACTIVE:
        body = urlencode({"payload": text}).encode()
        return AppRequest(url, "application/x-www-form-urlencoded", body, retry)
    return AppRequest(url, "application/json", text.encode(), retry)


def url_for(envelope: Envelope, gateway: PluginGateway) -> str:
    """Where it is posted."""
    url = gateway.request_url
    if envelope.type == COMMANDS:
        url = gateway.commands_url or url
    elif envelope.type == INTERACTIVE:
        url = gateway.interactivity_url or url
        if envelope.kind in OPTIONS_KINDS:
            url = gateway.options_url or url
    return url or ""


def answer_of(envelope: Envelope, status: int, headers: Mapping[str, str], body: bytes) -> Answer:
    """What the app's HTTP answer means for the delivery."""
    if 200 <= status < 300:
        return Ack(None if envelope.type == EVENTS else _response(body))
    words = f"the app answered {status}"
    if 300 <= status < 400:
        return Nack(f"{words}: redirects are not followed, write the last URL into the file", permanent=True)
    no_retry = headers.get("X-Slack-No-Retry") == "1"
    if no_retry or (status < 500 and status not in RETRIED):
        return Nack(words, permanent=True)
    after = headers.get("Retry-After", "")
    return Nack(words, retry_after=float(after) if status == 429 and after.isdecimal() else None)


def _response(body: bytes) -> dict[str, Any] | None:
    text = body.decode("utf-8", "replace").strip()
    if not text:
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {"text": text}
    if isinstance(value, dict):
        return value or None
    return {"text": text}


def _field(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value)
