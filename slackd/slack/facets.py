"""What a payload is about, read out of it once: for the broker's subscriptions and for the SDK's `Envelope`.

Slack names the same thing in many ways: a channel is `channel`, an object in `channel`, `channel_id`, or
stands inside of an item, a thread or a container. The pages of the single events ("Events" in the reference)
and of the single payloads ("Interaction payloads") are the source; tests/unit/slack has a sample of each.

An edit or a deletion of a message is about that message: it has its thread and its person, whatever `ts` and
author the event around it has ("message_changed", "message_deleted").
"""

from collections.abc import Collection, Mapping
from typing import Any, Final

from slackd.frozen import frozen
from slackd.slack.envelopes import (
    COMMANDS,
    CONTROL_EVENTS,
    EVENTS,
    INTERACTIVE,
    MEMBERSHIP_EVENTS,
    MESSAGE_PLACES,
)


@frozen
class Facets:
    """What an envelope is about; "" and () where the payload doesn't say.

    Attributes:
        kind: For interactive envelopes the payload's own type (`block_actions`, `view_submission`, …), else "".
        events: Names an event answers to, the broader first: `message` is also `message.channels`, as the app's
            settings call it, and whatever has a subtype is also TYPE.SUBTYPE (`message.message_changed`).
        channel, user: Ids.
        thread: The `ts` of the thread's root message, or of the message itself where it is in none.
        text: What a person wrote: in the message, or after the command.
        command: The slash command with its slash.
        callback_id: Of a shortcut, a view, a custom step or a legacy dialog.
        action_ids: Of all actions in one `block_actions`, or of the menu that asks for options.
        from_self: The app's own bot caused it.
        control: It steers work that is under way, so it overtakes that work.
    """

    kind: str = ""
    events: tuple[str, ...] = ()
    channel: str = ""
    user: str = ""
    thread: str = ""
    text: str = ""
    command: str = ""
    callback_id: str = ""
    action_ids: tuple[str, ...] = ()
    from_self: bool = False
    control: bool = False


_EMPTY: Final[dict[str, Any]] = {}
_NOTHING: Final = Facets()


def facets(envelope_type: str, payload: Mapping[str, Any], own_bot_ids: Collection[str] = ()) -> Facets:
    """What the payload of an envelope of this type is about. Never raises on what anybody has sent.

    Args:
        envelope_type: `events_api`, `slash_commands`, `interactive`, or whatever Slack invents next.
        payload: The envelope's payload.
        own_bot_ids: What `auth.test` says as `bot_id` of the app's bot: by that alone one knows its messages
            that name neither user nor app ("bot_message").
    """
    if envelope_type == EVENTS:
        return _of_event(payload, own_bot_ids)
    if envelope_type == COMMANDS:
        return Facets(
            channel=_text(payload.get("channel_id")),
            user=_text(payload.get("user_id")),
            text=_text(payload.get("text")),
            command=_text(payload.get("command")),
        )
    if envelope_type == INTERACTIVE:
        return _of_interaction(payload)
    return _NOTHING


def event_names(payload: Mapping[str, Any]) -> tuple[str, ...]:
    """`Facets.events` of an event's payload, without all the rest. Never raises on what anybody has sent."""
    event = payload.get("event")
    if not isinstance(event, dict):
        name = _text(payload.get("type"))
        return (name,) if name else ()
    return _event_names(_text(event.get("type")), event.get("subtype"), event)


def _of_event(payload: Mapping[str, Any], own_bot_ids: Collection[str]) -> Facets:
    event = payload.get("event")
    if not isinstance(event, dict):
        return Facets(events=event_names(payload))
    name = _text(event.get("type"))
    subtype = event.get("subtype")
    message = _message_of(event) if subtype or "message" in event else event
    return Facets(
        "",
        _event_names(name, subtype, event),
        _channel_of(event),
        _user_of(event, message),
        _thread_of(event, message),
        _text(message.get("text")) if subtype != "message_deleted" else "",
        "",
        _callback_id_of(event) if "callback_id" in event or "function" in event else "",
        (),
        name not in MEMBERSHIP_EVENTS and _is_from_self(payload, event, message, own_bot_ids),
        name in CONTROL_EVENTS,
    )


def _message_of(event: dict[str, Any]) -> dict[str, Any]:
    """The message that an event is about: the event itself, or what it says was changed or deleted."""
    for holder in ("message", "previous_message"):
        message = event.get(holder)
        if isinstance(message, dict) and message:
            return message
    return event


_MESSAGE_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    kind: ("message", f"message.{place}") for kind, place in MESSAGE_PLACES.items()
}
_MESSAGE_ANYWHERE: Final = ("message", "message.")


