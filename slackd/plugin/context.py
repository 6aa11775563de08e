"""What a handler does about its delivery, when returning a value is not enough."""

import json
from collections.abc import Mapping
from typing import Any, Protocol

from slackd import jsonrpc
from slackd.plugin.actions import Ack, Answer, Nack
from slackd.plugin.envelope import Envelope
from slackd.plugin.errors import InvalidAnswer, TooLarge, check_delay

_HANDLED = Ack()
_REASON_LIMIT = 2_000  # characters of a nack's reason
_ROOM_AROUND = 1_024  # bytes for the delivery's id and the members around a response


class PostLater(Protocol):
    """The way back to slackd, callable from every thread."""

    def answer(self, delivery: str, answer: Answer) -> None: ...

    def extend(self, delivery: str) -> None: ...


class Context:
    """One delivery, as its handler may act on it; every method may be called from any thread.

    The first answer counts. With it the delivery is closed at slackd: its slot in the window and its ordering
    key are free, so the next event of the same channel may come while a handler that answered early still
    works; and if the plugin dies then, that rest of the work is not handed out again.
    """

    def __init__(self, envelope: Envelope, post: PostLater) -> None:
        self.envelope = envelope
        self._post = post
        self._answered = False

    @property
    def answered(self) -> bool:
        """An answer was given."""
        return self._answered

    def ack(self) -> None:
        """Handled, with nothing to say to Slack."""
        self.conclude(_HANDLED)

    def respond(self, payload: Mapping[str, Any] | str) -> None:
        """Handled, and Slack's acknowledgement carries this payload; for a command a string is `{"text": …}`.

        Work may go on afterwards. Raises `InvalidAnswer`, `NotJsonError` or `TooLarge`, and the delivery stays
        unanswered; a handler that lets it pass makes it a dead letter.
        """
        self.conclude(Ack(_snapshot(payload, self.envelope)))

    def nack(self, reason: str = "", *, retry_after: float | None = None, permanent: bool = False) -> None:
        """Not handled: hand it over again, after `retry_after` seconds or the backoff in the plugin's file.

        `permanent`: no attempt will do better, make it a dead letter. Raises `InvalidAnswer`, a `ValueError`,
        where `retry_after` is no such time.
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


def nack_of(reason: str, *, retry_after: float | None = None, permanent: bool = False) -> Nack:
    """A nack as slackd takes it. Raises `InvalidAnswer`."""
    check_delay("retry_after", retry_after)
    return Nack((reason or "not handled")[:_REASON_LIMIT], retry_after, permanent)


def as_answer(value: Any, envelope: Envelope) -> Answer:
    """What a handler's return value means; for an event always "handled", since Slack awaits nothing.

    Raises `InvalidAnswer`, `NotJsonError` or `TooLarge`.
    """
    if value is None or envelope.type == "events_api":
        return _HANDLED
    return Ack(_snapshot(value, envelope))


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
            f"a response of {len(line)} bytes: slackd takes {jsonrpc.MAX_LINE_FROM_PLUGIN}, Slack under 20480"
        )
    copy: dict[str, Any] = json.loads(line)["result"]
    return copy
