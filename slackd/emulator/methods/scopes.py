"""Which scopes let a bot token call which method (source: the reference's page of each method).

A method of conversations takes any one of its scopes that fits the kind of the conversation.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

_BY_SCOPES: Final[dict[tuple[str, ...], str]] = {
    ("assistant:write",): """
        assistant.threads.setSuggestedPrompts assistant.threads.setTitle
    """,
    ("bookmarks:read",): """
        bookmarks.list
    """,
    ("bookmarks:write",): """
        bookmarks.add bookmarks.edit bookmarks.remove
    """,
    ("channels:history", "groups:history", "im:history", "mpim:history"): """
        conversations.history conversations.replies
    """,
    ("channels:join",): """
        conversations.join
    """,
    ("channels:manage", "channels:write", "groups:write", "im:write", "mpim:write"): """
        conversations.archive conversations.close conversations.create conversations.kick
        conversations.leave conversations.mark conversations.rename conversations.unarchive
    """,
    (
        "channels:manage",
        "channels:write.invites",
        "groups:write",
        "groups:write.invites",
        "im:write",
        "mpim:write",
    ): """
        conversations.invite
    """,
    (
        "channels:manage",
        "channels:write.topic",
        "groups:write",
        "groups:write.topic",
        "im:write",
        "im:write.topic",
        "mpim:write",
        "mpim:write.topic",
    ): """
        conversations.setPurpose conversations.setTopic
    """,
    ("channels:manage", "groups:write", "im:write", "mpim:write"): """
        conversations.open
    """,
    ("channels:read", "groups:read", "im:read", "mpim:read"): """
        conversations.info conversations.list conversations.members users.conversations
    """,
    ("chat:write",): """
        assistant.threads.setStatus chat.appendStream chat.delete chat.deleteScheduledMessage
        chat.meMessage chat.postEphemeral chat.postMessage chat.scheduleMessage chat.startStream
        chat.stopStream chat.update
    """,
    ("dnd:read",): """
        dnd.info dnd.teamInfo
    """,
    ("emoji:read",): """
        emoji.list
    """,
    ("files:read",): """
        files.info files.list
    """,
    ("files:write",): """
        files.completeUploadExternal files.delete files.getUploadURLExternal
    """,
    ("links:write",): """
        chat.unfurl
    """,
    ("pins:read",): """
        pins.list
    """,
    ("pins:write",): """
        pins.add pins.remove
    """,
    ("reactions:read",): """
        reactions.get reactions.list
    """,
    ("reactions:write",): """
        reactions.add reactions.remove
    """,
    ("team:read",): """
        team.info
    """,
    ("usergroups:read",): """
        usergroups.list usergroups.users.list
    """,
    ("usergroups:write",): """
        usergroups.create usergroups.disable usergroups.enable usergroups.update usergroups.users.update
    """,
    ("users.profile:read",): """
        team.profile.get users.profile.get
    """,
    ("users:read",): """
        bots.info users.getPresence users.info users.list
    """,
    ("users:read.email",): """
        users.lookupByEmail
    """,
    ("users:write",): """
        users.setPresence
    """,
}
_NEEDED: Final = {name: scopes for scopes, names in _BY_SCOPES.items() for name in names.split()}


_FAMILIES: Final = {"channel": "channels", "private": "groups", "im": "im", "mpim": "mpim"}
_TYPES: Final = {"public_channel": "channel", "private_channel": "private", "im": "im", "mpim": "mpim"}
_CUSTOMIZED: Final = ("username", "icon_emoji", "icon_url")


def missing_scope(
    method: str, scopes: Collection[str], args: Mapping[str, Any] | None = None, kind: str | None = None
) -> str | None:
    """The scopes that `needed` names, if none of those given lets an app make the call.

    Args:
        kind: of the conversation that the call names.
    """
    args = args or {}
    customized = method.startswith("chat.") and any(args.get(name) for name in _CUSTOMIZED)
    if customized and "chat:write.customize" not in scopes:
        return "chat:write.customize"
    needed = _NEEDED.get(method, ())
    if not needed:
        return None
    for each in _kinds(method, args, kind):
        fitting = [scope for scope in needed if each is None or scope.startswith(f"{_FAMILIES[each]}:")]
        if fitting and not set(fitting) & set(scopes):
            return ",".join(fitting)
    return None


def _kinds(method: str, args: Mapping[str, Any], kind: str | None) -> Sequence[str | None]:
    """The kinds of conversation that the call is about; None where any scope of the method will do."""
    match method:
        case "conversations.list" | "users.conversations":
            types = str(args.get("types") or "public_channel").split(",")
            return [_TYPES.get(each.strip()) for each in types]
        case "conversations.create":
            return ["private" if str(args.get("is_private")).lower() in ("1", "true") else "channel"]
        case "conversations.open" if args.get("users"):
            users = args["users"]
            several = users if isinstance(users, list) else str(users).split(",")
            return ["im" if len(several) == 1 else "mpim"]
    return [kind if method.startswith("conversations.") else None]
