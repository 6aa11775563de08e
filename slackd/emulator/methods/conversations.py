"""`conversations.*` that look up or change a conversation itself (the reference's pages of each method)."""

from __future__ import annotations

import re
from typing import Final

from slackd.emulator.conversation import Conversation, described_text
from slackd.emulator.methods.call import Json, Method, MethodCall, refuse
from slackd.slack_server.errors import MethodError

_KINDS: Final = {"public_channel": "channel", "private_channel": "private", "im": "im", "mpim": "mpim"}
_LONGEST_NAME: Final = 80
_LONGEST_TOPIC: Final = 250


def described(call: MethodCall, conversation: Conversation) -> Json:
    """The conversation object as this app sees it."""
    return conversation.described(call.app.team_id, call.bot)


def _info(call: MethodCall) -> Json:
    conversation = call.conversation()
    about = described(call, conversation)
    if call.flag("include_num_members"):
        about["num_members"] = len(conversation.members)
    if call.flag("include_locale"):
        about["locale"] = "en-US"
    if call.bot in conversation.members:
        about["last_read"] = next(reversed(conversation.messages), "0000000000.000000")
    return {"channel": about}


def _list(call: MethodCall) -> Json:
    page, metadata = call.page(_wanted(call, call.workspace.visible(call.bot)), limit_error="invalid_limit")
    for about in page:
        conversation = call.workspace.conversations[about["id"]]
        about["num_members"] = len(conversation.members)
    return {"channels": page, "response_metadata": metadata}


def _of_user(call: MethodCall) -> Json:
    user = call.person().id if call.text("user") else call.bot
    mine = [each for each in call.workspace.visible(call.bot) if user in each.members]
    page, metadata = call.page(_wanted(call, mine), limit_error="invalid_limit")
    return {"channels": page, "response_metadata": metadata}


def _wanted(call: MethodCall, conversations: list[Conversation]) -> list[Json]:
    types = call.names("types") or ["public_channel"]
    if not set(types) <= _KINDS.keys():
        raise MethodError("invalid_types")
    kinds = {_KINDS[each] for each in types}
    return [
        described(call, each)
        for each in conversations
        if each.kind in kinds and not (each.is_archived and call.flag("exclude_archived"))
    ]


def _history(call: MethodCall) -> Json:
    """The newest first, without the replies in threads."""
    conversation = _readable(call)
    found = _between(call, conversation.history())[::-1]
    page, metadata = call.page(found)
    answer: Json = {
        "messages": _seen(call, page),
        "has_more": bool(metadata["next_cursor"]),
        "pin_count": len(conversation.pins),
        "channel_actions_ts": None,
        "channel_actions_count": 0,
    }
    return answer | ({"response_metadata": metadata} if metadata["next_cursor"] else {})


def _replies(call: MethodCall) -> Json:
    """The thread's first message, then the replies, the oldest first."""
    conversation = _readable(call)
    ts = call.required("ts", "thread_not_found")
    thread = conversation.thread(ts)
    if not thread:
        raise MethodError("thread_not_found")
    page, metadata = call.page(_between(call, thread))
    answer: Json = {"messages": _seen(call, page), "has_more": bool(metadata["next_cursor"])}
    return answer | ({"response_metadata": metadata} if metadata["next_cursor"] else {})


def _seen(call: MethodCall, messages: list[Json]) -> list[Json]:
    if call.flag("include_all_metadata"):
        return messages
    return [{name: value for name, value in each.items() if name != "metadata"} for each in messages]


def _readable(call: MethodCall) -> Conversation:
    conversation = call.conversation()
    if call.bot not in conversation.members:
        raise MethodError("not_in_channel")
    return conversation


def _between(call: MethodCall, messages: list[Json]) -> list[Json]:
    oldest = call.number("oldest", 0, "invalid_ts_oldest")
    latest = call.number("latest", 1e12, "invalid_ts_latest")
    inclusive = call.flag("inclusive")
    return [
        message
        for message in messages
        if oldest < float(message["ts"]) < latest or (inclusive and float(message["ts"]) in (oldest, latest))
    ]


