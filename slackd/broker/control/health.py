"""What is wrong, from how things stand: a pure function, one rule a function, each with the hint in words."""

from collections.abc import Iterable, Iterator

import attrs

from slackd.broker.control.status import (
    AppStatus,
    BrokerStatus,
    ConnectorSummary,
    FaultStatus,
    HealthReason,
    JournalStatus,
    PluginStatus,
    Status,
)
from slackd.broker.plugins.conduct import CRASHES, REFUSALS
from slackd.link.messages import RECEIVER
from slackd.slotted import frozen

OK, NOTE, DEGRADED, FAILING = "ok", "note", "degraded", "failing"
SILENT_AFTER = 10.0
"""Seconds without an answer of the journal's writer after which it hangs."""
SETTLE = 10.0
"""Seconds after the broker's start in which connectors and plugins may still come back."""
LINKING = 2.0
"""Seconds after the broker's start in which connectors that were there all the time link again."""
BEHIND_AFTER = 300.0
"""Seconds that a connected plugin's oldest delivery may wait before it is behind."""
SLOW_COMMIT = 1.0
"""Seconds; commits slower than 3 break the promise of an answer in time."""
NEAR_LIMIT = 0.8
"""Part of a limit (Slack's hourly one, a backlog's bytes) at which to warn."""
UNREAD_AFTER = 10.0
"""Seconds after which a plugin that doesn't read is more than busy."""
RESTARTING = 20.0
"""Seconds after its link came or went in which a connector may be restarting: a rolling restart takes one after
the other, and nothing is wrong for as long as the other one has a READY connection."""
FEW_PLACES = 2
"""Free places below which planned rotation waits."""


@frozen
class _Surroundings:
    """What a rule must know beside its subject.

    Attributes:
        settled: The broker has run long enough for everybody to be back.
        just_started: It has run for no longer than its neighbours take to link again.
        by_systemd: The processes are units of systemd's.
        any_linked: Some connector is linked.
        receiver_linked: The receiver is.
        restarting: Some connector has just come or gone.
    """

    settled: bool
    just_started: bool
    by_systemd: bool
    any_linked: bool
    receiver_linked: bool
    restarting: bool

    def look_at(self, unit: str) -> str:
        """Where to read more about a process."""
        return f"systemctl status {unit}" if self.by_systemd else "see what it printed, and start it again"


def judged(status: Status) -> Status:
    """The same status with its verdict and reasons, the worst first."""
    order = {FAILING: 0, DEGRADED: 1, NOTE: 2}
    reasons = tuple(sorted(_reasons(status), key=lambda each: order[each.level]))
    levels = {each.level for each in reasons}
    health = FAILING if FAILING in levels else DEGRADED if DEGRADED in levels else OK
    return attrs.evolve(status, health=health, reasons=reasons)


def not_ready(status: Status) -> tuple[str, ...]:
    """Why the broker isn't ready for traffic, in words; nothing when it is (`/readyz`)."""
    found = [] if status.journal.healthy else [f"journal: {_journal_text(status.journal)}"]
    found += [
        f"{app.name}: no connection is READY" for app in status.apps if not app.ready and not app.troubles
    ]
    return tuple(found)


def _reasons(status: Status) -> Iterator[HealthReason]:
    around = _Surroundings(
        settled=status.broker.uptime >= SETTLE,
        just_started=status.broker.uptime < LINKING,
        by_systemd=not status.broker.foreground,
        any_linked=any(each.linked and each.number != RECEIVER for each in status.connectors),
        receiver_linked=any(each.linked and each.number == RECEIVER for each in status.connectors),
        restarting=any(each.changed_for < RESTARTING for each in status.connectors),
    )
    yield from _journal(status.journal)
    if not status.apps:
        text = "no app is configured, so nothing connects to Slack"
        yield HealthReason(DEGRADED, "configuration", text, "slackctl setup adds one")
    for connector in status.connectors:
        yield from _connector(connector, around)
    for app in status.apps:
        yield from _app(app, around)
    for plugin in status.plugins:
        yield from _plugin(plugin, around)
    for user in status.users:
        for fault in user.faults:
            text = f"{_fault_text(fault)}; no plugin is affected"
            yield HealthReason(NOTE, f"uid {user.uid}", text, f"see what it runs: ps -fu {user.uid}")
    yield from _configuration(status.broker)
    for words in status.broker.config_warnings:
        yield HealthReason(NOTE, "configuration", words, "slackd check-config")


def _configuration(broker: BrokerStatus) -> Iterator[HealthReason]:
    reload = "slackctl reload"
    for words in broker.config_left_out:
        hint = f"repair it (slackd check-config says when all is good), then {reload}"
        yield HealthReason(DEGRADED, "configuration", words, hint)
    for words in broker.config_on_disk:
        hint = f"nothing has changed for what runs; repair it (slackd check-config), then {reload}"
        yield HealthReason(DEGRADED, "configuration", words, hint)


