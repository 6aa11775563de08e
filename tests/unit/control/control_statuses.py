"""Statuses to judge and to look at: all is well, unless a test says otherwise."""

from typing import Any

import attrs

from slackd.broker.control.status import (
    AppStatus,
    BrokerStatus,
    ConnectionStatus,
    ConnectorSummary,
    JournalStatus,
    PluginStatus,
    SessionStatus,
    Status,
)


def app(name: str = "main", **differs: Any) -> AppStatus:
    healthy = AppStatus(
        name=name,
        transport="socketmode",
        ready=2,
        wanted=2,
        ghosts=0,
        foreign=0,
        free=8,
        gap=None,
        gaps_day=0,
        gap_seconds_day=0.0,
        seconds_without_ready=0.0,
        events_hour=1_204,
        events_hour_limit=30_000,
        first_seen_on_retry=0,
        troubles=(),
    )
    return attrs.evolve(healthy, **differs)


def session(**differs: Any) -> SessionStatus:
    healthy = SessionStatus("session-1", "deploybot 1.2", 812, 990, awaited=False, paused=False, in_flight=1)
    return attrs.evolve(healthy, **differs)


def plugin(name: str = "deploy", **differs: Any) -> PluginStatus:
    healthy = PluginStatus(
        name=name,
        file=f"/etc/slackd/plugins.d/{name}.toml",
        responds=True,
        absent_for=0.0,
        sessions=(session(),),
        open=1,
        open_bytes=2_048,
        oldest_age=0.02,
        dead=0,
        in_flight=1,
        window=32,
    )
    return attrs.evolve(healthy, **differs)


def connector(number: int, **differs: Any) -> ConnectorSummary:
    connection = ConnectionStatus(f"c{number}-main-1", "main", "ready", 5_400.0, 5_400.0, "applink-7", 18_000.0)
    healthy = ConnectorSummary(
        number, True, 700 + number, f"digest-{number}", {"main": 1}, {"main": 1}, (), (connection,)
    )
    return attrs.evolve(healthy, **differs)


def journal(**differs: Any) -> JournalStatus:
    healthy = JournalStatus(
        directory="/var/lib/slackd",
        healthy=True,
        failing="",
        bytes=13_000_000,
        silent_for=0.2,
        commit_p50=0.0008,
        commit_p99=0.0042,
        unreadable_letters=0,
    )
    return attrs.evolve(healthy, **differs)


def broker(**differs: Any) -> BrokerStatus:
    healthy = BrokerStatus(700, "0.1.0", "digest", 1_795_500_000.0, 3_700.0, "/etc/slackd/slackd.toml")
    return attrs.evolve(healthy, **differs)


def status(*, uptime: float = 3_700.0, warnings: tuple[str, ...] = (), **differs: Any) -> Status:
    healthy = Status(
        broker=broker(uptime=uptime, config_warnings=warnings),
        connectors=(connector(1), connector(2)),
        apps=(app(),),
        plugins=(plugin(),),
        journal=journal(),
        answers_awaited=0,
        calls_under_way=0,
    )
    return attrs.evolve(healthy, **differs)
