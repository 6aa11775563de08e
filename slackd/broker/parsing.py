"""A text from Slack, parsed once, into a `ParsedEnvelope` or an `Unreadable` that says why.

The text itself goes on as Slack sent it, but for two things: the legacy verification token is blanked where
Slack puts it (`payload.token`), and line breaks between JSON tokens become spaces, since a plugin reads it as
part of a line. It is never printed again from what was parsed.

P7, the invariant kept here: no text that anybody sends makes `read` raise. One that cannot be used becomes an
`Unreadable`, which the journal keeps as a dead letter.
"""

import hashlib
import json
import re
from collections.abc import Collection
from typing import Any

from slackd.accelerators import json_decoder
from slackd.broker.journal import StoredEnvelope
from slackd.broker.nesting import DEEPEST, is_deep, may_be_deep
from slackd.envelope import Arrival, ParsedEnvelope, Unreadable
from slackd.jsonrpc import decoder, parse
from slackd.slack.envelopes import EVENTS
from slackd.slack.facets import facets
from slackd.text import all_unicode

_decode = json_decoder()
_ENVELOPE_ID = re.compile(r'"envelope_id"\s*:\s*"([^"\\]{1,200})"')
_TOKEN = '"token"'
_TOKEN_MEMBER = re.compile(r'"token"\s*:\s*"(?:[^"\\]|\\.)*"')
_TOKEN_CUT_OFF = re.compile(_TOKEN_MEMBER.pattern + "?")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_SPELT_OUT = re.compile(r"\\u00(?:74|6[fF]|6[bB]|65|6[eE])")  # a letter of "token" as an escape


def read_again(stored: StoredEnvelope) -> ParsedEnvelope | None:
    """Return a journaled envelope with its facets; None for one that nobody could read."""
    envelope = read(Arrival(0, stored.app, "", stored.received_at, stored.text))
    return envelope if isinstance(envelope, ParsedEnvelope) else None


def read(arrival: Arrival, own_bot_ids: Collection[str] = ()) -> ParsedEnvelope | Unreadable:
    """What arrived, understood as far as it can be. Never raises on what anybody has sent.

    Args:
        arrival: As a connector delivered it.
        own_bot_ids: The ids of the app's own bot, as `auth.test` says them; by these alone one knows some of
            its messages.
    """
    text = arrival.text
    try:
        frame = _value_of(text)
    except RecursionError:
        return _unreadable(arrival, "it is nested too deep")
    except ValueError as error:
        return _unreadable(arrival, f"it is not JSON: {error}")
    if not isinstance(frame, dict):
        return _unreadable(arrival, "it is JSON, but not an object")
    try:
        as_bytes = text.encode()
    except UnicodeEncodeError:
        return _unreadable(arrival, "it has half a surrogate pair in it, which UTF-8 cannot hold")
    if may_be_deep(as_bytes) and is_deep(frame):
        return _unreadable(arrival, f"it is nested too deep: more than {DEEPEST} objects and arrays")
    # Slack knows only the id that it spelt, half a surrogate pair or not: the acknowledgement escapes it again.
    envelope_id = frame.get("envelope_id")
    has_escapes = "\\" in text and "\\u" in text  # the search for one character costs nearly nothing
    if has_escapes and _SURROGATE.search(text) is not None:
        frame = all_unicode(frame)
    kind = frame.get("type")
    if not isinstance(envelope_id, str) or not envelope_id:
        return _unreadable(arrival, 'it has no "envelope_id"')
    if not isinstance(kind, str):
        return _unreadable(arrival, 'its "type" is not a string')
    payload = frame.get("payload")
    if not isinstance(payload, dict):
        payload = {}
    attempt = frame.get("retry_attempt")
    return ParsedEnvelope(
        arrival.app,
        envelope_id,
        kind,
        _one_line(_blank_token(text, payload, has_escapes=has_escapes)),
        _keys(kind, envelope_id, payload),
        facets(kind, payload, own_bot_ids),
        frame.get("accepts_response_payload") is True,
        _text(payload.get("response_url")),
        attempt if isinstance(attempt, int) else 0,
    )


