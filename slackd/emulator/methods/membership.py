"""Who is in a conversation: `conversations.members`, `join`, `leave`, `invite`, `kick`, `open`, `close`."""

from __future__ import annotations

from typing import Final

from slackd.emulator.conversation import Conversation
from slackd.emulator.methods.call import Json, Method, MethodCall
from slackd.emulator.methods.conversations import channel_only, described
from slackd.slack_server.errors import MethodError

MOST_IN_A_GROUP: Final = 8
"""People that `conversations.open` brings together, besides the app."""


def _members(call: MethodCall) -> Json:
    page, metadata = call.page(list(call.conversation().members), limit_error="invalid_limit")
    return {"members": page, "response_metadata": metadata}


def _join(call: MethodCall) -> Json:
    conversation = channel_only(call)
    if not conversation.open_to_all:
        raise MethodError("channel_not_found")
    if call.bot in conversation.members:
        metadata = {"response_metadata": {"warnings": ["already_in_channel"]}}
        return {"channel": described(call, conversation), "warning": "already_in_channel", **metadata}
    _enter(call, conversation, call.bot)
    return {"channel": described(call, conversation)}


def _enter(call: MethodCall, conversation: Conversation, user: str) -> None:
    conversation.members[user] = None
    call.notify(
        {
            "type": "member_joined_channel",
            "user": user,
            "channel": conversation.id,
            "channel_type": conversation.id[:1],
            "team": call.app.team_id,
            "inviter": call.bot,
        }
    )


def _leave(call: MethodCall) -> Json:
    conversation = channel_only(call)
    if conversation.is_general:
        raise MethodError("cant_leave_general")
    if call.bot not in conversation.members:
        return {"not_in_channel": True}
    if len(conversation.members) == 1:
        raise MethodError("last_member")
    del conversation.members[call.bot]
    return {}


def _invite(call: MethodCall) -> Json:
    conversation = channel_only(call)
    if call.bot not in conversation.members:
        raise MethodError("not_in_channel")
    users = call.names("users")
    if not users:
        raise MethodError("no_user")
    errors = [
        {"user": user, "ok": False, "error": error}
        for user in users
        if (error := _cannot_invite(call, conversation, user)) is not None
    ]
    welcome = [user for user in users if user not in {each["user"] for each in errors}]
    if errors and not (welcome and call.flag("force")):
        raise MethodError(str(errors[0]["error"]), errors=errors)
    for user in welcome:
        _enter(call, conversation, user)
    return {"channel": described(call, conversation)}


def _cannot_invite(call: MethodCall, conversation: Conversation, user: str) -> str | None:
    if user == call.bot:
        return "cant_invite_self"
    if user not in call.workspace.people:
        return "user_not_found"
    return "already_in_channel" if user in conversation.members else None


def _kick(call: MethodCall) -> Json:
    conversation = channel_only(call)
    user = call.person().id
    if user == call.bot:
        raise MethodError("cant_kick_self")
    if conversation.is_general:
        raise MethodError("cant_kick_from_general")
    if user not in conversation.members:
        raise MethodError("not_in_channel")
    del conversation.members[user]
    return {"errors": {}}


def _open(call: MethodCall) -> Json:
    """The same people have the same conversation, however often it is opened."""
    if call.text("channel"):
        conversation, was_open = call.conversation(), True
        if conversation.kind not in ("im", "mpim"):
            raise MethodError("method_not_supported_for_channel_type")
    else:
        conversation, was_open = _of_users(call)
    opened: Json = {"no_op": True, "already_open": True} if was_open else {}
    about = described(call, conversation) if call.flag("return_im") else {"id": conversation.id}
    return {**opened, "channel": about}


def _of_users(call: MethodCall) -> tuple[Conversation, bool]:
    users = call.names("users")
    if not users:
        raise MethodError("users_list_not_supplied")
    if len(users) > MOST_IN_A_GROUP:
        raise MethodError("too_many_users")
    for user in users:
        if user not in call.workspace.people:
            if not call.lenient:
                raise MethodError("user_not_found")
            call.workspace.add_person(user)
    return call.workspace.direct(call.bot, *users)


def _close(call: MethodCall) -> Json:
    if call.conversation().kind not in ("im", "mpim"):
        raise MethodError("method_not_supported_for_channel_type")
    return {}


METHODS: dict[str, Method] = {
    "conversations.close": _close,
    "conversations.invite": _invite,
    "conversations.join": _join,
    "conversations.kick": _kick,
    "conversations.leave": _leave,
    "conversations.members": _members,
    "conversations.open": _open,
}
