"""One session of a plugin at the broker, over as many connections as it takes. The rules are the SDK's."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import slackd
from slackd import jsonrpc
from slackd.plugin.actions import (
    Action,
    Answer,
    CallFinished,
    Complaint,
    InitializeRefused,
    Ready,
    Send,
    Start,
    StreamBroken,
)
from slackd.plugin.backoff import reconnect_delay
from slackd.plugin.connection import BrokerConnection
from slackd.plugin.envelope import Envelope
from slackd.plugin.session import Session

log = logging.getLogger(__name__)

_STEADY: Final = 1.0
"""Seconds after which a connection that ends was a good one."""


class PluginClient:
    """Keeps one session up until it leaves.

    Args:
        path: the plugin socket.
        deliver: called with every delivery, and again with its next attempt; None for calls alone.
    """

    def __init__(self, path: Path, plugin: str, deliver: Callable[[Envelope], None] | None = None) -> None:
        self._path, self._plugin, self._deliver = path, plugin, deliver
        self._session = Session(
            plugin,
            os.urandom(16).hex(),
            client={"name": "slackd.gateway", "version": slackd.__version__},
            window=0 if deliver is None else None,
            restarts=True,
        )
        self._connection: BrokerConnection | None = None
        self._calls: dict[int, asyncio.Future[jsonrpc.Result | jsonrpc.Failure]] = {}
        self._refusal: InitializeRefused | None = None
        self._said = ""
        self._leaving = False
        self.ready = asyncio.Event()

    @property
    def refusal(self) -> str:
        """Why the broker doesn't take this session, or ""."""
        return self._said

    async def run(self) -> None:
        """Stay connected, until `leave` or cancellation."""
        loop, failures = asyncio.get_running_loop(), 0
        try:
            while not self._leaving:
                began = loop.time()
                try:
                    _, connection = await loop.create_unix_connection(
                        lambda: BrokerConnection(self), str(self._path)
                    )
                except OSError as error:
                    self._say(f"no connection to the broker at {self._path} ({error.strerror or error})")
                else:
                    await connection.closed.wait()
                    if connection.accepted and loop.time() - began > _STEADY:
                        failures = 0
                    if self._refusal is not None:
                        self._say(f"the broker refuses it: {self._refusal.message}")
                        self._refusal = None
                if not self._leaving:
                    await asyncio.sleep(reconnect_delay(failures, random.random()))
                failures += 1
        finally:
            if self._connection is not None:
                self._connection.abandon()

    def answer(self, delivery: str, answer: Answer) -> None:
        """The app has answered a delivery.

        Raises:
            NotJsonError: The response has no JSON text.
        """
        self._perform(self._session.answer(delivery, answer))

    def release(self, delivery: str) -> None:
        """The app will not answer any more; the broker's ack timeout decides."""
        self._session.release(delivery)

    async def request(
        self, method: str, params: dict[str, Any], timeout: float
    ) -> jsonrpc.Result | jsonrpc.Failure:
        """Ask the broker; repeated over its restarts.

        Raises:
            TimeoutError: There was no answer within `timeout` seconds.
            TooLarge: It doesn't fit into a line.
        """
        number, actions = self._session.call(method, params)
        answer: asyncio.Future[jsonrpc.Result | jsonrpc.Failure] = asyncio.get_running_loop().create_future()
        self._calls[number] = answer
        try:
            self._perform(actions)
            async with asyncio.timeout(timeout):
                return await answer
        finally:
            del self._calls[number]
            self._session.forget(number)

    def drain(self) -> None:
        """Start nothing any more; what is in flight may still be answered."""
        self._session.drain()

    async def leave(self) -> None:
        """End the session: what is unanswered is the broker's again."""
        self._leaving = True
        self._session.drain()
        if self._connection is not None:
            await self._connection.leave()

    # What the connection reports.

    def connected(self, connection: BrokerConnection) -> None:
        """As in `Owner`."""
        self._connection = connection
        self._perform(self._session.connected())

    def received(self, connection: BrokerConnection, data: bytes) -> None:
        """As in `Owner`."""
        if connection is self._connection:
            self._perform(self._session.receive(data))

    def disconnected(self, connection: BrokerConnection) -> None:
        """As in `Owner`."""
        if connection is self._connection:
            self._connection = None
            self.ready.clear()
            self._session.disconnected()

    def _perform(self, actions: Sequence[Action]) -> None:
        for action in actions:
            match action:
                case Send(data):
                    if self._connection is not None:
                        self._connection.send(data)
                case Start(envelope):
                    if self._deliver is not None:
                        self._deliver(envelope)
                case CallFinished(number, outcome):
                    waiting = self._calls.get(number)
                    if waiting is not None and not waiting.done():
                        waiting.set_result(outcome)
                case Ready():
                    self.ready.set()
                    self._said = ""
                    if self._connection is not None:
                        self._connection.accepted = True
                case InitializeRefused():
                    self._refusal = action
                    self._abandon()
                case Complaint(about, code, text):
                    log.warning(
                        "%s: the broker complains about %s: %s (%d)",
                        self._plugin,
                        about or "a line",
                        text,
                        code,
                        extra={"event": "gateway-complaint", "plugin": self._plugin},
                    )
                case StreamBroken(reason):
                    self._say(f"the broker broke the protocol: {reason}")
                    self._abandon()

    def _abandon(self) -> None:
        if self._connection is not None:
            self._connection.abandon()

    def _say(self, text: str) -> None:
        if text != self._said:
            self._said = text
            extra = {"event": "gateway-no-broker", "plugin": self._plugin}
            log.warning("%s: %s; trying again", self._plugin, text, extra=extra)


async def leave_all(clients: Sequence[PluginClient]) -> None:
    """End these sessions at once, each as well as it can."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(5.0):
            await asyncio.gather(*(client.leave() for client in clients))
