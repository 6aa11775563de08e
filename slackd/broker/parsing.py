"""A text from Slack, parsed once, into a `ParsedEnvelope` or an `Unreadable` that says why.

The text itself goes on as Slack sent it, but for two things: the legacy verification token is blanked where
Slack puts it (`payload.token`), and line breaks between JSON tokens become spaces, since a plugin reads it as
part of a line. It is never printed again from what was parsed.

P7, the invariant kept here: no text that anybody sends makes `read` raise. One that cannot be used becomes an
`Unreadable`, which the journal keeps as a dead letter.
"""

import hashlib
import re
from typing import Any

from slackd.broker.journal import StoredEnvelope
from slackd.broker.nesting import DEEPEST, is_deep
from slackd.broker.surrogates import all_unicode
from slackd.envelope import COMMANDS, EVENTS, INTERACTIVE, Arrival, Facets, ParsedEnvelope, Unreadable
from slackd.jsonrpc import decoder, parse

_ENVELOPE_ID = re.compile(r'"envelope_id"\s*:\s*"([^"\\]{1,200})"')
_TOKEN = '"token"'
_TOKEN_MEMBER = re.compile(r'"token"\s*:\s*"(?:[^"\\]|\\.)*"')
_TOKEN_CUT_OFF = re.compile(_TOKEN_MEMBER.pattern + "?")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_SPELT_OUT = re.compile(r"\\u00(?:74|6[fF]|6[bB]|65|6[eE])")  # a letter of "token" as an escape
_CHANNEL_KINDS = {"channel": "channels", "group": "groups", "im": "im", "mpim": "mpim", "app_home": "app_home"}
_EMPTY: dict[str, Any] = {}
_MEMBERSHIP = frozenset({"member_joined_channel", "member_left_channel"})


def read_again(stored: StoredEnvelope) -> ParsedEnvelope | None:
    """Return a journaled envelope with its facets; None for one that nobody could read."""
    envelope = read(Arrival(0, stored.app, "", stored.received_at, stored.text))
    return envelope if isinstance(envelope, ParsedEnvelope) else None


def read(arrival: Arrival) -> ParsedEnvelope | Unreadable:
    """What arrived, understood as far as it can be. Never raises on what anybody has sent."""
    text = arrival.text
    try:
        frame = parse(text)
    except RecursionError:
        return _unreadable(arrival, "it is nested too deep")
    except ValueError as error:
        return _unreadable(arrival, f"it is not JSON: {error}")
    if not isinstance(frame, dict):
        return _unreadable(arrival, "it is JSON, but not an object")
    if text.count("{") + text.count("[") > DEEPEST and is_deep(frame):
        return _unreadable(arrival, f"it is nested too deep: more than {DEEPEST} objects and arrays")
    if not _is_unicode(text):
        return _unreadable(arrival, "it has half a surrogate pair in it, which UTF-8 cannot hold")
    # Slack knows only the id that it spelt, half a surrogate pair or not: the acknowledgement escapes it again.
    envelope_id = frame.get("envelope_id")
    if "\\" in text and "\\u" in text and _SURROGATE.search(text) is not None:
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
        app=arrival.app,
        envelope_id=envelope_id,
        type=kind,
        text=_one_line(_blank_token(text, payload)),
        keys=_keys(kind, envelope_id, payload),
        facets=_facets(kind, payload),
        accepts_response=frame.get("accepts_response_payload") is True,
        response_url=_text(payload.get("response_url")),
        retry_attempt=attempt if isinstance(attempt, int) else 0,
    )


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


def _id(value: Any) -> str:
    """Slack names a channel or a user by its id, or by an object that has one."""
    if isinstance(value, str):
        return value
    return _text(value.get("id")) if isinstance(value, dict) else ""


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else _EMPTY


def _one_line(text: str) -> str:
    if "\n" in text or "\r" in text:
        return text.replace("\n", " ").replace("\r", " ")
    return text


def _is_unicode(text: str) -> bool:
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError:
            return False
    return True


def _blank_token(text: str, payload: dict[str, Any]) -> str:
    token = payload.get("token")
    if "\\" in text and "\\u00" in text and _SPELT_OUT.search(text) is not None:
        return _blank_by_position(text)
    if isinstance(token, str) and token:
        head, _, tail = text.partition(_TOKEN)
        colon, found, rest = tail.partition(f'"{token}"')
        if found and colon.strip() == ":" and _TOKEN not in rest:
            return f'{head}{_TOKEN}{colon}""{rest}'
    return _blank_by_position(text) if _TOKEN in text else text


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


