"""The options that commands of `slackctl` share, and the control client that they lead to."""

import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from slackd import SlackdError, __version__
from slackd.control_client import SOCKET_VARIABLE, ControlClient, find_socket

ASKED: Final = "slackd.control_client"
"""Where click's context has the client that was made last."""
MOST_SECONDS: Final = 31 * 86_400.0

F = TypeVar("F", bound=Callable[..., Any])


class Seconds(click.FloatRange):
    """A number of seconds that a clock can wait: no NaN, nothing infinite."""

    def __init__(self, least: float) -> None:
        """Take `least` to `MOST_SECONDS` seconds."""
        super().__init__(min=least, max=MOST_SECONDS)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """As in `click.ParamType`.

        Returns:
            The seconds.
        """
        seconds = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail(f"{value} is not a number of seconds.", param, ctx)
        return seconds


def socket_option(function: F) -> F:
    """Add `--socket PATH`: where slackd is asked.

    Returns:
        The command, with the option.
    """
    return click.option(
        "--socket",
        metavar="PATH",
        help=f"slackd's control socket; else ${SOCKET_VARIABLE}, or what the configuration says.",
    )(function)


def json_option(function: F) -> F:
    """Add `--json`, for programs.

    Returns:
        The command, with the option.
    """
    return click.option("--json", "as_json", is_flag=True, help="JSON, for programs.")(function)


def client(socket: str | None) -> ControlClient:
    """Find the broker for a command.

    Args:
        socket: The command's own `--socket`; without one, `slackctl`'s before the command, then the environment
            and the configuration.

    Returns:
        A client that has not connected yet.
    """
    given = socket
    context = click.get_current_context(silent=True)
    while given is None and context is not None:
        given = context.obj if isinstance(context.obj, str) else None
        context = context.parent
    made = ControlClient(find_socket(given, os.environ, os.geteuid()), _is_absent)
    asking = click.get_current_context(silent=True)
    if asking is not None:
        asking.meta[ASKED] = made
    return made


def other_release(context: click.Context) -> str | None:
    """Compare releases, after slackd's answer had not what this slackctl looked for in it.

    Returns:
        The words for it; None where slackd wasn't asked, or is of this release.
    """
    asked = context.meta.get(ASKED)
    if not isinstance(asked, ControlClient):
        return None
    try:
        release = str(asked.get("/v1/status")["broker"]["version"])
    except (LookupError, TypeError):
        release = "of another release"
    except SlackdError:
        return None
    if release == __version__:
        return None
    return (
        f"slackd ({release}) answers otherwise than this slackctl ({__version__}) expects; "
        "slackctl reload begins slackd anew as it is installed"
    )


def _is_absent(socket: Path) -> bool:
    # Imported where nobody answers: what every command costs is its start.
    from slackd.cli.slackctl.without_broker import broker_is_absent

    return broker_is_absent(socket)
