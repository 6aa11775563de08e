"""`chat.startStream`, `chat.appendStream`, `chat.stopStream`: a message that is written while one reads it.

startStream ──▶ in_progress ──appendStream──▶ in_progress ──stopStream──▶ completed
                    └──a person presses stop──▶ stopped: what the app appends is refused
"""

from __future__ import annotations

from typing import Any, Final

from slackd.emulator.conversation import Conversation
from slackd.emulator.methods.call import Json, Method, MethodCall
from slackd.emulator.methods.chat import own_message, post
from slackd.emulator.methods.composing import (
    MOST_MARKDOWN,
    bot_message,
    check_metadata,
    require_blocks,
    thread_of,
    with_ids,
)
from slackd.emulator.rich_text import mrkdwn_of, rich_text_block
from slackd.slack_server.errors import MethodError

_CHUNKS: Final = frozenset({"blocks", "markdown_text", "plan_update", "task_update"})


def _start(call: MethodCall) -> Json:
    conversation = call.joined_conversation()
    if conversation.kind != "im" and not call.lenient:
        for name in ("recipient_team_id", "recipient_user_id"):
            if not call.text(name):
                raise MethodError(f"missing_{name}")
        if call.text("recipient_team_id") != call.app.team_id:
            raise MethodError("team_not_found")
        call.person("recipient_user_id")
    thread_ts = thread_of(call, conversation)
    ts = call.context.ids.ts(call.wall)
    message = bot_message(call, ts, text="", streaming_state="in_progress")
    if thread_ts:
        message["thread_ts"] = thread_ts
    _append_to(call, message)
    post(call, conversation, message)
    call.surfaces.thread_status.pop((conversation.id, thread_ts or ""), None)
    return {"channel": conversation.id, "ts": ts}


def _append(call: MethodCall) -> Json:
    conversation = call.conversation()
    message = _streaming(call, conversation)
    if not call.text("markdown_text") and not call.args.get("chunks"):
        raise MethodError("no_text")
    _append_to(call, message)
    return {"channel": conversation.id, "ts": message["ts"]}


def _stop(call: MethodCall) -> Json:
    conversation = call.conversation()
    message = _streaming(call, conversation, stopped_is_ended=True)
    check_metadata(call.args.get("metadata"))
    blocks = call.args.get("blocks") or []
    if blocks and not call.lenient:
        require_blocks(blocks)
    _append_to(call, message)
    if blocks:
        message["blocks"] = [*message.get("blocks", []), *with_ids(call, blocks)]
    if call.args.get("metadata"):
        message["metadata"] = call.args["metadata"]
    message["streaming_state"] = "completed"
    return {"channel": conversation.id, "ts": message["ts"], "message": message}


def _streaming(call: MethodCall, conversation: Conversation, *, stopped_is_ended: bool = False) -> Json:
    message = own_message(call, conversation, "message_not_owned_by_app")
    state = message.get("streaming_state")
    if state == "stopped" and not stopped_is_ended:
        raise MethodError("stopped_by_user")
    if state != "in_progress" and not (state == "stopped" and stopped_is_ended):
        raise MethodError("message_not_in_streaming_state")
    return message


def _append_to(call: MethodCall, message: Json) -> None:
    """Text and chunks are added; a task or a plan is shown in its latest state."""
    words = call.text("markdown_text")
    chunks = call.args.get("chunks") or []
    if not isinstance(chunks, list):
        raise MethodError("invalid_chunks")
    for chunk in chunks:
        if not isinstance(chunk, dict) or chunk.get("type") not in _CHUNKS:
            raise MethodError("invalid_chunks")
        if chunk["type"] == "markdown_text":
            words += str(chunk.get("text", ""))
        elif chunk["type"] == "blocks":
            require_blocks(chunk.get("blocks"))
    if len(words) > MOST_MARKDOWN:
        raise MethodError("msg_too_long")
    message["text"] += words
    tasks = [each for each in message.get("blocks", []) if each["type"] in ("task_card", "plan")]
    for chunk in chunks:
        if chunk["type"] in ("task_update", "plan_update"):
            tasks = _updated(tasks, chunk)
    added = [block for chunk in chunks if chunk["type"] == "blocks" for block in chunk["blocks"]]
    spoken = [rich_text_block(mrkdwn_of(message["text"]), "stream")] if message["text"] else []
    message["blocks"] = [*tasks, *spoken, *with_ids(call, added)]


def _updated(tasks: list[Json], chunk: Json) -> list[Json]:
    kind = "task_card" if chunk["type"] == "task_update" else "plan"
    task_id = str(chunk.get("id", kind))
    about: dict[str, Any] = {name: value for name, value in chunk.items() if name not in ("type", "id")}
    block = {"type": kind, "block_id": task_id, "task_id": task_id, **about}
    if any(each["block_id"] == task_id for each in tasks):
        return [{**each, **block} if each["block_id"] == task_id else each for each in tasks]
    return [*tasks, block]


METHODS: dict[str, Method] = {
    "chat.appendStream": _append,
    "chat.startStream": _start,
    "chat.stopStream": _stop,
}
