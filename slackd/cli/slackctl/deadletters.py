"""`slackctl deadletters`: what was given up, and what becomes of it."""

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from slackd.cli.slackctl.completion import plugin_names
from slackd.cli.slackctl.options import client, json_option, socket_option
from slackd.cli.slackctl.wording import NOTHING, count, for_people, for_programs, moment
from slackd.cli.streams import is_terminal
from slackd.control_client import ControlClient

if TYPE_CHECKING:
    from rich.console import Console

    from slackd.cli.slackctl.tables import FittingTable

REASONS = (
    "attempts",
    "permanent",
    "expired",
    "too_old",
    "backlog_full",
    "too_large",
    "unreadable",
    "discarded",
)


@click.group()
def deadletters() -> None:
    """Deliveries that were given up, kept until you retry or discard them, or they are too old."""


@deadletters.command("list")
@socket_option
@json_option
@click.option("--plugin", shell_complete=plugin_names, help="Only this plugin's.")
@click.option("--unreadable", is_flag=True, help="Only envelopes that could not be understood.")
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="The oldest so many.")
def list_(socket: str | None, as_json: bool, plugin: str | None, unreadable: bool, limit: int) -> None:
    """Dead letters, oldest first."""
    found, more = _pages(client(socket), _only(plugin, unreadable=unreadable), limit)
    cut = f"the oldest {len(found)}; --limit shows more" if more else ""
    if as_json:
        click.echo(for_programs(found, indent=2))
        if cut:
            click.echo(cut, err=True)
        return
    from slackd.cli.slackctl.tables import console

    screen = console()
    if not found:
        screen.print("no dead letters")
        return
    _show_letters(for_people(found), screen)
    screen.print()
    screen.print(cut or count(len(found), "dead letter"), style="dim")


def _show_letters(found: Sequence[Mapping[str, Any]], screen: "Console") -> None:
    """One line each, and below it the error over the terminal's whole width."""
    table = _letters_table(found)
    if not table.fits(screen, screen.options):
        for each in found:
            screen.print(_letters_table([each]), end="")
            _show_error(each, screen)
            screen.print()
        return
    with screen.capture() as capture:
        screen.print(table)
    heading, rule, *rows = capture.get().splitlines()
    print(heading, rule, sep="\n")
    for row, each in zip(rows, found, strict=True):
        print(row)
        _show_error(each, screen)


def _show_error(letter: Mapping[str, Any], screen: "Console") -> None:
    from rich.padding import Padding
    from rich.text import Text

    from slackd.cli.slackctl.tables import QUIET

    if letter["error"]:
        screen.print(Padding.indent(Text(letter["error"], style=QUIET), 4))


def _letters_table(found: Sequence[Mapping[str, Any]]) -> "FittingTable":
    from slackd.cli.slackctl.tables import table

    numbers = ("DELIVERY", "TRIES")
    made = table(
        "DELIVERY", "PLUGIN", "DIED", "TYPE", "REASON", "TRIES", right=numbers, shrink=("PLUGIN", "TYPE")
    )
    for each in found:
        made.add_row(
            str(each["delivery"]),
            each["plugin"] or NOTHING,
            moment(each["died_at"]),
            each["type"] or NOTHING,
            each["reason"],
            str(each["attempts"]),
        )
    return made


def _pages(asked: ControlClient, plugin: str | None, limit: int) -> tuple[list[Mapping[str, Any]], bool]:
    found: list[Mapping[str, Any]] = []
    more = True
    while more and len(found) < limit:
        after = found[-1]["delivery"] if found else 0
        # One beyond the limit shows whether there are more.
        page = asked.get("/v1/deadletters", plugin=plugin, after=after, limit=min(500, limit + 1 - len(found)))
        found += page["deadletters"]
        more = page["more"]
    return found[:limit], len(found) > limit


