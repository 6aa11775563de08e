"""`slackctl plugins`: plugins and their sessions as tables: who is connected, and what waits for whom."""

from collections.abc import Mapping, Sequence
from typing import Any

import click
from rich.console import RenderableType

from slackd.cli.slackctl.options import client, json_option, socket_option
from slackd.cli.slackctl.tables import attention, console, quiet, table
from slackd.cli.slackctl.wording import NOTHING, age, for_people, for_programs, number


def plugins_table(found: Sequence[Mapping[str, Any]]) -> RenderableType:
    """One line a plugin."""
    numbers = ("WAITING", "IN FLIGHT", "OLDEST", "DEAD")
    made = table("PLUGIN", "SESSIONS", *numbers, right=numbers, shrink=("PLUGIN", "SESSIONS"))
    for plugin in found:
        dead = plugin["dead"]
        made.add_row(
            plugin["name"],
            _sessions(plugin),
            number(plugin["open"]),
            number(plugin["in_flight"]),
            age(plugin["oldest_age"]),
            attention(number(dead)) if dead else quiet(number(dead)),
        )
    return made


def _sessions(plugin: Mapping[str, Any]) -> RenderableType:
    sessions = plugin["sessions"]
    awaited = sum(each["awaited"] for each in sessions)
    paused = sum(each["paused"] and not each["awaited"] for each in sessions)
    if not sessions:
        return attention(f"none for {age(plugin['absent_for'])}")
    if paused:
        return attention(f"{len(sessions) - awaited}, {paused} not reading")
    if awaited:
        return quiet(f"{len(sessions) - awaited}, {awaited} awaited")
    return str(len(sessions))


def sessions_table(found: Sequence[Mapping[str, Any]]) -> RenderableType:
    """One line a session."""
    made = table(
        "SESSION OF",
        "NAME",
        "CLIENT",
        "PID",
        "UID",
        "IN FLIGHT",
        "STATE",
        right=("PID", "UID", "IN FLIGHT"),
        shrink=("SESSION OF", "NAME", "CLIENT"),
    )
    for plugin in found:
        for each in plugin["sessions"]:
            state = "awaited" if each["awaited"] else "not reading" if each["paused"] else "connected"
            if each.get("intercepts"):
                state += f", dev as {each['intercepts']}"
            made.add_row(
                plugin["name"],
                each["session"] or NOTHING,
                each["client"] or NOTHING,
                str(each["pid"] or NOTHING),
                NOTHING if each["uid"] < 0 else str(each["uid"]),
                f"{each['in_flight']} of {plugin['window']}",
                state,
            )
    return made


@click.command()
@socket_option
@json_option
def plugins(socket: str | None, as_json: bool) -> None:
    """Plugins, their sessions, and what waits for them."""
    found = client(socket).get("/v1/plugins")["plugins"]
    if as_json:
        click.echo(for_programs(found, indent=2))
        return
    screen, found = console(), for_people(found)
    if not found:
        screen.print("no plugin is declared: plugins.d holds no file")
        return
    screen.print(plugins_table(found))
    if any(each["sessions"] for each in found):
        screen.print()
        screen.print(sessions_table(found))
