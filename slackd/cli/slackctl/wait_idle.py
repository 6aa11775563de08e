"""`slackctl wait-idle`: wait until nothing is in flight."""

import sys
import time
from typing import Final

import click

from slackd.cli.slackctl.options import Seconds, client, socket_option

_LOOK_EVERY: Final = 0.25


@click.command("wait-idle")
@socket_option
@click.option("--timeout", type=Seconds(0), metavar="SECONDS", help="Wait no longer; then exit with 1.")
def wait_idle(socket: str | None, timeout: float | None) -> None:
    """Wait until nothing is in flight: no delivery at a plugin, no answer awaited, no call under way.

    It only watches; nothing is stopped or kept from starting.
    """
    control = client(socket)
    deadline = None if timeout is None else time.monotonic() + timeout
    said = ""
    while True:
        found = control.get("/v1/inflight")
        deliveries, answers, calls = found["total"], found["answers_awaited"], found["calls_under_way"]
        if not (deliveries or answers or calls):
            click.echo("nothing is in flight")
            return
        words = f"in flight: {deliveries} deliveries, {answers} answers to Slack, {calls} Web API calls"
        if words != said:
            click.echo(words)
            said = words
        if deadline is not None and time.monotonic() > deadline:
            sys.exit(1)
        time.sleep(_LOOK_EVERY)
