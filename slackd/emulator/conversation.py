"""One conversation and its messages (source: the reference's "Conversation object")."""

from __future__ import annotations

from typing import Any, Final, Literal

import attrs

Json = dict[str, Any]
Kind = Literal["channel", "private", "im", "mpim"]

DEFAULT_CHANNEL: Final = "C0GENERAL01"
CREATED: Final = 1_700_000_000
KEPT_MESSAGES: Final = 10_000
"""Messages of one conversation; the oldest go first."""

_CHANNEL_TYPES: Final[dict[Kind, str]] = {
    "channel": "channel",
    "private": "group",
    "im": "im",
    "mpim": "mpim",
}


@attrs.define(kw_only=True)
class Conversation:
    """A channel, a private channel, a direct message, or one of several people.

    Attributes:
        members: the ids of its members, in the order in which they joined.
        messages: by `ts`, in the order in which they were posted.
        ephemeral: messages that one person sees, by `ts`; each names its reader under `reader`.
        pins: who pinned which `ts`, and when (seconds since the epoch).
        bookmarks: by id.
    """

    id: str
    name: str
    kind: Kind = "channel"
    creator: str = ""
    created: int = CREATED
    is_general: bool = False
    is_archived: bool = False
    topic: Json = attrs.field(factory=lambda: described_text("", "", 0))
    purpose: Json = attrs.field(factory=lambda: described_text("", "", 0))
    members: dict[str, None] = attrs.field(factory=dict)
    messages: dict[str, Json] = attrs.field(factory=dict)
    ephemeral: dict[str, Json] = attrs.field(factory=dict)
    pins: dict[str, tuple[str, int]] = attrs.field(factory=dict)
    bookmarks: dict[str, Json] = attrs.field(factory=dict)

    @property
    def channel_type(self) -> str:
        """As in the events: `channel`, `group`, `im` or `mpim`."""
        return _CHANNEL_TYPES[self.kind]

    @property
    def open_to_all(self) -> bool:
        """Whether everybody in the workspace can see it."""
        return self.kind == "channel"

    def described(self, team_id: str, viewer: str) -> Json:
        """The conversation object, as a member of the workspace is given it."""
        described: Json = {
            "id": self.id,
            "created": self.created,
            "is_archived": self.is_archived,
            "is_im": self.kind == "im",
            "is_org_shared": False,
            "context_team_id": team_id,
            "updated": self.created * 1000,
        }
        if self.kind == "im":
            other = next((member for member in self.members if member != viewer), viewer)
            return {**described, "user": other, "is_user_deleted": False, "priority": 0}
        return {
            **described,
            "name": self.name,
            "name_normalized": self.name,
            "is_channel": self.kind == "channel",
            "is_group": self.kind == "private",
            "is_mpim": self.kind == "mpim",
            "is_private": self.kind != "channel",
            "is_general": self.is_general,
            "is_member": viewer in self.members,
            "is_shared": False,
            "is_ext_shared": False,
            "is_pending_ext_shared": False,
            "unlinked": 0,
            "creator": self.creator,
            "shared_team_ids": [team_id],
            "pending_shared": [],
            "pending_connected_team_ids": [],
            "topic": self.topic,
            "purpose": self.purpose,
            "previous_names": [],
        }

    def add(self, message: Json) -> None:
        """Put a message at the end; a reply is counted in the first message of its thread."""
        self.messages[message["ts"]] = message
        thread_ts = message.get("thread_ts")
        parent = self.messages.get(thread_ts) if thread_ts not in (None, message["ts"]) else None
        if parent is not None:
            message.setdefault("parent_user_id", parent.get("user"))
            self._count_replies(parent)
        if len(self.messages) > KEPT_MESSAGES:
            del self.messages[next(iter(self.messages))]

    def remove(self, ts: str) -> Json:
        """Take a message out, and return it."""
        message = self.messages.pop(ts)
        self.pins.pop(ts, None)
        parent = self.messages.get(message.get("thread_ts", ""))
        if parent is not None:
            self._count_replies(parent)
        return message

    def history(self) -> list[Json]:
        """What stands in the conversation itself, oldest first: no replies, except those broadcast."""
        return [
            message
            for message in self.messages.values()
            if message.get("thread_ts", message["ts"]) == message["ts"]
            or message.get("subtype") == "thread_broadcast"
        ]

    def thread(self, ts: str) -> list[Json]:
        """The first message of that thread and its replies, oldest first."""
        return [each for each in self.messages.values() if ts in (each["ts"], each.get("thread_ts"))]

    def _count_replies(self, parent: Json) -> None:
        replies = self.thread(parent["ts"])[1:]
        if not replies:
            for name in ("thread_ts", "reply_count", "reply_users_count", "latest_reply", "reply_users"):
                parent.pop(name, None)
            return
        users = list(dict.fromkeys(str(reply.get("user")) for reply in replies))
        parent |= {
            "thread_ts": parent["ts"],
            "reply_count": len(replies),
            "reply_users_count": len(users),
            "latest_reply": replies[-1]["ts"],
            "reply_users": users,
            "is_locked": False,
            "subscribed": False,
        }


def described_text(value: str, creator: str, last_set: int) -> Json:
    """A topic or a purpose."""
    return {"value": value, "creator": creator, "last_set": last_set}


def add_reaction(message: Json, name: str, user: str) -> bool:
    """That user reacts to the message; False if this reaction of theirs was there already."""
    reactions: list[Json] = message.setdefault("reactions", [])
    found = next((each for each in reactions if each["name"] == name), None)
    if found is None:
        reactions.append({"name": name, "users": [user], "count": 1})
        return True
    if user in found["users"]:
        return False
    found["users"].append(user)
    found["count"] += 1
    return True


def remove_reaction(message: Json, name: str, user: str) -> bool:
    """The reaction goes; False if there was none."""
    reactions: list[Json] = message.get("reactions", [])
    found = next((each for each in reactions if each["name"] == name and user in each["users"]), None)
    if found is None:
        return False
    found["users"].remove(user)
    found["count"] -= 1
    if not found["count"]:
        reactions.remove(found)
    if not reactions:
        message.pop("reactions", None)
    return True
