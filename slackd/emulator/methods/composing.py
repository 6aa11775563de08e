"""A message as an app composes it: what of it Slack refuses, and what Slack makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from slackd.emulator.blockkit import check_blocks
from slackd.emulator.conversation import Conversation
from slackd.emulator.methods.call import Json, MethodCall, refuse
from slackd.emulator.rich_text import mrkdwn_of, rich_text_block
from slackd.slack.limits import MESSAGE_TEXT_LIMIT
from slackd.slack_server.errors import MethodError

MOST_ATTACHMENTS: Final = 100
MOST_MARKDOWN: Final = 12_000
"""Characters of `markdown_text` ("chat.postMessage")."""

_KEPT: Final = ("username", "icon_emoji", "icon_url", "unfurl_links", "unfurl_media", "metadata")


def compose(call: MethodCall, conversation: Conversation, ts: str) -> Json:
    """The message that a call's arguments describe.

    Raises:
        MethodError: Slack does not take it.
    """
    message = bot_message(call, ts, **content_of(call))
    for name in _KEPT:
        if call.args.get(name):
            message[name] = call.args[name]
    if thread_ts := thread_of(call, conversation):
        message["thread_ts"] = thread_ts
        if call.flag("reply_broadcast"):
            message |= {"subtype": "thread_broadcast", "root": dict(conversation.messages[thread_ts])}
    return message


def content_of(call: MethodCall) -> Json:
    """Text, blocks and attachments, each as Slack stores it.

    Raises:
        MethodError: there is nothing to say, or it isn't as Slack documents it.
    """
    args = call.args
    markdown = args.get("markdown_text")
    if markdown is not None and (args.get("text") or args.get("blocks")):
        raise MethodError("markdown_text_conflict")
    check_metadata(args.get("metadata"))
    text = str(args.get("text") or mrkdwn_of(str(markdown or "")))[:MESSAGE_TEXT_LIMIT]
    blocks, attachments = _given(call, "blocks"), _given(call, "attachments")
    if not (text or blocks or attachments or args.get("file_ids")):
        raise MethodError("no_text")
    if markdown is not None and len(str(markdown)) > MOST_MARKDOWN:
        raise MethodError("msg_too_long")
    content: Json = {"text": text}
    if blocks:
        content["blocks"] = with_ids(call, blocks)
    elif text:
        content["blocks"] = [rich_text_block(text, call.context.ids.secret()[:5])]
    if attachments:
        content["attachments"] = [
            {"id": number, "fallback": "[no preview available]", **each}
            for number, each in enumerate(attachments, 1)
        ]
    return content


def _given(call: MethodCall, name: str) -> list[Json]:
    """Blocks or attachments, checked."""
    value = call.args.get(name)
    if value in (None, ""):
        return []
    if not isinstance(value, list):
        raise MethodError("invalid_blocks_format" if name == "blocks" else "invalid_attachments")
    if call.lenient:
        return [each for each in value if isinstance(each, dict)]
    if name == "blocks":
        require_blocks(value)
        return value
    if len(value) > MOST_ATTACHMENTS:
        raise MethodError("too_many_attachments")
    for number, attachment in enumerate(value):
        if not isinstance(attachment, dict):
            raise MethodError("invalid_attachments")
        if "blocks" in attachment:
            require_blocks(attachment["blocks"], f"/attachments/{number}/blocks")
    return value


def require_blocks(blocks: object, pointer: str = "/blocks") -> None:
    """Refuse blocks of a message that aren't as Slack documents them.

    Raises:
        MethodError: `invalid_blocks`, with every violation and its place.
    """
    violations = [str(each) for each in check_blocks(blocks, "message", pointer)]
    if violations:
        refuse("invalid_blocks", *violations, errors=violations)


def with_ids(call: MethodCall, blocks: list[Json]) -> list[Json]:
    """The blocks, each with a `block_id`."""
    return [{**block, "block_id": block.get("block_id") or call.context.ids.secret()[:5]} for block in blocks]


def check_metadata(metadata: object) -> None:
    """Refuse metadata that isn't `{event_type, event_payload}` ("Message metadata").

    Raises:
        MethodError: `invalid_metadata_format`.
    """
    if metadata in (None, "", {}):
        return
    fits = (
        isinstance(metadata, Mapping)
        and isinstance(metadata.get("event_type"), str)
        and isinstance(metadata.get("event_payload", {}), Mapping)
    )
    if not fits:
        raise MethodError("invalid_metadata_format")


def thread_of(call: MethodCall, conversation: Conversation) -> str | None:
    """The thread that the message belongs to.

    Raises:
        MethodError: `thread_not_found`: no message has that timestamp.
    """
    thread_ts = call.text("thread_ts")
    if not thread_ts:
        return None
    if thread_ts not in conversation.messages:
        if not call.lenient:
            raise MethodError("thread_not_found")
        return thread_ts
    return str(conversation.messages[thread_ts].get("thread_ts", thread_ts))


def bot_message(call: MethodCall, ts: str, **content: Any) -> Json:
    """A message of the app's, with that content and what stands in each of them."""
    return {
        "user": call.bot,
        "type": "message",
        "ts": ts,
        "bot_id": call.app.bot_id,
        "app_id": call.app.app_id,
        "team": call.app.team_id,
        "bot_profile": _bot_profile(call),
        **content,
    }


def _bot_profile(call: MethodCall) -> Json:
    app = call.app
    about: dict[str, Any] = {"id": app.bot_id, "app_id": app.app_id, "user_id": app.bot_user_id}
    return {
        **about,
        "name": app.name,
        "icons": {"image_36": "", "image_48": "", "image_72": ""},
        "deleted": False,
        "updated": 1_700_000_000,
        "team_id": app.team_id,
    }