def _journal(journal: JournalStatus) -> Iterator[HealthReason]:
    if not journal.healthy:
        hint = journal.hint or f"make room on, or repair, the disk of {journal.directory}"
        hint = f"{hint}; nothing is acknowledged meanwhile"
        yield HealthReason(FAILING, "journal", _journal_text(journal), hint)
    elif journal.failing:
        hint = journal.hint or f"look at the disk of {journal.directory}"
        yield HealthReason(DEGRADED, "journal", journal.failing, hint)
    if journal.commit_p99 is not None and journal.commit_p99 > SLOW_COMMIT:
        text = f"one commit in a hundred takes {journal.commit_p99:.1f} s; Slack waits for 3 s at most"
        yield HealthReason(DEGRADED, "journal", text, f"put {journal.directory} on a faster disk")
    if journal.max_bytes is not None and journal.dead_bytes > NEAR_LIMIT * journal.max_bytes:
        text = f"all dead letters have {_share(journal.dead_bytes, journal.max_bytes)}"
        hint = "at max_bytes the oldest are dropped: slackctl deadletters retry|discard"
        yield HealthReason(DEGRADED, "journal", text, hint)
    if journal.unreadable_letters:
        text = f"{_count(journal.unreadable_letters, 'envelope')} could not be understood"
        yield HealthReason(NOTE, "journal", text, "slackctl deadletters list --unreadable")


def _journal_text(journal: JournalStatus) -> str:
    if journal.silent_for > SILENT_AFTER:
        return f"the writer has not answered for {journal.silent_for:.0f} s"
    return journal.failing or "it cannot be written"


def _connector(connector: ConnectorSummary, around: _Surroundings) -> Iterator[HealthReason]:
    if not connector.linked:
        text = "not linked to the broker" + ("" if around.settled else " yet")
        is_receiver = connector.number == RECEIVER
        hint = around.look_at("slackd-receiver" if is_receiver else f"slackd-connector@{connector.number}")
        # While systemd's socket keeps the requests, nobody stands in for a receiver that restarts.
        stands_in = is_receiver or around.any_linked or around.just_started
        level = NOTE if connector.changed_for < RESTARTING and stands_in else DEGRADED
        about = "receiver" if is_receiver else f"connector {connector.number}"
        yield HealthReason(level, about, text, hint)


def _app(app: AppStatus, around: _Surroundings) -> Iterator[HealthReason]:
    for reason, hint in _distinct(app):
        level = DEGRADED if app.ready else FAILING
        yield HealthReason(level, app.name, f"{reason}{_next_try(app)}", hint)
    if not app.troubles:
        yield from _readiness(app, around)
    if app.foreign:
        text = (
            f"{_count(app.foreign, 'connection')} of another process on the same app token: "
            "it gets a share of the envelopes"
        )
        yield HealthReason(DEGRADED, app.name, text, "stop the other process, or change the app token")
    if app.free < FEW_PLACES:
        text = (
            f"{_count(app.free, 'place')} free of Slack's ten, so planned rotation waits ({app.ghosts} ghosts)"
        )
        yield HealthReason(
            DEGRADED, app.name, text, "ghosts go by themselves within hours; stop other processes"
        )
    if app.events_hour > NEAR_LIMIT * app.events_hour_limit:
        share = 100 * app.events_hour / app.events_hour_limit
        text = f"{app.events_hour:,} events within an hour, {share:.0f} % of what Slack delivers"
        yield HealthReason(
            DEGRADED, app.name, text, "unsubscribe from events that nobody handles, in the app's settings"
        )
    if app.gaps_day and app.gap is None:
        lasted = app.gap_seconds_day or 0.0
        words = f"{lasted:.1f} s" if lasted < 120 else _duration(lasted)
        text = f"{_count(app.gaps_day, 'gap')} in 24 hours, {words} in all"
        yield HealthReason(NOTE, app.name, text, "slackctl gaps")


def _readiness(app: AppStatus, around: _Surroundings) -> Iterator[HealthReason]:
    is_posted_only = app.transport == "http"
    unit, who = ("slackd-receiver", "receiver") if is_posted_only else ("'slackd-connector@*'", "connectors")
    errors = f"journalctl -u {unit}" if around.by_systemd else "the log of slackd"
    if app.ready == 0:
        why = f" ({app.gap.reason})" if app.gap and app.gap.reason != "unknown" else ""
        if app.last_failure:
            why = f": {app.last_failure}{_next_try(app)}"
        text, hint = f"no connection is READY{why}", f"look for errors of the {who}: {errors}"
        if is_posted_only and not around.receiver_linked:
            text = f"{text}: the receiver is not linked"
            start = "systemctl enable --now slackd-receiver"
            hint = start if around.by_systemd else "start slackd's receiver"
        elif not is_posted_only and not around.any_linked:
            text = f"{text}: no connector is linked"
            hint = "systemctl start slackd" if around.by_systemd else "start slackd's connectors"
        level = FAILING if around.settled or app.gap is not None else NOTE if around.just_started else DEGRADED
        yield HealthReason(level, app.name, text if around.settled else f"{text} yet", hint)
    elif app.ready < app.wanted:
        text = f"{app.ready} of {app.wanted} connections are READY"
        yield HealthReason(
            NOTE if around.restarting else DEGRADED,
            app.name,
            text,
            f"slackd keeps retrying; if this lasts for more than a minute, see {errors}",
        )


