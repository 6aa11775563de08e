"""What an app leaves without an acknowledgement over connections that stand. Pure.

SDKs don't acknowledge what their app has no listener for, and with Slack that holds up nothing. So nothing
waits for an app that was seen to do that. What becomes of such an event in the end is the operator's to say:
nobody else can tell an app that has no use for it from one that failed. By default it becomes a dead letter.
Where `unacknowledged = "discard"` stands, it is done with when the app has left it every time, as Slack gives
up. What a connection's end, or a restart of the gateway, gave back even once is never discarded.

Times are monotonic seconds.
"""

from __future__ import annotations

from typing import Final

from slackd.config import PluginConfig
from slackd.config.values import IfUnacknowledged
from slackd.plugin.envelope import Envelope
from slackd.slack.envelopes import EVENTS

UNORDERED_FOR: Final = 3_600.0
"""Seconds for which nothing waits for the acknowledgements of an app that left a delivery without one."""
LAST_SHARE: Final = 0.9
"""Of the ack timeout: so long the last attempt is waited for here, before the broker makes it a dead letter."""
_KINDS_SAID: Final = 64
"""Kinds of events that a log line is written about, at most."""
_REMEMBERED: Final = 8_192
"""Deliveries whose attempts are counted; the oldest are forgotten, and become dead letters."""


class LeftEnvelopes:
    """One app's."""

    def __init__(self, plugin: PluginConfig) -> None:
        self._plugin = plugin
        gateway = plugin.gateway
        self._discards = gateway is not None and gateway.unacknowledged is IfUnacknowledged.DISCARD
        self._left: dict[str, int] = {}
        self._said: set[str] = set()
        self._unordered_until = 0.0

    def is_unordered(self, now: float) -> bool:
        """Nothing waits for this app's acknowledgements at present."""
        return now < self._unordered_until

    def left(self, envelope: Envelope, now: float) -> str | None:
        """The attempt before this one was left by a connection that stands.

        Returns:
            What is to be said of that, once for each kind.
        """
        self._unordered_until = now + UNORDERED_FOR
        self._left[envelope.delivery] = self._left.pop(envelope.delivery, 0) + 1
        if len(self._left) > _REMEMBERED:
            del self._left[next(iter(self._left))]
        what = envelope.kind or envelope.type
        if envelope.type == EVENTS:
            what = str(envelope.event.get("type"))
        if what in self._said or len(self._said) >= _KINDS_SAID:
            return None
        self._said.add(what)
        return self._words(what[:100])

    def acknowledged(self, delivery: str) -> None:
        """The app has acknowledged it after all."""
        self._left.pop(delivery, None)

    def discard_after(self, envelope: Envelope) -> float | None:
        """Seconds after which the event is discarded, if this attempt is left, too; None where it never is."""
        rules = self._plugin.delivery
        if not self._discards or envelope.type != EVENTS or envelope.attempt < rules.max_attempts:
            return None
        was_left = self._left.get(envelope.delivery, 0) >= envelope.attempt - 1
        return LAST_SHARE * rules.ack_timeout if was_left else None

    def _words(self, what: str) -> str:
        rules = self._plugin.delivery
        end = "discarded" if self._discards else "a dead letter"
        hint = f"Where it has no listener for that, leave it out of [[subscribe]] in {self._plugin.file}"
        if not self._discards:
            hint += ', or write unacknowledged = "discard" under [gateway]'
        return (
            f"{self._plugin.name}: the app did not acknowledge {what!r} within {rules.ack_timeout:g} s; it "
            f"gets each {rules.max_attempts} times in all, then that is {end}; nothing waits for its "
            f"acknowledgements. {hint}"
        )
