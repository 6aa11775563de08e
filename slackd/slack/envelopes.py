"""Names that Slack gives: the types of envelopes, and the types of what comes with an interactive one.

"Using Socket Mode" lists the types of envelopes; "Handling user interaction" those of interactive payloads.
"""

from typing import Final

EVENTS: Final = "events_api"
COMMANDS: Final = "slash_commands"
INTERACTIVE: Final = "interactive"
ENVELOPE_TYPES: Final = (EVENTS, COMMANDS, INTERACTIVE)
PROMPT_TYPES: Final = frozenset({COMMANDS, INTERACTIVE})
"""The types of envelopes that a person waits for."""

BLOCK_ACTIONS: Final = "block_actions"
BLOCK_SUGGESTION: Final = "block_suggestion"
GLOBAL_SHORTCUT: Final = "shortcut"
MESSAGE_SHORTCUT: Final = "message_action"
VIEW_SUBMISSION: Final = "view_submission"
VIEW_CLOSED: Final = "view_closed"
LEGACY_ACTION: Final = "interactive_message"
LEGACY_OPTIONS: Final = "dialog_suggestion"
SHORTCUT_KINDS: Final = frozenset({GLOBAL_SHORTCUT, MESSAGE_SHORTCUT})
OPTIONS_KINDS: Final = frozenset({BLOCK_SUGGESTION, LEGACY_OPTIONS})

CONTROL_EVENTS: Final = frozenset({"agent_session_stopped"})
"""Events by which a person steers work that is under way ("agent_session_stopped event"): they overtake it."""

MEMBERSHIP_EVENTS: Final = frozenset({"member_joined_channel", "member_left_channel"})
"""Events that are about somebody more than by somebody: an app wants to know that it joined a channel."""

MESSAGE_PLACES: Final = {
    "channel": "channels",
    "group": "groups",
    "im": "im",
    "mpim": "mpim",
    "app_home": "app_home",
}
"""A message's `channel_type`, and the name by which an app subscribes to messages of such places
("message event")."""
