"""One thing that happened in Slack, and what its builders share."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs

from slackd.emulator.ids import IdSource
from slackd.emulator.settings import EmulatedApp
from slackd.emulator.workspace import Workspace

Json = dict[str, Any]


@attrs.frozen
class PlayedEvent:
    """One thing that happened, ready to be sent.

    Attributes:
        key: what the ledger knows it by: the `event_id`, else the `trigger_id`, else a new id.
        type: the envelope's type.
        name: the event's type, the command, or the interaction's type.
    """

    key: str
    type: str
    name: str
    payload: Mapping[str, Any]
    accepts_response_payload: bool = False

    @property
    def text(self) -> str:
        """The payload as JSON."""
        return json.dumps(self.payload, separators=(",", ":"), ensure_ascii=False)


class PayloadBuilder:
    """What the builders of payloads share.

    `response_base` is where the `response_url`s point, for instance `https://hooks.slack.com`.
    """

    def __init__(self, app: EmulatedApp, ids: IdSource, workspace: Workspace | None = None) -> None:
        self._app = app
        self._ids = ids
        self._workspace = workspace or Workspace.of([app], ids)
        self.response_base = "https://hooks.slack.com"

    def _response_url(self, kind: str) -> str:
        return f"{self.response_base}/{kind}/{self._app.team_id}/{self._ids.number()}/{self._ids.secret()}"

    def _team(self) -> Json:
        return {"id": self._app.team_id, "domain": self._app.team_domain}

    def _user(self, user: str, *, short: bool = False) -> Json:
        name = self._workspace.person(user).name
        found: Json = {"id": user, "username": name, "team_id": self._app.team_id}
        return found if short else {**found, "name": name}

    def _channel(self, channel: str, user: str) -> Json:
        return {"id": channel, "name": self._channel_name(channel, user)}

    def _channel_name(self, channel: str, user: str) -> str:
        found = self._workspace.place(channel, user, self._app.bot_user_id)
        return {"im": "directmessage", "private": "privategroup"}.get(found.kind, found.name)
