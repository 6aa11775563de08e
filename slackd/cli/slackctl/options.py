"""The options that commands of `slackctl` share, and the control client that they lead to."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from slackd.control_client import SOCKET_VARIABLE, ControlClient, find_socket

F = TypeVar("F", bound=Callable[..., Any])


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
    return ControlClient(find_socket(given, os.environ, os.geteuid()), _is_absent)


def _is_absent(socket: Path) -> bool:
    # Imported where nobody answers: what every command costs is its start.
    from slackd.cli.slackctl.without_broker import broker_is_absent

    return broker_is_absent(socket)
