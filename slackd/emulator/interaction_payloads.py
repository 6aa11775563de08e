"""Slash commands and interactions (source: "Implementing slash commands", "Interaction payloads").

Times are seconds on the emulator's clock; `wall` is UNIX seconds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from slackd.emulator.conversation import DEFAULT_CHANNEL
from slackd.emulator.people import DEFAULT_USER
from slackd.emulator.played import Json, PayloadBuilder, PlayedEvent


class InteractionPayloads(PayloadBuilder):
    """Builds the commands and interactions that one app is sent."""

    def command(
        self,
        command: str,
        text: str = "",
        *,
        channel: str = DEFAULT_CHANNEL,
        user: str = DEFAULT_USER,
    ) -> PlayedEvent:
        """A slash command."""
        trigger_id = self._ids.trigger_id()
        payload = {
            "token": self._app.verification_token,
            "team_id": self._app.team_id,
            "team_domain": self._app.team_domain,
            "channel_id": channel,
            "channel_name": self._channel_name(channel, user),
            "user_id": user,
            "user_name": self._workspace.person(user).name,
            "command": command,
            "text": text,
            "api_app_id": self._app.app_id,
            "is_enterprise_install": "false",
            "response_url": self._response_url("commands"),
            "trigger_id": trigger_id,
        }
        return PlayedEvent(trigger_id, "slash_commands", command, payload, True)

    def shortcut(self, callback_id: str, wall: float, *, user: str = DEFAULT_USER) -> PlayedEvent:
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
        return self._interaction(payload, False)

    def message_action(
        self,
        callback_id: str,
        message: Mapping[str, Any],
        wall: float,
        *,
        channel: str = DEFAULT_CHANNEL,
        user: str = DEFAULT_USER,
    ) -> PlayedEvent:
        """A message shortcut."""
        payload = {
            "type": "message_action",
            "token": self._app.verification_token,
            "action_ts": self._ids.ts(wall),
            "team": self._team(),
            "user": self._user(user),
            "channel": self._channel(channel, user),
            "is_enterprise_install": False,
            "enterprise": None,
            "callback_id": callback_id,
            "trigger_id": self._ids.trigger_id(),
            "response_url": self._response_url("app"),
            "message_ts": message.get("ts"),
            "message": dict(message),
        }
        return self._interaction(payload, False)

    def block_actions(
        self,
        actions: Sequence[Mapping[str, Any]],
        wall: float,
        *,
        message: Mapping[str, Any] | None = None,
        view: Mapping[str, Any] | None = None,
        ephemeral: bool = False,
        state: Mapping[str, Any] | None = None,
        channel: str = DEFAULT_CHANNEL,
        user: str = DEFAULT_USER,
        step: Mapping[str, Any] | None = None,
    ) -> PlayedEvent:
        """A click or a choice, in a message or in a view; an ephemeral message is not sent along."""
        payload: Json = {
            **self._opening("block_actions", user, step),
            "trigger_id": self._ids.trigger_id(),
        }
        if view is not None:
            payload["container"] = {"type": "view", "view_id": view.get("id")}
            payload["view"] = {**view, **({"state": {"values": dict(state)}} if state is not None else {})}
        else:
            shown = {"type": "message", "user": self._app.bot_user_id, **(message or {})}
            ts = shown.setdefault("ts", self._ids.ts(wall))
            container = {"type": "message", "message_ts": ts, "channel_id": channel, "is_ephemeral": ephemeral}
            if thread_ts := shown.get("thread_ts"):
                container["thread_ts"] = thread_ts
            payload["container"] = container
            payload["channel"] = self._channel(channel, user)
            if not ephemeral:
                payload["message"] = shown
            payload["state"] = {"values": dict(state or {})}
            payload["response_url"] = self._response_url("actions")
        payload["actions"] = [{"action_ts": self._ids.ts(wall), **action} for action in actions]
        return self._interaction(payload, view is None)

    def view_submission(
        self,
        view: Mapping[str, Any],
        *,
        user: str = DEFAULT_USER,
        response_to: Sequence[Mapping[str, str]] = (),
        step: Mapping[str, Any] | None = None,
    ) -> PlayedEvent:
        """A modal was submitted; its values are in `view["state"]`.

        Args:
            response_to: for each menu of conversations with `response_url_enabled`, its `block_id`,
                `action_id` and the `channel_id` that was chosen.
        """
        payload = {
            **self._opening("view_submission", user, step),
            "trigger_id": self._ids.trigger_id(),
            "view": dict(view),
            "response_urls": [{**each, "response_url": self._response_url("app")} for each in response_to],
        }
        return self._interaction(payload, True)

    def view_closed(
        self,
        view: Mapping[str, Any],
        *,
        user: str = DEFAULT_USER,
        is_cleared: bool = False,
        step: Mapping[str, Any] | None = None,
    ) -> PlayedEvent:
        """A modal was closed that had `notify_on_close`."""
        opening = self._opening("view_closed", user, step)
        return self._interaction({**opening, "view": dict(view), "is_cleared": is_cleared}, False)

    def block_suggestion(
        self,
        action_id: str,
        value: str = "",
        *,
        block_id: str = "block",
        view: Mapping[str, Any] | None = None,
        message: Mapping[str, Any] | None = None,
        channel: str = DEFAULT_CHANNEL,
        user: str = DEFAULT_USER,
    ) -> PlayedEvent:
        """A person types into a menu whose options the app gives."""
        payload: Json = {
            **self._opening("block_suggestion", user, None),
            "action_id": action_id,
            "block_id": block_id,
            "value": value,
        }
        if view is not None:
            payload["container"] = {"type": "view", "view_id": view.get("id")}
            payload["view"] = dict(view)
        else:
            container = {"type": "message", "channel_id": channel, "is_ephemeral": False}
            payload["container"] = container
            payload["channel"] = self._channel(channel, user)
            if message is not None:
                container["message_ts"] = message["ts"]
                payload["message"] = dict(message)
        return self._interaction(payload, True)

    def _opening(self, kind: str, user: str, step: Mapping[str, Any] | None) -> Json:
        """What every interaction begins with; in a custom step, its token and what it is."""
        opening: Json = {
            "type": kind,
            "team": self._team(),
            "user": self._user(user),
            "api_app_id": self._app.app_id,
            "token": self._app.verification_token,
            "is_enterprise_install": False,
            "enterprise": None,
        }
        if step is None:
            return opening
        pointer = self._ids.trigger_id()
        return {
            **opening,
            "bot_access_token": step["token"],
            "function_data": {
                "execution_id": step["execution_id"],
                "function": {"callback_id": step["callback_id"]},
                "inputs": dict(step["inputs"]),
            },
            "interactivity": {
                "interactor": {"id": user, "secret": self._ids.secret()},
                "interactivity_pointer": pointer,
            },
        }

    def _interaction(self, payload: Json, accepts_response_payload: bool) -> PlayedEvent:
        key = payload.get("trigger_id") or self._ids.envelope_id()
        return PlayedEvent(str(key), "interactive", payload["type"], payload, accepts_response_payload)