def _event_names(name: str, subtype: Any, event: dict[str, Any]) -> tuple[str, ...]:
    if name == "message":
        names = _MESSAGE_NAMES.get(_text(event.get("channel_type")), _MESSAGE_ANYWHERE)
    else:
        names = (name,)
    if subtype and name and isinstance(subtype, str):
        return (*names, f"{name}.{subtype}")
    return names


def _callback_id_of(event: dict[str, Any]) -> str:
    return _text(event.get("callback_id")) or _text(_object(event.get("function")).get("callback_id"))


_CHANNELS: Final = ("channel", "channel_id", "new_channel_id")
_CHANNEL_HOLDERS: Final = ("item", "assistant_thread", "container", "message")


def _channel_of(event: dict[str, Any]) -> str:
    for name in _CHANNELS:
        if found := _id(event.get(name)):
            return found
    for holder in _CHANNEL_HOLDERS:
        inner = event.get(holder)
        if isinstance(inner, dict) and (found := _id(inner.get("channel")) or _text(inner.get("channel_id"))):
            return found
    return ""


_USERS: Final = ("user", "user_id", "accepting_user", "approving_user", "declining_user", "actor", "actor_id")
_USER_HOLDERS: Final = (
    ("assistant_thread", "user_id"),
    ("app_request", "user"),
    ("invite", "inviting_user"),
    ("channel", "creator"),
    ("file", "user"),
    ("comment", "user"),
    ("subteam", "updated_by"),
    ("subteam", "created_by"),
)


def _user_of(event: dict[str, Any], message: dict[str, Any]) -> str:
    if message is not event and (found := _id(message.get("user"))):
        return found
    for name in _USERS:
        if found := _id(event.get(name)):
            return found
    for holder, name in _USER_HOLDERS:
        inner = event.get(holder)
        if isinstance(inner, dict) and (found := _id(inner.get(name))):
            return found
    return ""


def _thread_of(event: dict[str, Any], message: dict[str, Any]) -> str:
    if message is not event:
        return _thread(message) or _text(event.get("deleted_ts")) or _thread(event)
    if event.get("subtype") == "message_deleted" and (deleted := _text(event.get("deleted_ts"))):
        return deleted
    found = _thread(event)
    if found:
        return found
    item = _object(event.get("item"))
    return (
        _text(_object(event.get("assistant_thread")).get("thread_ts"))
        or _text(event.get("message_ts"))
        or _thread(item)
        or _thread(_object(item.get("message")))
    )


def _thread(value: dict[str, Any]) -> str:
    return _text(value.get("thread_ts")) or _text(value.get("ts"))


def _is_from_self(
    payload: Mapping[str, Any], event: dict[str, Any], message: dict[str, Any], own_bot_ids: Collection[str]
) -> bool:
    """By its app's id where it names one, else by its bot user, else by its bot. Only its author edits a
    message, and the event about it names him inside of the message alone; many may delete it."""
    author = message if event.get("subtype") == "message_changed" else event
    own = payload.get("api_app_id")
    profile = author.get("bot_profile")
    by = author.get("app_id") or (profile.get("app_id") if isinstance(profile, dict) else None)
    if by and own:
        return bool(by == own)
    bot = author.get("bot_id")
    if bot and isinstance(bot, str) and bot in own_bot_ids:
        return True
    user = _id(author.get("user")) or _text(author.get("user_id"))
    authorizations = payload.get("authorizations")
    if not user or not isinstance(authorizations, list):
        return False
    for each in authorizations:
        if isinstance(each, dict) and each.get("user_id") == user and each.get("is_bot") is True:
            return True
    return False


def _of_interaction(payload: Mapping[str, Any]) -> Facets:
    view, container = _object(payload.get("view")), _object(payload.get("container"))
    message = _object(payload.get("message")) or _object(payload.get("original_message"))
    thread = _text(message.get("thread_ts")) or _text(container.get("thread_ts"))
    return Facets(
        kind=_text(payload.get("type")),
        channel=_id(payload.get("channel")) or _text(container.get("channel_id")),
        user=_id(payload.get("user")),
        thread=thread
        or _text(message.get("ts"))
        or _text(container.get("message_ts"))
        or _text(payload.get("message_ts")),
        text=_text(message.get("text")),
        callback_id=_text(payload.get("callback_id")) or _text(view.get("callback_id")),
        action_ids=_action_ids(payload),
    )


def _action_ids(payload: Mapping[str, Any]) -> tuple[str, ...]:
    single = payload.get("action_id")
    if isinstance(single, str):
        return (single,)
    actions = payload.get("actions")
    if not isinstance(actions, list):
        return ()
    names = (each.get("action_id") or each.get("name") for each in actions if isinstance(each, dict))
    return tuple(name for name in names if isinstance(name, str))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _id(value: Any) -> str:
    """Slack names a channel or a user by its id, or by an object that has one."""
    if value is None or isinstance(value, str):
        return value or ""
    return _text(value.get("id")) if isinstance(value, dict) else ""


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else _EMPTY
