"""Slack and the connectors, as far as the broker can tell: rule R1 of the design, and Slack's retries."""

import itertools
import json
from collections.abc import Callable
from functools import partial

import attrs

from slackd.connector.unanswered import HEARD_WITHIN, REFUSED_AGAIN_AFTER
from slackd.envelope import Arrival, Promise, Settlement
from slackd.link.messages import Closing, Unsent
from tests.simulation.world import Pipe, World

ACK_PATIENCE = 3.0


@attrs.define
class Message:
    """Something that happened in the workspace.

    Attributes:
        started: How often the plugin began to work on it.
        excuses: How often it may be begun again: nacks, deaths of the plugin.
        failures: Real failures of it at the plugin.
        user: Who did it.
        has_place: It has not given up its place in the order of its key.
        hurried: The connection that brought it asked for acknowledgements without answers.
        forgotten: Its connector died with it, or was told to forget it: nobody tells the broker any more that
            it was not acknowledged.
        orphaned: Its connector was killed after an acknowledgement without its answer, before a broker had
            heard of it. One that lives for long enough finds it.
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
    hurried: bool = False
    forgotten: bool = False
    orphaned: bool = False
    user: str = ""
    has_place: bool = True

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
        self.users: tuple[str, ...] = ()
        self._ids = itertools.count()

    def post(self, kind: str, channel: str) -> None:
        name = f"{kind[0]}{len(self.messages)}"
        message = self.messages[name] = Message(name, kind, channel, self._world.time)
        by_default = name if message.is_command else "U1"
        message.user = self._world.rng.choice(self.users) if self.users else by_default
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
                "user_id": message.user,
                "trigger_id": f"t-{message.name}",
                "response_url": "https://hooks.slack.com/x",
                "text": message.name,
            }
        else:
            frame["type"] = "events_api"
            event = {"type": "message", "channel": message.channel, "user": message.user, "text": message.name}
            if not message.channel:
                event = {"type": "team_join", "text": message.name}
            frame["payload"] = {"event_id": f"Ev-{message.name}", "event": event, "token": "secret"}
            frame["retry_attempt"] = attempt
        return json.dumps(frame)

    def acked(self, message: Message, payload: str | None, sent_at: float) -> None:
        assert self.is_journaled(message.name), f"{message.name} was acknowledged and is not in the journal"
        seconds = self._world.time - sent_at
        self._world.say(f"{message.name} acknowledged after {seconds:.3f} s with {payload}")
        if payload is not None and "ephemeral" in payload:
            payload = None  # slackd says that the plugin's answer is still to come: it is none
        if not message.acked:
            message.acked, message.payload, message.acked_after = True, payload, seconds


class Connector:
    """Keeps what is unsettled; acknowledges only on the connection that brought it.

    One that `tells` says which connections close, or are gone.
    """

    def __init__(self, world: World, slack: Slack, number: int, *, tells: bool = False) -> None:
        self._world, self._slack, self.number, self._tells = world, slack, number, tells
        self._told: dict[str, Closing] = {}
        self._draining = self._hurries = False
        self._crossing: int | None = None
        self.leave_broker: Callable[[], None] = lambda: None
        self._numbers = itertools.count(1)
        self._connection = 1
        self._unsettled: dict[int, tuple[Message, Arrival, int, int]] = {}
        self._unanswered: dict[int, Arrival] = {}
        self._unheard: dict[int, Message] = {}
        self.link: Pipe | None = None
        self.is_ready = True

    @property
    def unanswered(self) -> dict[int, Arrival]:
        """What was acknowledged without its answer, as far as the broker may not know."""
        return self._unanswered

    def receive(self, message: Message, text: str, attempt: int) -> None:
        connection = self._connection if self._crossing is None else self._crossing
        arrival = Arrival(next(self._numbers), "main", f"c{connection}", self._world.time, text)
        self._unsettled[arrival.number] = (message, arrival, connection, attempt)
        if connection != self._connection:
            self._world.say(f"{message.name} crosses C{self.number}'s Close")
            message.lost_connection = True
        message.hurried = message.hurried or self._hurries
        if self.link is not None:
            self.link.send((arrival,))

    def link_up(self, link: Pipe) -> None:
        self.link = link
        for closing in self._told.values():
            link.send(closing)
        again = (*self.unanswered.values(), *(arrival for _, arrival, _, _ in self._unsettled.values()))
        if again:
            link.send(again)

    def settled(self, settlements: tuple[Settlement, ...]) -> None:
        for settlement in settlements:
            message, arrival, connection, _ = self._unsettled.pop(settlement.number, (None, None, 0, 0))
            if message is None or arrival is None:
                if settlement.payload is None:
                    self._unheard.pop(settlement.number, None)
                    self.unanswered.pop(settlement.number, None)
                elif settlement.number in self.unanswered:
                    self._tell_unsent(settlement.number)
                continue
            if connection == self._connection:
                self._slack.acked(message, settlement.payload, arrival.received_at)
            elif settlement.payload is not None and self._tells:
                self.unanswered[settlement.number] = arrival
                self._unheard[settlement.number] = message
                self._tell_unsent(settlement.number)
        self._close_if_quiet()

    def _tell_unsent(self, number: int) -> None:
        if self._tells and self.link is not None:
            self.link.send(Unsent((number,)))

    def drain(self) -> None:
        """Close the connection in a quiet moment; from some time on, see that there is one."""
        if self._draining or not self.is_ready:
            return
        self._world.say(f"C{self.number} drains")
        self._draining, connection = True, self._connection
        self._world.after(self._world.rng.uniform(0.0, 1.0), lambda: self._hurry(connection))
        self._close_if_quiet()

    def _hurry(self, connection: int) -> None:
        if not self._draining or connection != self._connection:
            return
        self._world.say(f"C{self.number} finds no quiet moment")
        self._hurries = True
        for message, *_ in self._here():
            message.hurried = True
        self._tell(Closing(f"c{connection}"))

    def _close_if_quiet(self) -> None:
        if not self._draining or self._here():
            return
        self._world.say(f"C{self.number} closes")
        self._tell(Closing(f"c{self._connection}", mute=True))
        self._crossing = self._connection
        self._connection += 1
        self._draining = self._hurries = False
        self._world.after(0.01, self._all_read)

    def _all_read(self) -> None:
        self._crossing = None
        if self.is_ready and self._world.rng.random() < 0.5:
            self._world.after(0.005, self._exit)

    def _exit(self, until: float | None = None) -> None:
        """What no acknowledgement can carry is waited for, for a while, until the broker's journal knows it."""
        if not self.is_ready or self._draining:
            return
        until = self._world.time + HEARD_WITHIN if until is None else until
        if self._tells and (self._unheard or self._unsettled) and self._world.time < until:
            self._world.after(0.02, lambda: self._exit(until))
            return
        self._world.say(f"C{self.number} exits")
        for message, *_ in self._unsettled.values():
            message.lost_connection = message.forgotten = True
        self.leave_broker()
        self._unsettled.clear()
        self.unanswered.clear()
        self._unheard.clear()
        self._told.clear()
        self._connection += 1
        self.is_ready = False
        self._world.after(self._world.rng.uniform(0.2, 1.0), self._back)

    def _here(self) -> list[tuple[Message, Arrival, int, int]]:
        return [each for each in self._unsettled.values() if each[2] == self._connection]

    def _tell(self, closing: Closing) -> None:
        if self._tells:
            self._told[closing.connection] = closing
            if self.link is not None:
                self.link.send(closing)

    def promised(self, promises: tuple[Promise, ...]) -> None:
        for promise in promises:
            number = promise.settlement.number

            def keep(promise: Promise = promise, number: int = number) -> None:
                if number in self._unsettled:
                    self._world.say("no broker kept the deadline")
                    self._unheard[number], self.unanswered[number], *_ = self._unsettled[number]
                    self.settled((promise.settlement,))

            self._world.after(max(0.0, promise.due - self._world.time), keep)

    def refused(self, numbers: tuple[int, ...]) -> None:
        for number in numbers:
            message, *_ = self._unsettled.pop(number, (None,))
            if message is not None:
                message.lost_connection = message.forgotten = True
            elif number in self.unanswered:
                self._world.after(REFUSED_AGAIN_AFTER, partial(self._ask_again, number))

    def _ask_again(self, number: int) -> None:
        if self.link is not None and number in self.unanswered:
            self.link.send((self.unanswered[number],))

    def drop(self) -> None:
        """Its Slack connection drops; what is unsettled can no longer be acknowledged."""
        self._world.say(f"C{self.number}'s connection drops")
        for message, _, _, _ in self._unsettled.values():
            message.lost_connection = True
        self._tell(Closing(f"c{self._connection}", mute=True))
        self._connection += 1
        self._draining = self._hurries = False

    def kill(self) -> None:
        self._world.say(f"kill -9 C{self.number}")
        for message, _, _, _ in self._unsettled.values():
            message.forgotten = True
        for message in self._unheard.values():
            message.orphaned = True
        self.drop()
        self._told.clear()
        self._unsettled.clear()
        self.unanswered.clear()
        self._unheard.clear()
        self.is_ready = False
        self._world.after(self._world.rng.uniform(0.2, 1.0), self._back)

    def _back(self) -> None:
        self.is_ready = True
