"""`files.*`: a file is announced, uploaded, completed, and then shared ("Uploading files")."""

from __future__ import annotations

from typing import Final

from slackd.emulator.conversation import Conversation
from slackd.emulator.files import EmulatedFile
from slackd.emulator.methods.call import Json, Method, MethodCall
from slackd.emulator.methods.chat import post
from slackd.emulator.methods.composing import bot_message
from slackd.emulator.rich_text import rich_text_block
from slackd.slack_server.errors import MethodError

MOST_CHANNELS: Final = 100
"""Channels that a file is shared to at once ("files.completeUploadExternal")."""
LONGEST_ALT_TEXT: Final = 1_000
"""Characters of an image's description ("files.getUploadURLExternal")."""


def described(call: MethodCall, file: EmulatedFile) -> Json:
    """The file object."""
    return file.described(call.app.team_id, call.app.team_domain, call.base_url)


def _upload_url(call: MethodCall) -> Json:
    name = call.required("filename")
    length = int(call.number("length", 0))
    if length <= 0:
        raise MethodError("missing_argument")
    if len(call.text("alt_txt")) > LONGEST_ALT_TEXT:
        raise MethodError("alt_txt_too_large")
    file = EmulatedFile(
        id=call.context.ids.slack_id("F"),
        name=name,
        user=call.bot,
        created=int(call.wall),
        alt_text=call.text("alt_txt"),
        length=length,
    )
    call.workspace.files[file.id] = file
    return {
        "upload_url": f"{call.base_url}/upload/v1/{file.id}-{call.context.ids.secret()}",
        "file_id": file.id,
    }


def _complete(call: MethodCall) -> Json:
    given = call.args.get("files")
    if not isinstance(given, list) or not given:
        raise MethodError("invalid_arguments")
    files = []
    for each in given:
        file = call.workspace.files.get(str(each.get("id"))) if isinstance(each, dict) else None
        if file is None or file.content is None:
            raise MethodError("file_not_found")
        file.title = str(each.get("title") or file.title)
        files.append(file)
    names = call.names("channels") or call.names("channel_id")
    if len(names) > MOST_CHANNELS:
        raise MethodError("channels_limit_exceeded")
    conversations = []
    for name in names:
        conversation = call.workspace.find_conversation(name, call.bot)
        if conversation is None:
            raise MethodError("invalid_channel")
        if call.bot not in conversation.members:
            raise MethodError("not_in_channel")
        conversations.append(conversation)
    for file in files:
        file.completed = True
    for conversation in conversations:
        _share(call, files, conversation)
    return {"files": [described(call, file) for file in files]}


def _share(call: MethodCall, files: list[EmulatedFile], conversation: Conversation) -> None:
    ts = call.context.ids.ts(call.wall)
    for file in files:
        file.shares.setdefault(conversation.id, []).append(ts)
        file.is_public = file.is_public or conversation.open_to_all
    comment = call.text("initial_comment")
    shared = [described(call, file) for file in files]
    message = bot_message(call, ts, text=comment, files=shared, upload=True)
    if comment:
        message["blocks"] = [rich_text_block(comment, call.context.ids.secret()[:5])]
    if call.text("thread_ts") in conversation.messages:
        message["thread_ts"] = call.text("thread_ts")
    post(call, conversation, message)


def _info(call: MethodCall) -> Json:
    file = _file(call)
    return {"file": described(call, file), "comments": [], "response_metadata": {"next_cursor": ""}}


def _file(call: MethodCall) -> EmulatedFile:
    file_id = call.required("file", "file_not_found")
    if file_id in call.workspace.deleted_files:
        raise MethodError("file_deleted")
    file = call.workspace.files.get(file_id)
    if file is None or not file.completed:
        raise MethodError("file_not_found")
    return file


def _list(call: MethodCall) -> Json:
    channel, user = call.text("channel"), call.text("user")
    if channel:
        channel = call.conversation().id
    found = [
        described(call, file)
        for file in call.workspace.files.values()
        if file.completed and channel in ("", *file.shares) and user in ("", file.user)
    ]
    count, number = max(1, int(call.number("count", 100))), max(1, int(call.number("page", 1)))
    begin = (number - 1) * count
    paging = {"count": count, "total": len(found), "page": number, "pages": -(-len(found) // count)}
    return {"files": found[begin : begin + count], "paging": paging}


def _delete(call: MethodCall) -> Json:
    file = _file(call)
    if file.user != call.bot:
        raise MethodError("cant_delete_file")
    del call.workspace.files[file.id]
    call.workspace.deleted_files.add(file.id)
    return {}


METHODS: dict[str, Method] = {
    "files.completeUploadExternal": _complete,
    "files.delete": _delete,
    "files.getUploadURLExternal": _upload_url,
    "files.info": _info,
    "files.list": _list,
}
