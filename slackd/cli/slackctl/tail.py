"""`slackctl tail`: envelopes as they pass."""

import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import click

from slackd.cli.slackctl.completion import app_names, plugin_names
from slackd.cli.slackctl.options import client, json_option, socket_option
from slackd.cli.slackctl.wording import for_people, for_programs
from slackd.control_client import ControlRefused, Unreachable

WHATS: Final = ("recorded", "duplicate", "forbidden", "done", "retried", "dead")
_COLOURS: Final = {
    "recorded": "cyan",
    "duplicate": "magenta",
    "forbidden": "red",
    "done": "green",
    "retried": "yellow",
    "dead": "red",
}


@click.command()
@socket_option
@json_option
@click.option("--app", shell_complete=app_names, help="Only this app's.")
@click.option("--type", "type_", help="Only of this type (events_api, slash_commands, interactive).")
@click.option("--event", help="Only this event or command (app_mention, 'message.*', /deploy).")
@click.option("--channel", help="Only in this channel, by its id.")
@click.option("--plugin", shell_complete=plugin_names, help="Only what becomes of it at this plugin.")
@click.option("--what", type=click.Choice(WHATS), help="Only these happenings.")
@click.option("--text", is_flag=True, help="The envelope's text too.")
def tail(
    socket: str | None,
    as_json: bool,
    app: str | None,
    type_: str | None,
    event: str | None,
    channel: str | None,
    plugin: str | None,
    what: str | None,
    text: bool,
) -> None:
    """Watch envelopes as they pass, from now on, until Ctrl-C: recorded in the journal (or known
    as a duplicate), then done, retried or dead at each plugin."""
    filters = {"app": app, "type": type_, "event": event, "channel": channel, "plugin": plugin, "what": what}
    asked = client(socket)
    try:
        for line in asked.lines("/v1/events", **filters, text=1 if text else None):
            if "error" in line:
                raise ControlRefused(for_people(line["error"]))
            if as_json:
                click.echo(for_programs(line))
            elif "dropped" in line:
                click.secho(f"… {line['dropped']:,} not shown: they pass faster than they can be", dim=True)
            else:
                _show(for_people(line), with_text=text)
    except KeyboardInterrupt:
        sys.exit(0)
    raise Unreachable("slackd has stopped, or restarts")


def _show(line: Mapping[str, Any], *, with_text: bool) -> None:
    when = datetime.fromtimestamp(line["at"]).strftime("%H:%M:%S.%f")[:-3]
    what = click.style(f"{line['what']:<9}", fg=_COLOURS.get(line["what"]))
    where = " ".join(each for each in (line["channel"], line["user"]) if each)
    about = f"{line['envelope']:>8}  {_subject(line)}  {click.style(where, dim=True)}"
    click.echo(f"{click.style(when, dim=True)}  {what}  {about}{_outcome(line)}")
    if with_text and line["what"] == "recorded":
        click.echo(f"    {line['text']}")


def _subject(line: Mapping[str, Any]) -> str:
    kind = line["command"] or (line["events"] or [line["kind"]])[0] or line["type"]
    named = [line["callback_id"]] if line["callback_id"] else line["action_ids"][:1]
    return " ".join([line["app"], kind, *named])


def _outcome(line: Mapping[str, Any]) -> str:
    if not line["plugin"]:
        return f"  (Slack's retry {line['retry_attempt']})" if line["retry_attempt"] else ""
    attempt = f", attempt {line['attempt']}" if line["attempt"] > 1 else ""
    detail = f": {line['detail']}" if line["detail"] else ""
    return f"  → {line['plugin']}{attempt}{detail}"
