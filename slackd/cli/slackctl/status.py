"""`slackctl status`: the verdict first, then why, then the numbers."""

import sys
from typing import Final

import click

from slackd.cli.slackctl.client import client, json_option, socket_option
from slackd.cli.slackctl.wording import for_people, for_programs

EXIT_STATUS: Final = {"ok": 0, "degraded": 1, "failing": 2}


@click.command()
@socket_option
@json_option
@click.option("-v", "--verbose", is_flag=True, help="Every connection and session too.")
def status(socket: str | None, as_json: bool, verbose: bool) -> None:
    """Is it healthy, and is anything stuck?

    The exit status is 0 if all is well, 1 if it is degraded, 2 if it is failing, 3 if it can't be reached.
    """
    found = client(socket).get("/v1/status")
    if as_json:
        click.echo(for_programs(found, indent=2))
    else:
        from slackd.cli.slackctl.status_page import show

        show(for_people(found), verbose=verbose)
    sys.exit(EXIT_STATUS.get(found["health"], 2))
