"""`slackctl drain`: wait until nothing is in flight."""

import sys
import time
from typing import Final

import click

from slackd.cli.slackctl.client import client, socket_option

_LOOK_EVERY: Final = 0.25


@click.command("drain")
@socket_option
@click.option(
    "--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="Wait no longer; then exit with 1."
)
def drain(socket: str | None, timeout: float | None) -> None:
    """Wait until nothing is in flight: no delivery in a plugin's hands, no answer awaited, no call under way.

    It only watches; nothing is stopped or kept from starting.
    """
    control = client(socket)
    deadline = None if timeout is None else time.monotonic() + timeout
    told = ""
    while True:
        found = control.get("/v1/inflight")
        deliveries, answers, calls = found["total"], found["answers_awaited"], found["calls_under_way"]
        if not (deliveries or answers or calls):
            click.echo("nothing is in flight")
            return
        words = f"in flight: {deliveries} deliveries, {answers} answers to Slack, {calls} Web API calls"
        if words != told:
            click.echo(words)
            told = words
        if deadline is not None and time.monotonic() > deadline:
            sys.exit(1)
        time.sleep(_LOOK_EVERY)
