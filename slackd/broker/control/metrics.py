"""The broker in Prometheus' form: read off at the scrape, nothing is kept twice.

Names follow "Metric and label naming" and "Writing exporters" of Prometheus' documentation: base units,
counters end in `_total`. Labels are bounded: apps, plugins and connectors come from the configuration; types
of envelopes, methods and errors, which come from outside, are named only where they are known.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Any

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from slackd.broker.control.context import ControlContext
from slackd.broker.control.http import HttpRequest, HttpResponse
from slackd.broker.control.observations import ACK_BOUNDS, Histogram
from slackd.broker.control.snapshot import survey
from slackd.broker.control.status import ConnectorSummary, Status
from slackd.broker.plugins.conduct import Fault
from slackd.slack.connection_states import ConnectionPhase
from slackd.slack.envelopes import ENVELOPE_TYPES
from slackd.slack.limits import EVENTS_AN_HOUR

KNOWN_TYPES = frozenset(ENVELOPE_TYPES)
OTHER = "other"
PHASES = tuple(phase.value for phase in ConnectionPhase if phase is not ConnectionPhase.CLOSED)
OUTCOMES = ("opened", "delivered", "done", "retried", "dead", "refused")
ANSWERED = ("in_time", "late", "too_large", "stale")
REASONS = (
    "rotation_due",
    "warning",
    "refresh_requested",
    "drain",
    "dropped",
    "closed_by_either_side",
    "stalled",
    "dial_failed",
    "app_refused",
    "too_many_websockets",
    "link_disabled",
)
"""Why a connection ends or is replaced, as connectors say it (`Changed.cue`)."""
MOST_VALUES = 100
"""Values of a label that comes from outside before the rest is `other`."""
_PLAIN = re.compile(r"[a-z0-9_.]{1,60}")
_process = CollectorRegistry()
ProcessCollector(registry=_process)
GCCollector(registry=_process)
PlatformCollector(registry=_process)


async def scrape(broker: ControlContext, request: HttpRequest) -> HttpResponse:
    """Everything in the text format that scrapers read."""
    registry = CollectorRegistry()
    registry.register(BrokerCollector(broker, await survey(broker)))
    text = generate_latest(registry) + generate_latest(_process)
    return HttpResponse(text, content_type=CONTENT_TYPE_LATEST)


class BrokerCollector(Collector):
    """The running broker at one moment."""

    def __init__(self, broker: ControlContext, status: Status) -> None:
        self._broker, self._status = broker, status

    def collect(self) -> Iterable[Metric]:
        """As `prometheus_client` wants it."""
        yield from self._process()
        yield from self._envelopes()
        yield from self._connections()
        yield from self._journal()
        yield from self._plugins()

    def _process(self) -> Iterator[Metric]:
        broker = self._status.broker
        yield _gauge(
            "slackd_build_info", "The release that runs; always 1.", ["version"], {(broker.version,): 1}
        )
        yield _gauge("slackd_start_time_seconds", "When the broker started.", [], {(): broker.started_at})
        healths = {(name,): float(name == self._status.health) for name in ("ok", "degraded", "failing")}
        yield _gauge("slackd_health", "1 for the verdict of slackctl status.", ["health"], healths)

    def _envelopes(self) -> Iterator[Metric]:
        counters, seen = self._broker.core.counters, self._broker.observations
        labels = ["app", "type"]
        yield _counter("slackd_envelopes", "New envelopes journaled.", labels, _known_types(counters.envelopes))
        yield _counter(
            "slackd_duplicate_envelopes",
            "Envelopes that came again: acknowledged, delivered once.",
            labels,
            _known_types(counters.duplicates),
        )
        yield _counter(
            "slackd_unreadable_envelopes",
            "Envelopes that could not be parsed; each is a dead letter.",
            ["app"],
            self._each_app(counters.unreadable),
        )
        yield _counter(
            "slackd_refused_envelopes",
            "Envelopes not acknowledged since the journal could not take them.",
            ["app"],
            self._each_app(counters.refused),
        )
        yield _counter(
            "slackd_first_seen_on_retry",
            "New envelopes that Slack had already tried to deliver elsewhere.",
            ["app"],
            self._each_app(counters.first_seen_on_retry),
        )
        latency = {app: Histogram(ACK_BOUNDS) for app in self._broker.config.apps} | seen.ack_latency
        acks = Counter({app: each.count for app, each in latency.items()})
        yield _counter("slackd_acks", "Acknowledgements sent to Slack.", ["app"], self._each_app(acks))
        yield _counter(
            "slackd_unsendable_acks",
            "Acknowledgements that could not be sent: their connection was gone, or Slack takes none so long.",
            ["app"],
            self._each_app(seen.unsendable),
        )
        text = "From the receipt of an envelope to its acknowledgement on the wire."
        by_app = {(app,): each for app, each in latency.items()}
        yield _histogram("slackd_ack_latency_seconds", text, ["app"], by_app)
        events = {(app.name,): float(app.events_hour) for app in self._status.apps}
        yield _gauge("slackd_events_hour", "Event deliveries within the last hour.", ["app"], events)
        limit = "Event deliveries an hour that Slack allows an app and workspace."
        yield _gauge("slackd_events_hour_limit", limit, [], {(): EVENTS_AN_HOUR})

    def _connections(self) -> Iterator[Metric]:
        apps = self._status.apps
        labels = ["app", "connector", "state"]
        states: dict[tuple[str, ...], float] = {}
        for connector in self._status.connectors:
            states.update(_states(connector, [app.name for app in apps]))
        yield _gauge("slackd_connections", "Connections to Slack by state.", labels, states)
        for name, text, values in (
            ("slackd_connections_wanted", "READY connections wanted.", [app.wanted for app in apps]),
            ("slackd_connections_free", "Places free of the ten Slack allows.", [app.free for app in apps]),
            (
                "slackd_ghosts",
                "Unconfirmed connections: closed ones that Slack may still count.",
                [app.ghosts for app in apps],
            ),
            (
                "slackd_foreign_connections",
                "Connections of other processes on the same app token.",
                [app.foreign for app in apps],
            ),
            (
                "slackd_app_trouble",
                "1 if Slack refuses the app and a person must act.",
                [bool(app.troubles) for app in apps],
            ),
        ):
            yield _gauge(name, text, ["app"], {(a.name,): float(v) for a, v in zip(apps, values, strict=True)})
        yield _counter(
            "slackd_reconnects",
            "Connections that ended or were replaced.",
            ["app", "reason"],
            _zeros(self._broker.config.apps, REASONS)
            | _bounded(_without_spaces(self._broker.connectors.reconnects)),
        )
        without = {(app.name,): app.seconds_without_ready for app in apps}
        text = "Time in which an app had no READY connection."
        yield _counter("slackd_seconds_without_ready", text, ["app"], without)
        linked = {(str(each.number),): float(each.linked) for each in self._status.connectors}
        text = "1 if the connector is linked; 3 is the receiver."
        yield _gauge("slackd_connector_linked", text, ["connector"], linked)

    def _journal(self) -> Iterator[Metric]:
        journal = self._status.journal
        text = "Size of the database and its write-ahead log."
        yield _gauge("slackd_journal_bytes", text, [], {(): journal.bytes})
        yield _gauge(
            "slackd_journal_healthy", "1 if the journal can be written.", [], {(): float(journal.healthy)}
        )
        commits = {(): self._broker.observations.commits}
        yield _histogram("slackd_journal_commit_seconds", "Duration of a group commit.", [], commits)

    def _plugins(self) -> Iterator[Metric]:
        plugins, counters = self._status.plugins, self._broker.core.counters
        names = self._broker.config.plugin_files
        deliveries = _zeros(names, OUTCOMES) | counters.deliveries
        yield _counter(
            "slackd_deliveries",
            "Deliveries by outcome; delivered is sent to a plugin, dead is dead-lettered.",
            ["plugin", "outcome"],
            deliveries,
        )
        answers = _zeros(names, ANSWERED) | counters.answers
        yield _counter(
            "slackd_answers",
            "Answers of plugins by when they came; stale ones nobody waited for.",
            ["plugin", "when"],
            answers,
        )
        calls = _bounded(counters.calls)
        yield _counter("slackd_api_calls", "Web API calls of plugins.", ["plugin", "outcome"], calls)
        faults = _zeros(names, [each.name.lower() for each in Fault])
        faults |= {(each.name, fault.fault): float(fault.count) for each in plugins for fault in each.faults}
        text = "Faults within five minutes: refused or held connections, sessions that crashed, slowed reading."
        yield _gauge("slackd_plugin_faults", text, ["plugin", "fault"], faults)
        for name, text, values in (
            ("slackd_open_deliveries", "Deliveries not handled yet.", [each.open for each in plugins]),
            ("slackd_open_delivery_bytes", "Bytes of their envelopes.", [each.open_bytes for each in plugins]),
            ("slackd_dead_letters", "Dead letters that wait for an operator.", [each.dead for each in plugins]),
            ("slackd_dead_letter_bytes", "Bytes of their envelopes.", [each.dead_bytes for each in plugins]),
            (
                "slackd_deliveries_in_flight",
                "Deliveries in flight: sent to a plugin and unanswered.",
                [each.in_flight for each in plugins],
            ),
            ("slackd_plugin_sessions", "Sessions connected.", [_connected(each.sessions) for each in plugins]),
            (
                "slackd_oldest_open_delivery_age_seconds",
                "Time since the receipt of the oldest delivery not handled yet; 0 without any.",
                [each.oldest_age if each.open else None if each.open is None else 0.0 for each in plugins],
            ),
        ):
            known = {(p.name,): float(v) for p, v in zip(plugins, values, strict=True) if v is not None}
            yield _gauge(name, text, ["plugin"], known)

    def _each_app(self, counts: Counter[str]) -> dict[tuple[str, ...], float]:
        """Zero is said too, so that a first one is seen as a rise."""
        return {(app,): float(counts[app]) for app in {*self._broker.config.apps, *counts}}


def _connected(sessions: Iterable[object]) -> int:
    return sum(not getattr(each, "awaited", False) for each in sessions)


def _states(connector: ConnectorSummary, apps: Iterable[str]) -> dict[tuple[str, ...], float]:
    counts = Counter((each.app, each.phase) for each in connector.connections)
    return {
        (app, str(connector.number), phase.lower()): float(counts[app, phase])
        for app in apps
        for phase in PHASES
    }


def _known_types(counts: Counter[tuple[str, str]]) -> dict[tuple[str, ...], float]:
    found: Counter[tuple[str, ...]] = Counter()
    for (app, kind), count in counts.items():
        found[app, kind if kind in KNOWN_TYPES else OTHER] += count
    return {labels: float(count) for labels, count in found.items()}


def _zeros(names: Iterable[str], values: Iterable[str]) -> dict[tuple[str, ...], float]:
    """Zero is said too: without a sample before it, a first one is no rise to `increase` and `rate`."""
    return dict.fromkeys(product(names, values), 0.0)


def _without_spaces(counts: Counter[tuple[str, str]]) -> Counter[tuple[str, str]]:
    """Reasons are worded for people; a label is written in queries."""
    return Counter({(app, reason.replace(" ", "_")): count for (app, reason), count in counts.items()})


def _bounded(counts: Counter[tuple[str, str]]) -> dict[tuple[str, ...], float]:
    """The second label comes from outside: the most frequent values are named, the rest is `other`."""
    totals: Counter[str] = Counter()
    for (_, value), count in counts.items():
        totals[value] += count
    named = {value for value, _ in totals.most_common(MOST_VALUES) if _PLAIN.fullmatch(value)}
    found: Counter[tuple[str, ...]] = Counter()
    for (name, value), count in counts.items():
        found[name, value if value in named else OTHER] += count
    return {labels: float(count) for labels, count in found.items()}


Samples = Mapping[Any, float]
"""Values by the label values, in the order of the labels."""


def _counter(name: str, text: str, labels: list[str], samples: Samples) -> Metric:
    family = CounterMetricFamily(name, text, labels=labels)
    for values, sample in sorted(samples.items()):
        family.add_metric(values, sample)
    return family


def _gauge(name: str, text: str, labels: list[str], samples: Samples) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, sample in sorted(samples.items()):
        family.add_metric(values, sample)
    return family


def _histogram(name: str, text: str, labels: list[str], samples: Mapping[Any, Histogram]) -> Metric:
    family = HistogramMetricFamily(name, text, labels=labels)
    for values, histogram in sorted(samples.items()):
        buckets = [(_bound(bound), float(count)) for bound, count in histogram.cumulative()]
        family.add_metric(values, buckets, sum_value=histogram.sum)
    return family


def _bound(bound: float) -> str:
    return "+Inf" if bound == float("inf") else str(bound)
