"""`slackctl inflight`: what plugins have in flight, and what Slack waits for."""

import click

from slackd.cli.slackctl.completion import plugin_names
from slackd.cli.slackctl.options import client, json_option, socket_option
from slackd.cli.slackctl.wording import NOTHING, count, duration, for_people, for_programs


@click.command()
@socket_option
@json_option
@click.option("--plugin", shell_complete=plugin_names, help="Only this plugin's.")
def inflight(socket: str | None, as_json: bool, plugin: str | None) -> None:
    """Deliveries that plugins have in flight: what a stop would interrupt."""
    found = client(socket).get("/v1/inflight", plugin=plugin)
    if as_json:
        click.echo(for_programs(found, indent=2))
        return
    from slackd.cli.slackctl.tables import console, table

    screen = console()
    waiting = [
        count(found["total"], "delivery").replace("deliverys", "deliveries") + " in flight",
        f"{count(found['answers_awaited'], 'answer')} that Slack waits for",
        f"{count(found['calls_under_way'], 'call')} to Slack under way",
    ]
    screen.print(", ".join(waiting))
    if not found["deliveries"]:
        return
    numbers = ("DELIVERY", "ENVELOPE", "ATTEMPT", "TIMES OUT")
    made = table(
        "PLUGIN", *numbers, "KEY", "SESSION", "STATE", right=numbers, shrink=("PLUGIN", "KEY", "SESSION")
    )
    for each in for_people(found["deliveries"]):
        timeout = max(0.0, each["timeout_in"] or 0.0)
        made.add_row(
            each["plugin"],
            str(each["delivery"]),
            str(each["envelope"]),
            str(each["attempt"]),
            f"in {duration(timeout)}" if each["state"] == "held" else NOTHING,
            each["key"] or NOTHING,
            each["session"] or NOTHING,
            "awaited" if each["awaited"] else each["state"],
        )
    screen.print()
    screen.print(made)
