"""What happens in Slack, in the payloads that Slack makes of it.

An event becomes an `events_api` envelope; a slash command, a click, a view, a shortcut, an options menu become
`slash_commands` and `interactive` ones. Nothing here is sent: the builders return what is to be sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slackd.emulator.event_payloads import EventPayloads
from slackd.emulator.interaction_payloads import InteractionPayloads
from slackd.emulator.played import PlayedEvent

__all__ = ["Payloads", "PlayedEvent"]


class Payloads(EventPayloads, InteractionPayloads):
    """Builds what happens to one app."""

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