def _value_of(text: str) -> Any:
    """The value of a JSON text. Raises `ValueError`, and `RecursionError` for one that is nested too deep."""
    if _decode is None:
        return parse(text)
    try:
        return _decode(text)
    except (ValueError, RecursionError):
        return parse(text)


def _unreadable(arrival: Arrival, reason: str) -> Unreadable:
    found = _ENVELOPE_ID.search(arrival.text)
    envelope_id = found.group(1) if found else None
    digest = hashlib.sha256(arrival.text.encode(errors="replace")).hexdigest()
    key = f"n:{envelope_id}" if envelope_id else f"x:{digest}"
    # Nobody can tell where in it Slack put its token, so whatever looks like it goes.
    text = _TOKEN_CUT_OFF.sub('"token":""', arrival.text)
    return Unreadable(arrival.app, envelope_id, text, (key,), reason)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _one_line(text: str) -> str:
    if "\n" in text or "\r" in text:
        return text.replace("\n", " ").replace("\r", " ")
    return text


def _blank_token(text: str, payload: dict[str, Any], *, has_escapes: bool) -> str:
    if has_escapes and _SPELT_OUT.search(text) is not None:
        return _blank_by_position(text)
    token = payload.get("token")
    if token is None and _TOKEN not in text:
        return text
    value = f'"{token}"'
    head, found, tail = text.partition(value)
    name, found, space = head.rpartition(_TOKEN)
    another = _TOKEN if "\\" in tail else value  # which escapes may spell in another way
    if found and space.strip() == ":" and _TOKEN not in name and another not in tail:
        return f'{head}""{tail}'
    return _blank_by_position(text)


def _blank_by_position(text: str) -> str:
    """Blanks `payload.token` in a text that says "token" in other places too, or spells it another way."""
    spans = [
        (start, end)
        for key, start, _ in _members(text, text.index("{"))
        if key == "payload" and text[start] == "{"
        for inner, start, end in _members(text, start)
        if inner == "token" and text[start] == '"'
    ]
    for start, end in reversed(spans):
        text = f'{text[:start]}""{text[end:]}'
    return text


def _members(text: str, at: int) -> list[tuple[str, int, int]]:
    """The members of the object that starts at `at` in valid JSON: key, start and end of the value."""
    members = []
    at = _skip(text, at + 1)
    while text[at] != "}":
        key, at = decoder.raw_decode(text, at)
        start = _skip(text, _skip(text, at) + 1)
        _, at = decoder.raw_decode(text, start)
        members.append((key, start, at))
        at = _skip(text, at)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return members


def _skip(text: str, at: int) -> int:
    while text[at] in " \t\r\n":
        at += 1
    return at


_DEED = ("type", "command", "text", "callback_id", "action_ts", "action_id", "value", "actions", "submission")
"""Members of a payload that say what a person did ("Interaction payloads", "Slash commands")."""


def _digest_of_deed(kind: str, payload: dict[str, Any]) -> str:
    """A digest of who did what where: the same for a repetition, another one for another deed."""
    view = payload.get("view")
    who_and_where = [payload.get(name) for name in ("user_id", "user", "channel_id", "channel")]
    deed = [payload.get(name) for name in _DEED]
    state = [view.get(name) for name in ("id", "hash", "state")] if isinstance(view, dict) else None
    meaning = json.dumps([kind, who_and_where, deed, state], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(meaning.encode()).hexdigest()[:32]


def _keys(kind: str, envelope_id: str, payload: dict[str, Any]) -> tuple[str, ...]:
    """Slack redelivers an event under old and new envelope ids alike ("The Events API", retries; seen in the
    field), so its `event_id` is what tells; everything else has an envelope id, and a trigger beside what was
    done: several interactions may share a trigger, and a command is no repetition of a shortcut."""
    if kind == EVENTS:
        event_id = payload.get("event_id")
        if isinstance(event_id, str) and event_id:
            return (f"e:{event_id}",)
    trigger = payload.get("trigger_id")
    if isinstance(trigger, str) and trigger:
        return (f"n:{envelope_id}", f"t:{trigger}:{_digest_of_deed(kind, payload)}")
    return (f"n:{envelope_id}",)
