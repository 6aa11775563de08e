"""Slack's Web API, as much as an app's answers need: tokens judged, calls recorded, answers in Slack's form."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from slackd.emulator.core import Slack
from slackd.emulator.faults import PlannedFault
from slackd.emulator.ledger import ApiCall
from slackd.emulator.methods import METHODS
from slackd.emulator.rates import RateLimits
from slackd.emulator.settings import EmulatedApp
from slackd.emulator.tickets import hashed_app_id
from slackd.emulator.workspace import Workspace

Json = dict[str, Any]
_WITHOUT_TOKEN = frozenset({"api.test", "oauth.access", "oauth.v2.access", "openid.connect.token"})


@attrs.frozen(kw_only=True)
class ApiRequest:
    """One call, as HTTP brought it.

    Attributes:
        post: whether it was a POST.
        bearer: the token in the Authorization header.
        args: the arguments, from form or JSON, the token among them if it was sent so.
        host: how the client calls this server (`NAME:PORT`).
        error: set when the body could not be read (`invalid_json`, ...).
    """

    method: str
    post: bool
    bearer: str | None
    args: Json
    host: str
    error: str | None = None


@attrs.frozen(kw_only=True)
class ApiAnswer:
    """What Slack answers.

    Attributes:
        raw: a body in place of `body`, as text.
        delay: seconds until it goes out.
        hang: it never goes out.
    """

    status: int = 200
    headers: Mapping[str, str] = attrs.field(factory=dict)
    body: Mapping[str, Any] = attrs.field(factory=dict)
    raw: str | None = None
    delay: float = 0.0
    hang: bool = False


class _Refused(Exception):
    def __init__(self, error: str, **more: Any) -> None:
        super().__init__(error)
        self.body: Json = {"ok": False, "error": error, **more}


class WebApi:
    """Answers calls.

    Args:
        tls: its URLs are `https` and `wss`.
        posted: called with the app, the channel and the message when an app has posted one.
    """

    def __init__(
        self,
        slack: Slack,
        workspaces: Mapping[str, Workspace],
        *,
        tls: bool,
        posted: Callable[[EmulatedApp, str, Json], None],
    ) -> None:
        self._slack = slack
        self._workspaces = workspaces
        self._tls = tls
        self._posted = posted
        self._rates = RateLimits(slack.world)
        self._by_app_token = {side.app.app_token: side.app for side in slack.sides.values()}
        self._by_bot_token = {side.app.bot_token: side.app for side in slack.sides.values()}
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
        self.uploads: dict[str, str] = {}
        self._host = ""

    def answer(self, request: ApiRequest, now: float) -> ApiAnswer:
        """Judge one call, carry it out, record it."""
        app: EmulatedApp | None = None
        self._host = request.host
        args = {name: value for name, value in request.args.items() if name != "token"}
        try:
            app = self._authenticate(request)
            answer = self._planned(request.method, app) or self._limited(app, request.method, args, now)
            if answer is None:
                body = {"ok": True, **self._carry_out(app, request, args, now)}
                answer = ApiAnswer(body=body, headers=self._scopes(app, request.method))
        except _Refused as refused:
            answer = ApiAnswer(body=refused.body)
        app_id = app.app_id if app else None
        self._slack.ledger.calls.append(ApiCall(request.method, app_id, args, now, answer.status, answer.body))
        self._slack.on_change()
        return answer

    def _authenticate(self, request: ApiRequest) -> EmulatedApp | None:
        method = request.method
        if method not in METHODS:
            raise _Refused("unknown_method", req_method=method)
        if request.error is not None:
            raise _Refused(request.error)
        if method == "apps.connections.open":
            if not request.post:
                raise _Refused("insecure_request")
            token = request.bearer
        else:
            token = request.bearer or request.args.get("token")
        if not token:
            if method in _WITHOUT_TOKEN:
                return None
            raise _Refused("not_authed")
        app_level = self._by_app_token.get(token)
        bot_level = self._by_bot_token.get(token)
        if app_level is None and bot_level is None:
            raise _Refused("invalid_auth")
        for_app_tokens = method in ("apps.connections.open", "apps.event.authorizations.list")
        if method != "auth.test" and for_app_tokens is (app_level is None):
            raise _Refused("not_allowed_token_type")
        return app_level or bot_level

    def _planned(self, method: str, app: EmulatedApp | None) -> ApiAnswer | None:
        fault = self._slack.faults.take("api", app.app_id if app else None, method)
        return None if fault is None else self._faulty(fault, method, app)

    def _faulty(self, fault: PlannedFault, method: str, app: EmulatedApp | None) -> ApiAnswer | None:
        delay = self._slack.settings.scaled(fault.delay)
        if fault.error is None and fault.status is None and not fault.hang and fault.body is None:
            return ApiAnswer(body={"ok": True}, delay=delay)
        headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
        status = fault.status or (429 if fault.retry_after is not None else 200)
        error = fault.error or ("ratelimited" if status == 429 else "internal_error")
        return ApiAnswer(
            status=status,
            headers=headers,
            body={"ok": False, "error": error},
            raw=fault.body,
            delay=delay,
            hang=fault.hang,
        )

    def _limited(self, app: EmulatedApp | None, method: str, args: Json, now: float) -> ApiAnswer | None:
        if app is None or not self._slack.settings.rate_limits:
            return None
        wait = self._rates.retry_after(app.app_id, method, str(args.get("channel", "")), now)
        if wait is None:
            return None
        body = {"ok": False, "error": "ratelimited"}
        return ApiAnswer(status=429, headers={"Retry-After": str(wait)}, body=body)

    def _carry_out(self, app: EmulatedApp | None, request: ApiRequest, args: Json, now: float) -> Json:
        if app is None:
            return {"args": args} if args else {}
        match request.method:
            case "apps.connections.open":
                return {"url": self._wss_url(app, request.host, now)}
            case "auth.test":
                return self._auth_test(app, request)
        carry_out = self._methods.get(request.method)
        return carry_out(app, args, now) if carry_out is not None else {}

    def _wss_url(self, app: EmulatedApp, host: str, now: float) -> str:
        ticket = self._slack.tickets.issue(app.app_id, now)
        scheme = "wss" if self._tls else "ws"
        return f"{scheme}://{host}/link/?ticket={ticket}&app_id={hashed_app_id(app.app_id)}"

    def _auth_test(self, app: EmulatedApp, request: ApiRequest) -> Json:
        if (request.bearer or request.args.get("token")) == app.app_token:
            return {"app_name": app.name, "app_id": app.app_id}
        return {
            "url": f"https://{app.team_domain}.slack.com/",
            "team": app.team_domain,
            "user": app.name,
            "team_id": app.team_id,
            "user_id": app.bot_user_id,
            "bot_id": app.bot_id,
            "is_enterprise_install": False,
        }

    def _scopes(self, app: EmulatedApp | None, method: str) -> Mapping[str, str]:
        if app is None:
            return {}
        scopes = ("connections:write",) if method == "apps.connections.open" else app.scopes
        return {"x-oauth-scopes": ",".join(scopes)}

    def _post_message(self, app: EmulatedApp, args: Json, now: float) -> Json:
        channel = _required(args, "channel", "channel_not_found")
        if not (args.get("text") or args.get("blocks") or args.get("attachments")):
            raise _Refused("no_text")
        if len(str(args.get("text", ""))) > 40_000:
            raise _Refused("msg_too_long")
        message = self._workspaces[app.app_id].post(args, self._slack.world.wall(now))
        self._posted(app, channel, message)
        return {"channel": channel, "ts": message["ts"], "message": message}

    def _post_ephemeral(self, app: EmulatedApp, args: Json, now: float) -> Json:
        _required(args, "channel", "channel_not_found")
        _required(args, "user", "user_not_in_channel")
        return {"message_ts": self._slack.world.ids.ts(self._slack.world.wall(now))}

    def _update_message(self, app: EmulatedApp, args: Json, now: float) -> Json:
        key = (str(args.get("channel")), str(args.get("ts")))
        message = self._workspaces[app.app_id].messages.get(key)
        if message is None:
            raise _Refused("message_not_found")
        message.update({name: args[name] for name in ("text", "blocks", "attachments") if name in args})
        return {"channel": key[0], "ts": key[1], "text": message.get("text", ""), "message": message}

    def _delete_message(self, app: EmulatedApp, args: Json, now: float) -> Json:
        key = (str(args.get("channel")), str(args.get("ts")))
        if self._workspaces[app.app_id].messages.pop(key, None) is None:
            raise _Refused("message_not_found")
        return {"channel": key[0], "ts": key[1]}

    def _add_reaction(self, app: EmulatedApp, args: Json, now: float) -> Json:
        name = _required(args, "name", "invalid_name")
        reaction = (str(args.get("channel")), str(args.get("timestamp")), name)
        reactions = self._workspaces[app.app_id].reactions
        if reaction in reactions:
            raise _Refused("already_reacted")
        reactions.add(reaction)
        return {}

    def _open_view(self, app: EmulatedApp, args: Json, now: float) -> Json:
        workspace = self._workspaces[app.app_id]
        view = _view(args)
        until = workspace.triggers.pop(_required(args, "trigger_id", "invalid_arguments"), None)
        if until is None:
            raise _Refused("invalid_trigger_id")
        if now > until:
            raise _Refused("expired_trigger_id")
        return {"view": workspace.keep_view(view, self._slack.world.wall(now))}

    def _update_view(self, app: EmulatedApp, args: Json, now: float) -> Json:
        workspace = self._workspaces[app.app_id]
        view = workspace.views.get(str(args.get("view_id")))
        if view is None:
            raise _Refused("not_found")
        if args.get("hash") not in (None, "", view["hash"]):
            raise _Refused("hash_conflict")
        wall = self._slack.world.wall(now)
        return {"view": workspace.keep_view(_view(args), wall, view_id=view["id"])}

    def _publish_view(self, app: EmulatedApp, args: Json, now: float) -> Json:
        _required(args, "user_id", "invalid_arguments")
        workspace = self._workspaces[app.app_id]
        return {"view": workspace.keep_view(_view(args), self._slack.world.wall(now))}

    def _upload_url(self, app: EmulatedApp, args: Json, now: float) -> Json:
        _required(args, "filename", "invalid_arguments")
        file_id = self._slack.world.ids.slack_id("F")
        path = f"/upload/v1/{self._slack.world.ids.secret()}"
        self.uploads[path] = file_id
        return {"upload_url": f"{'https' if self._tls else 'http'}://{self._host}{path}", "file_id": file_id}

    def _complete_upload(self, app: EmulatedApp, args: Json, now: float) -> Json:
        files = args.get("files")
        if not isinstance(files, list) or not files:
            raise _Refused("invalid_arguments")
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
        return {"channel": {"id": args.get("channel") or self._slack.world.ids.slack_id("D")}}


def _required(args: Json, name: str, error: str) -> str:
    value = args.get(name)
    if not value:
        raise _Refused(error, response_metadata={"messages": [f"[ERROR] missing required field: {name}"]})
    return str(value)


def _view(args: Json) -> Json:
    view = args.get("view")
    if not isinstance(view, dict) or view.get("type") not in ("modal", "home", "workflow_step"):
        raise _Refused("invalid_arguments", response_metadata={"messages": ["[ERROR] must provide a view"]})
    return view
