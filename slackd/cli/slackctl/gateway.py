"""`slackctl gateway`: the apps behind the gateway, and the credentials that they show it."""

import os
import subprocess
from collections.abc import Mapping
from typing import Any, Final

import click

from slackd import SlackdError
from slackd.cli.slackctl.options import json_option
from slackd.cli.slackctl.wording import for_people, for_programs, number
from slackd.control_client import ControlClient, find_gateway_socket

UNITS: Final = ("slackd-gateway.socket", "slackd-gateway-control.socket", "slackd-gateway.service")
"""What is enabled for a gateway."""
_SECRETS = ("SLACK_APP_TOKEN", "SLACK_BOT_TOKEN", "SLACK_SIGNING_SECRET")


class NotEncrypted(SlackdError):
    """systemd-creds could not encrypt a credential."""


class _GatewayClient(ControlClient):
    """Asks the gateway, which is off until somebody wants it, while slackd may be as well as can be."""

    asked = "the gateway"
    is_the_broker = False

    def start(self) -> str:
        """How to switch it on."""
        if self.is_the_services():
            return f"systemctl enable --now {' '.join(UNITS)}"
        return "slackd run has it in it once a plugin's file has a [gateway] table, or: slackd gateway"

    def look(self) -> str:
        """Where the reason stands."""
        return "see systemctl status slackd-gateway" if self.is_the_services() else "see what it printed"


@click.group()
def gateway() -> None:
    """Apps that speak Slack's own interfaces, served by the gateway."""


_socket_option = click.option("--socket", metavar="PATH", help="The gateway's control socket.")


@gateway.command()
@_socket_option
@click.argument("name")
@click.option("--rotate", is_flag=True, help="Draw fresh ones; those before are good for another day.")
@click.option(
    "--format",
    "as_format",
    type=click.Choice(["env", "systemd", "json"]),
    default="env",
    show_default=True,
    help="For a shell or EnvironmentFile=, as a unit's drop-in with encrypted credentials, or for a program.",
)
def credentials(socket: str | None, name: str, rotate: bool, as_format: str) -> None:
    """What the app of plugin NAME needs in place of Slack's address and tokens."""
    found = _client(socket).post("/v1/credentials", {"plugin": name, "rotate": rotate})
    if as_format == "json":
        click.echo(for_programs(found, indent=2))
    elif as_format == "systemd":
        click.echo(_as_drop_in(found))
    else:
        for variable, value in found.items():
            click.echo(f"{variable}={value}")


@gateway.command()
@_socket_option
@json_option
def status(socket: str | None, as_json: bool) -> None:
    """Every app that the gateway serves."""
    found = _client(socket).get("/v1/status")
    if as_json:
        click.echo(for_programs(found, indent=2))
        return
    from slackd.cli.slackctl.tables import console, table

    screen, found = console(), for_people(found)
    screen.print(f"apps find Slack at {found['url']}/api/")
    made = table(
        "PLUGIN", "SERVED BY", "CONNECTIONS", "IN FLIGHT", "BROKER", right=("CONNECTIONS", "IN FLIGHT")
    )
    for app in found["apps"]:
        served = "Socket Mode" if app["socket_mode"] else app["request_url"] or "the Web API alone"
        served += " (away)" * bool(app.get("away"))
        made.add_row(app["plugin"], served, number(app["connections"]), number(app["in_flight"]), app["broker"])
    screen.print(made)


@gateway.command()
@_socket_option
def metrics(socket: str | None) -> None:
    """The gateway's metrics as Prometheus reads them."""
    click.echo(_client(socket).text("/metrics").decode(), nl=False)


def _client(socket: str | None) -> ControlClient:
    return _GatewayClient(find_gateway_socket(socket, os.environ, os.geteuid()))


def _as_drop_in(found: Mapping[str, Any]) -> str:
    """Lines for a drop-in of the app's unit; the secrets are encrypted for this host alone."""
    lines = ["[Service]", f"Environment=SLACK_API_URL={found['SLACK_API_URL']}"]
    for variable in _SECRETS:
        name = variable.lower().replace("_", "-")
        command = ["systemd-creds", "encrypt", "--pretty", f"--name={name}", "-", "-"]
        try:
            done = subprocess.run(command, input=found[variable].encode(), capture_output=True, check=True)
        except FileNotFoundError as error:
            raise NotEncrypted("systemd-creds is not there: take --format env in its place") from error
        except subprocess.CalledProcessError as error:
            raise NotEncrypted(f"systemd-creds: {error.stderr.decode().strip()}") from error
        lines.append(done.stdout.decode().rstrip())
    return "\n".join(lines)
