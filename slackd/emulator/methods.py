"""What the Web API's methods do and answer, as far as an app could notice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from slackd.emulator.settings import EmulatedApp
from slackd.emulator.workspace import Workspace
from slackd.emulator.world import World

Json = dict[str, Any]


class Refused(Exception):
    """Slack says no: `ok` is false."""

    def __init__(self, error: str, **more: Any) -> None:
        super().__init__(error)
        self.body: Json = {"ok": False, "error": error, **more}


class Methods:
    """Carries out calls that were let in. A method that isn't here does nothing, and says ok.

    Args:
        base_url: of this Slack, for the URLs of uploads.
        posted: called with the app, the channel and the message when an app has posted one.
    """

    def __init__(
        self,
        world: World,
        workspaces: Mapping[str, Workspace],
        base_url: str,
        posted: Callable[[EmulatedApp, str, Json], None],
    ) -> None:
        self._world = world
        self._workspaces = workspaces
        self._base_url = base_url
        self._posted = posted
        self.uploads: dict[str, str] = {}
        self._methods: dict[str, Callable[[EmulatedApp, Json, float], Json]] = {
            "chat.postMessage": self._post_message,
            "chat.postEphemeral": self._post_ephemeral,
            "chat.update": self._update_message,
            "chat.delete": self._delete_message,
            "reactions.add": self._add_reaction,
            "views.open": self._open_view,
            "views.push": self._open_view,
            "views.update": self._update_view,
            "views.publish": self._publish_view,
            "files.getUploadURLExternal": self._upload_url,
            "files.completeUploadExternal": self._complete_upload,
            "users.info": self._user,
            "conversations.info": self._channel,
            "conversations.open": self._open_conversation,
            "usergroups.users.list": lambda app, args, now: {"users": []},
            "users.list": lambda app, args, now: {"members": [], "response_metadata": {"next_cursor": ""}},
            "conversations.list": lambda app, args, now: {
                "channels": [],
                "response_metadata": {"next_cursor": ""},
            },
        }

    def carry_out(self, method: str, app: EmulatedApp, args: Json, now: float) -> Json:
        """Do it, and return the answer's fields.

        Raises:
            Refused: Slack says no.
        """
        carry_out = self._methods.get(method)
        return carry_out(app, args, now) if carry_out is not None else {}

    def _post_message(self, app: EmulatedApp, args: Json, now: float) -> Json:
        channel = _required(args, "channel", "channel_not_found")
        if not (args.get("text") or args.get("blocks") or args.get("attachments")):
            raise Refused("no_text")
        if len(str(args.get("text", ""))) > 40_000:
            raise Refused("msg_too_long")
        message = self._workspaces[app.app_id].post(args, self._world.wall(now))
        self._posted(app, channel, message)
        return {"channel": channel, "ts": message["ts"], "message": message}

    def _post_ephemeral(self, app: EmulatedApp, args: Json, now: float) -> Json:
        _required(args, "channel", "channel_not_found")
        _required(args, "user", "user_not_in_channel")
        return {"message_ts": self._world.ids.ts(self._world.wall(now))}

    def _update_message(self, app: EmulatedApp, args: Json, now: float) -> Json:
        key = (str(args.get("channel")), str(args.get("ts")))
        message = self._workspaces[app.app_id].messages.get(key)
        if message is None:
            raise Refused("message_not_found")
        message.update({name: args[name] for name in ("text", "blocks", "attachments") if name in args})
        return {"channel": key[0], "ts": key[1], "text": message.get("text", ""), "message": message}

    def _delete_message(self, app: EmulatedApp, args: Json, now: float) -> Json:
        key = (str(args.get("channel")), str(args.get("ts")))
        if self._workspaces[app.app_id].messages.pop(key, None) is None:
            raise Refused("message_not_found")
        return {"channel": key[0], "ts": key[1]}

    def _add_reaction(self, app: EmulatedApp, args: Json, now: float) -> Json:
        name = _required(args, "name", "invalid_name")
        reaction = (str(args.get("channel")), str(args.get("timestamp")), name)
        reactions = self._workspaces[app.app_id].reactions
        if reaction in reactions:
            raise Refused("already_reacted")
        reactions.add(reaction)
        return {}

    def _open_view(self, app: EmulatedApp, args: Json, now: float) -> Json:
        workspace = self._workspaces[app.app_id]
        view = _view(args)
        until = workspace.triggers.pop(_required(args, "trigger_id", "invalid_arguments"), None)
        if until is None:
            raise Refused("invalid_trigger_id")
        if now > until:
            raise Refused("expired_trigger_id")
        return {"view": workspace.keep_view(view, self._world.wall(now))}

    def _update_view(self, app: EmulatedApp, args: Json, now: float) -> Json:
        workspace = self._workspaces[app.app_id]
        view = workspace.views.get(str(args.get("view_id")))
        if view is None:
            raise Refused("not_found")
        if args.get("hash") not in (None, "", view["hash"]):
            raise Refused("hash_conflict")
        wall = self._world.wall(now)
        return {"view": workspace.keep_view(_view(args), wall, view_id=view["id"])}

    def _publish_view(self, app: EmulatedApp, args: Json, now: float) -> Json:
        _required(args, "user_id", "invalid_arguments")
        workspace = self._workspaces[app.app_id]
        return {"view": workspace.keep_view(_view(args), self._world.wall(now))}

    def _upload_url(self, app: EmulatedApp, args: Json, now: float) -> Json:
        _required(args, "filename", "invalid_arguments")
        file_id = self._world.ids.slack_id("F")
        path = f"/upload/v1/{self._world.ids.secret()}"
        self.uploads[path] = file_id
        return {"upload_url": self._base_url + path, "file_id": file_id}

    def _complete_upload(self, app: EmulatedApp, args: Json, now: float) -> Json:
        files = args.get("files")
        if not isinstance(files, list) or not files:
            raise Refused("invalid_arguments")
        return {"files": [{"id": each.get("id"), "title": each.get("title", "")} for each in files]}

    def _user(self, app: EmulatedApp, args: Json, now: float) -> Json:
        user = _required(args, "user", "user_not_found")
        name = user.lower()
        bot = user == app.bot_user_id
        return {"user": {"id": user, "team_id": app.team_id, "name": name, "real_name": name, "is_bot": bot}}

    def _channel(self, app: EmulatedApp, args: Json, now: float) -> Json:
        channel = _required(args, "channel", "channel_not_found")
        return {"channel": {"id": channel, "name": channel.lower(), "is_channel": True, "is_member": True}}

    def _open_conversation(self, app: EmulatedApp, args: Json, now: float) -> Json:
        return {"channel": {"id": args.get("channel") or self._world.ids.slack_id("D")}}


def _required(args: Json, name: str, error: str) -> str:
    value = args.get(name)
    if not value:
        raise Refused(error, response_metadata={"messages": [f"[ERROR] missing required field: {name}"]})
    return str(value)


def _view(args: Json) -> Json:
    view = args.get("view")
    if not isinstance(view, dict) or view.get("type") not in ("modal", "home", "workflow_step"):
        raise Refused("invalid_arguments", response_metadata={"messages": ["[ERROR] must provide a view"]})
    return view