@deadletters.command()
@socket_option
@json_option
@click.argument("delivery", type=click.IntRange(1))
def show(socket: str | None, as_json: bool, delivery: int) -> None:
    """One dead letter, with its envelope as Slack sent it (but for blanked credentials)."""
    found = client(socket).get(f"/v1/deadletters/{delivery}")
    if as_json:
        click.echo(for_programs(found, indent=2))
        return
    for name in ("delivery", "envelope", "plugin", "app", "type", "reason", "error", "attempts"):
        click.echo(f"{name:<9} {for_people(found[name]) if found[name] != '' else NOTHING}")
    click.echo(f"received  {moment(found['received_at'])}")
    click.echo(f"died      {moment(found['died_at'])}\n")
    for line in _laid_out(found["text"]):
        click.echo(for_people(line))


def _laid_out(text: str) -> list[str]:
    """An envelope in lines, if it is JSON; else as it is."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False).split("\n")
    except (ValueError, RecursionError):
        return [text]


@deadletters.command()
@socket_option
@click.argument("deliveries", nargs=-1, type=click.IntRange(1))
@click.option("--plugin", shell_complete=plugin_names, help="All of this plugin's.")
@click.option("--reason", type=click.Choice(REASONS), help="With --plugin: only those that died of this.")
def retry(socket: str | None, deliveries: tuple[int, ...], plugin: str | None, reason: str | None) -> None:
    """Deliver dead letters to their plugins again, from attempt 1, behind what waits there."""
    _change(client(socket), "retry", "retried", deliveries, plugin, reason)


@deadletters.command()
@socket_option
@click.argument("deliveries", nargs=-1, type=click.IntRange(1))
@click.option("--plugin", shell_complete=plugin_names, help="All of this plugin's.")
@click.option("--unreadable", is_flag=True, help="All envelopes that could not be understood.")
@click.option("--reason", type=click.Choice(REASONS), help="With --plugin: only those that died of this.")
@click.option("-y", "--yes", is_flag=True, help="Don't ask.")
def discard(
    socket: str | None,
    deliveries: tuple[int, ...],
    plugin: str | None,
    unreadable: bool,
    reason: str | None,
    yes: bool,
) -> None:
    """Throw dead letters away."""
    only = _only(plugin, unreadable=unreadable)
    if only is not None and not deliveries and not yes and is_terminal(sys.stdin):
        which = f"dead letters of {plugin}" if plugin else "envelopes that could not be understood"
        click.confirm(f"Throw away all {which}{f' ({reason})' if reason else ''}?", abort=True)
    _change(client(socket), "discard", "discarded", deliveries, only, reason)


def _only(plugin: str | None, *, unreadable: bool) -> str | None:
    """Whose dead letters are meant: a plugin's, "" for those that belong to none, None for anybody's.

    Raises:
        UsageError: Both are named, and nothing belongs to both.
    """
    if not unreadable:
        return plugin
    if plugin is not None:
        raise click.UsageError("either --plugin or --unreadable: what can't be read belongs to no plugin")
    return ""


def _change(
    asked: ControlClient,
    verb: str,
    done: str,
    deliveries: tuple[int, ...],
    plugin: str | None,
    reason: str | None,
) -> None:
    if bool(deliveries) == (plugin is not None):
        raise click.UsageError(
            f"say which: slackctl deadletters {verb} 17 18, or --plugin NAME for all of a plugin's"
        )
    if reason is not None and plugin is None:
        raise click.UsageError("--reason goes with --plugin NAME")
    changed = 0
    failed: dict[str, str] = {}
    for request in _requests(deliveries, plugin, reason):
        while True:
            answer = asked.post(f"/v1/deadletters/{verb}", request)
            changed += len(answer[done])
            failed |= answer["failed"]
            if not answer["more"]:
                break
            request["after"] = answer["last"]
    click.echo(f"{count(changed, 'dead letter')} {done}")
    for delivery, why in failed.items():
        click.echo(f"{delivery}: {for_people(why)}", err=True)
    if failed:
        sys.exit(1)


def _requests(deliveries: tuple[int, ...], plugin: str | None, reason: str | None) -> Iterator[dict[str, Any]]:
    for start in range(0, len(deliveries), 500):
        yield {"ids": list(deliveries[start : start + 500])}
    if plugin is not None:
        # What dies again while this goes on is left for the next time.
        yield {"plugin": plugin, "until": time.time()} | ({"reason": reason} if reason else {})
