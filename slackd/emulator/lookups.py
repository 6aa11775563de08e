"""What the Web API says of people, channels and their messages (the reference's pages of each method).

People and channels aren't kept: whoever is asked about exists, and is described in Slack's form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from slackd.emulator.errors import EmulatorRefused
from slackd.emulator.payloads import DEFAULT_CHANNEL, DEFAULT_USER, name_of
from slackd.emulator.settings import EmulatedApp
from slackd.emulator.workspace import Workspace

Json = dict[str, Any]

LAST_PAGE: Final = {"next_cursor": ""}
_PAGE: Final = 100


class Lookups:
    """The methods that change nothing."""

    def __init__(self, workspaces: Mapping[str, Workspace]) -> None:
        self._workspaces = workspaces
        self.methods: dict[str, Callable[[EmulatedApp, Json, float], Json]] = {
            "bots.info": self._bot,
            "chat.getPermalink": self._permalink,
            "conversations.history": self._history,
            "conversations.info": self._channel,
            "conversations.list": self._channels,
            "conversations.members": self._members,
            "conversations.replies": self._replies,
            "reactions.get": self._reactions,
            "team.info": self._team,
            "usergroups.users.list": lambda app, args, now: {"users": []},
            "users.conversations": self._channels,
            "users.info": self._user,
            "users.list": self._users,
            "users.lookupByEmail": self._user_of_email,
        }

    def _user(self, app: EmulatedApp, args: Json, now: float) -> Json:
        return {"user": user(app, required(args, "user", "user_not_found"))}

    def _users(self, app: EmulatedApp, args: Json, now: float) -> Json:
        members = [user(app, each) for each in (DEFAULT_USER, app.bot_user_id)]
        return {"members": members, "cache_ts": int(now), "response_metadata": LAST_PAGE}

    def _user_of_email(self, app: EmulatedApp, args: Json, now: float) -> Json:
        name, at, _ = required(args, "email", "users_not_found").partition("@")
        if not at:
            raise EmulatorRefused("users_not_found")
        return {"user": user(app, f"U0{name.upper()}")}

    def _bot(self, app: EmulatedApp, args: Json, now: float) -> Json:
        if args.get("bot") not in (None, "", app.bot_id):
            raise EmulatorRefused("bot_not_found")
        about = {"id": app.bot_id, "app_id": app.app_id, "user_id": app.bot_user_id, "name": app.name}
        return {"bot": {**about, "deleted": False, "icons": {}}}

    def _team(self, app: EmulatedApp, args: Json, now: float) -> Json:
        return {"team": {"id": app.team_id, "name": app.team_domain, "domain": app.team_domain}}

    def _channel(self, app: EmulatedApp, args: Json, now: float) -> Json:
        return {"channel": channel(app, required(args, "channel", "channel_not_found"))}

    def _channels(self, app: EmulatedApp, args: Json, now: float) -> Json:
        known = dict.fromkeys([DEFAULT_CHANNEL, *(each for each, _ in self._workspaces[app.app_id].messages)])
        return {"channels": [channel(app, each) for each in known], "response_metadata": LAST_PAGE}

    def _members(self, app: EmulatedApp, args: Json, now: float) -> Json:
        required(args, "channel", "channel_not_found")
        return {"members": [DEFAULT_USER, app.bot_user_id], "response_metadata": LAST_PAGE}

    def _history(self, app: EmulatedApp, args: Json, now: float) -> Json:
        """The newest first, without the replies in threads."""
        found = [each for each in self._messages(app, args) if each.get("thread_ts", each["ts"]) == each["ts"]]
        return _page(found[::-1], args)

    def _replies(self, app: EmulatedApp, args: Json, now: float) -> Json:
        """The thread's first message, then the replies, the oldest first."""
        ts = required(args, "ts", "thread_not_found")
        found = [each for each in self._messages(app, args) if ts in (each["ts"], each.get("thread_ts"))]
        if not found:
            raise EmulatorRefused("thread_not_found")
        return _page(found, args)

    def _messages(self, app: EmulatedApp, args: Json) -> list[Json]:
        """What stands in the channel and between `oldest` and `latest`, the oldest first."""
        channel_id = required(args, "channel", "channel_not_found")
        inclusive = str(args.get("inclusive", "")).lower() in ("true", "1")
        oldest, latest = _number(args, "oldest", 0), _number(args, "latest", 1e12)
        found = [
            message
            for (channel, ts), message in self._workspaces[app.app_id].messages.items()
            if channel == channel_id
            and (oldest < float(ts) < latest or (inclusive and float(ts) in (oldest, latest)))
        ]
        return sorted(found, key=lambda each: float(each["ts"]))

    def _permalink(self, app: EmulatedApp, args: Json, now: float) -> Json:
        channel_id, ts = str(args.get("channel")), str(args.get("message_ts"))
        if (channel_id, ts) not in self._workspaces[app.app_id].messages:
            raise EmulatorRefused("message_not_found")
        link = f"https://{app.team_domain}.slack.com/archives/{channel_id}/p{ts.replace('.', '')}"
        return {"channel": channel_id, "permalink": link}

    def _reactions(self, app: EmulatedApp, args: Json, now: float) -> Json:
        workspace = self._workspaces[app.app_id]
        key = (str(args.get("channel")), str(args.get("timestamp")))
        if key not in workspace.messages:
            raise EmulatorRefused("message_not_found")
        reactions = [
            {"name": name, "users": [app.bot_user_id], "count": 1}
            for channel_id, ts, name in sorted(workspace.reactions)
            if (channel_id, ts) == key
        ]
        message = {**workspace.messages[key], **({"reactions": reactions} if reactions else {})}
        return {"type": "message", "channel": key[0], "message": message}


