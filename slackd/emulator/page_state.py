"""What the page shows: the workspace as one person sees it, and what passed between Slack and the app."""

from __future__ import annotations

from typing import Any, Final

import attrs

from slackd.emulator.client import EmulatorClient
from slackd.emulator.conversation import DEFAULT_CHANNEL, Conversation
from slackd.emulator.faults import CONNECTION_FAULTS, PLANNED_FAULTS
from slackd.emulator.ledger import ApiCall, LedgerEntry
from slackd.emulator.people import DEFAULT_USER
from slackd.emulator.workspace import Workspace

Json = dict[str, Any]

SHOWN: Final = 200
"""Messages, envelopes and calls that are shown; older ones are in the control API."""

_IN_A_CHANNEL: Final = frozenset(
    {"chat.postMessage", "chat.postEphemeral", "chat.update", "chat.startStream", "chat.appendStream"}
)


def page_state(slack: EmulatorClient, user: str | None, channel: str | None, app: str | None) -> Json:
    """Everything that one look at the page needs."""
    made = slack.core.side(app or None).app
    workspace, surfaces = slack.workspace(app or None), slack.surfaces_of(app or None)
    me = workspace.people.get(user or "") or workspace.people[DEFAULT_USER]
    direct = slack.direct_message(me.id, app=app or None)
    visible = [each for each in workspace.conversations.values() if each.open_to_all or me.id in each.members]
    chosen = workspace.conversations.get(channel or "")
    if chosen is None or chosen not in visible:
        chosen = workspace.conversations.get(DEFAULT_CHANNEL) or visible[0]
    home = surfaces.views.get(surfaces.homes.get(me.id, ""))
    modals = [
        {**surfaces.views[view_id], "errors": surfaces.view_errors.get(view_id, {})}
        for view_id, reader in surfaces.open_modals.items()
        if reader == me.id and view_id in surfaces.views
    ]
    return {
        "version": slack.version,
        "base_url": slack.base_url,
        "team": workspace.team_domain,
        "apps": [{"id": each.app_id, "name": each.name, "bot": each.bot_user_id} for each in slack.apps],
        "app": {"id": made.app_id, "name": made.name, "bot": made.bot_user_id},
        "me": me.id,
        "direct": direct,
        "people": [
            {
                "id": each.id,
                "name": each.name,
                "real_name": each.real_name or each.name,
                "bot": each.app is not None,
            }
            for each in workspace.people.values()
        ],
        "channels": [
            _listed(each, me.id, workspace) for each in workspace.conversations.values() if each in visible
        ],
        "conversation": _conversation(slack, chosen, me.id, made.app_id),
        "home": home,
        "modals": modals,
        "commands": _used(slack, made.app_id, "slash_commands", None, made.commands),
        "shortcuts": _used(slack, made.app_id, "interactive", "shortcut", made.shortcuts),
        "message_shortcuts": _used(slack, made.app_id, "interactive", "message_action", made.message_shortcuts),
        "prompts": {ts: each for (place, ts), each in surfaces.suggested_prompts.items() if place == chosen.id},
        "status": {ts: each for (place, ts), each in surfaces.thread_status.items() if place == chosen.id},
        "titles": {ts: each for (place, ts), each in surfaces.thread_titles.items() if place == chosen.id},
        "steps": list(surfaces.executions.values())[-SHOWN:],
        "entries": [_entry(each) for each in _latest(list(slack.ledger.find(app=made.app_id)))],
        "calls": [_call(each) for each in _latest(slack.ledger.calls_of(app=made.app_id))],
        "connections": [
            {
                "id": each.id,
                "state": each.state.value,
                "ready": each.ready,
                "opened_at": each.opened_at,
                "ended_at": each.ended_at,
                "how_ended": each.how_ended,
                "sent": each.sent,
                "acked": each.acked,
                "pings": each.pings,
                "silent": each.silent,
            }
            for each in list(slack.core.connections.values())[-40:]
            if each.app == made.app_id
        ],
        "summary": attrs.asdict(slack.summary(made)),
        "faults": {"now": CONNECTION_FAULTS, "planned": PLANNED_FAULTS},
        "began": slack.core.context.began,
    }


