"""`chat.scheduleMessage` and its kin: messages that are posted when their time has come."""

from __future__ import annotations

from typing import Final

from slackd.emulator.conversation import Conversation
from slackd.emulator.methods.call import Json, Method, MethodCall
from slackd.emulator.methods.chat import post
from slackd.emulator.methods.composing import compose
from slackd.slack_server.errors import MethodError

FARTHEST: Final = 120 * 24 * 3600
"""Seconds ahead that a message may be scheduled ("chat.scheduleMessage": 120 days)."""

MOST_IN_A_WINDOW: Final = 30
WINDOW: Final = 300
"""Messages that one channel may get so within so many seconds ("chat.scheduleMessage", Restrictions)."""
TOO_LATE_TO_DELETE: Final = 60
"""Seconds before its time in which a message stays ("chat.deleteScheduledMessage", Restrictions)."""


def _schedule(call: MethodCall) -> Json:
    conversation = call.joined_conversation()
    try:
        post_at = int(float(call.required("post_at", "invalid_time")))
    except ValueError:
        raise MethodError("invalid_time") from None
    if post_at <= call.wall:
        raise MethodError("time_in_past")
    if post_at > call.wall + FARTHEST:
        raise MethodError("time_too_far")
    if _crowded(call, conversation, post_at):
        raise MethodError("restricted_too_many")
    message = compose(call, conversation, "")
    del message["ts"]
    scheduled_id = call.context.ids.slack_id("Q")
    call.workspace.scheduled[scheduled_id] = {
        "id": scheduled_id,
        "channel_id": conversation.id,
        "post_at": post_at,
        "date_created": int(call.wall),
        "text": message.get("text", ""),
        "app_id": call.app.app_id,
    }
    when = call.now + (post_at - call.wall)

    def due(now: float) -> None:
        _post(call, conversation, scheduled_id, message, now)

    call.context.scheduler.at(when, due)
    return {
        "channel": conversation.id,
        "scheduled_message_id": scheduled_id,
        "post_at": post_at,
        "message": {**message, "type": "delayed_message"},
    }


def _crowded(call: MethodCall, conversation: Conversation, post_at: int) -> bool:
    """Whether some window around that time would have one message too many."""
    times = [
        each["post_at"] for each in call.workspace.scheduled.values() if each["channel_id"] == conversation.id
    ]
    return any(
        sum(begin <= time < begin + WINDOW for time in (*times, post_at)) > MOST_IN_A_WINDOW
        for begin in (*times, post_at)
        if begin <= post_at < begin + WINDOW
    )


def _post(call: MethodCall, conversation: Conversation, scheduled_id: str, message: Json, now: float) -> None:
    if call.workspace.scheduled.pop(scheduled_id, None) is not None:
        post(call, conversation, {**message, "ts": call.context.ids.ts(call.context.wall(now))})


def _delete(call: MethodCall) -> Json:
    conversation = call.conversation()
    scheduled_id = call.required("scheduled_message_id", "invalid_scheduled_message_id")
    found = call.workspace.scheduled.get(scheduled_id)
    own = found is not None and (found["channel_id"], found["app_id"]) == (conversation.id, call.app.app_id)
    if found is None or not own or found["post_at"] - call.wall <= TOO_LATE_TO_DELETE:
        raise MethodError("invalid_scheduled_message_id")
    del call.workspace.scheduled[scheduled_id]
    return {}


def _list(call: MethodCall) -> Json:
    channel = call.conversation(error="invalid_channel").id if call.text("channel") else None
    oldest, latest = call.number("oldest", 0), call.number("latest", 1e12)
    found = [
        {name: value for name, value in each.items() if name != "app_id"}
        for each in call.workspace.scheduled.values()
        if each["app_id"] == call.app.app_id
        and channel in (None, each["channel_id"])
        and oldest <= each["post_at"] <= latest
    ]
    page, metadata = call.page(found)
    return {"scheduled_messages": page, "response_metadata": metadata}


METHODS: dict[str, Method] = {
    "chat.deleteScheduledMessage": _delete,
    "chat.scheduleMessage": _schedule,
    "chat.scheduledMessages.list": _list,
}
