"""`slackctl plugins`: who is connected, and what waits for whom."""

import click

from slackd.cli.slackctl.client import client, json_option, socket_option
from slackd.cli.slackctl.wording import for_people, for_programs


@click.command()
@socket_option
@json_option
def plugins(socket: str | None, as_json: bool) -> None:
    """Plugins, their sessions, and what waits for them."""
    found = client(socket).get("/v1/plugins")["plugins"]
    if as_json:
        click.echo(for_programs(found, indent=2))
        return
    from slackd.cli.slackctl.plugins_tables import plugins_table, sessions_table
    from slackd.cli.slackctl.tables import console

    screen, found = console(), for_people(found)
    if not found:
        screen.print("no plugin is declared: plugins.d holds no file")
        return
    screen.print(plugins_table(found))
    if any(each["sessions"] for each in found):
        screen.print()
        screen.print(sessions_table(found))
