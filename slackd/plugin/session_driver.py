"""Drives a session over asyncio: a connection under it, another one when that ends, and a future for each call.

What a program does with deliveries is its own: the SDK's runner calls handlers, the gateway passes them on.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol

from slackd import jsonrpc
from slackd.plugin.actions import Action, CallFinished, InitializeRefused, Send, Start, StreamBroken
from slackd.plugin.backoff import reconnect_delay
from slackd.plugin.connection import BrokerConnection
from slackd.plugin.envelope import Envelope, Ready
from slackd.plugin.session import Session

_STEADY: Final = 1.0
"""Seconds of a connection after which the next reconnect is a first try again."""


class SessionProgram(Protocol):
    """Whose session it is."""

    def start(self, envelope: Envelope) -> None:
        """Start work on this envelope; its end is reported with `Session.answer`."""

    def perform(self, action: Action) -> None:
        """Another action of the session that is the program's to perform; of `Ready`, `InitializeRefused` and
        `StreamBroken` the driver has done its part."""

    def not_reached(self, error: OSError) -> None:
        """There is no connection at `SessionDriver.path`; it is tried again."""

    def connection_ended(self, refusal: InitializeRefused | None) -> None:
        """A connection ended otherwise than by `SessionDriver.leave`; what this raises ends `stay_connected`.

        Args:
            refusal: What slackd said, if it refused the session.
        """


class SessionDriver:
    """Keeps a session connected, and performs what it wants of its connection.

    Args:
        find_socket: The path of slackd's plugin socket, asked for before each connection.

    Attributes:
        path: Where it connected last.
        ready: Set while slackd has accepted the session and the connection stands.
        leaving: No further connection is made once the present one has ended.
    """

    def __init__(self, session: Session, program: SessionProgram, find_socket: Callable[[], str]) -> None:
        self.path = ""
        self.ready = asyncio.Event()
        self.leaving = False
        self._session, self._program, self._find_socket = session, program, find_socket
        self._connection: BrokerConnection | None = None
        self._calls: dict[int, asyncio.Future[jsonrpc.Result | jsonrpc.Failure]] = {}
        self._refusal: InitializeRefused | None = None

    @property
    def unwritten(self) -> int | None:
        """Bytes that wait to be written; None without a connection."""
        return None if self._connection is None else self._connection.unwritten

    @property
    def descriptor(self) -> int | None:
        """Of the connection's socket; None without a connection."""
        return None if self._connection is None else self._connection.descriptor

    async def stay_connected(self) -> None:
        """Connect, and again whenever a connection ends; returns once one has ended by `leave`."""
        loop, failures = asyncio.get_running_loop(), 0
        while not self.leaving:
            began = loop.time()
            self.path = self._find_socket()
            try:
                _, connection = await loop.create_unix_connection(lambda: BrokerConnection(self), self.path)
            except OSError as error:
                self._program.not_reached(error)
            else:
                await connection.closed.wait()
                if connection.left:
                    return
                refusal, self._refusal = self._refusal, None
                self._program.connection_ended(refusal)
                if connection.accepted and loop.time() - began > _STEADY:
                    failures = 0
            if not self.leaving:
                await asyncio.sleep(reconnect_delay(failures, random.random()))
            failures += 1

    async def request(self, method: str, params: dict[str, Any]) -> jsonrpc.Result | jsonrpc.Failure:
        """Ask slackd, over as many connections as it takes; in the loop's own thread.

        Returns:
            slackd's answer.

        Raises:
            NotJsonError: The params have no JSON text.
            TooLarge: They don't fit into a line.
        """
        number, actions = self._session.call(method, params)
        answer: asyncio.Future[jsonrpc.Result | jsonrpc.Failure] = asyncio.get_running_loop().create_future()
        self._calls[number] = answer
        try:
            self.perform(actions)
            return await answer
        finally:
            del self._calls[number]
            self._session.forget(number)

    async def leave(self) -> bool:
        """End the connection in such a way that slackd reads all that was written.

        Returns:
            False if there is no connection, or it broke before slackd had read everything.
        """
        return self._connection is not None and await self._connection.leave()

    def abandon(self) -> None:
        """Close the connection now, if there is one."""
        if self._connection is not None:
            self._connection.abandon()

    def cancel_calls(self) -> None:
        """Nobody waits for an answer any more."""
        for waiting in self._calls.values():
            waiting.cancel()

    def perform(self, actions: Sequence[Action]) -> None:
        """Perform what the session wants; what is the program's goes to it, in order."""
        for action in actions:
            # One of each for nearly every envelope: they are looked for first, without a pattern's work.
            if isinstance(action, Send):
                if self._connection is not None:
                    self._connection.send(action.data, more=action.more)
            elif isinstance(action, Start):
                self._program.start(action.envelope)
            else:
                self._perform_other(action)

    def _perform_other(self, action: Action) -> None:
        match action:
            case CallFinished(number, outcome):
                waiting = self._calls.get(number)
                if waiting is not None and not waiting.done():
                    waiting.set_result(outcome)
            case Ready():
                self.ready.set()
                if self._connection is not None:
                    self._connection.accepted = True
                self._program.perform(action)
            case InitializeRefused():
                self._refusal = action
                self.abandon()
            case StreamBroken():
                self._program.perform(action)
                self.abandon()
            case _:
                self._program.perform(action)

    def connected(self, connection: BrokerConnection) -> None:
        """As in `Owner`."""
        self._connection = connection
        self.perform(self._session.connected())

    def received(self, connection: BrokerConnection, data: bytes) -> None:
        """As in `Owner`."""
        if connection is self._connection:
            self.perform(self._session.receive(data))

    def disconnected(self, connection: BrokerConnection) -> None:
        """As in `Owner`."""
        if connection is self._connection:
            self._connection = None
            self.ready.clear()
            self._session.disconnected()
