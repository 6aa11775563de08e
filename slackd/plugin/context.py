"""What a handler does about its delivery, when returning a value is not enough."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Protocol

from slackd import jsonrpc
from slackd.plugin.answers import Ack, Answer, nack_of
from slackd.plugin.errors import InvalidAnswer, NotRunning, TooLarge
from slackd.slack.limits import ACK_LIMIT

if TYPE_CHECKING:
    from slackd.plugin.envelope import Envelope
    from slackd.plugin.slack import Slack

_HANDLED = Ack()
_ROOM_AROUND = 1_024  # bytes for the delivery's id and the members around a response


class PostLater(Protocol):
    """The way back to slackd, callable from every thread."""

    def answer(self, delivery: str, answer: Answer) -> None:
        """Answer a delivery; the first answer stands."""

    def answer_now(self, delivery: str, response: Mapping[str, Any]) -> None:
        """Answer a delivery that is worked on."""

    def extend(self, delivery: str) -> None:
        """Start a delivery's ack timeout again."""

    def respond(self, app: str, url: str, message: Mapping[str, Any]) -> None:
        """Post a message to a `response_url`; a failure is logged."""


class Context:
    """One delivery, as its handler may act on it; every method may be called from any thread.

    The first answer closes the delivery at slackd: its slot in the window and its ordering key are free, so the
    next event of the same channel may come while a handler that answered early still works; and if the plugin
    dies then, that rest of the work is not delivered again. (`respond(…, keep=True)` answers and keeps it.)

    Attributes:
        envelope: What was delivered.
        match: What a message handler's pattern found in the text, else None.
    """

    def __init__(
        self,
        envelope: Envelope,
        post: PostLater,
        slack: Slack | None = None,
        match: re.Match[str] | None = None,
    ) -> None:
        self.envelope = envelope
        self.match = match
        self._post = post
        self._slack = slack
        self._answered = False
        self._responded = False

    @property
    def answered(self) -> bool:
        """An answer was given that closes the delivery."""
        return self._answered

    def ack(self) -> None:
        """Handled, with nothing to say to Slack."""
        self.conclude(_HANDLED)

    def respond(self, payload: Mapping[str, Any] | str, *, keep: bool = False) -> None:
        """Answer Slack, as often as there is something to say; a string is `{"text": …}`.

        The first answer closes the delivery and goes into Slack's acknowledgement, or through the envelope's
        `response_url` where Slack takes none there. Later ones go through the `response_url`, by way of slackd:
        Slack takes five in half an hour ("Handling user interaction").

        Args:
            payload: A message; for a view `response_action`, for a menu `options`.
            keep: Say it now, and keep the delivery: it is delivered again if the handler fails, or its program
                ends, before it is done. The first answer of that next attempt is taken as this one, if slackd
                has it, and is not given twice.

        Raises:
            InvalidAnswer: It is no answer, or has nowhere to go (nobody waits for an answer to an event; a
                modal has no `response_url` for a second one); the delivery stays as it was.
            NotJsonError, TooLarge: It can't be sent. A handler that lets it pass makes it a dead letter.
        """
        if self._responded or self._answered:
            self._respond_again(payload)
            if not keep:
                self.conclude(_HANDLED)
            return
        response = _snapshot(self._for_now(payload) if keep else payload, self.envelope)
        self._responded = True
        if keep and not self.envelope.answered:
            self._post.answer_now(self.envelope.delivery, response)
        elif not keep:
            self.conclude(_HANDLED if self.envelope.answered else Ack(response))

    async def say(self, text: str = "", *, thread: bool = False, **more: Any) -> dict[str, Any]:
        """Post a message where the envelope comes from: `chat.postMessage` in its channel.

        Args:
            text: The message's text.
            thread: Answer in the thread, or begin one under the message.
            more: Other arguments of the method (`blocks`, …); `channel` says it elsewhere.

        Returns:
            Slack's answer.

        Raises:
            InvalidAnswer: The envelope has no channel, and none is named.
            SlackError, CallFailed: As `Slack.call` does.
        """
        return await self._calls().call("chat.postMessage", self._message(text, thread, more))

    def say_sync(self, text: str = "", *, thread: bool = False, **more: Any) -> dict[str, Any]:
        """`say` for plain functions.

        Raises:
            InvalidAnswer: The envelope has no channel, and none is named.
            SlackError: As `Slack.call_sync`.
            CallFailed: As `Slack.call_sync`.
            NotRunning: As `Slack.call_sync`.
        """
        return self._calls().call_sync("chat.postMessage", self._message(text, thread, more))

    async def complete(self, outputs: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """End a custom step well (`functions.completeSuccess`).

        Returns:
            Slack's answer.

        Raises:
            InvalidAnswer: The envelope is no custom step.
            SlackError: As `Slack.call`.
            CallFailed: As `Slack.call`.
        """
        return await self._end_step("functions.completeSuccess", {"outputs": dict(outputs or {})})

    async def fail(self, error: str) -> dict[str, Any]:
        """End a custom step badly, with words for its user (`functions.completeError`).

        Returns:
            Slack's answer.

        Raises:
            InvalidAnswer: The envelope is no custom step.
            SlackError: As `Slack.call`.
            CallFailed: As `Slack.call`.
        """
        return await self._end_step("functions.completeError", {"error": error})

    def nack(self, reason: str = "", *, retry_after: float | None = None, permanent: bool = False) -> None:
        """Not handled: deliver it again, after `retry_after` seconds or the backoff in the plugin's file.

        `permanent`: no attempt will do better, make it a dead letter.

        Raises:
            InvalidAnswer: `retry_after` is no such time; it is a `ValueError`.
        """
        self.conclude(nack_of(reason, retry_after=retry_after, permanent=permanent))

    def extend(self) -> None:
        """Still at work: start the delivery's ack timeout again (an hour in all is the most)."""
        if not self._answered:
            self._post.extend(self.envelope.delivery)

    def conclude(self, answer: Answer) -> None:
        """Gives this answer, unless one was given."""
        if not self._answered:
            self._answered = True
            self._post.answer(self.envelope.delivery, answer)

    def finish(self, value: Any) -> None:
        """What a handler returned is its answer; after an earlier one it is one more message. For an event
        every value means "handled", since Slack awaits nothing.

        Raises:
            InvalidAnswer: It is no answer, or has nowhere to go.
            NotJsonError: It has no JSON text.
            TooLarge: It doesn't fit into a line.
        """
        if value is None or self.envelope.type == "events_api":
            self.conclude(_HANDLED)
        else:
            self.respond(value)

    def _for_now(self, payload: Mapping[str, Any] | str) -> Mapping[str, Any] | str:
        """What a kept delivery is answered with: where a message is, a string is one."""
        if self.envelope.type == "events_api":
            raise InvalidAnswer("nobody waits for an answer to an event: say posts a message")
        return {"text": payload} if isinstance(payload, str) and self.envelope.response_url else payload

    def _respond_again(self, payload: Mapping[str, Any] | str) -> None:
        message = _snapshot({"text": payload} if isinstance(payload, str) else payload, self.envelope)
        url = self.envelope.response_url
        if not url:
            raise InvalidAnswer(
                f"this {self.envelope.type} has no response_url that a second answer could go to"
            )
        self._post.respond(self.envelope.app, url, message)

    async def _end_step(self, method: str, args: dict[str, Any]) -> dict[str, Any]:
        execution = self.envelope.execution_id
        if not execution:
            raise InvalidAnswer(f"{method} ends a custom step (function_executed), and this is none")
        call_id = f"{self.envelope.delivery}/{method}"
        return await self._calls().call(method, {**args, "function_execution_id": execution}, call_id=call_id)

    def _message(self, text: str, thread: bool, more: dict[str, Any]) -> dict[str, Any]:
        message: dict[str, Any] = {"channel": self.envelope.channel, **more}
        if not message["channel"]:
            raise InvalidAnswer("say needs a channel: this envelope comes from none")
        if text:
            message["text"] = text
        if thread and self.envelope.thread:
            message.setdefault("thread_ts", self.envelope.thread)
        return message

    def _calls(self) -> Slack:
        if self._slack is None:
            raise NotRunning("this context has no way to Slack: it was made for a test")
        return self._slack


def _snapshot(value: Any, envelope: Envelope) -> dict[str, Any]:
    """The response as it is now, since it may have to be sent again when the handler has changed it."""
    if isinstance(value, str) and envelope.type == "slash_commands":
        value = {"text": value}
    if not isinstance(value, Mapping):
        what = "a dict or a string" if envelope.type == "slash_commands" else "a dict"
        raise InvalidAnswer(f"the response to {envelope.type} is {what}, not {type(value).__name__}")
    line = jsonrpc.encode_result("", dict(value))
    if len(line) > jsonrpc.MAX_LINE_FROM_PLUGIN - _ROOM_AROUND:
        raise TooLarge(
            f"a response of {len(line)} bytes: slackd takes {jsonrpc.MAX_LINE_FROM_PLUGIN}, "
            f"Slack under {ACK_LIMIT}"
        )
    copy: dict[str, Any] = json.loads(line)["result"]
    return copy
