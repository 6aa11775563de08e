"""`chat.*`: post, update and delete messages (the reference's pages of each method)."""

from __future__ import annotations

import html
import json

from slackd.emulator.conversation import Conversation
from slackd.emulator.methods.call import Json, Method, MethodCall
from slackd.emulator.methods.composing import check_metadata, compose, content_of
from slackd.emulator.rich_text import rich_text_block
from slackd.slack.limits import UPDATE_TEXT_LIMIT
from slackd.slack_server.errors import MethodError


def post_message(call: MethodCall) -> Json:
    """Post, and say what was posted.

    Returns:
        The answer's fields.

    Raises:
        MethodError: The app may not post there.
    """
    conversation = call.conversation()
    if conversation.is_archived:
        raise MethodError("is_archived")
    public = conversation.open_to_all and "chat:write.public" in call.app.scopes
    if call.bot not in conversation.members and not public:
        raise MethodError("not_in_channel")
    message = compose(call, conversation, call.context.ids.ts(call.wall))
    post(call, conversation, message)
    return {"channel": conversation.id, "ts": message["ts"], "message": message}


def post(call: MethodCall, conversation: Conversation, message: Json) -> None:
    """The message stands in the conversation from now on."""
    conversation.add(message)
    call.notify(
        {
            **message,
            "channel": conversation.id,
            "channel_type": conversation.channel_type,
            "event_ts": message["ts"],
        }
    )


def _post_ephemeral(call: MethodCall) -> Json:
    conversation = call.joined_conversation()
    reader = call.required("user", "user_not_in_channel")
    if reader not in conversation.members and not call.lenient:
        raise MethodError("user_not_in_channel")
    message = compose(call, conversation, call.context.ids.ts(call.wall))
    conversation.ephemeral[message["ts"]] = {**message, "is_ephemeral": True, "reader": reader}
    return {"message_ts": message["ts"]}


def _me_message(call: MethodCall) -> Json:
    conversation = call.joined_conversation()
    text = call.required("text", "no_text")
    ts = call.context.ids.ts(call.wall)
    message: Json = {"type": "message", "subtype": "me_message", "user": call.bot, "text": text, "ts": ts}
    post(call, conversation, message)
    return {"channel": conversation.id, "ts": ts}


def own_message(call: MethodCall, conversation: Conversation, error: str) -> Json:
    """The message that the app means, which is its own.

    Raises:
        MethodError: `message_not_found`, or `error` if somebody else's.
    """
    message = call.message(conversation)
    if message.get("app_id") != call.app.app_id:
        raise MethodError(error)
    return message


def _update(call: MethodCall) -> Json:
    """What isn't given stays: blocks, attachments and metadata among it."""
    conversation = call.conversation()
    message = own_message(call, conversation, "cant_update_message")
    if message.get("streaming_state") == "in_progress":
        raise MethodError("streaming_state_conflict")
    if conversation.is_archived:
        raise MethodError("is_inactive")
    if len(call.text("text")) > UPDATE_TEXT_LIMIT:
        raise MethodError("msg_too_long")
    before = dict(message)
    if call.args.keys() & {"text", "blocks", "attachments", "markdown_text"}:
        _rewrite(call, message)
    if "metadata" in call.args:
        check_metadata(call.args["metadata"])
        message["metadata"] = call.args["metadata"]
    ts = call.context.ids.ts(call.wall)
    message["edited"] = {"user": call.app.bot_id, "ts": ts}
    call.notify(changed_event(conversation, message, before, ts))
    return {
        "channel": conversation.id,
        "ts": message["ts"],
        "text": message.get("text", ""),
        "message": message,
    }


def _rewrite(call: MethodCall, message: Json) -> None:
    old_text, old_blocks = message.get("text", ""), message.get("blocks")
    emptied = {name for name in ("blocks", "attachments") if call.args.get(name) in ("", [])}
    if call.args.get("text") or not emptied:
        content = content_of(call)
    else:
        content = {"text": call.text("text", old_text)}
    of_its_text = isinstance(old_blocks, list) and old_blocks == [
        rich_text_block(old_text, str(block.get("block_id"))) for block in old_blocks[:1]
    ]
    if not call.args.get("blocks") and not of_its_text and "blocks" not in emptied:
        content.pop("blocks", None)
    if "text" not in call.args and "markdown_text" not in call.args:
        content.pop("text", None)
    for name in emptied:
        message.pop(name, None)
    message |= content


def changed_event(conversation: Conversation, message: Json, before: Json, ts: str) -> Json:
    """The event `message` with the subtype `message_changed`."""
    return {
        "type": "message",
        "subtype": "message_changed",
        "hidden": True,
        "message": dict(message),
        "previous_message": before,
        "channel": conversation.id,
        "channel_type": conversation.channel_type,
        "ts": ts,
        "event_ts": ts,
    }


def deleted_event(conversation: Conversation, before: Json, ts: str) -> Json:
    """The event `message` with the subtype `message_deleted`."""
    return {
        "type": "message",
        "subtype": "message_deleted",
        "hidden": True,
        "deleted_ts": before["ts"],
        "previous_message": before,
        "channel": conversation.id,
        "channel_type": conversation.channel_type,
        "ts": ts,
        "event_ts": ts,
    }


def _delete(call: MethodCall) -> Json:
    conversation = call.conversation()
    message = own_message(call, conversation, "cant_delete_message")
    conversation.remove(message["ts"])
    call.notify(deleted_event(conversation, message, call.context.ids.ts(call.wall)))
    return {"channel": conversation.id, "ts": message["ts"]}


def _permalink(call: MethodCall) -> Json:
    conversation = call.conversation()
    message = call.message(conversation, "message_ts")
    return {
        "channel": conversation.id,
        "permalink": permalink(call.app.team_domain, conversation.id, message),
    }


def permalink(team_domain: str, channel: str, message: Json) -> str:
    """Where a browser finds that message."""
    link = f"https://{team_domain}.slack.com/archives/{channel}/p{message['ts'].replace('.', '')}"
    thread_ts = message.get("thread_ts")
    return f"{link}?thread_ts={thread_ts}&cid={channel}" if thread_ts else link


def _unfurl(call: MethodCall) -> Json:
    unfurls = call.args.get("unfurls")
    if not unfurls:
        raise MethodError("missing_unfurls")
    if not isinstance(unfurls, dict):
        raise MethodError("invalid_unfurls_format")
    for name in ("channel", "ts"):
        if not call.text(name):
            raise MethodError(f"missing_{name}")
    conversation = call.conversation(error="cannot_find_channel")
    message = call.message(conversation, error="cannot_find_message")
    words = html.unescape(json.dumps(message))
    if not (call.lenient or all(json.dumps(url)[1:-1] in words for url in unfurls)):
        raise MethodError("cannot_unfurl_message")
    unfurled = [{"from_url": url, **given} for url, given in unfurls.items() if isinstance(given, dict)]
    message["attachments"] = [*message.get("attachments", []), *unfurled]
    return {}


METHODS: dict[str, Method] = {
    "chat.delete": _delete,
    "chat.getPermalink": _permalink,
    "chat.meMessage": _me_message,
    "chat.postEphemeral": _post_ephemeral,
    "chat.postMessage": post_message,
    "chat.unfurl": _unfurl,
    "chat.update": _update,
}
