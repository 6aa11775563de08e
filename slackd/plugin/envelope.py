"""What a handler is given: Slack's envelope with its most wanted fields by name, and slackd's notices."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from slackd.plugin.view_state import ViewState
from slackd.slack.choices import chosen_values
from slackd.slack.envelopes import EVENTS
from slackd.slack.facets import Facets, event_names, facets

_NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, init=False)
class Envelope:
    """One envelope, delivered to this plugin.

    Attributes:
        delivery: slackd's id of this delivery, the same at every attempt: a key for your own idempotence.
        attempt: 1 at first; higher after a nack, a timeout or a crash of the plugin.
        app: Name of the app in slackd's configuration.
        type: `events_api`, `slash_commands`, `interactive`, or what Slack invents next.
        received_at: UNIX time in seconds at which it came from Slack.
        respond_by: UNIX time in seconds until which an answer still reaches Slack's acknowledgement; None if
            Slack awaits none.
        raw: The whole envelope as Slack sent it.
        answered: Its answer was given by an earlier attempt, which kept the delivery.
    """

    delivery: str
    attempt: int
    app: str
    type: str
    received_at: float
    respond_by: float | None
    raw: Mapping[str, Any]
    answered: bool = False

    def __init__(
        self,
        delivery: str,
        attempt: int,
        app: str,
        type: str,  # noqa: A002
        received_at: float,
        respond_by: float | None,
        raw: Mapping[str, Any],
        answered: bool = False,
    ) -> None:
        # As a frozen dataclass would: by a call for each member, which takes four times as long.
        members = self.__dict__
        members["delivery"] = delivery
        members["attempt"] = attempt
        members["app"] = app
        members["type"] = type
        members["received_at"] = received_at
        members["respond_by"] = respond_by
        members["raw"] = raw
        members["answered"] = answered

    @property
    def payload(self) -> Mapping[str, Any]:
        """The envelope's payload, empty if it has none."""
        return _mapping(self.raw.get("payload"))

    @property
    def event(self) -> Mapping[str, Any]:
        """The inner event of the Events API, else empty."""
        return _mapping(self.payload.get("event"))

    @cached_property
    def facets(self) -> Facets:
        """What the payload is about, as slackd's subscriptions read it."""
        return facets(self.type, self.payload)

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
        # Which handler an event goes to is asked of each, and seldom the rest.
        return event_names(self.payload)[::-1] if self.type == EVENTS else ()

    @property
    def command(self) -> str:
        """The slash command with its slash, else ""."""
        return self.facets.command

    @property
    def text(self) -> str:
        """What a person wrote: after the command, in the message, or in the one that a shortcut is about."""
        return self.facets.text

    @property
    def user(self) -> str:
        """Id of the user who did it, "" if there is none; of an edited or deleted message, its author."""
        return self.facets.user

    @property
    def channel(self) -> str:
        """Id of the channel where it happened, "" if it happened in none."""
        return self.facets.channel

    @property
    def thread(self) -> str:
        """`ts` of the thread's root message, or of the message itself: where an answer in a thread goes."""
        return self.facets.thread

    @property
    def actions(self) -> tuple[Mapping[str, Any], ...]:
        """The actions of a `block_actions`, mostly one."""
        actions = self.payload.get("actions")
        return tuple(_mapping(action) for action in actions) if isinstance(actions, list) else ()

    @property
    def action_ids(self) -> tuple[str, ...]:
        """The ids of its actions, or of the menu that asks for options."""
        return self.facets.action_ids

    @property
    def value(self) -> str:
        """What was chosen or typed in the (first) action, or typed into the menu that asks for options.

        The value of a button, of a choice, or the id of a user or channel that was chosen; a date
        (`2026-11-28`), a time (`09:30`), or for both UNIX seconds. Of several choices the first: `values`.
        """
        return next(iter(self.values), "")

    @property
    def values(self) -> tuple[str, ...]:
        """As `value`, with all choices of a menu or of checkboxes."""
        return chosen_values(self.actions[0] if self.actions else self.payload)

    @property
    def view(self) -> Mapping[str, Any]:
        """The view of a submission, else empty."""
        return _mapping(self.payload.get("view"))

    @property
    def callback_id(self) -> str:
        """Of the view, the shortcut or the custom step, else ""."""
        return self.facets.callback_id

    @property
    def state(self) -> ViewState:
        """What was put into the view's elements, by their `action_id`."""
        return ViewState(self.view)

    @property
    def execution_id(self) -> str:
        """`function_execution_id` of a custom step, or of the click in its message, else ""."""
        function = _mapping(self.payload.get("function_data"))
        return _text(self.event.get("function_execution_id") or function.get("execution_id"))

    @property
    def inputs(self) -> Mapping[str, Any]:
        """The inputs of a custom step, else empty."""
        return _mapping(self.event.get("inputs") or _mapping(self.payload.get("function_data")).get("inputs"))

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
    """An answer of this plugin is not in Slack's acknowledgement.

    Attributes:
        delivery: The delivery that was answered.
        sent: "response_url" if it went out that way, None if it reached nobody.
        reason: Why it is not: "" (the acknowledgement had gone out), "no_respond" (no subscription that
            matches has `respond = true`), "too_large", "answered" (an answer was given before, and this is one
            more message), or "not_taken" (Slack takes no answer of that kind there).
        message: The same in words, with what to do about it.
    """

    delivery: str
    sent: str | None
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Identity:
    """Slack's ids of one app and its bot; "" for what is not known.

    Attributes:
        app: The app's name in slackd's configuration.
    """

    app: str
    app_id: str = ""
    team_id: str = ""
    bot_id: str = ""
    bot_user_id: str = ""


@dataclass(frozen=True, slots=True)
class Ready:
    """slackd has accepted the session.

    Attributes:
        server: Its name and version.
        apps: The apps that this plugin may receive from and call for, by their names in slackd's configuration.
        window, deadline_window: deliveries that it sends at once.
        identities: Slack's ids of each app, as far as they are known already.
        unmatched: Handlers that no subscription of the plugin's file has anything for, in words.
    """

    server: str
    apps: tuple[str, ...]
    window: int
    deadline_window: int
    identities: Mapping[str, Identity] = field(default_factory=dict)
    unmatched: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Gap:
    """No connection to Slack was READY between two instants (UNIX time in seconds): events may be missing."""

    app: str
    start: float
    end: float
    reason: str


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else _NOTHING


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
