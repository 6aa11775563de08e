"""What the Web API's methods do and answer, as far as an app could notice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from slackd.emulator.context import EmulatorContext
from slackd.emulator.errors import EmulatorRefused
from slackd.emulator.lookups import Lookups, channel, required
from slackd.emulator.settings import EmulatedApp
from slackd.emulator.workspace import Workspace

Json = dict[str, Any]

MODALS: Final = 3
"""Modals on top of each other ("Modals": up to 3 views in the stack)."""


class Methods:
    """Carries out calls that were let in. A method that isn't here does nothing, and says ok.

    Args:
        base_url: of this Slack, for the URLs of uploads.
        posted: called with the app, the channel and the message when an app has posted one.
    """

    def __init__(
        self,
        context: EmulatorContext,
        workspaces: Mapping[str, Workspace],
        base_url: str,
        posted: Callable[[EmulatedApp, str, Json], None],
    ) -> None:
        self._context = context
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
            "views.push": self._push_view,
            "views.update": self._update_view,
            "views.publish": self._publish_view,
            "files.getUploadURLExternal": self._upload_url,
            "files.completeUploadExternal": self._complete_upload,
            "chat.scheduleMessage": self._schedule_message,
            "reactions.remove": self._remove_reaction,
            "conversations.create": self._create_channel,
            "conversations.join": self._join_channel,
            "conversations.open": self._open_conversation,
            **Lookups(workspaces).methods,
        }

    def carry_out(self, method: str, app: EmulatedApp, args: Json, now: float) -> Json:
        """Do it, and return the answer's fields.

        Raises:
            EmulatorRefused: Slack says no.
        """
        carry_out = self._methods.get(method)
        return carry_out(app, args, now) if carry_out is not None else {}

    def _post_message(self, app: EmulatedApp, args: Json, now: float) -> Json:
        channel_id = required(args, "channel", "channel_not_found")
        if not (args.get("text") or args.get("blocks") or args.get("attachments")):
            raise EmulatorRefused("no_text")
        if len(str(args.get("text", ""))) > 40_000:
            raise EmulatorRefused("msg_too_long")
        message = self._workspaces[app.app_id].post(args, self._context.wall(now))
        self._posted(app, channel_id, message)
        return {"channel": channel_id, "ts": message["ts"], "message": message}

    def _post_ephemeral(self, app: EmulatedApp, args: Json, now: float) -> Json:
        required(args, "channel", "channel_not_found")
        required(args, "user", "user_not_in_channel")
        return {"message_ts": self._context.ids.ts(self._context.wall(now))}

    def _update_message(self, app: EmulatedApp, args: Json, now: float) -> Json:
        key = (str(args.get("channel")), str(args.get("ts")))
        message = self._workspaces[app.app_id].messages.get(key)
        if message is None:
            raise EmulatorRefused("message_not_found")
        if message.get("app_id") != app.app_id:
            raise EmulatorRefused("cant_update_message")
        message.update({name: args[name] for name in ("text", "blocks", "attachments") if name in args})
        return {"channel": key[0], "ts": key[1], "text": message.get("text", ""), "message": message}

    def _delete_message(self, app: EmulatedApp, args: Json, now: float) -> Json:
        key = (str(args.get("channel")), str(args.get("ts")))
        message = self._workspaces[app.app_id].messages.get(key)
        if message is None:
            raise EmulatorRefused("message_not_found")
        if message.get("app_id") != app.app_id:
            raise EmulatorRefused("cant_delete_message")
        del self._workspaces[app.app_id].messages[key]
        return {"channel": key[0], "ts": key[1]}

    def _schedule_message(self, app: EmulatedApp, args: Json, now: float) -> Json:
        """Promised; it is never posted."""
        channel_id = required(args, "channel", "channel_not_found")
        post_at = int(float(required(args, "post_at", "invalid_time")))
        if post_at <= self._context.wall(now):
            raise EmulatorRefused("time_in_past")
        scheduled = self._context.ids.slack_id("Q")
        return {"channel": channel_id, "scheduled_message_id": scheduled, "post_at": post_at}

    def _remove_reaction(self, app: EmulatedApp, args: Json, now: float) -> Json:
        reaction = _reaction(args)
        if reaction not in self._workspaces[app.app_id].reactions:
            raise EmulatorRefused("no_reaction")
        self._workspaces[app.app_id].reactions.discard(reaction)
        return {}

    def _add_reaction(self, app: EmulatedApp, args: Json, now: float) -> Json:
        reaction = _reaction(args)
        reactions = self._workspaces[app.app_id].reactions
        if reaction in reactions:
            raise EmulatorRefused("already_reacted")
        reactions.add(reaction)
        return {}

    def _open_view(self, app: EmulatedApp, args: Json, now: float) -> Json:
        workspace = self._workspaces[app.app_id]
        view = _view(args, "modal")
        self._use_trigger(workspace, args, now)
        return {"view": workspace.keep_view(view, self._context.wall(now))}

    def _push_view(self, app: EmulatedApp, args: Json, now: float) -> Json:
        """On top of the modal that was opened last; three of them is the most ("views.push")."""
        workspace = self._workspaces[app.app_id]
        view = _view(args, "modal")
        self._use_trigger(workspace, args, now)
        below = workspace.find_modal()
        if below is None:
            raise EmulatorRefused("not_found")
        if workspace.depth(below) >= MODALS:
            raise EmulatorRefused("push_limit_reached")
        return {"view": workspace.keep_view(view, self._context.wall(now), below=below)}

    def _use_trigger(self, workspace: Workspace, args: Json, now: float) -> None:
        until = workspace.triggers.pop(required(args, "trigger_id", "invalid_arguments"), None)
        if until is None:
            raise EmulatorRefused("invalid_trigger_id")
        if now > until:
            raise EmulatorRefused("expired_trigger_id")

    def _update_view(self, app: EmulatedApp, args: Json, now: float) -> Json:
        workspace = self._workspaces[app.app_id]
        view = workspace.named_view(args.get("view_id"), args.get("external_id"))
        if view is None:
            raise EmulatorRefused("not_found")
        if args.get("hash") not in (None, "", view["hash"]):
            raise EmulatorRefused("hash_conflict")
        wall = self._context.wall(now)
        return {"view": workspace.keep_view(_view(args, view["type"]), wall, view_id=view["id"])}

    def _publish_view(self, app: EmulatedApp, args: Json, now: float) -> Json:
        """Everybody has one Home tab of the app; it is written anew."""
        user_id = required(args, "user_id", "invalid_arguments")
        workspace = self._workspaces[app.app_id]
        view_id = workspace.homes.get(user_id)
        if view_id is not None and args.get("hash") not in (None, "", workspace.views[view_id]["hash"]):
            raise EmulatorRefused("hash_conflict")
        view = workspace.keep_view(_view(args, "home"), self._context.wall(now), view_id=view_id)
        workspace.homes[user_id] = view["id"]
        return {"view": view}

    def _upload_url(self, app: EmulatedApp, args: Json, now: float) -> Json:
        required(args, "filename", "invalid_arguments")
        file_id = self._context.ids.slack_id("F")
        path = f"/upload/v1/{self._context.ids.secret()}"
        self.uploads[path] = file_id
        return {"upload_url": self._base_url + path, "file_id": file_id}

    def _complete_upload(self, app: EmulatedApp, args: Json, now: float) -> Json:
        files = args.get("files")
        if not isinstance(files, list) or not files:
            raise EmulatorRefused("invalid_arguments")
        return {"files": [{"id": each.get("id"), "title": each.get("title", "")} for each in files]}

    def _create_channel(self, app: EmulatedApp, args: Json, now: float) -> Json:
        name = required(args, "name", "invalid_name_required")
        if name != name.lower() or " " in name or len(name) > 80:
            raise EmulatorRefused("invalid_name_specials")
        made = channel(app, self._context.ids.slack_id("C"))
        return {"channel": {**made, "name": name, "name_normalized": name, "creator": app.bot_user_id}}

    def _join_channel(self, app: EmulatedApp, args: Json, now: float) -> Json:
        return {"channel": channel(app, required(args, "channel", "channel_not_found"))}

    def _open_conversation(self, app: EmulatedApp, args: Json, now: float) -> Json:
        """The same people have the same conversation, however often it is opened."""
        if args.get("channel"):
            return {"channel": {"id": args["channel"]}}
        users = ",".join(sorted(required(args, "users", "users_list_not_supplied").split(",")))
        conversations = self._workspaces[app.app_id].conversations
        already_open = users in conversations
        kind = "G" if "," in users else "D"
        channel_id = conversations.setdefault(users, "") or self._context.ids.slack_id(kind)
        conversations[users] = channel_id
        opened = {"no_op": True, "already_open": True} if already_open else {}
        return {**opened, "channel": {"id": channel_id}}


def _reaction(args: Json) -> tuple[str, str, str]:
    name = required(args, "name", "invalid_name")
    return str(args.get("channel")), str(args.get("timestamp")), name


def _view(args: Json, kind: str) -> Json:
    view = args.get("view")
    if not isinstance(view, dict):
        wrong = "must provide a view"
    elif view.get("type") != kind:
        wrong = f"must be of type {kind} [json-pointer:/view/type]"
    elif not isinstance(view.get("blocks"), list):
        wrong = "missing required field: blocks [json-pointer:/view]"
    elif kind == "modal" and not isinstance(view.get("title"), dict):
        wrong = "missing required field: title [json-pointer:/view]"
    else:
        return view
    raise EmulatorRefused("invalid_arguments", response_metadata={"messages": [f"[ERROR] {wrong}"]})
