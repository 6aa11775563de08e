"""What the emulated Slack is like: its apps, its delays, its limits.

Every delay is given in the seconds that the real Slack takes and multiplied by `time_scale`, so one factor
makes the whole Slack faster, and each delay can still be set for itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import attrs

from slackd.slack import limits

Distribution = Literal["random", "round_robin"]
RedeliveryIds = Literal["both", "fresh", "same"]


def _seconds(values: Iterable[float]) -> tuple[float, ...]:
    return tuple(values)


@attrs.frozen(kw_only=True)
class EmulatedApp:
    """One Slack app as installed in one workspace.

    Attributes:
        app_token: the app-level token (`xapp-`), good for `apps.connections.open` alone.
        bot_token: the bot token (`xoxb-`), good for the Web API alone.
        verification_token: the legacy token that Slack puts into every payload.
        delayed_events: after the usual three redeliveries, one every hour for 24 hours
            (source: "Events API", the Delayed Events setting).
        events: the bot events that it is subscribed to, in the words of an app's manifest (`app_mention`,
            `message.channels`, ...): of what a person does the app is sent only these. None is all.
        commands: slash commands that the page offers; what was used before is offered, too.
        shortcuts: the same for the `callback_id`s of global shortcuts.
        message_shortcuts: the same for message shortcuts.
        hears_itself: subscribed to the messages of its channels, so that what it posts comes back as an event.
    """

    app_id: str = "A0EMULATED1"
    app_token: str = attrs.field(default="xapp-1-A0EMULATED1-1000000000001-emulated", repr=False)
    bot_token: str = attrs.field(default="xoxb-100000000001-100000000002-emulated", repr=False)
    name: str = "emulated"
    team_id: str = "T0EMULATED1"
    team_domain: str = "emulated"
    bot_user_id: str = "U0BOTUSER01"
    bot_id: str = "B0BOT000001"
    verification_token: str = attrs.field(default="emulated-verification-token", repr=False)
    delayed_events: bool = False
    events: tuple[str, ...] | None = None
    commands: tuple[str, ...] = ()
    shortcuts: tuple[str, ...] = ()
    message_shortcuts: tuple[str, ...] = ()
    hears_itself: bool = False
    scopes: tuple[str, ...] = ("app_mentions:read", "chat:write", "commands", "reactions:write", "users:read")

    def subscribes(self, event: str) -> bool:
        """Whether events of that name, as in a manifest, are sent to the app."""
        return self.events is None or event in self.events

    @classmethod
    def numbered(cls, number: int, **given: Any) -> EmulatedApp:
        """App number `number` of an emulator with several: ids and tokens of its own, but for what is given."""
        ids: dict[str, Any] = {
            "app_id": f"A0EMULATED{number}",
            "app_token": f"xapp-1-A0EMULATED{number}-{1000000000000 + number}-emulated",
            "bot_token": f"xoxb-100000000001-{200000000000 + number}-emulated",
            "name": f"emulated{number}",
            "bot_user_id": f"U0BOTUSER{number:02}",
            "bot_id": f"B0BOT{number:06}",
            "verification_token": f"emulated-verification-token-{number}",
        }
        return cls(**(ids | given))


@attrs.frozen(kw_only=True)
class EmulatorSettings:
    """The emulated Slack's delays (seconds, before scaling), limits and habits.

    Attributes:
        time_scale: every delay below is multiplied by it; 0.01 makes a Slack that is a hundred times faster.
        ack_deadline: an envelope must be acknowledged within it ("Using Socket Mode").
        redelivery_delays: from an event's failed attempt to the next: nearly at once, a minute, five minutes
            ("Events API", Retries).
        repeat_same_envelope_after: an unacknowledged event's envelope also comes a second time as it was, its
            `envelope_id` and `retry_attempt` unchanged (seen in the field 15 s after the first); None: never.
        redelivery_ids: whether a redelivery has a new `envelope_id` ("fresh"), the first one again ("same"), or
            new ones with the unchanged repeats in between ("both", as seen in the field).
        delayed_events_interval: from one delayed redelivery to the next, for apps with `delayed_events`.
        delayed_events_count: how many of these there are.
        ping_interval: from one WebSocket ping of Slack's to the next.
        longest_silence: a client that sent nothing for so long is dropped; None, as Slack seems to do: never.
        warning_grace: from `disconnect` with reason `warning` to the end of the connection.
        refresh_grace: from `refresh_requested` (and `link_disabled`, `too_many_websockets`) to the end.
        connection_lifetime: the age at which a connection is refreshed (five hours in the field).
        approximate_connection_time: what `hello` says of it (18060 in the field).
        debug_lifetime: both of these with `&debug_reconnects=true` on the URL ("Using Socket Mode").
        warns_before_refresh: whether `warning` precedes the refresh at the end of a lifetime.
        ticket_lifetime: how long the `wss` URL may be dialled.
        refused_ticket_status: the handshake's answer to a spent, expired or unknown ticket.
        max_connections: of one app, all processes and ghosts counted ("Using Socket Mode").
        max_frame_bytes: a longer client frame is closed with 1009.
        distribution: how the one connection that gets an envelope is chosen; clients must not rely on it.
        answers_close: whether Slack answers a client's Close frame (it has been seen not to).
        closes_tcp: whether Slack ends the TCP connection after the closing handshake (it has been seen not to).
        close_timeout: how long Slack waits for the answer to its own Close before it ends the connection.
        notices_lost_connections: False makes every connection that ends without a Close frame a ghost.
        acks_on_any_connection: whether an acknowledgement counts on another connection than the envelope's.
        rate_limits: whether the Web API's tiers are enforced.
        response_url_uses: how many posts a `response_url` takes.
        response_url_lifetime: and for how long ("Handling user interaction").
        trigger_lifetime: how long a `trigger_id` opens a view.
        keep_payloads: keep each payload in the ledger after it was acknowledged.
        lenient: methods that aren't emulated say ok, whoever and whatever is named exists, and blocks and views
            are taken as they come.
        enforces_scopes: whether a call needs the app's scopes (`missing_scope`).
        seed: makes ids and distribution repeat; None draws one, so that no two runs share an `event_id`.
    """

    time_scale: float = attrs.field(default=1.0, validator=attrs.validators.gt(0))
    ack_deadline: float = limits.ACK_DEADLINE
    redelivery_delays: tuple[float, ...] = attrs.field(default=limits.REDELIVERY_DELAYS, converter=_seconds)
    repeat_same_envelope_after: float | None = 15.0
    redelivery_ids: RedeliveryIds = attrs.field(
        default="both", validator=attrs.validators.in_(("both", "fresh", "same"))
    )
    delayed_events_interval: float = limits.DELAYED_EVENTS_INTERVAL
    delayed_events_count: int = limits.DELAYED_EVENTS_COUNT
    ping_interval: float = limits.PING_INTERVAL
    ping_text: str = "Ping from applink-1"
    longest_silence: float | None = None
    warning_grace: float = limits.WARNING_GRACE
    refresh_grace: float = 0.0
    connection_lifetime: float = limits.CONNECTION_LIFETIME
    approximate_connection_time: float = limits.APPROXIMATE_CONNECTION_TIME
    debug_lifetime: float = limits.DEBUG_CONNECTION_LIFETIME
    warns_before_refresh: bool = True
    ticket_lifetime: float = 30.0
    refused_ticket_status: int = 404
    max_connections: int = limits.MAX_CONNECTIONS
    max_frame_bytes: int = limits.ACK_LIMIT
    distribution: Distribution = attrs.field(
        default="random", validator=attrs.validators.in_(("random", "round_robin"))
    )
    answers_close: bool = True
    closes_tcp: bool = True
    close_timeout: float = 5.0
    notices_lost_connections: bool = True
    acks_on_any_connection: bool = True
    rate_limits: bool = False
    response_url_uses: int = limits.RESPONSE_URL_USES
    response_url_lifetime: float = limits.RESPONSE_URL_LIFETIME
    trigger_lifetime: float = limits.TRIGGER_LIFETIME
    keep_payloads: bool = False
    lenient: bool = False
    enforces_scopes: bool = False
    seed: int | None = None

    def scaled(self, seconds: float) -> float:
        """A delay of Slack's in the seconds that it takes here."""
        return seconds * self.time_scale
