"""Which scopes let a bot token call which method (source: the reference's page of each method).

A method of conversations takes any one of its scopes; Slack narrows that by the kind of the conversation.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

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


def missing_scope(method: str, scopes: Collection[str]) -> str | None:
    """The scope that `needed` names, if none of those given lets an app call the method."""
    needed = _NEEDED.get(method, ())
    return None if not needed or set(needed) & set(scopes) else ",".join(needed)
