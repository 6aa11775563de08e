"""Events of the Events API (source: "Events API" and the reference's page of each event).

Times are seconds on the emulator's clock; `wall` is UNIX seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slackd.emulator.conversation import DEFAULT_CHANNEL, Conversation
from slackd.emulator.people import DEFAULT_USER
from slackd.emulator.played import Json, PayloadBuilder, PlayedEvent
from slackd.emulator.rich_text import rich_text_block


class EventPayloads(PayloadBuilder):
    """Builds the events that one app is sent."""

    def event(self, event: Mapping[str, Any], wall: float, *, event_id: str | None = None) -> PlayedEvent:
        """Any event, in its callback."""
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
            "context_team_id": app.team_id,
            "context_enterprise_id": None,
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

    def new_message(
        self,
        text: str,
        wall: float,
        *,
        user: str = DEFAULT_USER,
        thread_ts: str | None = None,
        blocks: list[Json] | None = None,
    ) -> Json:
        """A person's message as it stands in its conversation."""
        message: Json = {
            "client_msg_id": self._ids.envelope_id(),
            "type": "message",
            "text": text,
            "user": user,
            "ts": self._ids.ts(wall),
            "blocks": blocks or [rich_text_block(text, self._ids.secret()[:5])],
            "team": self._app.team_id,
        }
        if thread_ts is not None:
            message["thread_ts"] = thread_ts
        return message

    def message_posted(
        self, message: Mapping[str, Any], conversation: Conversation, wall: float
    ) -> PlayedEvent:
        """The event `message` for a message that stands in a conversation now."""
        event = {
            **message,
            "channel": conversation.id,
            "channel_type": conversation.channel_type,
            "event_ts": message["ts"],
        }
        return self.event(event, wall)

    def app_mentioned(self, message: Mapping[str, Any], conversation: Conversation, wall: float) -> PlayedEvent:
        """The event `app_mention` for a message that names the app."""
        event = {**message, "type": "app_mention", "channel": conversation.id, "event_ts": message["ts"]}
        return self.event(event, wall)

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
        message = {**self.new_message(text, wall, user=user, thread_ts=thread_ts), "type": event_type}
        event: Json = {**message, "channel": channel, "event_ts": message["ts"]}
        if event_type == "message":
            event["channel_type"] = {"D": "im", "G": "group"}.get(channel[:1], "channel")
        return self.event(event | more, wall)

    def home_opened(self, wall: float, *, user: str, channel: str, tab: str, view: Json | None) -> PlayedEvent:
        """A person opened the app's Home tab, or its messages ("app_home_opened")."""
        event: Json = {"type": "app_home_opened", "user": user, "channel": channel, "tab": tab}
        if view is not None:
            event["view"] = view
        return self.event(event, wall)

    def joined_channel(self, wall: float, *, user: str, conversation: Conversation) -> PlayedEvent:
        """Somebody joined a channel ("member_joined_channel").

        Returns:
            The event, to be sent.
        """
        return self.event(self._membership("member_joined_channel", user, conversation), wall)

    def left_channel(self, wall: float, *, user: str, conversation: Conversation) -> PlayedEvent:
        """Somebody left a channel ("member_left_channel").

        Returns:
            The event, to be sent.
        """
        return self.event(self._membership("member_left_channel", user, conversation), wall)

    def _membership(self, kind: str, user: str, conversation: Conversation) -> Json:
        return {
            "type": kind,
            "user": user,
            "channel": conversation.id,
            "channel_type": conversation.id[:1],
            "team": self._app.team_id,
        }

    def file_shared(self, wall: float, *, file_id: str, user: str, channel: str) -> PlayedEvent:
        """A file was shared ("file_shared"): the event names it, `files.info` says the rest."""
        event = {
            "type": "file_shared",
            "file_id": file_id,
            "user_id": user,
            "file": {"id": file_id},
            "channel_id": channel,
        }
        return self.event(event, wall)

    def function_executed(
        self, callback_id: str, inputs: Mapping[str, Any], wall: float, *, token: str
    ) -> PlayedEvent:
        """A workflow came to a custom step of the app's ("function_executed")."""
        kinds = {name: _parameter_type(value) for name, value in inputs.items()}
        event = {
            "type": "function_executed",
            "function": {
                "id": self._ids.slack_id("Fn"),
                "callback_id": callback_id,
                "title": callback_id.replace("_", " "),
                "description": "",
                "type": "app",
                "input_parameters": [
                    {"type": kind, "name": name, "description": "", "title": name, "is_required": True}
                    for name, kind in kinds.items()
                ],
                "output_parameters": [],
                "app_id": self._app.app_id,
                "date_created": int(wall),
                "date_updated": int(wall),
                "date_deleted": 0,
                "form_enabled": False,
            },
            "inputs": dict(inputs),
            "function_execution_id": self._ids.slack_id("Fx"),
            "workflow_execution_id": self._ids.slack_id("Wx"),
            "bot_access_token": token,
        }
        return self.event(event, wall)

    def assistant_thread(
        self, kind: str, wall: float, *, user: str, channel: str, thread_ts: str, context: Mapping[str, Any]
    ) -> PlayedEvent:
        """`assistant_thread_started` or `assistant_thread_context_changed`."""
        thread = {"user_id": user, "context": dict(context), "channel_id": channel, "thread_ts": thread_ts}
        return self.event({"type": kind, "assistant_thread": thread}, wall)

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


def _parameter_type(value: object) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return "string"
