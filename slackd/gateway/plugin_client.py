"""One session of a plugin at the broker, over as many connections as it takes. The rules are the SDK's."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import slackd
from slackd import jsonrpc
from slackd.plugin.actions import Action, Complaint, InitializeRefused, StreamBroken
from slackd.plugin.answers import Answer
from slackd.plugin.envelope import Envelope, Ready
from slackd.plugin.session import Session
from slackd.plugin.session_driver import SessionDriver

log = logging.getLogger(__name__)


class PluginClient:
    """Keeps one session up until it leaves.

    Args:
        path: the plugin socket.
        deliver: called with every delivery, and again with its next attempt; None for calls alone.
        accepted: called whenever the broker has accepted the session, before its first delivery.
    """

    def __init__(
        self,
        path: Path,
        plugin: str,
        deliver: Callable[[Envelope], None] | None = None,
        accepted: Callable[[], None] = lambda: None,
    ) -> None:
        self._path, self._plugin, self._deliver, self._accepted = path, plugin, deliver, accepted
        self._session = Session(
            plugin,
            os.urandom(16).hex(),
            client={"name": "slackd.gateway", "version": slackd.__version__},
            window=0 if deliver is None else None,
            restarts=True,
        )
        self._driver = SessionDriver(self._session, self, lambda: str(path))
        self._said = ""

    @property
    def ready(self) -> asyncio.Event:
        """Set while the broker has accepted the session and the connection stands."""
        return self._driver.ready

    @property
    def refusal(self) -> str:
        """Why the broker doesn't take this session, or ""."""
        return self._said

    async def run(self) -> None:
        """Stay connected, until `leave` or cancellation."""
        try:
            await self._driver.stay_connected()
        finally:
            self._driver.abandon()

    def answer(self, delivery: str, answer: Answer) -> None:
        """The app has answered a delivery.

        Raises:
            NotJsonError: The response has no JSON text.
        """
        self._driver.perform(self._session.answer(delivery, answer))

    def release(self, delivery: str) -> None:
        """The app will not answer any more; the broker's ack timeout decides."""
        self._session.release(delivery)

    def unorder(self, delivery: str) -> None:
        """The app may not answer this one at all: nothing waits for it."""
        self._driver.perform(self._session.unorder(delivery))

    async def request(
        self, method: str, params: dict[str, Any], timeout: float
    ) -> jsonrpc.Result | jsonrpc.Failure:
        """Ask the broker; repeated over its restarts.

        Returns:
            The broker's answer.

        Raises:
            TimeoutError: There was no answer within `timeout` seconds.
            TooLarge: It doesn't fit into a line.
        """
        async with asyncio.timeout(timeout):
            return await self._driver.request(method, params)

    def drain(self) -> None:
        """Start nothing any more; what is in flight may still be answered."""
        self._session.drain()

    async def leave(self) -> None:
        """End the session: what is unanswered is the broker's again."""
        self._driver.leaving = True
        self._session.drain()
        await self._driver.leave()

    def not_reached(self, error: OSError) -> None:
        """As in `SessionProgram`."""
        self._say(f"no connection to the broker at {self._path} ({error.strerror or error})")

    def connection_ended(self, refusal: InitializeRefused | None) -> None:
        """As in `SessionProgram`."""
        if refusal is not None:
            self._say(f"the broker refuses it: {refusal.message}")

    def start(self, envelope: Envelope) -> None:
        """As in `SessionProgram`."""
        if self._deliver is not None:
            self._deliver(envelope)

    def perform(self, action: Action) -> None:
        """As in `SessionProgram`."""
        match action:
            case Ready():
                self._said = ""
                self._accepted()
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

    def _say(self, text: str) -> None:
        if text != self._said:
            self._said = text
            extra = {"event": "gateway-no-broker", "plugin": self._plugin}
            log.warning("%s: %s; trying again", self._plugin, text, extra=extra)
