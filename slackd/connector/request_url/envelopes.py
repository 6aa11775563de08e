"""What Slack posts to a request URL, brought into Socket Mode's shape, so that a plugin can't tell. Pure.

Over HTTP an event is a body of JSON ("The Events API"), an interaction a form with a field `payload`
("Handling user interaction"), a command a form of plain fields ("Slash commands"). In Socket Mode each is the
`payload` of an envelope ("Using Socket Mode"); JSON of Slack's goes into it as it came.
"""

import json
import uuid
from typing import Any, Final
from urllib.parse import parse_qsl

from slackd.slack.envelopes import (
    COMMANDS,
    EVENTS,
    INTERACTIVE,
    OPTIONS_KINDS,
    SHORTCUT_KINDS,
    VIEW_CLOSED,
)
from slackd.slotted import frozen
from slackd.text import as_unicode

FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"
UNANSWERED: Final = frozenset({*SHORTCUT_KINDS, VIEW_CLOSED})
"""Kinds of interactions that Socket Mode accepts no payload for (samples in the field)."""
_MOST_FIELDS: Final = 200
_LONGEST_CHECK: Final = 4_096
"""Bytes of an `ssl_check`: whose it is nobody knows, so no more are looked at."""


class UnreadableBodyError(ValueError):
    """A body that is nothing Slack sends; the words are for a person."""


@frozen
class UrlVerification:
    """Slack asks whether the URL is ours ("url_verification"); the challenge is the answer."""

    challenge: str


@frozen
class Posted:
    """One envelope.

    Attributes:
        text: JSON in Socket Mode's shape.
        is_event: Slack sends it again if it is not acknowledged.
        asks_for_options: The same question may be asked twice in a second, with nothing to tell them apart.
    """

    text: str
    is_event: bool
    asks_for_options: bool = False


def is_ssl_check(content_type: str, body: bytes) -> bool:
    """Slack tries the certificate ("Slash commands", `ssl_check=1`); nothing is in it that has to be kept."""
    if content_type != FORM or len(body) > _LONGEST_CHECK:
        return False
    fields = dict(field.partition(b"=")[::2] for field in body.split(b"&"))
    return fields.get(b"ssl_check") == b"1" and not fields.keys() & {b"command", b"payload"}


def read_body(
    content_type: str, body: bytes, *, retry_num: str = "", retry_reason: str = "", envelope_id: str = ""
) -> Posted | UrlVerification:
    """Bring a verified body into Socket Mode's shape.

    Args:
        content_type: Of the body, without its parameters.
        body: As it came.
        retry_num: The header `X-Slack-Retry-Num`.
        retry_reason: The header `X-Slack-Retry-Reason`.
        envelope_id: The envelope's id; drawn at random if "".

    Returns:
        The envelope, or the challenge of a URL's verification.

    Raises:
        UnreadableBodyError: It is nothing that Slack sends.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise UnreadableBodyError("the body is not UTF-8") from None
    envelope_id = envelope_id or str(uuid.uuid4())
    if content_type == JSON:
        event = _object(text, "the body")
        if event.get("type") == "url_verification":
            challenge = str(event.get("challenge", ""))[:1_000]
            if as_unicode(challenge) != challenge:
                raise UnreadableBodyError("the challenge has half a surrogate pair in it")
            return UrlVerification(challenge)
        attempt = int(retry_num) if retry_num.isascii() and retry_num.isdigit() and len(retry_num) < 5 else 0
        head = {"retry_attempt": attempt, "retry_reason": retry_reason[:100]}
        return Posted(_envelope(envelope_id, EVENTS, text, answers=False, **head), is_event=True)
    if content_type != FORM:
        raise UnreadableBodyError("the body is neither JSON nor a form")
    fields = _fields(text)
    if "payload" in fields:
        payload = _object(fields["payload"], "the form's payload")
        text = _envelope(envelope_id, INTERACTIVE, fields["payload"], answers=_takes_an_answer(payload))
        return Posted(text, is_event=False, asks_for_options=payload.get("type") in OPTIONS_KINDS)
    if not fields.get("command"):
        raise UnreadableBodyError("the form has neither a payload nor a command")
    return Posted(_envelope(envelope_id, COMMANDS, json.dumps(fields), answers=True), is_event=False)


def _takes_an_answer(payload: dict[str, Any]) -> bool:
    kind = payload.get("type")
    in_a_view = kind == "block_actions" and bool(payload.get("view"))
    return kind not in UNANSWERED and not in_a_view


def _envelope(envelope_id: str, kind: str, payload: str, *, answers: bool, **more: Any) -> str:
    head = {"envelope_id": envelope_id, "type": kind, "accepts_response_payload": answers, **more}
    # The payload was parsed, so nothing in it can end the member that it is put into.
    return f'{json.dumps(head)[:-1]}, "payload": {payload}}}'


def _object(text: str, what: str) -> dict[str, Any]:
    try:
        value = json.loads(text, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise UnreadableBodyError(f"{what} is not JSON") from None
    if not isinstance(value, dict):
        raise UnreadableBodyError(f"{what} is JSON, but not an object")
    return value


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _fields(text: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(
            text, keep_blank_values=True, strict_parsing=True, errors="strict", max_num_fields=_MOST_FIELDS
        )
    except ValueError:
        raise UnreadableBodyError("the form can't be read") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise UnreadableBodyError("the form has a field twice")
    return fields
