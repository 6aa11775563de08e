"""Reads the status off the running broker."""

import os
from collections.abc import Iterable, Mapping, Sequence

import attrs

from slackd import __version__
from slackd.broker import notices
from slackd.broker.connection_registry import ConnectorView
from slackd.broker.control.context import ControlContext
from slackd.broker.control.health import SILENT_AFTER, judged
from slackd.broker.control.status import (
    AppStatus,
    BrokerStatus,
    ConnectionStatus,
    ConnectorSummary,
    FaultStatus,
    GapNow,
    JournalStatus,
    PluginStatus,
    SessionStatus,
    Status,
    TroubleStatus,
    UserFaults,
)
from slackd.broker.instant import Instant
from slackd.broker.journal import Backlog, JournalHealth
from slackd.broker.journal.writes import GapRecord
from slackd.broker.outages import STEADY
from slackd.broker.plugins.conduct import RecentFaults
from slackd.config import App, PluginConfig
from slackd.config.values import dials, is_posted
from slackd.errors import JournalError
from slackd.link.messages import RECEIVER, AppTrouble
from slackd.slack.limits import EVENTS_AN_HOUR

CONNECTORS = (1, 2)
DAY = 86_400.0
MOST_GAPS = 1_000


async def survey(broker: ControlContext) -> Status:
    """The status as of now, with its verdict. Costs O(apps + plugins + sessions), whatever the backlog."""
    now = broker.engine.clock()
    backlogs: Mapping[str, Backlog] | None = None
    gaps: Mapping[str, Sequence[GapRecord]] | None = None
    unreadable: JournalError | None = None
    try:
        backlogs = await broker.journal.backlogs()
        # One by one, so that no app's gaps are crowded out by another's.
        gaps = {app: await broker.journal.gaps(now.unix - DAY, MOST_GAPS, app) for app in broker.config.apps}
    except JournalError as error:
        unreadable = error
    health = broker.look_at_journal()
    status = Status(
        broker=_broker(broker, now),
        connectors=_connectors(broker, now),
        apps=tuple(
            _app(broker, app, None if gaps is None else gaps[app.name], now)
            for app in broker.config.apps.values()
        ),
        plugins=tuple(
            _plugin(broker, plugin, backlogs, health, now) for plugin in broker.config.plugin_files.values()
        ),
        journal=_journal(broker, health, backlogs, unreadable, now),
        answers_awaited=len(broker.core.answers),
        calls_under_way=broker.connector_calls.under_way,
        users=_users(broker),
    )
    return judged(status)


def _broker(broker: ControlContext, now: Instant) -> BrokerStatus:
    return BrokerStatus(
        pid=os.getpid(),
        version=__version__,
        digest=broker.digest,
        started_at=broker.observations.started_at,
        uptime=now.monotonic - broker.observations.started,
        config=str(broker.config.file),
        config_warnings=broker.config.warnings,
        config_left_out=tuple(filter(None, (broker.config.fallback, *broker.config.left_out))),
        config_on_disk=broker.disk.found,
        foreground=broker.foreground,
    )


def _connectors(broker: ControlContext, now: Instant) -> tuple[ConnectorSummary, ...]:
    linked = {view.hello.connector: view for view in broker.connectors.views.values()}
    posted = {RECEIVER} if any(is_posted(app) for app in broker.config.apps.values()) else set()
    numbers = sorted({*CONNECTORS, *posted, *linked})
    return tuple(
        attrs.evolve(
            _connector(linked[number], now) if number in linked else ConnectorSummary(number, linked=False),
            changed_for=now.monotonic - broker.connectors.link_changed.get(number, broker.observations.started),
        )
        for number in numbers
    )


def _connector(view: ConnectorView, now: Instant) -> ConnectorSummary:
    hello = view.hello
    return ConnectorSummary(
        number=hello.connector,
        linked=True,
        pid=hello.pid,
        digest=hello.digest,
        ready={app: view.ready(app) for app in hello.apps},
        wanted=dict(hello.apps),
        troubles=_troubles(view.troubles.values()),
        connections=tuple(
            ConnectionStatus(
                name=each.connection,
                app=each.app,
                phase=each.phase,
                seconds=max(0.0, now.monotonic - each.since),
                ready_for=None if each.ready_since is None else max(0.0, now.monotonic - each.ready_since),
                host=each.host,
                lifetime=each.lifetime,
                failure=each.failure,
                retry_in=None if each.retry_at is None else max(0.0, each.retry_at - now.monotonic),
            )
            for each in view.connections.values()
        ),
    )


def _troubles(troubles: Iterable[AppTrouble]) -> tuple[TroubleStatus, ...]:
    return tuple(TroubleStatus(each.app, each.reason, each.hint) for each in troubles)


