"""Envelopes as Slack sends them ("Using Socket Mode", "The Events API"), for the specifications."""

import json
import time
from collections.abc import Mapping
from typing import Any

from slackd.broker.parsing import read
from slackd.envelope import Arrival, ParsedEnvelope, Unreadable

TOKEN = "verification-token"


def frame(kind: str, payload: Any, number: int = 1, *, accepts: bool = False, **more: Any) -> str:
    """An envelope's text."""
    about = {"envelope_id": f"env-{number}", "type": kind, "accepts_response_payload": accepts}
    return json.dumps({**about, "payload": payload, **more})


def event(number: int = 1, event: Mapping[str, Any] | None = None, **more: Any) -> str:
    """An event; by default a message in a channel."""
    inner = {"type": "message", "channel": "C1", "channel_type": "channel", "user": "U1", "ts": f"{number}.0"}
    payload = {"token": TOKEN, "event_id": f"Ev{number}", "type": "event_callback", "event": event or inner}
    return frame("events_api", {**payload, "api_app_id": "A1", **more}, number)


def command(number: int = 1, name: str = "/deploy", **more: Any) -> str:
    """A slash command, which takes an answer and has a `response_url`."""
    payload = {"token": TOKEN, "command": name, "channel_id": "C1", "user_id": "U1", "trigger_id": f"t{number}"}
    url = {"response_url": f"https://hooks.slack.com/commands/{number}"}
    return frame("slash_commands", {**payload, **url, **more}, number, accepts=True)


def interactive(kind: str, number: int = 1, *, accepts: bool = True, **more: Any) -> str:
    """A click, a submitted modal, a menu that asks for options."""
    payload = {"token": TOKEN, "type": kind, "user": {"id": "U1"}, "trigger_id": f"t{number}"}
    return frame("interactive", {**payload, **more}, number, accepts=accepts)


def arrival(text: str, number: int = 1, received_at: float = 0.0, app: str = "main") -> Arrival:
    return Arrival(number, app, "c1-main-1", received_at, text)


def understood(text: str) -> ParsedEnvelope:
    """What is read out of a text that can be understood."""
    found = read(arrival(text, received_at=time.monotonic()))
    assert isinstance(found, ParsedEnvelope), found
    return found


def refused(text: str) -> Unreadable:
    """What is said of a text that can't be."""
    found = read(arrival(text))
    assert isinstance(found, Unreadable), found
    return found
