"""What people do in an emulated Slack, in the words of a test, and what became of it."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

import attrs

from slackd.emulator import ApiCall, EmulatorClient, EmulatorError, LedgerEntry, WaitedTooLongError
from slackd.testing.loop_thread import LoopThread

T = TypeVar("T")

ANSWER_PATIENCE: Final = 3.0
"""Seconds in which Slack wants an answer ("Handling user interaction in your Slack apps")."""
PATIENCE: Final = 10.0
"""Seconds that a wait lasts if nothing else is said."""


@attrs.frozen
class Played:
    """Something that a person did, and what became of it.

    Attributes:
        entry: The emulator's ledger entry: envelopes sent, acknowledgements received.
        payload: What Slack sent.
    """

    entry: LedgerEntry
    payload: Mapping[str, Any]
    _people: "People"

    @property
    def acknowledged(self) -> bool:
        """Slack had an acknowledgement in time."""
        return self.entry.acknowledged

    @property
    def response(self) -> Any:
        """What the acknowledgement carried, once it is there.

        Raises:
            WaitedTooLongError: Slack had none within its three seconds.
        """
        self._people.wait_for_ack(self)
        return self.entry.response

    def posts(self, count: int = 1, timeout: float = PATIENCE) -> list[Any]:
        """Wait for so many posts to the `response_url` of this, and return all that came.

        Raises:
            WaitedTooLongError: Fewer came within `timeout` seconds.
        """
        return self._people.posts_of(self, count, timeout)


class People:
    """People in an emulated Slack.

    Args:
        loop: Where Slack runs.
        emulator: The emulated Slack.
    """

    def __init__(self, loop: LoopThread, emulator: EmulatorClient) -> None:
        self._loop, self._emulator = loop, emulator

    def post_message(self, text: str, **more: Any) -> Played:
        """A person posts a message (`channel`, `user`, `thread_ts`)."""
        return self.play("post_message", text, **more)

    def mention(self, text: str, **more: Any) -> Played:
        """A person mentions the app."""
        return self.play("mention", text, **more)

    def react(self, reaction: str, item_ts: str, **more: Any) -> Played:
        """A person reacts to a message."""
        return self.play("react", reaction, item_ts, **more)

    def command(self, command: str, text: str = "", **more: Any) -> Played:
        """A person types a slash command (`channel`, `user`)."""
        return self.play("command", command, text, **more)

    def click(self, action_id: str, **more: Any) -> Played:
        """A person clicks the latest element with that `action_id`."""
        return self.play("click", action_id, **more)

    def submit_view(self, values: Mapping[str, Any] | None = None, **more: Any) -> Played:
        """A person submits a modal: `values` is `{block_id: {action_id: {…}}}`."""
        return self.play("submit_view", values, **more)

    def close_view(self, **more: Any) -> Played:
        """A person closes a modal."""
        return self.play("close_view", **more)

    def shortcut(self, callback_id: str, **more: Any) -> Played:
        """A person uses a global shortcut."""
        return self.play("shortcut", callback_id, **more)

    def options(self, action_id: str, value: str = "", **more: Any) -> Played:
        """A person types into a menu whose options the app gives."""
        return self.play("options", action_id, value, **more)

    def send_event(self, event: Mapping[str, Any]) -> Played:
        """Slack sends any event: `{"type": "reaction_added", …}`.

        Returns:
            What was sent, and what became of it.
        """
        return self.play("send_event", event)

    def play(self, what: str, *arguments: Any, **more: Any) -> Played:
        """Do anything that `slackd.emulator.EmulatorClient` has a method for, by its name.

        Returns:
            What was sent, and what became of it.

        Raises:
            EmulatorError: Nobody can do that here.
        """

        def do() -> Played:
            act = getattr(self._emulator, what, None)
            if act is None:
                raise EmulatorError(f"people do nothing that is called {what!r}")
            entry = act(*arguments, **more)
            return Played(entry, json.loads(entry.payload or "{}"), self)

        return self._do(do)

    def calls(self, method: str) -> list[ApiCall]:
        """Calls of that Web API method so far."""
        return self._do(lambda: list(self._emulator.ledger.calls_of(method)))

    def wait_for_call(self, method: str, *, count: int = 1, timeout: float = PATIENCE) -> ApiCall:
        """Wait for the call of that method that makes `count` of them, past ones included.

        Returns:
            The call.

        Raises:
            WaitedTooLongError: It did not come within `timeout` seconds.
        """
        return self._loop.run(self._emulator.wait_for_call(method, count=count, timeout=timeout))

    def wait_for_ack(self, played: Played, *, timeout: float = ANSWER_PATIENCE) -> None:
        """Wait until Slack has an acknowledgement.

        Raises:
            WaitedTooLongError: It had none after `timeout` seconds.
        """
        try:
            self._loop.run(self._emulator.wait_for_ack(played.entry, timeout=timeout))
        except WaitedTooLongError as error:
            if any(send.connection is not None for send in played.entry.sends):
                raise
            raise WaitedTooLongError(
                f"{error}: nobody is connected; run_plugin, declare, run_app or run_http_app comes first"
            ) from None

    def inject_fault(self, kind: str, **details: Any) -> None:
        """Do a fault of Slack's: "warning", "drop", "stall", … (`slackd.emulator.faults` lists them)."""
        self._do(lambda: self._emulator.fault(kind, **details))

    def posts_of(self, played: Played, count: int, timeout: float) -> list[Any]:
        """As `Played.posts`."""
        self._loop.run(self._emulator.wait_for_post(played.entry, count=count, timeout=timeout))
        return self._do(lambda: [post.body for post in played.entry.posts])

    def wait_for_connections(self, count: int = 1, timeout: float = PATIENCE) -> None:
        """Wait until an app has so many Socket Mode connections.

        Raises:
            WaitedTooLongError: It had fewer after `timeout` seconds.
        """
        emulator = self._emulator
        self._loop.run(emulator.wait_until_ready(count, timeout=timeout))

    def _do(self, work: Callable[[], T]) -> T:
        async def in_loop() -> T:
            return work()

        return self._loop.run(in_loop())
