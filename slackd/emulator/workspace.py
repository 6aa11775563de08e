"""What an app has made in its workspace: messages to click in, views to submit, triggers to use up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import attrs

from slackd.emulator.ids import IdSource
from slackd.emulator.settings import EmulatedApp

Json = dict[str, Any]

KEPT_MESSAGES: Final = 10_000
"""Messages of one app's workspace; the oldest go first."""


@attrs.define
class Workspace:
    """One app's traces.

    Attributes:
        messages: by channel and `ts`.
        views: by id, as Slack would give them back.
        triggers: until when each `trigger_id` opens a view; gone once used.
        homes: the view in each user's Home tab, by its id.
        conversations: direct messages that the app opened, by the users in them.
    """

    app: EmulatedApp
    ids: IdSource
    messages: dict[tuple[str, str], Json] = attrs.field(factory=dict)
    views: dict[str, Json] = attrs.field(factory=dict)
    triggers: dict[str, float] = attrs.field(factory=dict)
    reactions: set[tuple[str, str, str]] = attrs.field(factory=set)
    homes: dict[str, str] = attrs.field(factory=dict)
    conversations: dict[str, str] = attrs.field(factory=dict)

    def post(self, args: Mapping[str, Any], wall: float) -> Json:
        """A message of the app's."""
        ts = self.ids.ts(wall)
        message: Json = {
            "user": self.app.bot_user_id,
            "type": "message",
            "ts": ts,
            "bot_id": self.app.bot_id,
            "app_id": self.app.app_id,
            "text": args.get("text", ""),
            "team": self.app.team_id,
        }
        for field in ("blocks", "attachments", "thread_ts", "metadata"):
            if args.get(field):
                message[field] = args[field]
        self._keep(str(args["channel"]), message)
        return message

    def hear(self, event: Mapping[str, Any]) -> None:
        """A message of a person's."""
        message = {
            name: value for name, value in event.items() if name not in ("channel", "channel_type", "event_ts")
        }
        self._keep(str(event["channel"]), {**message, "type": "message"})

    def _keep(self, channel: str, message: Json) -> None:
        self.messages[channel, message["ts"]] = message
        if len(self.messages) > KEPT_MESSAGES:
            del self.messages[next(iter(self.messages))]

    def keep_view(
        self,
        given: Mapping[str, Any],
        wall: float,
        *,
        view_id: str | None = None,
        below: Mapping[str, Any] | None = None,
    ) -> Json:
        """A view that the app opened, pushed (on top of `below`), updated or published."""
        view_id = view_id or self.ids.slack_id("V")
        before = self.views.get(view_id, {})
        view = {
            "id": view_id,
            "team_id": self.app.team_id,
            "private_metadata": "",
            "callback_id": "",
            "clear_on_close": False,
            "notify_on_close": False,
            "external_id": "",
            "previous_view_id": below["id"] if below else before.get("previous_view_id"),
            "root_view_id": below["root_view_id"] if below else before.get("root_view_id", view_id),
            "app_id": self.app.app_id,
            "app_installed_team_id": self.app.team_id,
            "bot_id": self.app.bot_id,
            **given,
            "state": {"values": {}},
            "hash": f"{self.ids.ts(wall)[:10]}.{self.ids.secret()[:8]}",
        }
        self.views[view_id] = view
        return view

    def named_view(self, view_id: object, external_id: object) -> Json | None:
        """The view of that id, or of the id that the app gave it."""
        if view_id:
            return self.views.get(str(view_id))
        return next(
            (each for each in self.views.values() if external_id and each["external_id"] == external_id), None
        )

    def find_modal(self) -> Json | None:
        """The modal that was opened last."""
        return next((each for each in reversed(self.views.values()) if each["type"] == "modal"), None)

    def depth(self, view: Mapping[str, Any]) -> int:
        """Modals in the stack whose top this is."""
        below = self.views.get(view["previous_view_id"] or "")
        return 1 if below is None else 1 + self.depth(below)

    def find_view(self, *, view_id: str | None = None, callback_id: str | None = None) -> Json | None:
        """The view of that id, or the latest of that `callback_id`, or the latest."""
        for view in reversed(self.views.values()):
            if view_id is not None and view["id"] != view_id:
                continue
            if callback_id is None or view["callback_id"] == callback_id:
                return view
        return None

    def find_action(self, action_id: str) -> tuple[Json, Json | None, Json | None, str | None] | None:
        """The latest element with that `action_id`: action, message, view, channel."""
        for view in reversed(self.views.values()):
            for action in _elements(view.get("blocks")):
                if action["action_id"] == action_id:
                    return action, None, view, None
        for (channel, _), message in reversed(self.messages.items()):
            for action in _elements(message.get("blocks")):
                if action["action_id"] == action_id:
                    return action, message, None, channel
        return None

    def forget(self) -> None:
        """Begin anew."""
        self.messages.clear()
        self.views.clear()
        self.triggers.clear()
        self.reactions.clear()
        self.homes.clear()
        self.conversations.clear()


def _elements(blocks: Any) -> Iterator[Json]:
    """The interactive elements of blocks, in the form in which they come back in `actions`."""
    if not isinstance(blocks, list):
        return
    for block in blocks:
        if not isinstance(block, dict):
            continue
        single = [block.get("accessory"), block.get("element")]
        for element in (*(block.get("elements") or ()), *single):
            if isinstance(element, dict) and element.get("action_id"):
                found = {
                    name: element[name] for name in ("type", "action_id", "value", "text") if name in element
                }
                yield {**found, "block_id": block.get("block_id") or "block"}
