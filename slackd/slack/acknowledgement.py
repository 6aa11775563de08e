"""What an acknowledgement looks like, and what Slack takes in it.

"Using Socket Mode" has the frame; "Responding to interactions" and "Slash commands" what may be in its payload.
"""

from collections.abc import Mapping
from json.encoder import encode_basestring_ascii
from typing import Any, Final

from slackd.slack.envelopes import (
    BLOCK_ACTIONS,
    MESSAGE_SHORTCUT,
    OPTIONS_KINDS,
)
from slackd.slack.limits import ACK_LIMIT

EMPTY_OPTIONS: Final = '{"options":[]}'
"""What a menu is answered with that has nothing to show ("block_suggestion")."""

IGNORED_IN_ACK: Final = frozenset({BLOCK_ACTIONS, MESSAGE_SHORTCUT})
"""Kinds of interactive envelopes whose message Slack takes through their `response_url` alone: in the
acknowledgement it ignores one ("Handling user interaction")."""


def bare_ack(envelope_id: str) -> str:
    """The text frame that acknowledges an envelope without a payload."""
    return f'{{"envelope_id":{encode_basestring_ascii(envelope_id)}}}'


def full_ack(envelope_id: str, payload: str) -> bytes:
    """The text frame that acknowledges an envelope with a payload (JSON text), as UTF-8.

    It is for the caller to see that it `fits`.
    """
    # A lone surrogate has no UTF-8; its JSON escape is what backslashreplace makes of it.
    return f'{bare_ack(envelope_id)[:-1]},"payload":{payload}}}'.encode("utf-8", "backslashreplace")


def fits(envelope_id: str, payload: str) -> bool:
    """Whether an acknowledgement with this payload (JSON text) is short enough for Slack."""
    return len(full_ack(envelope_id, payload)) < ACK_LIMIT


def empty_answer(kind: str) -> str | None:
    """What goes, as JSON text, into the acknowledgement of this kind of envelope where no answer came."""
    return EMPTY_OPTIONS if kind in OPTIONS_KINDS else None


def is_message(response: Mapping[str, Any]) -> bool:
    """Whether an answer is a message, which a `response_url` takes; a modal's or a menu's is not."""
    return "response_action" not in response and "options" not in response and "option_groups" not in response
