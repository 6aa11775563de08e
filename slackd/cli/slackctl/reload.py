"""`slackctl reload`: `systemctl reload slackd` and its words in the journal, or SIGHUP to a `slackd run`."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import Any, Final

import click

from slackd.cli.slackctl.options import client, socket_option
from slackd.cli.slackctl.without_broker import is_the_services
from slackd.config import InvalidConfig, load
from slackd.config.folders import folder_problems
from slackd.config.paths import systemd_runs
from slackd.control_client import ControlClient, ControlRefused, Unreachable

UNIT: Final = "slackd.service"
FOREGROUND_WITHIN: Final = 40.0
"""Seconds in which a `slackd run` has drained and begun anew: a drain may take 12, and closing some more."""
_LOOK_EVERY: Final = 0.2
_ENDED: Final = "slackd run has ended: see what it printed, then start it again"


@click.command("reload")
@socket_option
def reload(socket: str | None) -> None:
    """Bring in changed configuration, tokens and code without a gap.

    The same as systemctl reload slackd, and prints what that says. A `slackd run` is told by SIGHUP, and begins
    anew once all is checked. The exit status is 1 if it failed.
    """
    control = client(socket)
    running = None if is_the_services(control.path) else _foreground(control)
    if running is not None:
        good, words = reload_foreground(control, running)
    elif systemd_runs():
        good, words = reload_service()
    else:
        good, words = False, "slackctl: there is no service of systemd's to reload, and no slackd run answers"
    click.echo(words, err=not good)
    sys.exit(0 if good else 1)


def _foreground(control: ControlClient) -> Mapping[str, Any] | None:
    """The status of a `slackd run`; None where none answers."""
    try:
        status = control.get("/v1/status")
    except (Unreachable, ControlRefused):
        return None
    pids = {each["pid"] for each in status["connectors"] if each["linked"]}
    return status if status["broker"]["foreground"] and pids == {status["broker"]["pid"]} else None


def reload_foreground(control: ControlClient, status: Mapping[str, Any]) -> tuple[bool, str]:
    """Check the configuration, tell a `slackd run` to begin anew, and wait until it has.

    Args:
        control: Where it answers.
        status: What it answered last.

    Returns:
        Whether it succeeded, and the words.
    """
    broker = status["broker"]
    try:
        _check(broker["config"])
        os.kill(broker["pid"], signal.SIGHUP)
    except InvalidConfig as error:
        return False, f"nothing was reloaded. {error}"
    except PermissionError:
        return False, f"process {broker['pid']} is another user's: run this as that user"
    except ProcessLookupError:
        return False, _ENDED
    deadline = time.monotonic() + FOREGROUND_WITHIN
    while time.monotonic() < deadline:
        time.sleep(_LOOK_EVERY)
        if not _is_there(broker["pid"]):
            return False, _ENDED
        with contextlib.suppress(Unreachable, ControlRefused):
            now = control.get("/v1/status")
            if now["broker"]["started_at"] != broker["started_at"]:
                return True, f"slackd run (pid {now['broker']['pid']}) was reloaded"
    return False, f"slackd run did not come back within {FOREGROUND_WITHIN:.0f} s: see what it printed"


def _check(file: str) -> None:
    problems = tuple(folder_problems(load(file), by_systemd=False))
    if problems:
        raise InvalidConfig(problems)


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def reload_service() -> tuple[bool, str]:
    """Reload slackd.service and wait for the end.

    Returns:
        Whether it succeeded, and what it said in the journal (or what systemctl said).
    """
    start = _cursor()
    done = subprocess.run(["systemctl", "reload", UNIT], capture_output=True, text=True, check=False)
    return done.returncode == 0, _since(start) or done.stderr.strip()


def _cursor() -> str:
    """Where the journal ends now."""
    show = ["journalctl", "--quiet", "--lines=0", "--show-cursor", "--no-pager"]
    said = subprocess.run(show, capture_output=True, text=True, check=False).stdout
    return said.partition("-- cursor: ")[2].strip()


def _since(cursor: str) -> str:
    show = ["journalctl", "--quiet", "--no-pager", "--output=cat", f"--unit={UNIT}"]
    show += [f"--after-cursor={cursor}"] if cursor else ["--lines=20"]
    said = subprocess.run(show, capture_output=True, text=True, check=False).stdout
    # systemd's own lines about the job tell nothing to somebody who just asked for it.
    return "\n".join(line for line in said.splitlines() if not line.startswith(("Reloading ", "Reloaded ")))
