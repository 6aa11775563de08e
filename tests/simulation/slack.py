"""Slack and the connectors, as far as the broker can tell: rule R1 of the design, and Slack's retries."""

import itertools
import json
from collections.abc import Callable

import attrs

from slackd.envelope import Arrival, Promise, Settlement
from tests.simulation.world import Pipe, World

ACK_PATIENCE = 3.0


@attrs.define
class Message:
    """Something that happened in the workspace.

    Attributes:
        started: How often the plugin began to work on it.
        excuses: How often it may be begun again: nacks, deaths of the plugin.
        failures: Real failures of it at the plugin.
    """

    name: str
    kind: str
    channel: str
    born: float
    acked: bool = False
    payload: str | None = None
    acked_after: float = 0.0
    lost_connection: bool = False
    started: int = 0
    done: bool = False
    excuses: int = 0
    failures: int = 0

    @property
    def is_command(self) -> bool:
        return self.kind == "command"


class Slack:
    """Sends, waits for acknowledgements, sends events again. Journaled-before-acked is checked at each ack."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.messages: dict[str, Message] = {}
        self.begun: dict[tuple[int, str], int] = {}
        self.connectors: list[Connector] = []
        self.is_journaled: Callable[[str], bool] = bool
        self._ids = itertools.count()

    def post(self, kind: str, channel: str) -> None:
        name = f"{kind[0]}{len(self.messages)}"
        message = self.messages[name] = Message(name, kind, channel, self._world.time)
        self._send(message, 0)

    def _send(self, message: Message, attempt: int) -> None:
        ready = [each for each in self.connectors if each.is_ready]
        if not ready:
            if not message.is_command:
                self._world.after(0.5, lambda: self._send(message, attempt))
            else:
                message.lost_connection = True
            return
        connector = self._world.rng.choice(ready)
        self._world.say(f"Slack sends {message.name} (attempt {attempt}) to C{connector.number}")
        connector.receive(message, self._text(message, attempt), attempt)
        if message.is_command:
            if self._world.rng.random() < 0.05:
                connector.receive(message, self._text(message, attempt), attempt)
            return
        self._world.after(ACK_PATIENCE + self._world.rng.random(), lambda: self._again(message, attempt))

    def _again(self, message: Message, attempt: int) -> None:
        if not message.acked or self._world.rng.random() < 0.02:
            self._send(message, attempt + 1)

    def _text(self, message: Message, attempt: int) -> str:
        same = self._world.rng.random() < 0.5
        envelope_id = f"env-{message.name}" if same or message.is_command else f"env-{message.name}-{attempt}"
        frame: dict[str, object] = {"envelope_id": envelope_id, "accepts_response_payload": message.is_command}
        if message.is_command:
            frame["type"] = "slash_commands"
            frame["payload"] = {
                "command": "/do",
                "channel_id": message.channel,
                "user_id": message.name,
                "trigger_id": f"t-{message.name}",
                "response_url": "https://hooks.slack.com/x",
                "text": message.name,
            }
        else:
            frame["type"] = "events_api"
            event = {"type": "message", "channel": message.channel, "user": "U1", "text": message.name}
            frame["payload"] = {"event_id": f"Ev-{message.name}", "event": event, "token": "secret"}
            frame["retry_attempt"] = attempt
        return json.dumps(frame)

    def acked(self, message: Message, payload: str | None, sent_at: float) -> None:
        assert self.is_journaled(message.name), f"{message.name} was acknowledged and is not in the journal"
        seconds = self._world.time - sent_at
        self._world.say(f"{message.name} acknowledged after {seconds:.3f} s with {payload}")
        if not message.acked:
            message.acked, message.payload, message.acked_after = True, payload, seconds


class Connector:
    """Keeps what is unsettled; acknowledges only on the connection that brought it."""

    def __init__(self, world: World, slack: Slack, number: int) -> None:
        self._world, self._slack, self.number = world, slack, number
        self._numbers = itertools.count(1)
        self._connection = 1
        self._unsettled: dict[int, tuple[Message, Arrival, int, int]] = {}
        self.link: Pipe | None = None
        self.is_ready = True

    def receive(self, message: Message, text: str, attempt: int) -> None:
        arrival = Arrival(next(self._numbers), "main", f"c{self._connection}", self._world.time, text)
        self._unsettled[arrival.number] = (message, arrival, self._connection, attempt)
        if self.link is not None:
            self.link.send((arrival,))

    def link_up(self, link: Pipe) -> None:
        self.link = link
        if self._unsettled:
            link.send(tuple(arrival for _, arrival, _, _ in self._unsettled.values()))

    def settled(self, settlements: tuple[Settlement, ...]) -> None:
        for settlement in settlements:
            message, arrival, connection, _ = self._unsettled.pop(settlement.number, (None, None, 0, 0))
            if message is not None and arrival is not None and connection == self._connection:
                self._slack.acked(message, settlement.payload, arrival.received_at)

    def promised(self, promises: tuple[Promise, ...]) -> None:
        for promise in promises:
            number = promise.settlement.number

            def keep(promise: Promise = promise, number: int = number) -> None:
                if number in self._unsettled:
                    self._world.say("no broker kept the deadline")
                    self.settled((promise.settlement,))

            self._world.after(max(0.0, promise.due - self._world.time), keep)

    def refused(self, numbers: tuple[int, ...]) -> None:
        for number in numbers:
            message, *_ = self._unsettled.pop(number, (None,))
            if message is not None:
                message.lost_connection = True

    def drop(self) -> None:
        """Its Slack connection drops; what is unsettled can no longer be acknowledged."""
        self._world.say(f"C{self.number}'s connection drops")
        for message, _, _, _ in self._unsettled.values():
            message.lost_connection = True
        self._connection += 1

    def kill(self) -> None:
        self._world.say(f"kill -9 C{self.number}")
        self.drop()
        self._unsettled.clear()
        self.is_ready = False
        self._world.after(self._world.rng.uniform(0.2, 1.0), self._back)

    def _back(self) -> None:
        self.is_ready = True
