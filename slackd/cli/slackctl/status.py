"""`slackctl status`: the verdict first, then why with its hint, then the numbers."""

import contextlib
import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final

import click
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from slackd.cli.slackctl.options import client, json_option, socket_option
from slackd.cli.slackctl.plugins import plugins_table, sessions_table
from slackd.cli.slackctl.tables import ATTENTION, BAD, GOOD, QUIET, attention, console, quiet, table
from slackd.cli.slackctl.wording import NOTHING, age, duration, for_people, for_programs, number, size
from slackd.cli.streams import ReaderGone
from slackd.link.messages import RECEIVER


def show(found: Mapping[str, Any], *, verbose: bool = False) -> None:
    """Print a status for a person."""

    screen = console()
    screen.print(_verdict(found))
    for part in _reasons(found):
        screen.print(part)
    for part in _tables(found, verbose=verbose):
        screen.print()
        screen.print(Padding.indent(part, 2))


def _verdict(found: Mapping[str, Any]) -> RenderableType:
    word, symbol, style = {
        "ok": ("healthy", "●", GOOD),
        "degraded": ("degraded", "▲", ATTENTION),
    }.get(found["health"], ("failing", "✗", BAD))
    broker = found["broker"]
    return Text.assemble(
        (f"{symbol} slackd is {word}", f"bold {style}"),
        (f"   {broker['version']}, up {duration(broker['uptime'])}", QUIET),
    )


def _reasons(found: Mapping[str, Any]) -> Iterator[RenderableType]:
    """Each with its subject in front, and below it the hint."""
    marks = {"failing": ("✗", BAD), "degraded": ("▲", ATTENTION)}
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for reason in found["reasons"]:
        mark, style = marks.get(reason["level"], ("·", QUIET))
        words = Text.assemble(
            (reason["about"], "bold"), ": ", reason["text"], "\n", (f"→ {reason['hint']}", QUIET)
        )
        grid.add_row(Text(f"  {mark}", style=style), words)
    if grid.row_count:
        yield Text()
        yield grid


def _tables(found: Mapping[str, Any], *, verbose: bool) -> Iterator[RenderableType]:
    if found["apps"]:
        yield _apps(found)
    if verbose:
        yield _connections(found)
    if found["plugins"]:
        yield _plugins(found)
    if verbose:
        yield _sessions(found)
    yield _below(found)


def _apps(found: Mapping[str, Any]) -> RenderableType:
    made = table(
        "APP",
        "READY",
        "EVENTS 1 H",
        "OF LIMIT",
        "FREE",
        "GAPS 24 H",
        right=("EVENTS 1 H", "OF LIMIT", "FREE"),
        shrink=("APP",),
    )
    for app in found["apps"]:
        share = app["events_hour"] / app["events_hour_limit"]
        gaps = app["gaps_day"]
        made.add_row(
            app["name"],
            _ready(app),
            number(app["events_hour"]),
            attention(f"{share:.0%}", when=share > 0.8),
            attention(number(app["free"]), when=app["free"] < 2),
            quiet(NOTHING) if not gaps else attention(f"{gaps}, {duration(app['gap_seconds_day'])}"),
        )
    return made


def _ready(app: Mapping[str, Any]) -> RenderableType:
    ready, wanted = app["ready"], app["wanted"]
    style = GOOD if ready >= wanted else ATTENTION if ready else BAD
    dots = "●" * ready + "○" * max(0, wanted - ready)
    return Text.assemble((dots, style), f" {ready} of {wanted}")


def _plugins(found: Mapping[str, Any]) -> RenderableType:
    return plugins_table(found["plugins"])


def _connections(found: Mapping[str, Any]) -> RenderableType:
    made = table(
        "CONNECTION",
        "APP",
        "CONNECTOR",
        "STATE",
        "FOR",
        "LIVES",
        "HOST",
        right=("CONNECTOR", "FOR", "LIVES"),
        shrink=("CONNECTION", "APP", "HOST"),
    )
    for connector in found["connectors"]:
        for each in connector["connections"]:
            made.add_row(
                each["name"],
                each["app"],
                _process(connector["number"]),
                Text(each["phase"], style=GOOD if each["phase"] == "ready" else ""),
                age(each["seconds"]),
                duration(each["lifetime"] or None),
                each["host"],
            )
    return made


def _sessions(found: Mapping[str, Any]) -> RenderableType:
    return sessions_table(found["plugins"])


def _process(number: int) -> str:
    return "receiver" if number == RECEIVER else str(number)


def _below(found: Mapping[str, Any]) -> RenderableType:
    """What is one line each: connectors and journal."""
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style=QUIET, no_wrap=True)
    grid.add_column(overflow="fold")
    connectors = Text(", ").join(
        Text(f"{_process(each['number'])} (pid {each['pid']})")
        if each["linked"]
        else Text(f"{_process(each['number'])} not linked", style=ATTENTION)
        for each in found["connectors"]
    )
    journal = found["journal"]
    state = Text(f"{size(journal['bytes'])} in {journal['directory']}")
    if not journal["healthy"]:
        state = Text.assemble(("takes nothing", BAD), ", ", state)
    if journal["commit_p50"] is not None:
        state.append(f", commits in {duration(journal['commit_p50'])} (p99 {duration(journal['commit_p99'])})")
    grid.add_row("broker", f"pid {found['broker']['pid']}, {found['broker']['config']}")
    grid.add_row("connectors", connectors)
    grid.add_row("journal", state)
    return grid


EXIT_STATUS: Final = {"ok": 0, "degraded": 1, "failing": 2}


@click.command()
@socket_option
@json_option
@click.option("-v", "--verbose", is_flag=True, help="Every connection and session too.")
def status(socket: str | None, as_json: bool, verbose: bool) -> None:
    """Is it healthy, and is anything stuck?

    The exit status is 0 if all is well, 1 if it is degraded, 2 if it is failing, 3 if it can't be reached, and
    74 if the output can't be written.
    """
    found = client(socket).get("/v1/status")
    # Who reads the first line alone (`| head -1`) still learns the verdict.
    with contextlib.suppress(ReaderGone):
        if as_json:
            click.echo(for_programs(found, indent=2))
        else:
            show(for_people(found), verbose=verbose)
    sys.exit(EXIT_STATUS.get(found["health"], 2))
