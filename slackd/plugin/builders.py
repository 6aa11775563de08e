"""Envelopes for unit tests: a handler is the function that was written, so call it with one of these.

    from slackd.plugin.builders import command

    async def test_it_says_what_it_deploys() -> None:
        assert await deploy(command("/deploy", "api")) == "Deploying api"

What is not named is as Slack would send it ("Using Socket Mode", "Interaction payloads"); `more` adds to the
payload or overwrites it.
"""

import itertools
from collections.abc import Mapping
from typing import Any, Final

from slackd.plugin.envelope import Envelope
from slackd.slack.envelopes import COMMANDS, EVENTS, INTERACTIVE

APP: Final = "main"
TEAM: Final = "T111"
USER: Final = "U111"
CHANNEL: Final = "C111"
_numbers = itertools.count(1)
_STARTED: Final = 1_795_500_000


def event(type: str, *, app: str = APP, attempt: int = 1, **more: Any) -> Envelope:  # noqa: A002
    """An event of the Events API; `more` are its own members."""
    number = next(_numbers)
    inner = {"type": type, "event_ts": f"{_STARTED + number}.000100", **more}
    payload = {
        "type": "event_callback",
        "team_id": TEAM,
        "api_app_id": "A111",
        "event_id": f"Ev{number}",
        "event_time": _STARTED + number,
        "event": inner,
        "authorizations": [{"team_id": TEAM, "user_id": "UBOT", "is_bot": True}],
    }
    return _envelope(number, EVENTS, payload, app, attempt, answered=False)


def message(text: str, *, user: str = USER, channel: str = CHANNEL, thread: str = "", **more: Any) -> Envelope:
    """A message; `thread` is the `ts` of the thread's root."""
    ts = f"{_STARTED + next(_numbers)}.000100"
    place = {"D": "im", "G": "group"}.get(channel[:1], "channel")
    members = {"text": text, "user": user, "channel": channel, "channel_type": place, "ts": ts, **more}
    return event("message", **_in_thread(members, thread))


def mention(text: str, *, user: str = USER, channel: str = CHANNEL, thread: str = "", **more: Any) -> Envelope:
    """A message that mentions the app."""
    ts = f"{_STARTED + next(_numbers)}.000100"
    members = {"text": text, "user": user, "channel": channel, "ts": ts, **more}
    return event("app_mention", **_in_thread(members, thread))


def command(
    name: str, text: str = "", *, user: str = USER, channel: str = CHANNEL, app: str = APP, **more: Any
) -> Envelope:
    """A slash command."""
    number = next(_numbers)
    payload = {
        "command": name,
        "text": text,
        "user_id": user,
        "channel_id": channel,
        "team_id": TEAM,
        "trigger_id": f"{number}.1.x",
        "response_url": f"https://hooks.slack.com/commands/{TEAM}/{number}/x",
        **more,
    }
    return _envelope(number, COMMANDS, payload, app, 1, answered=True)


def click(
    action_id: str, value: str = "", *, user: str = USER, channel: str = CHANNEL, app: str = APP, **more: Any
) -> Envelope:
    """A click on a button in a message; `more` are other members of the payload (`actions`, `message`, …)."""
    number = next(_numbers)
    action = {"type": "button", "action_id": action_id, "block_id": "b1", "value": value}
    ts = f"{_STARTED}.000100"
    payload = {
        "channel": {"id": channel},
        "message": {"type": "message", "ts": ts, "text": ""},
        "container": {"type": "message", "message_ts": ts, "channel_id": channel},
        "response_url": f"https://hooks.slack.com/actions/{TEAM}/{number}/x",
        "actions": [action],
        **more,
    }
    return _interaction(number, "block_actions", user, payload, app, answered=True)


def submission(
    callback_id: str,
    values: Mapping[str, str] | None = None,
    *,
    user: str = USER,
    app: str = APP,
    private_metadata: str = "",
    **more: Any,
) -> Envelope:
    """A submitted modal; `values` is what was typed, by `action_id`."""
    state = {
        f"block_{action_id}": {action_id: {"type": "plain_text_input", "value": value}}
        for action_id, value in (values or {}).items()
    }
    view = {
        "id": "V111",
        "type": "modal",
        "callback_id": callback_id,
        "private_metadata": private_metadata,
        "hash": "1.abc",
        "state": {"values": state},
    }
    return _interaction(next(_numbers), "view_submission", user, {"view": view, **more}, app, answered=True)


def closed(callback_id: str, *, user: str = USER, app: str = APP, **more: Any) -> Envelope:
    """A modal that was closed."""
    view = {"id": "V111", "type": "modal", "callback_id": callback_id, "state": {"values": {}}}
    payload = {"view": view, "is_cleared": False, **more}
    return _interaction(next(_numbers), "view_closed", user, payload, app, answered=False)


def shortcut(callback_id: str, *, user: str = USER, app: str = APP, **more: Any) -> Envelope:
    """A global shortcut."""
    return _interaction(
        next(_numbers), "shortcut", user, {"callback_id": callback_id, **more}, app, answered=False
    )


def message_shortcut(
    callback_id: str,
    text: str = "",
    *,
    user: str = USER,
    channel: str = CHANNEL,
    app: str = APP,
    **more: Any,
) -> Envelope:
    """A shortcut on a message with this text."""
    number = next(_numbers)
    payload = {
        "callback_id": callback_id,
        "channel": {"id": channel},
        "message": {"type": "message", "user": "U222", "ts": f"{_STARTED}.000100", "text": text},
        "response_url": f"https://hooks.slack.com/app/{TEAM}/{number}/x",
        **more,
    }
    return _interaction(number, "message_action", user, payload, app, answered=True)


def options(action_id: str, typed: str = "", *, user: str = USER, app: str = APP, **more: Any) -> Envelope:
    """An external menu asks for its options."""
    payload = {"action_id": action_id, "block_id": "b1", "value": typed, **more}
    return _interaction(next(_numbers), "block_suggestion", user, payload, app, answered=True)


def step(callback_id: str, inputs: Mapping[str, Any] | None = None, *, app: str = APP, **more: Any) -> Envelope:
    """A custom step of a workflow is run."""
    function = {"id": "Fn111", "callback_id": callback_id, "type": "app", "app_id": "A111"}
    members = {"inputs": dict(inputs or {}), "function_execution_id": "Fx111", "bot_access_token": "", **more}
    return event("function_executed", app=app, function=function, **members)


def _in_thread(members: dict[str, Any], thread: str) -> dict[str, Any]:
    return {**members, "thread_ts": thread} if thread else members


def _interaction(
    number: int, kind: str, user: str, payload: Mapping[str, Any], app: str, *, answered: bool
) -> Envelope:
    about = {"type": kind, "user": {"id": user}, "team": {"id": TEAM}, "trigger_id": f"{number}.1.x"}
    return _envelope(number, INTERACTIVE, {**about, **payload}, app, 1, answered=answered)


def _envelope(
    number: int, type_: str, payload: Mapping[str, Any], app: str, attempt: int, *, answered: bool
) -> Envelope:
    received_at = float(_STARTED + number)
    raw = {
        "envelope_id": f"envelope-{number}",
        "type": type_,
        "accepts_response_payload": answered,
        "payload": dict(payload),
    }
    respond_by = received_at + 2.5 if answered else None
    return Envelope(str(number), attempt, app, type_, received_at, respond_by, raw)
