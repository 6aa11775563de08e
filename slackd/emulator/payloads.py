"""What happens in Slack, in the payloads that Slack makes of it (source: "Using Socket Mode", "Events API",
"Handling user interaction").

An event becomes an `events_api` envelope; a slash command, a click, a view, a shortcut, an options menu become
`slash_commands` and `interactive` ones. Nothing here is sent: the builders return what is to be sent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from slackd.emulator.ids import IdSource
from slackd.emulator.settings import EmulatedApp

Json = dict[str, Any]

DEFAULT_CHANNEL = "C0GENERAL01"
DEFAULT_USER = "U0ALICE0001"


@attrs.frozen
class PlayedEvent:
    """One thing that happened, ready to be sent.

    Attributes:
        key: what the ledger knows it by: the `event_id`, else the `trigger_id`, else a new id.
        type: the envelope's type.
        name: the event's type, the command, or the interaction's type.
    """

    key: str
    type: str
    name: str
    payload: Mapping[str, Any]
    accepts_response_payload: bool = False

    @property
    def text(self) -> str:
        """The payload as JSON."""
        return json.dumps(self.payload, separators=(",", ":"), ensure_ascii=False)


class Payloads:
    """Builds what happens to one app.

    `response_base` is where its `response_url`s point, for instance `https://hooks.slack.com`.
    """

    def __init__(self, app: EmulatedApp, ids: IdSource) -> None:
        self._app = app
        self._ids = ids
        self.response_base = "https://hooks.slack.com"

    def event(self, event: Mapping[str, Any], wall: float, *, event_id: str | None = None) -> PlayedEvent:
        """Any event of the Events API, in its callback."""
        app = self._app
        inner = {"event_ts": self._ids.ts(wall), **event}
        kind = str(inner.get("type", ""))
        event_id = event_id or self._ids.event_id()
        channel = inner.get("channel") or inner.get("channel_id") or "none"
        if isinstance(channel, dict):
            channel = channel.get("id", "none")
        payload = {
            "token": app.verification_token,
            "team_id": app.team_id,
            "api_app_id": app.app_id,
            "event": inner,
            "type": "event_callback",
            "event_id": event_id,
            "event_time": int(wall),
            "authorizations": [
                {
                    "enterprise_id": None,
                    "team_id": app.team_id,
                    "user_id": app.bot_user_id,
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
            "is_ext_shared_channel": False,
            "event_context": f"1-{kind}-{app.team_id}-{channel}",
        }
        return PlayedEvent(event_id, "events_api", kind, payload)

    def message(
        self,
        text: str,
        wall: float,
        *,
        channel: str = DEFAULT_CHANNEL,
        user: str = DEFAULT_USER,
        thread_ts: str | None = None,
        event_type: str = "message",
        **more: Any,
    ) -> PlayedEvent:
        """A message; with `event_type="app_mention"` a mention of the app (`<@BOT>` in front if missing)."""
        if event_type == "app_mention" and f"<@{self._app.bot_user_id}>" not in text:
            text = f"<@{self._app.bot_user_id}> {text}"
        ts = self._ids.ts(wall)
        event: Json = {
            "client_msg_id": self._ids.envelope_id(),
            "type": event_type,
            "text": text,
            "user": user,
            "ts": ts,
            "blocks": [_rich_text(text)],
            "team": self._app.team_id,
            "channel": channel,
            "event_ts": ts,
        }
        if event_type == "message":
            event["channel_type"] = {"D": "im", "G": "group"}.get(channel[:1], "channel")
        if thread_ts is not None:
            event["thread_ts"] = thread_ts
        return self.event(event | more, wall)

    def reaction_added(
        self, reaction: str, item_ts: str, wall: float, *, channel: str, user: str = DEFAULT_USER
    ) -> PlayedEvent:
        """A person reacted to a message."""
        event = {
            "type": "reaction_added",
            "user": user,
            "reaction": reaction,
            "item": {"type": "message", "channel": channel, "ts": item_ts},
            "item_user": self._app.bot_user_id,
        }
        return self.event(event, wall)

    def app_rate_limited(self, wall: float) -> PlayedEvent:
        """More than 30,000 events an hour: an envelope without an inner event ("app_rate_limited")."""
        payload = {
            "token": self._app.verification_token,
            "type": "app_rate_limited",
            "team_id": self._app.team_id,
            "minute_rate_limited": int(wall) // 60 * 60,
            "api_app_id": self._app.app_id,
        }
        return PlayedEvent(self._ids.envelope_id(), "events_api", "app_rate_limited", payload)

    def command(
        self,
        command: str,
        text: str = "",
        *,
        channel: str = DEFAULT_CHANNEL,
        user: str = DEFAULT_USER,
        **more: Any,
    ) -> PlayedEvent:
        """A slash command."""
        trigger_id = self._ids.trigger_id()
        payload = {
            "token": self._app.verification_token,
            "team_id": self._app.team_id,
            "team_domain": self._app.team_domain,
            "channel_id": channel,
            "channel_name": name_of(channel),
            "user_id": user,
            "user_name": name_of(user),
            "command": command,
            "text": text,
            "api_app_id": self._app.app_id,
            "is_enterprise_install": "false",
            "response_url": self._response_url("commands"),
            "trigger_id": trigger_id,
        }
        return PlayedEvent(trigger_id, "slash_commands", command, payload | more, True)

    def shortcut(self, callback_id: str, wall: float, *, user: str = DEFAULT_USER, **more: Any) -> PlayedEvent:
        """A global shortcut."""
        payload = {
            "type": "shortcut",
            "token": self._app.verification_token,
            "action_ts": self._ids.ts(wall),
            "team": self._team(),
            "user": self._user(user, short=True),
            "is_enterprise_install": False,
            "enterprise": None,
            "callback_id": callback_id,
            "trigger_id": self._ids.trigger_id(),
        }
        return self._interaction(payload | more, False)

    def message_action(
        self,
        callback_id: str,
        message: Mapping[str, Any],
        wall: float,
        *,
        channel: str = DEFAULT_CHANNEL,
        user: str = DEFAULT_USER,
        **more: Any,
    ) -> PlayedEvent:
        """A message shortcut."""
        payload = {
            "type": "message_action",
            "token": self._app.verification_token,
            "action_ts": self._ids.ts(wall),
            "team": self._team(),
            "user": self._user(user),
            "channel": {"id": channel, "name": name_of(channel)},
            "is_enterprise_install": False,
            "enterprise": None,
            "callback_id": callback_id,
            "trigger_id": self._ids.trigger_id(),
            "response_url": self._response_url("app"),
            "message_ts": message.get("ts"),
            "message": dict(message),
        }
        return self._interaction(payload | more, False)

    def block_actions(
        self,
        actions: Sequence[Mapping[str, Any]],
        wall: float,
        *,
        message: Mapping[str, Any] | None = None,
        view: Mapping[str, Any] | None = None,
        channel: str = DEFAULT_CHANNEL,
        user: str = DEFAULT_USER,
        **more: Any,
    ) -> PlayedEvent:
        """A click or a choice, in a message or in a view."""
        payload: Json = {
            "type": "block_actions",
            "user": self._user(user),
            "api_app_id": self._app.app_id,
            "token": self._app.verification_token,
            "trigger_id": self._ids.trigger_id(),
            "team": self._team(),
            "enterprise": None,
            "is_enterprise_install": False,
        }
        if view is not None:
            payload["container"] = {"type": "view", "view_id": view.get("id")}
            payload["view"] = dict(view)
        else:
            ts = (message or {}).get("ts") or self._ids.ts(wall)
            payload["container"] = {
                "type": "message",
                "message_ts": ts,
                "channel_id": channel,
                "is_ephemeral": False,
            }
            payload["channel"] = {"id": channel, "name": name_of(channel)}
            payload["message"] = {"type": "message", "user": self._app.bot_user_id, **(message or {}), "ts": ts}
            payload["response_url"] = self._response_url("actions")
        payload["actions"] = [{"action_ts": self._ids.ts(wall), **action} for action in actions]
        return self._interaction(payload | more, view is None)

    def view_submission(self, view: Mapping[str, Any], *, user: str = DEFAULT_USER, **more: Any) -> PlayedEvent:
        """A modal was submitted; its values are in `view["state"]`."""
        payload = {
            "type": "view_submission",
            "team": self._team(),
            "user": self._user(user),
            "api_app_id": self._app.app_id,
            "token": self._app.verification_token,
            "trigger_id": self._ids.trigger_id(),
            "view": dict(view),
            "response_urls": [],
            "is_enterprise_install": False,
            "enterprise": None,
        }
        return self._interaction(payload | more, True)

    def view_closed(
        self, view: Mapping[str, Any], *, user: str = DEFAULT_USER, is_cleared: bool = False, **more: Any
    ) -> PlayedEvent:
        """A modal was closed that had `notify_on_close`."""
        payload = {
            "type": "view_closed",
            "team": self._team(),
            "user": self._user(user),
            "api_app_id": self._app.app_id,
            "token": self._app.verification_token,
            "view": dict(view),
            "is_cleared": is_cleared,
            "is_enterprise_install": False,
            "enterprise": None,
        }
        return self._interaction(payload | more, False)

    def block_suggestion(
        self,
        action_id: str,
        value: str = "",
        *,
        block_id: str = "block",
        view: Mapping[str, Any] | None = None,
        channel: str = DEFAULT_CHANNEL,
        user: str = DEFAULT_USER,
        **more: Any,
    ) -> PlayedEvent:
        """A person types into a menu whose options the app gives."""
        payload: Json = {
            "type": "block_suggestion",
            "user": self._user(user),
            "api_app_id": self._app.app_id,
            "token": self._app.verification_token,
            "action_id": action_id,
            "block_id": block_id,
            "value": value,
            "team": self._team(),
            "enterprise": None,
            "is_enterprise_install": False,
        }
        if view is not None:
            payload["container"] = {"type": "view", "view_id": view.get("id")}
            payload["view"] = dict(view)
        else:
            payload["container"] = {"type": "message", "channel_id": channel, "is_ephemeral": False}
            payload["channel"] = {"id": channel, "name": name_of(channel)}
        return self._interaction(payload | more, True)

    def anything(
        self,
        envelope_type: str,
        payload: Mapping[str, Any],
        *,
        accepts_response_payload: bool = False,
        name: str | None = None,
    ) -> PlayedEvent:
        """An envelope of any type, its payload as given."""
        key = payload.get("event_id") or payload.get("trigger_id") or self._ids.envelope_id()
        found = name or payload.get("command") or payload.get("type") or envelope_type
        return PlayedEvent(str(key), envelope_type, str(found), payload, accepts_response_payload)

    def _interaction(self, payload: Json, accepts_response_payload: bool) -> PlayedEvent:
        key = payload.get("trigger_id") or self._ids.envelope_id()
        return PlayedEvent(str(key), "interactive", payload["type"], payload, accepts_response_payload)

    def _response_url(self, kind: str) -> str:
        return f"{self.response_base}/{kind}/{self._app.team_id}/{self._ids.number()}/{self._ids.secret()}"

    def _team(self) -> Json:
        return {"id": self._app.team_id, "domain": self._app.team_domain}

    def _user(self, user: str, *, short: bool = False) -> Json:
        name = name_of(user)
        found: Json = {"id": user, "username": name, "team_id": self._app.team_id}
        return found if short else {**found, "name": name}


def name_of(slack_id: str) -> str:
    """The name of whatever has this id, in a workspace where names are made of ids."""
    return slack_id[1:].lstrip("0").lower() or slack_id.lower()


def _rich_text(text: str) -> Json:
    element = {"type": "rich_text_section", "elements": [{"type": "text", "text": text}]}
    return {"type": "rich_text", "block_id": "b1", "elements": [element]}
