"""`slackctl plugins`: who is connected, and what waits for whom."""

import json

import click

from slackd.cli.slackctl.client import client, json_option, socket_option


@click.command()
@socket_option
@json_option
def plugins(socket: str | None, as_json: bool) -> None:
    """Plugins, their sessions, and what waits for them."""
    found = client(socket).get("/v1/plugins")["plugins"]
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    from slackd.cli.slackctl.plugins_tables import plugins_table, sessions_table
    from slackd.cli.slackctl.tables import console

    screen = console()
    if not found:
        screen.print("no plugin is declared: plugins.d holds no file")
        return
    screen.print(plugins_table(found))
    if any(each["sessions"] for each in found):
        screen.print()
        screen.print(sessions_table(found))
