"""`slackctl reload`: `systemctl reload slackd`, and the words that it left in the journal."""

import subprocess
import sys
from typing import Final

import click

from slackd.config.paths import systemd_runs

UNIT: Final = "slackd.service"


@click.command("reload")
def reload() -> None:
    """Bring in changed configuration, tokens and code without a gap.

    The same as systemctl reload slackd, and prints what that says. The exit status is 1 if it failed.
    """
    if not systemd_runs():
        click.echo(
            "slackctl: systemd does not run here, so there is no service to reload: stop slackd (Ctrl-C in "
            "slackd run) and start it again; the journal keeps what is under way",
            err=True,
        )
        sys.exit(1)
    good, words = reload_service()
    click.echo(words, err=not good)
    sys.exit(0 if good else 1)


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