def _create(call: MethodCall) -> Json:
    name = valid_name(call)
    kind = "private" if call.flag("is_private") else "channel"
    made = call.workspace.add_conversation(
        call.context.ids.slack_id("C"),
        name,
        kind="private" if kind == "private" else "channel",
        members=[call.bot],
        creator=call.bot,
        created=int(call.wall),
    )
    call.notify(
        {
            "type": "channel_created",
            "channel": {
                "id": made.id,
                "name": name,
                "name_normalized": name,
                "created": made.created,
                "creator": call.bot,
                "is_channel": True,
                "is_shared": False,
                "is_org_shared": False,
                "context_team_id": call.app.team_id,
            },
        }
    )
    return {"channel": described(call, made)}


def valid_name(call: MethodCall) -> str:
    """The name of a channel, which nobody has yet.

    Raises:
        MethodError: `invalid_name_...`, `name_taken`.
    """
    name = call.required("name", "invalid_name_required")
    if len(name) > _LONGEST_NAME:
        raise MethodError("invalid_name_maxlength")
    if not re.search(r"\w", name):
        raise MethodError("invalid_name_punctuation")
    if name != name.lower() or re.search(r"[^\w-]", name):
        raise MethodError("invalid_name_specials")
    if any(each.name == name for each in call.workspace.conversations.values()):
        raise MethodError("name_taken")
    return name


def channel_only(call: MethodCall) -> Conversation:
    """The named conversation, which is a channel and not archived.

    Raises:
        MethodError: `method_not_supported_for_channel_type`, `is_archived`.
    """
    conversation = call.conversation()
    if conversation.kind in ("im", "mpim"):
        raise MethodError("method_not_supported_for_channel_type")
    if conversation.is_archived:
        raise MethodError("is_archived")
    return conversation


def _rename(call: MethodCall) -> Json:
    conversation = channel_only(call)
    if call.bot not in conversation.members:
        raise MethodError("not_in_channel")
    conversation.name = valid_name(call)
    return {"channel": described(call, conversation)}


def _archive(call: MethodCall) -> Json:
    conversation = call.conversation()
    if conversation.is_archived:
        raise MethodError("already_archived")
    if conversation.is_general:
        raise MethodError("cant_archive_general")
    channel = channel_only(call)
    if call.bot not in channel.members:
        raise MethodError("not_in_channel")
    channel.is_archived = True
    return {}


def _unarchive(call: MethodCall) -> Json:
    conversation = call.conversation()
    if not conversation.is_archived:
        raise MethodError("not_archived")
    conversation.is_archived = False
    return {}


def _topic(call: MethodCall) -> Json:
    conversation = call.joined_conversation()
    conversation.topic = _described(call, "topic")
    return {"channel": described(call, conversation), "topic": conversation.topic["value"]}


def _purpose(call: MethodCall) -> Json:
    conversation = call.joined_conversation()
    conversation.purpose = _described(call, "purpose")
    return {"channel": described(call, conversation), "purpose": conversation.purpose["value"]}


def _described(call: MethodCall, name: str) -> Json:
    if name not in call.args:
        refuse("invalid_arguments", f"missing required field: {name}")
    value = call.text(name)
    if len(value) > _LONGEST_TOPIC:
        raise MethodError("too_long")
    return described_text(value, call.bot, int(call.wall))


def _mark(call: MethodCall) -> Json:
    conversation = call.joined_conversation()
    call.message(conversation, "ts", "invalid_timestamp")
    return {}


METHODS: dict[str, Method] = {
    "conversations.archive": _archive,
    "conversations.create": _create,
    "conversations.history": _history,
    "conversations.info": _info,
    "conversations.list": _list,
    "conversations.mark": _mark,
    "conversations.rename": _rename,
    "conversations.replies": _replies,
    "conversations.setPurpose": _purpose,
    "conversations.setTopic": _topic,
    "conversations.unarchive": _unarchive,
    "users.conversations": _of_user,
}
