"""`slackctl replay`: a plugin gets again what passed before."""

import sys
from collections.abc import Iterator
from typing import Any

import click

from slackd.cli.slackctl.completion import app_names, plugin_names
from slackd.cli.slackctl.instants import InstantParam
from slackd.cli.slackctl.options import client, json_option, socket_option
from slackd.cli.slackctl.wording import count, for_programs, moment


@click.command()
@socket_option
@json_option
@click.argument("plugin", shell_complete=plugin_names)
@click.argument("envelopes", nargs=-1, type=click.IntRange(1))
@click.option("--since", type=InstantParam(), help="All that were received from then on (10m, 14:30, a date).")
@click.option("--until", type=InstantParam(), help="With --since: up to then.")
@click.option("--app", shell_complete=app_names, help="Only this app's.")
@click.option("--type", "type_", help="Only of this type (events_api, slash_commands, interactive).")
@click.option("-n", "--dry-run", is_flag=True, help="Only say what would be delivered.")
def replay(
    socket: str | None,
    as_json: bool,
    plugin: str,
    envelopes: tuple[int, ...],
    since: float | None,
    until: float | None,
    app: str | None,
    type_: str | None,
    dry_run: bool,
) -> None:
    """Deliver ENVELOPES (their numbers in the journal, as tail shows them) to PLUGIN again, or all of a time.

    The plugin gets what it subscribes to and nothing else, at the end of what waits for it.
    """
    if bool(envelopes) == (since is not None):
        raise click.UsageError("say which: slackctl replay PLUGIN 17 18, or --since 10m")
    if until is not None and since is None:
        raise click.UsageError("--until goes with --since")
    if since is not None and until is not None and until < since:
        raise click.UsageError(f"--until ({moment(until)}) lies before --since ({moment(since)})")
    narrowed = {"plugin": plugin, "app": app, "type": type_, "dry_run": dry_run}
    asked, pages = client(socket), []
    for request in _requests(envelopes, since, until):
        content = {name: value for name, value in (narrowed | request).items() if value is not None}
        while True:
            pages.append(asked.post("/v1/replay", content))
            if not pages[-1]["more"]:
                break
            content["after"] = pages[-1]["last"]
    missing = [each for page in pages for each in page["missing"]]
    if as_json:
        names = ("replayed", "not_subscribed", "missing")
        click.echo(for_programs({name: [each for page in pages for each in page[name]] for name in names}))
    else:
        replayed, others = (sum(len(page[name]) for page in pages) for name in ("replayed", "not_subscribed"))
        done = "would be delivered" if dry_run else "delivered"
        click.echo(f"{count(replayed, 'envelope')} {done} to {plugin} again")
        if others:
            click.echo(f"{count(others, 'envelope')} left out, which {plugin} does not subscribe to")
    if missing:
        listed = ", ".join(str(each) for each in missing[:20])
        click.echo(f"not in the journal (any more): {listed}{', …' * (len(missing) > 20)}", err=True)
        sys.exit(1)


def _requests(envelopes: tuple[int, ...], since: float | None, until: float | None) -> Iterator[dict[str, Any]]:
    for start in range(0, len(envelopes), 500):
        yield {"envelopes": list(envelopes[start : start + 500])}
    if since is not None:
        yield {"since": since, "until": until}
