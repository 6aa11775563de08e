"""`slackctl preflight`: go or no-go before a reload or an upgrade."""

import json
import os
import shutil
import sys
from collections.abc import Iterator

import click

from slackd.cli.slackctl.options import client, json_option, socket_option
from slackd.control_client import ControlClient, ControlRefused, Unreachable
from slackd.errors import SlackdError
from slackd.rolling_restart import preflight as rules
from slackd.rolling_restart.preconditions import check
from slackd.rolling_restart.preflight import PreflightLine, Verdict

_SIGNS = {Verdict.GO: ("ok", "green"), Verdict.LOOK: ("look", "yellow"), Verdict.NO_GO: ("NO-GO", "red")}


@click.command("preflight")
@socket_option
@json_option
def preflight(socket: str | None, as_json: bool) -> None:
    """Go or no-go: look at everything that a reload or an upgrade depends on. Changes nothing.

    Tokens are checked as well if you run it as root, who alone may read them; a member of slackd-admin learns
    what the broker can see. The exit status is 0 for go and 1 for no-go.
    """
    lines = tuple(_lines(client(socket)))
    go = rules.is_go(lines)
    if as_json:
        shown = [{"verdict": each.verdict.value, "what": each.what, "found": each.found} for each in lines]
        click.echo(json.dumps({"go": go, "lines": shown}, indent=2))
    else:
        for line in lines:
            sign, colour = _SIGNS[line.verdict]
            click.echo(f"{click.style(f'{sign:>5}', fg=colour)}  {line.what}: {line.found}")
        click.echo("go" if go else "no-go")
    sys.exit(0 if go else 1)


def _lines(control: ControlClient) -> Iterator[PreflightLine]:
    if os.geteuid() == 0:
        try:
            yield from rules.of_disk("", check().warnings)
        except SlackdError as error:
            yield from rules.of_disk(str(error))
    try:
        status = control.get("/v1/status")
        if os.geteuid() != 0:
            yield from rules.of_disk_by_the_broker(status)
        yield from rules.of_status(status)
        directory = status["journal"]["directory"]
        yield from _room(directory)
        yield rules.of_inflight(control.get("/v1/inflight"))
    except (Unreachable, ControlRefused) as error:
        yield PreflightLine(Verdict.NO_GO, "broker", str(error))


def _room(directory: str) -> Iterator[PreflightLine]:
    try:
        free = shutil.disk_usage(directory).free
    except OSError as error:
        yield PreflightLine(
            Verdict.LOOK, "journal's room", f"{directory} cannot be looked at: {error.strerror}"
        )
    else:
        yield rules.of_room(free, directory)