def _latest(items: list[Any]) -> list[Any]:
    return items[-SHOWN:]


def _listed(conversation: Conversation, me: str, workspace: Workspace) -> Json:
    others = [workspace.person(each).name for each in conversation.members if each != me]
    named = conversation.kind in ("channel", "private")
    return {
        "id": conversation.id,
        "name": conversation.name if named else ", ".join(others) or "you",
        "kind": conversation.kind,
        "last": next(reversed(conversation.messages), ""),
        "archived": conversation.is_archived,
        "topic": conversation.topic["value"],
        "members": len(conversation.members),
        "joined": me in conversation.members,
    }


def _conversation(slack: EmulatorClient, conversation: Conversation, me: str, app_id: str) -> Json:
    private = [each for each in conversation.ephemeral.values() if each.get("reader") in (me, None)]
    messages = [*list(conversation.messages.values())[-SHOWN:], *private[-SHOWN:]]
    failed = [
        {
            "type": "refused",
            "ts": f"{slack.core.context.wall(call.at):.6f}",
            "method": call.method,
            "error": call.error,
            "messages": (call.answer.get("response_metadata") or {}).get("messages", []),
            "text": call.args.get("text", ""),
            "blocks": call.args.get("blocks") or _blocks_of_view(call.args.get("view")),
        }
        for call in slack.ledger.calls_of(app=app_id)[-SHOWN:]
        if not call.ok and _is_seen_in(call, conversation.id)
    ]
    unanswered = [
        {
            "type": "failed",
            "ts": f"{slack.core.context.wall(entry.at):.6f}",
            "name": entry.name,
            "failure": entry.failure,
        }
        for entry in _latest(list(slack.ledger.find(app=app_id)))
        if entry.failure and not entry.redelivers and entry.channel == conversation.id and entry.user == me
    ]
    shown = sorted([*messages, *failed, *unanswered], key=lambda each: float(each["ts"]))
    return {
        "id": conversation.id,
        "name": conversation.name,
        "kind": conversation.kind,
        "topic": conversation.topic["value"],
        "purpose": conversation.purpose["value"],
        "members": list(conversation.members),
        "archived": conversation.is_archived,
        "pins": list(conversation.pins),
        "bookmarks": list(conversation.bookmarks.values()),
        "messages": shown,
    }


def _is_seen_in(call: ApiCall, channel: str) -> bool:
    """Whether what Slack refused would have been seen in that conversation; a view is seen in any."""
    if call.method.startswith("views."):
        return True
    return call.method in _IN_A_CHANNEL and call.args.get("channel") == channel


def _blocks_of_view(view: Any) -> Any:
    return view.get("blocks") if isinstance(view, dict) else None


def _used(
    slack: EmulatorClient, app_id: str, kind: str, name: str | None, declared: tuple[str, ...]
) -> list[str]:
    """What the app says it has, and what was used before."""
    fields = ("command",) if kind == "slash_commands" else ("callback_id",)
    played = [
        str((entry.played_by or ("", {}))[1].get(field, ""))
        for entry in slack.ledger.find(app=app_id, envelope_type=kind, name=name)
        for field in fields
    ]
    return sorted({*declared, *(each for each in played if each)})


def _entry(entry: LedgerEntry) -> Json:
    return {
        "key": entry.key,
        "type": entry.type,
        "name": entry.name,
        "at": entry.at,
        "user": entry.user,
        "channel": entry.channel,
        "payload": entry.payload,
        "acknowledged": entry.acknowledged,
        "failure": entry.failure,
        "ack_seconds": entry.ack_seconds,
        "response": entry.response,
        "sends": [attrs.asdict(each) for each in entry.sends],
        "acks": [attrs.asdict(each) for each in entry.acks],
        "posts": [attrs.asdict(each) for each in entry.posts],
        "played_by": entry.played_by,
    }


def _call(call: ApiCall) -> Json:
    return {**attrs.asdict(call), "ok": call.ok, "error": call.error}