def _keys(kind: str, envelope_id: str, payload: dict[str, Any]) -> tuple[str, ...]:
    """Slack redelivers an event under old and new envelope ids alike ("The Events API", retries; seen in the
    field), so its `event_id` is what tells; everything else has an envelope id and a trigger."""
    if kind == EVENTS:
        event_id = payload.get("event_id")
        if isinstance(event_id, str) and event_id:
            return (f"e:{event_id}",)
    trigger = payload.get("trigger_id")
    if isinstance(trigger, str) and trigger:
        return (f"n:{envelope_id}", f"t:{trigger}")
    return (f"n:{envelope_id}",)


def _facets(kind: str, payload: dict[str, Any]) -> Facets:
    if kind == EVENTS:
        return _event_facets(payload)
    if kind == COMMANDS:
        return Facets(
            channel=_text(payload.get("channel_id")),
            user=_text(payload.get("user_id")),
            command=_text(payload.get("command")),
        )
    if kind == INTERACTIVE:
        return _interactive_facets(payload)
    return Facets()


def _event_facets(payload: dict[str, Any]) -> Facets:
    event = payload.get("event")
    if not isinstance(event, dict):
        name = _text(payload.get("type"))
        return Facets(events=(name,) if name else ())
    name = _text(event.get("type"))
    return Facets(
        events=_event_names(name, event),
        channel=_channel_of(event),
        user=_user_of(event),
        thread=_thread(event) or _thread(_object(event.get("message"))) or _thread(_object(event.get("item"))),
        callback_id=_text(event.get("callback_id")),
        from_self=name not in _MEMBERSHIP and _is_from_self(payload, _author_of(event)),
    )


def _channel_of(event: dict[str, Any]) -> str:
    channel = event.get("channel")
    if isinstance(channel, str) and channel:
        return channel
    return _id(channel) or _text(event.get("channel_id")) or _id(_object(event.get("item")).get("channel"))


def _user_of(event: dict[str, Any]) -> str:
    user = event.get("user")
    if isinstance(user, str) and user:
        return user
    return _id(user) or _text(event.get("user_id")) or _id(_object(event.get("message")).get("user"))


def _event_names(name: str, event: dict[str, Any]) -> tuple[str, ...]:
    if name == "message":
        kind = _CHANNEL_KINDS.get(_text(event.get("channel_type")), "")
        names: tuple[str, ...] = ("message", f"message.{kind}")
    else:
        names = (name,)
    subtype = event.get("subtype")
    if subtype and name and isinstance(subtype, str):
        return (*names, f"{name}.{subtype}")
    return names


def _thread(value: dict[str, Any]) -> str:
    return _text(value.get("thread_ts")) or _text(value.get("ts"))


def _author_of(event: dict[str, Any]) -> dict[str, Any]:
    """Only its author edits a message, and the event about it names him inside of the message alone."""
    return event if event.get("subtype") != "message_changed" else _object(event.get("message")) or event


def _is_from_self(payload: dict[str, Any], event: dict[str, Any]) -> bool:
    """The app's own bot caused it: by its app id where the event names one, else by its bot user."""
    own = payload.get("api_app_id")
    profile = event.get("bot_profile")
    by = event.get("app_id") or (profile.get("app_id") if isinstance(profile, dict) else None)
    if by and own:
        return bool(by == own)
    user = _id(event.get("user"))
    authorizations = payload.get("authorizations")
    if not user or not isinstance(authorizations, list):
        return False
    for each in authorizations:
        if isinstance(each, dict) and each.get("user_id") == user and each.get("is_bot") is True:
            return True
    return False


def _interactive_facets(payload: dict[str, Any]) -> Facets:
    view, container = _object(payload.get("view")), _object(payload.get("container"))
    message = _object(payload.get("message"))
    thread = _text(message.get("thread_ts")) or _text(container.get("thread_ts"))
    return Facets(
        kind=_text(payload.get("type")),
        channel=_id(payload.get("channel")) or _text(container.get("channel_id")),
        user=_id(payload.get("user")),
        thread=thread or _text(message.get("ts")) or _text(container.get("message_ts")),
        callback_id=_text(payload.get("callback_id")) or _text(view.get("callback_id")),
        action_ids=_action_ids(payload),
    )


def _action_ids(payload: dict[str, Any]) -> tuple[str, ...]:
    single = payload.get("action_id")
    if isinstance(single, str):
        return (single,)
    actions = payload.get("actions")
    if not isinstance(actions, list):
        return ()
    names = (each.get("action_id") or each.get("name") for each in actions if isinstance(each, dict))
    return tuple(name for name in names if isinstance(name, str))