def _next_try(app: AppStatus) -> str:
    if app.ready or app.next_try_in is None:
        return ""
    return f"; next try in {app.next_try_in:.0f} s, or at systemctl reload slackd"


def _distinct(app: AppStatus) -> Iterable[tuple[str, str]]:
    """Both connectors usually report the same trouble."""
    return dict.fromkeys((each.reason, each.hint) for each in app.troubles)


def _plugin(plugin: PluginStatus, around: _Surroundings) -> Iterator[HealthReason]:
    connected = [each for each in plugin.sessions if not each.awaited]
    unit, waits = f"slackd-plugin@{plugin.name}", plugin.oldest_age or 0.0
    if not plugin.sessions and around.settled:
        waiting = f"; {_deliveries(plugin.open)}" if plugin.open else ""
        text = f"not connected for {_duration(plugin.absent_for)}{waiting}"
        yield HealthReason(DEGRADED, plugin.name, text, around.look_at(unit))
    if connected and all(each.paused for each in connected) and waits > UNREAD_AFTER:
        text = f"it does not read what it is sent; {_deliveries(plugin.open or 0)}"
        yield HealthReason(DEGRADED, plugin.name, text, around.look_at(unit))
    elif connected and waits > BEHIND_AFTER:
        age, waiting = _duration(waits), _deliveries(plugin.open or 0)
        text = f"its oldest delivery has waited for {age}; {waiting}"
        hint = f"start more sessions of it, or see what keeps it: slackctl inflight --plugin {plugin.name}"
        yield HealthReason(DEGRADED, plugin.name, text, hint)
    yield from _faults(plugin, around)
    if plugin.held_up:
        yield HealthReason(DEGRADED, plugin.name, plugin.held_up, plugin.held_up_hint)
    yield from _fullness(plugin)
    if plugin.dead:
        text = f"{_count(plugin.dead, 'dead letter')}"
        yield HealthReason(NOTE, plugin.name, text, f"slackctl deadletters list --plugin {plugin.name}")


def _faults(plugin: PluginStatus, around: _Surroundings) -> Iterator[HealthReason]:
    log = f"journalctl SLACKD_PLUGIN={plugin.name}" if around.by_systemd else "see the log of slackd"
    least = {"crashed": CRASHES, "refused": REFUSALS}
    for fault in plugin.faults:
        level = DEGRADED if fault.count >= least.get(fault.fault, 1) else NOTE
        hint = around.look_at(f"slackd-plugin@{plugin.name}") if fault.fault == "crashed" else log
        if level is DEGRADED or fault.fault != "crashed":
            yield HealthReason(level, plugin.name, _fault_text(fault), hint)
    if plugin.stale_hour:
        text = f"{_count(plugin.stale_hour, 'answer')} within an hour that nobody waited for"
        hint = "answer with the id of the delivery, within ack_timeout (docs/protocol.md), or extend"
        yield HealthReason(NOTE, plugin.name, text, hint)


def _fault_text(fault: FaultStatus) -> str:
    return f"{fault.count} {fault.text} within 5 min; the last {_duration(fault.ago)} ago: {fault.last}"


def _fullness(plugin: PluginStatus) -> Iterator[HealthReason]:
    """Said before anything goes."""
    if plugin.max_bytes is None:
        return
    if (plugin.open_bytes or 0) > NEAR_LIMIT * plugin.max_bytes:
        text = f"its backlog has {_share(plugin.open_bytes or 0, plugin.max_bytes)}"
        hint = f"at max_bytes its oldest deliveries become dead letters; {plugin.file} may allow more"
        yield HealthReason(DEGRADED, plugin.name, text, hint)
    if plugin.dead_bytes > NEAR_LIMIT * plugin.max_bytes:
        text = f"its dead letters have {_share(plugin.dead_bytes, plugin.max_bytes)}"
        hint = f"at max_bytes the oldest are dropped: slackctl deadletters retry|discard --plugin {plugin.name}"
        yield HealthReason(DEGRADED, plugin.name, text, hint)


def _share(size: int, limit: int) -> str:
    return f"{100 * size / max(1, limit):.0f} % of the {limit:,} bytes of max_bytes"


def _deliveries(number: int) -> str:
    return "1 delivery waits" if number == 1 else f"{number:,} deliveries wait"


def _count(number: int, noun: str) -> str:
    return f"1 {noun}" if number == 1 else f"{number:,} {noun}s"


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7_200:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3_600:.0f} h"
