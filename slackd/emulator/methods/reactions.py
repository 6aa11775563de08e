"""What is attached to messages and channels: reactions, pins, bookmarks (the reference's pages)."""

from __future__ import annotations

import re

from slackd.emulator.conversation import add_reaction, remove_reaction
from slackd.emulator.methods.call import Json, Method, MethodCall
from slackd.emulator.methods.chat import permalink
from slackd.slack_server.errors import MethodError


def _target(call: MethodCall, *, archived: bool = True) -> tuple[str, Json]:
    """The channel and message that are meant; Slack's word is `bad_timestamp` for what is no timestamp.

    Args:
        archived: whether an archived channel will do.
    """
    if not call.text("channel") or not call.text("timestamp"):
        raise MethodError("no_item_specified")
    conversation = call.conversation()
    if conversation.is_archived and not archived:
        raise MethodError("is_archived")
    if not re.fullmatch(r"\d+\.\d+", call.text("timestamp")):
        raise MethodError("bad_timestamp")
    return conversation.id, call.message(conversation, "timestamp")


def _emoji(call: MethodCall) -> str:
    name = call.required("name", "invalid_name").strip(":")
    if not re.fullmatch(r"[a-z0-9_+'-]+(::skin-tone-[2-6])?", name):
        raise MethodError("invalid_name")
    return name


def _add(call: MethodCall) -> Json:
    name = _emoji(call)
    channel, message = _target(call, archived=False)
    if not add_reaction(message, name, call.bot):
        raise MethodError("already_reacted")
    call.notify(reaction_event("reaction_added", call.bot, name, channel, message))
    return {}


def _remove(call: MethodCall) -> Json:
    name = _emoji(call)
    channel, message = _target(call)
    if not remove_reaction(message, name, call.bot):
        raise MethodError("no_reaction")
    call.notify(reaction_event("reaction_removed", call.bot, name, channel, message))
    return {}


def reaction_event(kind: str, user: str, name: str, channel: str, message: Json) -> Json:
    """The event `reaction_added` or `reaction_removed`."""
    return {
        "type": kind,
        "user": user,
        "reaction": name,
        "item": {"type": "message", "channel": channel, "ts": message["ts"]},
        "item_user": message.get("user"),
    }


def _get(call: MethodCall) -> Json:
    channel, message = _target(call)
    link = permalink(call.app.team_domain, channel, message)
    return {"type": "message", "channel": channel, "message": {**message, "permalink": link}}


def _list(call: MethodCall) -> Json:
    user = call.person().id if call.text("user") else call.bot
    items = [
        {"type": "message", "channel": conversation.id, "message": message}
        for conversation in call.workspace.visible(call.bot)
        for message in conversation.messages.values()
        if any(user in each["users"] for each in message.get("reactions", ()))
    ]
    page, metadata = call.page(items)
    return {"items": page, "response_metadata": metadata}


def _pin(call: MethodCall) -> Json:
    conversation = call.joined_conversation()
    _, message = _target(call)
    if message["ts"] in conversation.pins:
        raise MethodError("already_pinned")
    conversation.pins[message["ts"]] = (call.bot, int(call.wall))
    message.setdefault("pinned_to", []).append(conversation.id)
    return {}


def _unpin(call: MethodCall) -> Json:
    conversation = call.conversation()
    _, message = _target(call)
    if conversation.pins.pop(message["ts"], None) is None:
        raise MethodError("no_pin")
    message.pop("pinned_to", None)
    return {}


def _pins(call: MethodCall) -> Json:
    conversation = call.conversation()
    items = [
        {
            "type": "message",
            "channel": conversation.id,
            "created": created,
            "created_by": user,
            "message": conversation.messages[ts],
        }
        for ts, (user, created) in conversation.pins.items()
    ]
    return {"items": items}


def _add_bookmark(call: MethodCall) -> Json:
    conversation = call.conversation("channel_id")
    if call.required("type", "invalid_bookmark_type") != "link":
        raise MethodError("invalid_bookmark_type")
    link = call.required("link", "invalid_link")
    if not re.match(r"https?://", link):
        raise MethodError("invalid_link")
    if not re.fullmatch(r"(:?[a-z0-9_+'-]+:?)?", call.text("emoji")):
        raise MethodError("invalid_emoji")
    bookmark: Json = {
        "id": call.context.ids.slack_id("Bk"),
        "channel_id": conversation.id,
        "title": call.required("title"),
        "link": link,
        "emoji": call.text("emoji") or None,
        "icon_url": None,
        "entity_id": call.text("entity_id") or None,
        "type": "link",
        "date_created": int(call.wall),
        "date_updated": 0,
        "rank": "i",
        "last_updated_by_user_id": call.bot,
        "last_updated_by_team_id": call.app.team_id,
        "shortcut_id": None,
        "app_id": call.app.app_id,
        "app_action_id": None,
    }
    conversation.bookmarks[bookmark["id"]] = bookmark
    return {"bookmark": bookmark}


def _edit_bookmark(call: MethodCall) -> Json:
    conversation = call.conversation("channel_id")
    bookmark = conversation.bookmarks.get(call.required("bookmark_id", "not_found"))
    if bookmark is None:
        raise MethodError("not_found")
    for name in ("title", "link", "emoji"):
        if name in call.args:
            bookmark[name] = call.text(name)
    bookmark["date_updated"] = int(call.wall)
    return {"bookmark": bookmark}


def _remove_bookmark(call: MethodCall) -> Json:
    conversation = call.conversation("channel_id")
    if conversation.bookmarks.pop(call.required("bookmark_id", "not_found"), None) is None:
        raise MethodError("not_found")
    return {}


def _bookmarks(call: MethodCall) -> Json:
    return {"bookmarks": list(call.conversation("channel_id").bookmarks.values())}


METHODS: dict[str, Method] = {
    "bookmarks.add": _add_bookmark,
    "bookmarks.edit": _edit_bookmark,
    "bookmarks.list": _bookmarks,
    "bookmarks.remove": _remove_bookmark,
    "pins.add": _pin,
    "pins.list": _pins,
    "pins.remove": _unpin,
    "reactions.add": _add,
    "reactions.get": _get,
    "reactions.list": _list,
    "reactions.remove": _remove,
}
