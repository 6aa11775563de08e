"""What the broker counts while it works; `metrics` turns it into Prometheus' form, `control` into a status."""

from collections import Counter

import attrs

from slackd.slotted import define

MOST_OUTCOMES = 2_000


@define
class Counters:
    """Counts since the broker's start, and nothing else.

    Attributes:
        envelopes: (app, type) of each arrival that was understood and new.
        duplicates: (app, type) of each that was known.
        unreadable: app of each that could not be understood.
        first_seen_on_retry: (app,) of each new one that Slack had already tried before.
        refused: (app,) of each arrival that could not be committed.
        deliveries: (plugin, outcome): opened, delivered, done, retried, dead, refused (the plugin was absent).
        answers: (plugin, when): in_time, late, passed, too_large, stale.
        calls: (plugin, outcome) of Web API calls; count them with `count_call`.
    """

    envelopes: Counter[tuple[str, str]] = attrs.field(factory=Counter)
    duplicates: Counter[tuple[str, str]] = attrs.field(factory=Counter)
    unreadable: Counter[str] = attrs.field(factory=Counter)
    first_seen_on_retry: Counter[str] = attrs.field(factory=Counter)
    refused: Counter[str] = attrs.field(factory=Counter)
    deliveries: Counter[tuple[str, str]] = attrs.field(factory=Counter)
    answers: Counter[tuple[str, str]] = attrs.field(factory=Counter)
    calls: Counter[tuple[str, str]] = attrs.field(factory=Counter)

    def count_call(self, plugin: str, outcome: str) -> None:
        """A Web API call came to an end. Outcomes are Slack's words, or whoever's that answers in its place: of
        those that come after the first `MOST_OUTCOMES`, none has a counter of its own."""
        known = (plugin, outcome) in self.calls or len(self.calls) < MOST_OUTCOMES
        self.calls[plugin, outcome if known else "other"] += 1
