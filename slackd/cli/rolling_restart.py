"""`slackd rolling-restart`: what `systemctl reload slackd` runs, as root."""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from slackd.errors import SlackdError
from slackd.rolling_restart import systemd
from slackd.rolling_restart.plan import restarts
from slackd.rolling_restart.preconditions import OnDisk, check
from slackd.rolling_restart.restart import one_at_a_time, restart_changed
from slackd.systemd.logs import set_up_logging

log = logging.getLogger(__name__)

DONE: Final = 0
CHECK_FAILED: Final = 2
"""Exit status: nothing was restarted."""
STOPPED: Final = 3
"""Exit status: a process did not become READY, and those after it were left alone."""
LOCK: Final = Path("/run/slackd/rolling-restart.lock")


def run_rolling_restart(config_file: str | None, *, force: bool, only: Sequence[str], check_only: bool) -> int:
    """Check, then restart what would change; returns the exit status."""
    set_up_logging("info")
    with one_at_a_time(LOCK):
        try:
            on_disk = check(config_file)
        except SlackdError as error:
            log.error(
                "the check failed, and nothing was restarted: %s",
                error,
                extra={"event": "rolling-restart-refused"},
            )
            return CHECK_FAILED
        for warning in on_disk.warnings:
            log.warning("%s", warning, extra={"event": "config-warning"})
        if check_only:
            _say_what_would_be(on_disk, force=force)
            return DONE
        try:
            left_to_know = restart_changed(on_disk, log.info, force=force, only=only)
        except SlackdError as error:
            log.error("the reload stopped: %s", error, extra={"event": "rolling-restart-stopped"})
            return STOPPED
        for words in left_to_know:
            log.warning("%s", words, extra={"event": "rolling-restart-not-ready"})
        log.info("the reload is done", extra={"event": "rolling-restart-done"})
        return DONE


def _say_what_would_be(on_disk: OnDisk, *, force: bool) -> None:
    units = restarts(on_disk.digests, systemd.look(on_disk.config), force=force)
    log.info("the check is good; a reload would restart %s", ", ".join(units) or "nothing")