def user(app: EmulatedApp, user_id: str) -> Json:
    """A person, or the app's bot."""
    is_bot = user_id == app.bot_user_id
    name = app.name if is_bot else name_of(user_id)
    profile: Json = {"real_name": name, "display_name": name, "image_48": "", "team": app.team_id}
    if is_bot:
        profile |= {"bot_id": app.bot_id, "api_app_id": app.app_id}
    else:
        profile["email"] = f"{name}@example.com"
    return {
        "id": user_id,
        "team_id": app.team_id,
        "name": name,
        "real_name": name,
        "deleted": False,
        "tz": "Etc/UTC",
        "tz_label": "UTC",
        "tz_offset": 0,
        "profile": profile,
        "is_admin": False,
        "is_owner": False,
        "is_restricted": False,
        "is_ultra_restricted": False,
        "is_bot": is_bot,
        "is_app_user": False,
    }


def channel(app: EmulatedApp, channel_id: str) -> Json:
    """A conversation, its kind by the first letter of its id."""
    kind = channel_id[:1]
    is_im = kind == "D"
    about: Json = {
        "id": channel_id,
        "created": 1_700_000_000,
        "is_channel": kind == "C",
        "is_group": kind == "G",
        "is_im": is_im,
        "is_mpim": False,
        "is_private": kind in "DG",
        "is_archived": False,
        "context_team_id": app.team_id,
    }
    if is_im:
        return {**about, "user": DEFAULT_USER}
    empty = {"value": "", "creator": "", "last_set": 0}
    name = name_of(channel_id)
    return {**about, "name": name, "name_normalized": name, "is_member": True, "topic": empty, "purpose": empty}


def required(args: Json, name: str, error: str) -> str:
    """An argument that has to be there.

    Raises:
        EmulatorRefused: It isn't.
    """
    value = args.get(name)
    if not value:
        raise EmulatorRefused(
            error, response_metadata={"messages": [f"[ERROR] missing required field: {name}"]}
        )
    return str(value)


def _number(args: Json, name: str, default: float) -> float:
    try:
        return float(args.get(name) or default)
    except (TypeError, ValueError):
        raise EmulatorRefused("invalid_arguments") from None


def _page(messages: list[Json], args: Json) -> Json:
    """As many as `limit` from `cursor` on."""
    limit = max(1, min(int(_number(args, "limit", _PAGE)), 999))
    begin = int(_number(args, "cursor", 0))
    rest = messages[begin + limit :]
    answer: Json = {"messages": messages[begin : begin + limit], "has_more": bool(rest)}
    if rest:
        answer["response_metadata"] = {"next_cursor": str(begin + limit)}
    return answer
