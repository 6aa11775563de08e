"""What apps answer to people: an acknowledgement's payload, or a post to a `response_url`
(source: "Implementing slash commands", "Handling user interaction", "Modals").

Times are seconds on the emulator's clock; `wall` is UNIX seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from slackd.emulator.app_surfaces import MODALS, AppSurfaces
from slackd.emulator.blockkit import check_blocks, check_options, check_view
from slackd.emulator.context import EmulatorContext
from slackd.emulator.conversation import Conversation
from slackd.emulator.ledger import Ledger, LedgerEntry
from slackd.emulator.rich_text import rich_text_block
from slackd.emulator.workspace import Workspace

Json = dict[str, Any]

INVALID_COMMAND_RESPONSE: Final = "invalid_command_response"
INVALID_VIEW_RESPONSE: Final = "invalid_view_response"
INVALID_OPTIONS_RESPONSE: Final = "invalid_options_response"


class Answers:
    """Shows people what one app answers.

    Args:
        notify: an event that comes of it.
    """

    def __init__(
        self,
        context: EmulatorContext,
        workspace: Workspace,
        surfaces: AppSurfaces,
        ledger: Ledger,
        notify: Callable[[Json], None],
    ) -> None:
        self._context = context
        self._workspace = workspace
        self._surfaces = surfaces
        self._ledger = ledger
        self._notify = notify
        self.submissions: dict[str, str] = {}

    def acknowledged(self, entry: LedgerEntry, payload: Any, now: float) -> None:
        """An acknowledgement came in time, with that payload or None."""
        if view_id := self.submissions.pop(entry.key, None):
            self._submitted(entry, view_id, payload, now)
        elif entry.type == "slash_commands" and payload:
            answer = {"text": payload} if isinstance(payload, str) else payload
            if not isinstance(answer, dict) or self.refused(answer) is not None:
                entry.failure = INVALID_COMMAND_RESPONSE
                self._ledger.odd(entry.app, "answer to a command that Slack does not take")
            elif answer.get("text") or answer.get("blocks") or answer.get("attachments"):
                self._show(entry, answer, now)
        elif entry.name == "block_suggestion" and check_options(payload) and not self._context.settings.lenient:
            entry.failure = INVALID_OPTIONS_RESPONSE
            self._ledger.odd(entry.app, "answer to a menu that Slack does not take")

    def refused(self, body: Mapping[str, Any]) -> str | None:
        """Slack's word for what is wrong with a message, or None."""
        if self._context.settings.lenient:
            return None
        blocks = body.get("blocks")
        if blocks is not None and check_blocks(blocks):
            return "invalid_blocks"
        return None

    def posted(self, entry: LedgerEntry, body: Mapping[str, Any], now: float) -> None:
        """A post to the `response_url` of what a person did was taken."""
        conversation = self._conversation(entry)
        if conversation is None:
            return
        shown = entry.message_ts or ""
        if is_set(body, "delete_original"):
            conversation.ephemeral.pop(shown, None)
            if shown in conversation.messages:
                conversation.remove(shown)
        elif is_set(body, "replace_original") and (original := _original(conversation, shown)) is not None:
            original |= self._content(body)
            original["edited"] = {"user": self._surfaces.app.bot_id, "ts": shown}
        else:
            self._show(entry, body, now)

    def _conversation(self, entry: LedgerEntry) -> Conversation | None:
        return self._workspace.conversations.get(entry.channel or "")

    def _show(self, entry: LedgerEntry, body: Mapping[str, Any], now: float) -> None:
        conversation = self._conversation(entry)
        if conversation is None:
            return
        app = self._surfaces.app
        message: Json = {
            "user": app.bot_user_id,
            "type": "message",
            "ts": self._context.ids.ts(self._context.wall(now)),
            "bot_id": app.bot_id,
            "app_id": app.app_id,
            "team": app.team_id,
            **self._content(body),
        }
        if body.get("thread_ts"):
            message["thread_ts"] = body["thread_ts"]
        if body.get("response_type") == "in_channel":
            conversation.add(message)
            at = {"channel": conversation.id, "channel_type": conversation.channel_type}
            self._notify({**message, **at, "event_ts": message["ts"]})
        else:
            message |= {"is_ephemeral": True, "reader": entry.user}
            conversation.ephemeral[message["ts"]] = message

    def _content(self, body: Mapping[str, Any]) -> Json:
        text = str(body.get("text") or "")
        content: Json = {"text": text}
        block_id = self._context.ids.secret()[:5]
        if blocks := body.get("blocks"):
            content["blocks"] = [
                {**block, "block_id": block.get("block_id") or f"{block_id}{number}"}
                for number, block in enumerate(blocks)
            ]
        elif text:
            content["blocks"] = [rich_text_block(text, block_id)]
        if body.get("attachments"):
            content["attachments"] = body["attachments"]
        return content

    def _submitted(self, entry: LedgerEntry, view_id: str, payload: Any, now: float) -> None:
        """The view closes, or shows errors, or another view, as the answer says."""
        view = self._surfaces.views.get(view_id)
        if view is None:
            return
        answer = payload if isinstance(payload, dict) else {}
        user, wall = entry.user or "", self._context.wall(now)
        match answer.get("response_action"):
            case None:
                self._surfaces.close_modal(view_id)
            case "clear":
                self._surfaces.close_all_modals(user)
            case "errors" if self._names_inputs(view, answer.get("errors")):
                self._surfaces.view_errors[view_id] = dict(answer["errors"])
            case "update" if self._takes(answer.get("view")):
                self._surfaces.keep_view(answer["view"], wall, view_id=view_id, user=user)
            case "push" if self._takes(answer.get("view")) and self._surfaces.depth(view) < MODALS:
                self._surfaces.keep_view(answer["view"], wall, below=view, user=user)
            case _:
                entry.failure = INVALID_VIEW_RESPONSE
                self._ledger.odd(entry.app, "answer to a submission that Slack does not take")

    def _takes(self, view: object) -> bool:
        lenient = (
            self._context.settings.lenient and isinstance(view, dict) and isinstance(view.get("blocks"), list)
        )
        return lenient or not check_view(view, "modal")

    def _names_inputs(self, view: Mapping[str, Any], errors: object) -> bool:
        if not isinstance(errors, dict) or not errors:
            return False
        inputs = {block["block_id"] for block in view["blocks"] if block.get("type") == "input"}
        return self._context.settings.lenient or errors.keys() <= inputs


def is_set(body: Mapping[str, Any], name: str) -> bool:
    """Whether a flag of a message is set, in JSON or, as in Slack's own examples, in words."""
    return str(body.get(name, "")).lower() in ("1", "true")


def _original(conversation: Conversation, ts: str) -> Json | None:
    return conversation.messages.get(ts) or conversation.ephemeral.get(ts)
