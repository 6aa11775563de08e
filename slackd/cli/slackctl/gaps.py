"""`slackctl gaps`: every interval in which an app had no READY connection."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from slackd.cli.slackctl.completion import app_names
from slackd.cli.slackctl.instants import InstantParam
from slackd.cli.slackctl.options import client, json_option, socket_option
from slackd.cli.slackctl.wording import count, duration, for_people, for_programs, moment
from slackd.text import printable


@click.command()
@socket_option
@json_option
@click.option("--since", type=InstantParam(), help="Only those that ended after this (10m, 14:30, a date).")
@click.option("--app", shell_complete=app_names, help="Only this app's.")
@click.option("--limit", type=click.IntRange(1, 500), default=100, show_default=True, help="The last so many.")
def gaps(socket: str | None, as_json: bool, since: float | None, app: str | None, limit: int) -> None:
    """When an app had no READY connection, for how long and why.

    What Slack had to say meanwhile it says again within minutes, events only; see the documentation.
    """
    found = client(socket).get("/v1/gaps", since=since, app=app, limit=limit)
    if as_json:
        click.echo(for_programs(found, indent=2))
        return
    from slackd.cli.slackctl.tables import attention, console, table

    screen, now = console(), time.time()
    if not found["gaps"]:
        screen.print("no gaps" if since is None else f"no gaps since {moment(since)}")
        return
    made = table("APP", "FROM", "UNTIL", "LASTED", "WHY", right=("LASTED",), shrink=("APP",), fold=("WHY",))
    for gap in for_people(found["gaps"]):
        lasts, end = gap["until"] is None, gap["until"] if gap["until"] is not None else now
        until = attention("lasts") if lasts else moment(gap["until"])
        made.add_row(
            gap["app"], moment(gap["from"]), until, duration(max(0.0, end - gap["from"])), gap["reason"]
        )
    screen.print(made)
    screen.print()
    for line in _totals(found["gaps"], now):
        screen.print(line)
    if found["more"]:
        screen.print("(and more)")


def _totals(gaps: Sequence[Mapping[str, Any]], now: float) -> Iterator[str]:
    """A line for each app: what one app missed, another may have had."""
    by_app: dict[str, list[float]] = {}
    for gap in gaps:
        until = now if gap["until"] is None else gap["until"]
        by_app.setdefault(gap["app"], []).append(max(0.0, until - gap["from"]))
    for app, lasted in sorted(by_app.items()):
        yield f"{printable(app)}: {count(len(lasted), 'gap')}, {duration(sum(lasted))} in all"
