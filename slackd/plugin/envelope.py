"""What a handler is given: Slack's envelope with its most wanted fields by name, and slackd's notices."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Envelope:
    """One envelope, handed to this plugin.

    Attributes:
        delivery: slackd's id of this delivery, the same at every attempt: a key for your own idempotence.
        attempt: 1 at first; higher after a nack, a timeout or a crash of the plugin.
        app: Name of the app in slackd's configuration.
        type: `events_api`, `slash_commands`, `interactive`, or what Slack invents next.
        received_at: UNIX time in seconds at which it came from Slack.
        respond_by: UNIX time in seconds until which an answer still reaches Slack's acknowledgement; None if
            Slack awaits none.
        raw: The whole envelope as Slack sent it.
    """

    delivery: str
    attempt: int
    app: str
    type: str
    received_at: float
    respond_by: float | None
    raw: Mapping[str, Any]

    @property
    def payload(self) -> Mapping[str, Any]:
        """The envelope's payload, empty if it has none."""
        return _mapping(self.raw.get("payload"))

    @property
    def event(self) -> Mapping[str, Any]:
        """The inner event of the Events API, else empty."""
        return _mapping(self.payload.get("event"))

    @property
    def kind(self) -> str:
        """The payload's own type: `block_actions`, `view_submission`, `event_callback`, …"""
        return _text(self.payload.get("type"))

    @property
    def events(self) -> tuple[str, ...]:
        """Names the event answers to, the narrower first: `message.file_share`, `message.channels`, `message`.

        TYPE.SUBTYPE where the event has a subtype, which says what happened; then where it happened:
        `message.channels` is what the app's settings call a `message` in a channel (each event's page in
        Slack's reference names it; `message.` is one in a place that has no such name). A subscription's
        `event` matches the same names.
        """
        if self.type != "events_api":
            return ()
        payload = self.payload
        event = _mapping(payload.get("event"))
        name = _text(event.get("type") or payload.get("type"))
        names: tuple[str, ...] = (name,)
        if name == "message":
            names = (f"message.{_PLACES.get(_text(event.get('channel_type')), '')}", name)
        subtype = event.get("subtype")
        if subtype and name and isinstance(subtype, str):
            return (f"{name}.{subtype}", *names)
        return names

    @property
    def command(self) -> str:
        """The slash command with its slash, else ""."""
        return _text(self.payload.get("command"))

    @property
    def text(self) -> str:
        """What a person wrote: after the command, or in the message."""
        return _text(self.event.get("text") or self.payload.get("text"))

    @property
    def user(self) -> str:
        """Id of the user who did it, "" if there is none."""
        event, payload = self.event, self.payload
        return _id(event.get("user")) or _id(payload.get("user_id")) or _id(payload.get("user"))

    @property
    def channel(self) -> str:
        """Id of the channel where it happened, "" if it happened in none."""
        event, payload = self.event, self.payload
        return (
            _id(event.get("channel"))
            or _id(event.get("channel_id"))
            or _id(_mapping(event.get("item")).get("channel"))
            or _id(payload.get("channel_id"))
            or _id(payload.get("channel"))
            or _id(_mapping(payload.get("container")).get("channel_id"))
        )

    @property
    def thread(self) -> str:
        """`ts` of the thread's root message, or of the message itself: where an answer in a thread goes."""
        message = self.event or _mapping(self.payload.get("message"))
        return _text(message.get("thread_ts") or message.get("ts"))

    @property
    def actions(self) -> tuple[Mapping[str, Any], ...]:
        """The actions of a `block_actions`, mostly one."""
        actions = self.payload.get("actions")
        return tuple(_mapping(action) for action in actions) if isinstance(actions, list) else ()

    @property
    def action_ids(self) -> tuple[str, ...]:
        """The ids of its actions, or of the menu that asks for options."""
        ids = [_text(action.get("action_id")) for action in self.actions]
        return tuple(ids) if ids else (_text(self.payload.get("action_id")),)

    @property
    def value(self) -> str:
        """The value of the (first) action, or what was typed into the menu that asks for options."""
        first = self.actions[0] if self.actions else self.payload
        chosen = _mapping(first.get("selected_option"))
        return _text(first.get("value") or chosen.get("value"))

    @property
    def view(self) -> Mapping[str, Any]:
        """The view of a submission, else empty."""
        return _mapping(self.payload.get("view"))

    @property
    def callback_id(self) -> str:
        """Of the view or the shortcut, else ""."""
        return _text(self.view.get("callback_id") or self.payload.get("callback_id"))

    @property
    def trigger_id(self) -> str:
        """Opens a view within 3 seconds; "" if there is none."""
        return _text(self.payload.get("trigger_id"))

    @property
    def response_url(self) -> str:
        """Slack's address for later answers, "" if there is none."""
        return _text(self.payload.get("response_url"))


@dataclass(frozen=True, slots=True)
class Late:
    """An answer of this plugin came after Slack's acknowledgement had gone out.

    `sent` is "response_url" if it went out that way, None if it reached nobody.
    """

    delivery: str
    sent: str | None


@dataclass(frozen=True, slots=True)
class Gap:
    """No connection to Slack was READY between two instants (UNIX time in seconds): events may be missing."""

    app: str
    start: float
    end: float
    reason: str


_PLACES = {"channel": "channels", "group": "groups", "im": "im", "mpim": "mpim", "app_home": "app_home"}


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else _NOTHING


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _id(value: Any) -> str:
    return _text(value) or _text(_mapping(value).get("id"))
