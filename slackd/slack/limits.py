"""Numbers that Slack sets. Times are seconds, sizes are bytes."""

from typing import Final

MAX_CONNECTIONS: Final = 10
"""Socket Mode connections that an app may have open at a time, over all processes ("Using Socket Mode")."""

ACK_DEADLINE: Final = 3.0
"""Seconds in which Slack wants an acknowledgement ("Using Socket Mode"; "The Events API")."""

ACK_LIMIT: Final = 20_480
"""Bytes at which Slack closes a connection over a client's frame: an acknowledgement must be shorter (seen in
the field: close 1009, "Max frame length of 20480 has been exceeded.")."""

RESPONSE_URL_USES: Final = 5
"""Messages that one `response_url` takes ("Handling user interaction")."""

RESPONSE_URL_LIFETIME: Final = 1_800.0
"""Seconds for which a `response_url` takes messages ("Handling user interaction")."""

TRIGGER_LIFETIME: Final = 3.0
"""Seconds for which a `trigger_id` opens a view ("Handling user interaction")."""

EVENTS_AN_HOUR: Final = 30_000
"""Event deliveries an app gets of one workspace in 60 minutes ("The Events API", rate limiting)."""

REDELIVERY_DELAYS: Final = (1.0, 60.0, 300.0)
"""Seconds from an event's failed attempt to the next: nearly at once, a minute, five minutes ("The Events API",
retries)."""

DELAYED_EVENTS_INTERVAL: Final = 3_600.0
"""Seconds between two attempts with Delayed Events switched on ("The Events API", delayed events)."""

DELAYED_EVENTS_COUNT: Final = 24
"""Attempts of an event with Delayed Events switched on, after the usual ones."""

PING_INTERVAL: Final = 10.0
"""Seconds from one WebSocket ping of Slack's to the next (seen in the field)."""

WARNING_GRACE: Final = 10.0
"""Seconds from a `disconnect` with the reason `warning` to the end of the connection ("Using Socket Mode")."""

CONNECTION_LIFETIME: Final = 18_000.0
"""Seconds after which Slack refreshes a connection: five hours (seen in the field)."""

APPROXIMATE_CONNECTION_TIME: Final = 18_060.0
"""Seconds that the `hello` announces as `approximate_connection_time` (seen in the field)."""

DEBUG_CONNECTION_LIFETIME: Final = 360.0
"""Seconds that a connection lives with `&debug_reconnects=true` on its URL ("Using Socket Mode")."""

FILE_HOSTS: Final = frozenset(
    {
        "files.slack.com",
        "files.slack-edge.com",
        "files-origin.slack.com",
        "slack-files.com",
        "files.slack-gov.com",
    }
)
"""Where files are ("Working with files"); the last is GovSlack's."""
FILE_LIMIT: Final = 1 << 30
"""Bytes of a file ("Add files to Slack": up to 1 GB)."""

MESSAGE_TEXT_LIMIT: Final = 40_000
"""Characters of a message's text, after which Slack cuts it ("chat.postMessage")."""

UPDATE_TEXT_LIMIT: Final = 4_000
"""Characters of the text that a message may be changed to ("chat.update", `msg_too_long`)."""
