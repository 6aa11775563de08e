"""What SIGHUP means to `slackd run`: a reload, as to daemons; and the end, when its terminal goes away."""

import logging
import os
import signal
from collections.abc import Sequence
from pathlib import Path

from slackd.config import InvalidConfig, Problem, load
from slackd.config.folders import folder_problems
from slackd.systemd.lifetime import HangUp

log = logging.getLogger(__name__)


class Reload:
    """Decides what to do about each SIGHUP.

    Make it before the signals are handled.

    Args:
        file: `slackd.toml`.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._has_terminal = _terminal_is_there()
        # As nohup(1) leaves it: the terminal may go away, and this stays.
        self._stays = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN

    def hung_up(self) -> HangUp:
        """Say what this SIGHUP means; a reload is checked first, and refused in words.

        Returns:
            What is done about it.
        """
        if self._has_terminal and not _terminal_is_there():
            self._has_terminal = False
            return HangUp.IGNORE if self._stays else HangUp.STOP
        problems = _problems(self._file)
        for problem in problems:
            log.error("nothing was reloaded: %s", problem, extra={"event": "rolling-restart-refused"})
        if problems:
            return HangUp.IGNORE
        log.info("reloading", extra={"event": "service-stopping"})
        return HangUp.RESTART


def _problems(file: Path) -> Sequence[Problem]:
    """What a start now would fail for."""
    try:
        return tuple(folder_problems(load(file), by_systemd=False))
    except InvalidConfig as error:
        return error.problems


def _terminal_is_there() -> bool:
    """Whether this process has a controlling terminal that is still connected (tty(4))."""
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
