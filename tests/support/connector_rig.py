"""A connector between an emulated Slack and a broker that says what the test wants."""

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

from slackd.config.values import App, SecretKind, SecretSource
from slackd.connector.connector import Connector
from slackd.connector.credentials import AppSecrets, Secret
from slackd.connector.transports import make_transports
from slackd.connector.webapi import WebApi
from slackd.emulator import EmulatorClient
from slackd.envelope import Arrival, Promise, Refusal, Settlement
from slackd.link import LinkedConnector
from slackd.link.memory import MemoryLink, join
from slackd.link.messages import (
    Acknowledged,
    AppPeers,
    Call,
    Changed,
    Closing,
    Deliver,
    FromConnector,
    Hello,
    Identified,
    Peers,
    Promised,
    Refused,
    Returned,
    Settled,
    Trouble,
    Unsent,
)

PATIENCE = 30.0


class StandInBroker:
    """A broker without a journal: it settles what comes in, unless it is told to keep still."""

    def __init__(self) -> None:
        self.link: LinkedConnector | None = None
        self.hellos: list[Hello] = []
        self.arrivals: list[Arrival] = []
        self.batches: list[int] = []
        self.changes: list[Changed] = []
        self.troubles: list[Trouble] = []
        self.identified: list[Identified] = []
        self.acks: list[Acknowledged] = []
        self.closings: list[Closing] = []
        self.unsent: list[int] = []
        self.returned: dict[int, Returned] = {}
        self.settles = True
        self.payload: str | None = None
        self.change = asyncio.Event()

    def joined(self, connector: LinkedConnector) -> None:
        self.link = connector

    def left(self, connector: LinkedConnector) -> None:
        self.link = None

    def from_connector(self, connector: LinkedConnector, messages: Sequence[FromConnector]) -> None:
        for message in messages:
            match message:
                case Hello():
                    self.hellos.append(message)
                case Deliver(arrivals=arrivals):
                    self.arrivals += arrivals
                    self.batches.append(len(arrivals))
                    if self.settles:
                        self.settle(arrivals)
                case Changed():
                    self.changes.append(message)
                case Identified():
                    self.identified.append(message)
                case Trouble():
                    self.troubles.append(message)
                case Acknowledged():
                    self.acks.append(message)
                case Unsent(numbers=numbers):
                    self.unsent += numbers
                    if self.settles:
                        connector.send(Settled(tuple(Settlement(number, "") for number in numbers)))
                case Closing():
                    self.closings.append(message)
                case Returned():
                    self.returned[message.number] = message
        self.change.set()

    def settle(self, arrivals: Sequence[Arrival]) -> None:
        assert self.link is not None
        self.link.send(Settled(tuple(self.settlement(one) for one in arrivals)))

    def settlement(self, arrival: Arrival) -> Settlement:
        try:
            envelope_id = json.loads(arrival.text).get("envelope_id")
        except ValueError:
            envelope_id = None
        return Settlement(arrival.number, envelope_id, self.payload)

    def promise(self, arrival: Arrival, due: float) -> None:
        assert self.link is not None
        self.link.send(Promised((Promise(self.settlement(arrival), due),)))

    def refuse(self, arrivals: Sequence[Arrival]) -> None:
        assert self.link is not None
        self.link.send(Refused(tuple(Refusal(one.number, "the disk is full") for one in arrivals)))

    def tell_peers(self, **apps: tuple[int, int]) -> None:
        assert self.link is not None
        self.link.send(Peers({name: AppPeers(*numbers) for name, numbers in apps.items()}))

    async def call(self, call: Call) -> Returned:
        assert self.link is not None
        self.link.send(call)
        await self.until(lambda: call.number in self.returned)
        return self.returned[call.number]

    async def until(self, true: Callable[[], Any]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not true():
                self.change.clear()
                await self.change.wait()

    def phases(self, connection: str) -> list[str]:
        return [change.state.phase for change in self.changes if change.state.connection == connection]

    def cues(self) -> list[str]:
        return [change.cue for change in self.changes]

    @property
    def ready(self) -> set[str]:
        """Names of the connections that count as READY by what was told."""
        last = {change.state.connection: change.state.phase for change in self.changes}
        return {name for name, phase in last.items() if phase in ("ready", "leaving")}

    @property
    def fewest_ready(self) -> int:
        """The fewest connections that counted as READY at any time from the first READY on."""
        last: dict[str, str] = {}
        counts: list[int] = []
        for change in self.changes:
            last[change.state.connection] = change.state.phase
            ready = sum(phase in ("ready", "leaving") for phase in last.values())
            if counts or ready:
                counts.append(ready)
        return min(counts, default=0)


class Rig:
    """One connector, joined to a stand-in broker."""

    def __init__(
        self, connector: Connector, broker: StandInBroker, link: MemoryLink, life: "asyncio.Task[None]"
    ) -> None:
        self.connector = connector
        self.life = life
        self.broker = broker
        self.link = link

    async def ready(self, count: int = 1) -> None:
        await self.broker.until(lambda: len(self.broker.ready) >= count)

    def relink(self) -> None:
        """A new broker process: the old link is gone, a new one is there."""
        self.link.close()
        self.link = join(self.connector, self.broker)


def app_of(slack: EmulatorClient, number: int = 0, **more: Any) -> App:
    return App(
        name=slack.apps[number].name,
        app_token=SecretSource(SecretKind.ENV, "APP"),
        bot_token=SecretSource(SecretKind.ENV, "BOT"),
        api_url=slack.api_url,
        **more,
    )


def secrets_of(slack: EmulatorClient, number: int = 0) -> AppSecrets:
    return AppSecrets(Secret(slack.apps[number].app_token), Secret(slack.apps[number].bot_token))


@contextlib.asynccontextmanager
async def connected(
    apps: Sequence[App], secrets: Sequence[AppSecrets], number: int = 1, **more: Any
) -> AsyncIterator[Rig]:
    """A running connector; drained at the end."""
    named = {app.name: app for app in apps}
    tokens = {app.name: secret for app, secret in zip(apps, secrets, strict=True)}
    connector = Connector(
        number,
        named,
        make_transports(named, tokens, number, rng=random.Random(1), first_number=1),
        {name: WebApi(named[name], secret) for name, secret in tokens.items()},
        **more,
    )
    broker = StandInBroker()
    async with asyncio.TaskGroup() as group:
        running = group.create_task(connector.run())
        rig = Rig(connector, broker, join(connector, broker), running)
        try:
            yield rig
        finally:
            running.cancel()


@contextlib.asynccontextmanager
async def rig_for(slack: EmulatorClient, **more: Any) -> AsyncIterator[Rig]:
    async with connected([app_of(slack, **more)], [secrets_of(slack)]) as rig:
        yield rig
