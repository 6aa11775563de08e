"""The command line of `slackd`: the daemon's processes, and the check of what they read.

What a command needs is imported when it runs: `check-config` has no use for a WebSocket client.
"""

import copy
import os
import sys

import click

from slackd import __version__
from slackd.cli import processes

_config_option = click.option(
    "--config",
    "config_file",
    # No click.Path: what is wrong with it is reported where it is read, as every other mistake is.
    type=str,
    metavar="FILE",
    help="The configuration; else $SLACKD_CONFIG, /etc/slackd/slackd.toml or the user's own.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="slackd")
def slackd() -> None:
    """Slack's Socket Mode for servers that nothing outside can reach."""


@slackd.command(short_help="Run the broker process: the journal and the plugins.")
@_config_option
def broker(config_file: str | None) -> None:
    """Run the broker process: it has the journal and the plugins, and no network."""
    processes.start_broker(config_file)


@slackd.command(short_help="Run one of the two connector processes.")
@_config_option
@click.argument("number", type=click.IntRange(1, 2))
def connector(config_file: str | None, number: int) -> None:
    """Run connector process 1 or 2: it has the tokens and the connections to Slack, and nothing on disk."""
    processes.start_connector(number, config_file)


@slackd.command(short_help="Run the side that faces apps that speak Slack.")
@_config_option
def gateway(config_file: str | None) -> None:
    """Run the side that faces apps that speak Slack: Socket Mode, the Web API and request URLs, no token."""
    processes.start_gateway(config_file)


@slackd.command(short_help="Run what takes Slack's requests to request URLs.")
@_config_option
def receiver(config_file: str | None) -> None:
    """Take what Slack posts over HTTP to apps with transport = "http" or "both": the signing secrets alone."""
    processes.start_receiver(config_file)


@slackd.command(short_help="Run all of it in one process, in the foreground.")
@_config_option
def run(config_file: str | None) -> None:
    """Run the broker and two connectors in one process, in the foreground."""
    processes.start_all_in_one(config_file)


@slackd.command("check-config", short_help="Find every mistake in the configuration.")
@_config_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object, for programs.")
def check_config(config_file: str | None, as_json: bool) -> None:
    """Check what a reload would check: the configuration, every app's and plugin's file, tokens, proxies.

    Says every mistake at once. Run it as root for /etc/slackd: the tokens are root's alone to read. The exit
    status is 0 if all is good, 1 if not.
    """
    from slackd.cli import check
    from slackd.config import InvalidConfig, find_file
    from slackd.errors import ConfigError

    try:
        config = check.checked(find_file(config_file, os.environ))
    except InvalidConfig as error:
        click.echo(check.problems_as_json(error) if as_json else str(error))
        sys.exit(1)
    except ConfigError as error:
        if not as_json:
            raise
        click.echo(check.absence_as_json(error))
        sys.exit(1)
    click.echo(check.summary_as_json(config) if as_json else check.summary(config))


@slackd.command("rolling-restart", short_help="What systemctl reload slackd runs.")
@_config_option
@click.option("--force", is_flag=True, help="Restart although nothing changed (new libraries, say).")
@click.option("--only", multiple=True, metavar="UNIT", help="Restart no other unit.")
@click.option("--check", "check_only", is_flag=True, help="Say what would be restarted, and stop there.")
def rolling_restart(config_file: str | None, force: bool, only: tuple[str, ...], check_only: bool) -> None:
    """Bring in changed configuration, credentials and code without a gap: `systemctl reload slackd` runs this.

    The check comes first; if it fails, nothing is touched and the exit status is 2. If a process does not
    become READY, those after it are left alone and it is 3.
    """
    from slackd.cli.rolling_restart import run_rolling_restart

    sys.exit(run_rolling_restart(config_file, force=force, only=only, check_only=check_only))


# systemd may still have 0.1.0's ExecReload= while its package is replaced, and needrestart a changed conffile.
_roll = copy.copy(rolling_restart)
_roll.hidden = True
slackd.add_command(_roll, "roll")


@slackd.command(
    short_help="Run a Slack on this machine, to try plugins.",
    context_settings={
        "ignore_unknown_options": True,
        "allow_interspersed_args": False,
        "help_option_names": [],
    },
)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def emulate(arguments: tuple[str, ...]) -> None:
    """Run a Slack on this machine, to try plugins against (slackd emulate --help)."""
    from slackd.emulator.serve import main as emulate_slack

    emulate_slack(list(arguments))


@slackd.command("exec", short_help="Run a command for each envelope of a plugin.")
@_config_option
@click.argument("name")
def exec_(config_file: str | None, name: str) -> None:
    """Run the command of plugins.d/NAME.toml ([exec]) for each envelope that NAME subscribes to."""
    from slackd.cli.exec_process import run_exec

    run_exec(config_file, name)
