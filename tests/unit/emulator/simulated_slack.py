"""An emulated Slack under simulated time, with clients that are lists of what they were sent."""

from __future__ import annotations

import json
from typing import Any

import attrs

from slackd.emulator.core import SlackCore
from slackd.emulator.ledger import LedgerEntry
from slackd.emulator.payloads import Payloads
from slackd.emulator.settings import EmulatedApp, EmulatorSettings
from slackd.slack_server.admission import Admission, Admit
from slackd.slack_server.connections import ServerConnection

WALL = 1_760_000_000.0


@attrs.define
class Client:
    """A client's end of a connection: what came out of Slack."""

    connection: ServerConnection
    texts: list[dict[str, Any]] = attrs.field(factory=list)
    pings: list[bytes] = attrs.field(factory=list)
    raw: list[bytes] = attrs.field(factory=list)
    close_code: int | None = None
    aborted: bool = False
    reset: bool = False

    def send_text(self, text: str) -> None:
        self.texts.append(json.loads(text))

    def send_ping(self, payload: bytes) -> None:
        self.pings.append(payload)

    def send_raw(self, data: bytes) -> None:
        self.raw.append(data)

    def close(self, code: int | None, reason: str) -> None:
        self.close_code = code

    def abort(self, *, reset: bool = False) -> None:
        self.aborted = True
        self.reset = reset

    @property
    def envelopes(self) -> list[dict[str, Any]]:
        return [text for text in self.texts if "envelope_id" in text]

    @property
    def told(self) -> list[str]:
        """What it was told that is no envelope."""
        return [text.get("reason", text["type"]) for text in self.texts if "envelope_id" not in text]


class SimulatedSlack:
    """The core with a clock that the test turns."""

    def __init__(self, *apps: EmulatedApp, **settings: Any) -> None:
        settings.setdefault("seed", 1)
        self.now = 1000.0
        self.slack = SlackCore(apps or [EmulatedApp()], EmulatorSettings(**settings), now=self.now, wall=WALL)
        self.app = self.slack.side().app

    def ticket(self, app: EmulatedApp | None = None) -> str:
        lifetime = self.slack.settings.scaled(self.slack.settings.ticket_lifetime)
        return self.slack.tickets.issue((app or self.app).app_id, self.now, lifetime)

    def dial(self, ticket: str, more: str = "") -> Admission:
        return self.slack.dial(f"/link/?ticket={ticket}&app_id=0{more}", self.now)

    def connect(self, app: EmulatedApp | None = None, *, more: str = "") -> Client:
        admission = self.dial(self.ticket(app), more)
        assert isinstance(admission, Admit)
        client = Client(admission.connection)
        admission.life.opened(admission.connection, client, self.now)
        return client

    def pass_seconds(self, seconds: float) -> None:
        """Let time pass, stopping at each thing that is due."""
        end = self.now + seconds
        while (due := self.slack.scheduler.next_at()) is not None and due <= end:
            self.now = max(self.now, due)
            self.slack.scheduler.run_due(self.now)
        self.now = end

    def payloads(self, app: EmulatedApp | None = None) -> Payloads:
        return Payloads(app or self.app, self.slack.context.ids)

    def event(self, text: str = "hello", app: EmulatedApp | None = None) -> LedgerEntry:
        played = self.payloads(app).message(text, self.slack.context.wall(self.now))
        return self.send_as(played.key, "events_api", played.text, True, app)

    def command(self, app: EmulatedApp | None = None) -> LedgerEntry:
        played = self.payloads(app).command("/deploy", "api")
        return self.send_as(played.key, "slash_commands", played.text, False, app)

    def send_as(
        self, key: str, envelope_type: str, text: str, redelivers: bool, app: EmulatedApp | None
    ) -> LedgerEntry:
        side = self.slack.side(app)
        entry = LedgerEntry(
            key, side.app.app_id, envelope_type, "it", self.now, text, redelivers, not redelivers
        )
        side.deliveries.begin(entry, self.now)
        return entry

    def say(self, client: Client, message: Any, *, whole: bool = True) -> None:
        """What the client says arrives at Slack."""
        text = message if isinstance(message, bytes) else json.dumps(message).encode()
        side = self.slack.sides[client.connection.app]
        side.lifecycle.received(client.connection, text, self.now, whole=whole)

    def ack(self, client: Client, envelope: dict[str, Any], **more: Any) -> None:
        self.say(client, {"envelope_id": envelope["envelope_id"], **more})

    def lose(self, client: Client) -> None:
        """The client's TCP connection ends."""
        self.slack.sides[client.connection.app].lifecycle.lost(client.connection, self.now)

    def oddities(self) -> dict[str, int]:
        return {what: count for (_, what), count in self.slack.ledger.oddities.items()}