def _app(broker: ControlContext, app: App, gaps: Sequence[GapRecord] | None, now: Instant) -> AppStatus:
    connectors, counters = broker.connectors, broker.core.counters
    open_gap = connectors.open_gap(app.name)
    troubles = [view.troubles[app.name] for view in connectors.views.values() if app.name in view.troubles]
    states = [each for view in connectors.views.values() for each in view.connections.values()]
    states = [each for each in states if each.app == app.name]
    retries = [each.retry_at for each in states if each.retry_at is not None]
    lasting = 0.0 if open_gap is None else max(0.0, now.unix - open_gap.start)
    return AppStatus(
        name=app.name,
        transport=app.transport,
        ready=connectors.ready(app.name),
        wanted=app.connections * len(CONNECTORS) * dials(app) + is_posted(app),
        ghosts=connectors.ghosts_of(app.name),
        foreign=connectors.foreign.get(app.name, 0),
        free=connectors.free(app.name),
        gap=None if open_gap is None else GapNow(open_gap.start, open_gap.reason),
        gaps_day=None if gaps is None else len(gaps),
        gap_seconds_day=None if gaps is None else sum(_seconds(gap, now) for gap in gaps),
        seconds_without_ready=connectors.seconds_without.get(app.name, 0.0) + lasting,
        events_hour=broker.observations.events_last_hour(counters, app.name),
        events_hour_limit=EVENTS_AN_HOUR,
        first_seen_on_retry=counters.first_seen_on_retry[app.name],
        troubles=_troubles(troubles),
        last_failure=next((each.failure for each in states if each.failure), ""),
        next_try_in=min((max(0.0, at - now.monotonic) for at in retries), default=None),
    )


def _seconds(gap: GapRecord, now: Instant) -> float:
    end = now.unix if gap.end is None else gap.end
    return max(0.0, end - max(gap.start, now.unix - DAY))


def _plugin(
    broker: ControlContext,
    plugin: PluginConfig,
    backlogs: Mapping[str, Backlog] | None,
    health: JournalHealth,
    now: Instant,
) -> PluginStatus:
    dispatch = broker.core.plugins[plugin.name]
    backlog = None if backlogs is None else backlogs.get(plugin.name, Backlog(0, 0, None, 0))
    oldest = None if backlog is None else backlog.oldest
    worst = max(dispatch.held_up(now), key=lambda each: each.seconds, default=None)
    return PluginStatus(
        name=plugin.name,
        file=str(plugin.file),
        responds=any(each.respond for each in plugin.subscriptions),
        absent_for=dispatch.sessions.absent_for(now.monotonic),
        sessions=_sessions(broker, plugin.name),
        open=None if backlog is None else backlog.deliveries,
        open_bytes=None if backlog is None else backlog.bytes,
        oldest_age=None if oldest is None else max(0.0, now.age(oldest)),
        dead=None if backlog is None else backlog.dead,
        in_flight=len(dispatch.leases()),
        window=plugin.delivery.window,
        faults=_faults(broker.plugin_host.peers.faults_of(plugin.name)),
        stale_hour=broker.observations.stale_last_hour(broker.core.counters, plugin.name),
        held_up="" if worst is None else notices.words(worst),
        held_up_hint="" if worst is None else notices.hint(plugin),
        dead_bytes=health.dead_letter_bytes.get(plugin.name, 0),
        max_bytes=plugin.delivery.max_bytes,
    )


def _users(broker: ControlContext) -> tuple[UserFaults, ...]:
    faults = broker.plugin_host.peers.faults_of_users()
    return tuple(UserFaults(uid, _faults(recent)) for uid, recent in faults.items())


def _faults(recent: Iterable[RecentFaults]) -> tuple[FaultStatus, ...]:
    return tuple(
        FaultStatus(each.fault.name.lower(), each.fault.value, each.count, each.last, each.ago)
        for each in recent
    )


def _sessions(broker: ControlContext, plugin: str) -> tuple[SessionStatus, ...]:
    found = []
    for session in broker.core.plugins[plugin].sessions:
        connection = broker.plugin_host.connection_of(plugin, session.id)
        peer = connection.peer if connection is not None else None
        found.append(
            SessionStatus(
                session=session.id if session.named else "",
                client=connection.client if connection is not None else "",
                pid=peer.pid if peer is not None else 0,
                uid=peer.uid if peer is not None else -1,
                awaited=not session.connected,
                paused=session.paused,
                in_flight=sum(session.out.values()),
                intercepts=session.person,
            )
        )
    return tuple(found)


def _journal(
    broker: ControlContext,
    health: JournalHealth,
    backlogs: Mapping[str, Backlog] | None,
    unreadable: JournalError | None,
    now: Instant,
) -> JournalStatus:
    silent_for = max(0.0, now.monotonic - health.answered_at)
    recent = now.monotonic - health.failed_at < STEADY
    failing, hint = health.failing or (health.failed if recent else ""), health.hint
    healthy = not failing and silent_for <= SILENT_AFTER
    if not failing and unreadable is not None:
        failing, hint = unreadable.what, unreadable.hint
    nobodys = None if backlogs is None else backlogs.get("", Backlog(0, 0, None, 0)).dead
    return JournalStatus(
        directory=str(broker.config.journal.directory),
        healthy=healthy,
        failing=failing,
        hint=hint,
        dead_bytes=sum(health.dead_letter_bytes.values()),
        max_bytes=broker.config.journal.max_bytes,
        bytes=health.bytes,
        silent_for=silent_for,
        commit_p50=broker.observations.commit_quantile(0.5),
        commit_p99=broker.observations.commit_quantile(0.99),
        unreadable_letters=nobodys,
    )
