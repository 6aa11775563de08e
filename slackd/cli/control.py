"""The `slackctl` command: what operators ask and do.

Each command costs its own imports alone: the table below names it, says what it does, and where it is.
"""

import importlib
import importlib.util
import sys
from typing import Any, Final

import click

from slackd import SlackdError, __version__
from slackd.cli.slackctl.options import other_release, socket_option
from slackd.cli.streams import run
from slackd.control_client import NOT_REACHABLE, Unreachable
from slackd.slotted import frozen
from slackd.text import nearest_name


@frozen
class CommandEntry:
    """Where a command is, and what its line in the help says."""

    where: str
    help: str


COMMANDS: Final = {
    "status": CommandEntry("slackd.cli.slackctl.status:status", "Is it healthy, and is anything stuck?"),
    "plugins": CommandEntry(
        "slackd.cli.slackctl.plugins:plugins", "Plugins, their sessions, and what waits for them."
    ),
    "inflight": CommandEntry(
        "slackd.cli.slackctl.inflight:inflight", "Deliveries that plugins have in flight."
    ),
    "deadletters": CommandEntry(
        "slackd.cli.slackctl.deadletters:deadletters", "List, show, retry or discard dead letters."
    ),
    "tail": CommandEntry("slackd.cli.slackctl.tail:tail", "Watch envelopes as they pass."),
    "replay": CommandEntry("slackd.cli.slackctl.replay:replay", "Deliver envelopes to a plugin again."),
    "gaps": CommandEntry("slackd.cli.slackctl.gaps:gaps", "When an app had no READY connection."),
    "metrics": CommandEntry(
        "slackd.cli.slackctl.metrics:metrics", "Print the metrics as Prometheus reads them."
    ),
    "gateway": CommandEntry(
        "slackd.cli.slackctl.gateway:gateway", "Apps behind the gateway, and their credentials."
    ),
    "backup": CommandEntry("slackd.cli.slackctl.backup:backup", "Copy the running journal into a file."),
    "restore": CommandEntry(
        "slackd.cli.slackctl.journal:restore", "Put a backup in the journal's place (slackd is stopped)."
    ),
    "journal": CommandEntry(
        "slackd.cli.slackctl.journal:journal", "Check or rescue the journal (slackd is stopped)."
    ),
    "setup": CommandEntry("slackd.cli.slackctl.setup:setup", "Lay an app's tokens in place, and start."),
    "preflight": CommandEntry(
        "slackd.cli.slackctl.preflight:preflight", "Go or no-go before a reload or an upgrade."
    ),
    "reload": CommandEntry(
        "slackd.cli.slackctl.reload:reload", "Bring in changed configuration, tokens and code."
    ),
    "wait-idle": CommandEntry(
        "slackd.cli.slackctl.wait_idle:wait_idle", "Wait until nothing is in flight; stops nothing."
    ),
    "doctor": CommandEntry(
        "slackd.cli.slackctl.doctor:doctor", "Look at all that it stands on; say what to do."
    ),
    "bugreport": CommandEntry(
        "slackd.cli.slackctl.bugreport:bugreport", "A bundle for a ticket, without secrets."
    ),
    "manifest": CommandEntry(
        "slackd.cli.slackctl.manifest:manifest", "The app manifest that the plugins need."
    ),
    "call": CommandEntry("slackd.cli.slackctl.call:call", "Call a Web API method as a plugin may."),
    "post": CommandEntry("slackd.cli.slackctl.call:post", "Post a message as a plugin may."),
    "dev": CommandEntry(
        "slackd.cli.slackctl.dev:dev", "Run a plugin you write with an emulated Slack, in one terminal."
    ),
    "plugin": CommandEntry("slackd.cli.slackctl.plugin:plugin", "Begin a new plugin, or check one."),
    "advise": CommandEntry("slackd.cli.advise:advise", "Which transport suits your context, argued."),
}


def _is_installed(entry: CommandEntry) -> bool:
    return importlib.util.find_spec(entry.where.partition(":")[0]) is not None


class CommandsByName(click.Group):
    """A group whose commands are imported when they are run."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The table's order, which is that of an operator's day."""
        return [name for name, entry in COMMANDS.items() if _is_installed(entry)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        entry = COMMANDS.get(cmd_name)
        if entry is None or not _is_installed(entry):
            return None
        module, _, name = entry.where.partition(":")
        found = getattr(importlib.import_module(module), name)
        assert isinstance(found, click.Command)
        return found

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, as click does.

        Returns:
            What it returns.

        Raises:
            Unreachable: slackd is of another release, and its answer was not to be understood.
        """
        try:
            return super().invoke(ctx)
        except (LookupError, TypeError, AttributeError) as error:
            words = other_release(ctx)
            if words is None:
                raise
            raise Unreachable(words) from error

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The help from the table alone: it imports nothing."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name].help) for name in self.list_commands(ctx)])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """An unknown command is reported with the nearest known one.

        Raises:
            UsageError: There is no such command.
        """
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = nearest_name(args[0], self.list_commands(ctx))
            if near is not None and near not in error.message:
                raise click.UsageError(f"{error.message} Did you mean {near!r}?", ctx) from error
            raise


@click.group(cls=CommandsByName, context_settings={"help_option_names": ["-h", "--help"]})
@socket_option
@click.version_option(__version__, prog_name="slackctl")
@click.pass_context
def slackctl(ctx: click.Context, socket: str | None) -> None:
    """Ask slackd how it is, and tell it what to do.

    The exit status is 0 if all is good, 1 if something is not, 2 for a wrong command line, 3 if slackd can't be
    reached, and 74 if the output can't be written; `status` says more with it.
    """
    ctx.obj = socket


def main() -> None:
    """The console script: what went wrong is said in a line."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that can't show a character shows another; it never ends in a traceback.
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")
    try:
        run(slackctl, "slackctl")
    except SlackdError as error:
        click.echo(f"slackctl: {error}", err=True)
        if isinstance(error, Unreachable) and error.path is not None:
            from slackd.cli.slackctl.without_broker import explain

            for line in explain(error.path):
                click.echo(f"  {line}", err=True)
        sys.exit(NOT_REACHABLE if isinstance(error, Unreachable) else 1)
    except OSError as error:
        if error.filename is None:
            raise
        click.echo(f"slackctl: {error.filename}: {error.strerror}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
