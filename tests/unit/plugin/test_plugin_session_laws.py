"""Connections cut at any byte, the broker killed at any step: nothing is handled twice, every answer arrives.

The broker here follows the design's rules R3 to R7, for one plugin with one session that is always back within
its grace: what is committed survives, the rest of its memory doesn't.
"""

from dataclasses import dataclass, field
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from slackd import jsonrpc
from slackd.plugin.actions import Action, Send, Start
from slackd.plugin.answers import Ack, Nack
from slackd.plugin.session import Session

WINDOW = {True: 1, False: 2}


@dataclass
class Delivery:
    id: str
    prompt: bool
    attempt: int = 1
    open: bool = True
    leased: bool = False
    nacks: int = 0
    starts: int = 0


@dataclass
class World:
    """A broker, a plugin, and the wire between them; bytes in flight die with the connection."""

    random: Random
    deliveries: dict[str, Delivery]
    session: Session = field(default_factory=lambda: Session("p", "s", client={}))
    connected: bool = False
    up: bytes = b""
    down: bytes = b""
    reader: jsonrpc.LineReader = field(default_factory=lambda: jsonrpc.LineReader(jsonrpc.MAX_LINE_FROM_PLUGIN))

    def perform(self, actions: list[Action]) -> None:
        for action in actions:
            if isinstance(action, Send):
                self.up += action.data
            elif isinstance(action, Start):
                self.deliveries[action.envelope.delivery].starts += 1

    def connect(self) -> None:
        self.reader = jsonrpc.LineReader(jsonrpc.MAX_LINE_FROM_PLUGIN)
        self.up = self.down = b""
        self.connected = True
        self.perform(self.session.connected())

    def cut(self) -> None:
        self.connected = False
        self.session.disconnected()

    def move_up(self, count: int) -> None:
        data, self.up = self.up[:count], self.up[count:]
        for message in self.reader.receive(data):
            match message:
                case jsonrpc.Request(id_, "initialize", params):
                    self.initialize(id_, params["holding"])
                case jsonrpc.Result(str(id_)) | jsonrpc.Failure(str(id_)):
                    self.commit(id_, nack=isinstance(message, jsonrpc.Failure))
                case _:
                    raise AssertionError(message)

    def move_down(self, count: int) -> None:
        data, self.down = self.down[:count], self.down[count:]
        self.perform(self.session.receive(data))

    def initialize(self, id_: int | str, holding: list[str]) -> None:
        for delivery in self.deliveries.values():
            delivery.leased = delivery.open and f"{delivery.id}.{delivery.attempt}" in holding
        result = {"window": WINDOW[False], "deadline_window": WINDOW[True]}
        self.down += jsonrpc.encode_result(id_, result)

    def commit(self, id_: str, *, nack: bool) -> None:
        name, _, attempt = id_.rpartition(".")
        delivery = self.deliveries[name]
        if delivery.open and delivery.attempt == int(attempt):
            delivery.leased = False
            if nack:
                delivery.attempt += 1
                delivery.nacks += 1
            else:
                delivery.open = False

    def hand_out(self) -> None:
        for lane, window in WINDOW.items():
            mine = [each for each in self.deliveries.values() if each.prompt is lane and each.open]
            free = [each for each in mine if not each.leased]
            if free and sum(each.leased for each in mine) < window:
                self.hand(self.random.choice(free))

    def hand(self, delivery: Delivery) -> None:
        delivery.leased = True
        params: dict[str, Any] = {
            "app": "main",
            "type": "x",
            "received_at": 0,
            "respond_by": 1 if delivery.prompt else None,
            "envelope": {},
        }
        self.down += jsonrpc.encode_request(f"{delivery.id}.{delivery.attempt}", "envelope", params)

    def finish_one(self, *, nack: bool) -> None:
        if self.session.in_hand:
            delivery = self.random.choice(self.session.in_hand)
            self.perform(self.session.answer(delivery, Nack("no") if nack else Ack()))

    @property
    def initialized(self) -> bool:
        return self.connected and self.session.phase.name == "READY"

    def step(self, what: str, amount: int) -> None:
        match what:
            case "connect" if not self.connected:
                self.connect()
            case "cut" if self.connected:
                self.cut()
            case "up" if self.connected:
                self.move_up(amount)
            case "down" if self.connected:
                self.move_down(amount)
            case "hand" if self.initialized:
                self.hand_out()
            case "done":
                self.finish_one(nack=False)
            case "nack":
                self.finish_one(nack=True)
        for delivery in self.deliveries.values():
            assert delivery.starts <= 1 + delivery.nacks, "handled twice, without a nack"

    def run_to_the_end(self) -> None:
        for _ in range(1000):
            if not any(delivery.open for delivery in self.deliveries.values()):
                return
            for what in ("connect", "up", "down", "hand", "down", "done", "up"):
                self.step(what, 10**6)
        raise AssertionError(f"never done: {self.deliveries}")


STEPS = {"connect": 4, "cut": 1, "up": 6, "down": 6, "hand": 4, "done": 2, "nack": 1}


@settings(max_examples=200)
@given(st.integers(0, 2**32))
def test_nothing_is_handled_twice_and_every_answer_arrives(seed: int) -> None:
    random = Random(seed)
    deliveries = {str(number): Delivery(str(number), prompt=random.random() < 0.3) for number in range(12)}
    world = World(random, deliveries)
    for what in random.choices(list(STEPS), list(STEPS.values()), k=300):
        world.step(what, random.choice([random.randrange(1, 300), 10**6]))
    world.run_to_the_end()
    for delivery in deliveries.values():
        assert delivery.starts == 1 + delivery.nacks


@given(st.lists(st.binary(max_size=50), max_size=5))
def test_no_bytes_from_slackd_raise(chunks: list[bytes]) -> None:
    session = Session("p", "s", client={})
    session.connected()
    session.receive(jsonrpc.encode_result(0, {}))
    for chunk in chunks:
        session.receive(chunk)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner, max_size=2),
    max_leaves=5,
)
members = st.sampled_from(
    ["app", "type", "received_at", "respond_by", "envelope", "attempt", "id", "sent", "from", "until", "window"]
)


@given(
    st.sampled_from(["envelope", "late", "gap", "x"]),
    st.dictionaries(members, json_values | st.just(10**400)),
    st.text(),
)
def test_no_message_from_slackd_raises(method: str, params: dict[str, Any], id_: str) -> None:
    session = Session("p", "s", client={})
    session.connected()
    session.receive(jsonrpc.encode_result(0, params))
    session.receive(jsonrpc.encode_request(f"{id_}.1", method, params))
    session.receive(jsonrpc.encode_notification(method, params))
    session.receive(jsonrpc.encode_result(1, params))
