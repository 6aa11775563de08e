"""What every process of the daemon does first and last, broker or connector."""

import asyncio
import contextlib
import faulthandler
import logging
import os
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, Final, NoReturn

from slackd.accelerators import LoopFactory
from slackd.config import Config, find_file
from slackd.config.last_good import keep_copy, start_config
from slackd.config.load import load_for_start
from slackd.config.paths import first_folder, started_by_systemd
from slackd.errors import ConfigError, JournalDamaged, JournalNewer, SlackdError
from slackd.listener import raise_descriptor_limit
from slackd.systemd.lifetime import HangUp, forbid_core_dumps, run_until_stopped
from slackd.systemd.logs import set_up_logging
from slackd.systemd.notify import Notifier
from slackd.toml_reader.problems import InvalidConfig

log = logging.getLogger(__name__)

STATUS_EVERY = 2.0
"""Seconds between two looks at whether the status line has changed."""


SOON: Final = 10.0
"""Seconds: a process that lasts no longer has failed to start."""
FAILED_START: Final = 2.0
"""Seconds until it is started again; a start takes a third of a second of a core."""
UNUSABLE_CONFIG: Final = 78
"""Exit status (sysexits(3), EX_CONFIG) of a process that has no configuration to start with, or no journal that
isn't damaged. The units name it in RestartPreventExitStatus=: to start again would change nothing."""
KeptIn = Callable[[Path], Path | None]
"""Finds the folder with the last good copy of a `slackd.toml`; None where this process keeps none."""


def begin(config_file: str | None, name: str, kept_in: KeptIn = lambda file: None) -> Config:
    """Read the configuration to start with, and log from now on where and what it says.

    Ends the process with `UNUSABLE_CONFIG`, and the reasons in the log, where there is none.

    Args:
        config_file: `slackd.toml`, where the command line names it.
        name: Of the process, for its lines in the log.
        kept_in: Finds the folder of the last good configuration.

    Returns:
        The configuration on disk without the plugins whose files can't be used, or the last good one.
    """
    # A process that the kernel ends (SIGBUS, where somebody cut a file that it has mapped) says where it was.
    faulthandler.enable()
    # Whatever is made from here on is nobody else's, unless its maker says otherwise.
    os.umask(0o077)
    set_up_logging("info", name=name)
    try:
        file = find_file(config_file, os.environ)
        folder = kept_in(file)
        config = load_for_start(file) if folder is None else start_config(file, folder)
    except ConfigError as error:
        _report_unusable(error)
        sys.exit(UNUSABLE_CONFIG)
    set_up_logging(config.log.level, name=name)
    for words in config.warnings:
        log.warning("%s", words, extra={"event": "config-warning"})
    if config.fallback:
        log.error("%s", config.fallback, extra={"event": "config-left-out"})
    return config


def say_left_out(config: Config) -> None:
    """Log each plugin that this start has left out; the broker's to say, since connectors have none."""
    for words in config.left_out:
        log.error("%s", words, extra={"event": "config-left-out"})


def begin_with_secrets(config_file: str | None, name: str) -> Config:
    """As `begin`, for a process that knows secrets and has connections from or to the network: its last good
    configuration is kept, it leaves no core, and it may have as many descriptors as its unit allows.

    Args:
        config_file: `slackd.toml`, where the command line names it.
        name: Of the process, for its lines in the log.

    Returns:
        The configuration, as `begin` finds it.
    """
    folder = first_folder(os.environ, "STATE_DIRECTORY")
    config = begin(config_file, name, lambda file: folder)
    keep_good(config, folder)
    if not started_by_systemd(os.environ):  # there the unit has LimitCORE=0
        forbid_core_dumps()
    raise_descriptor_limit()
    return config


def keep_good(config: Config, folder: Path | None) -> None:
    """Keep the configuration that this process became READY with; where that fails, a warning says so."""
    if folder is None:
        return
    try:
        keep_copy(config, folder)
    except OSError as error:
        words = "the last good configuration can't be kept in %s (%s); a broken file would stop the next start"
        log.warning(words, folder, error.strerror, extra={"event": "config-warning"})


def _report_unusable(error: ConfigError) -> None:
    problems = error.problems if isinstance(error, InvalidConfig) else (error,)
    for problem in problems:
        log.error("%s", problem, extra={"event": "config-unusable"})
    words = "nothing starts without a configuration: repair it (slackd check-config), then start slackd again"
    log.critical(words, extra={"event": "config-unusable"})


@contextlib.contextmanager
def _patient() -> Iterator[None]:
    """A unit's process that fails within `SOON` seconds of its start waits for `FAILED_START` before it ends:
    its unit starts it again at once, as it should after a crash, and what keeps it from starting may stay."""
    began = time.monotonic()
    try:
        yield
    except (Exception, SystemExit) as error:
        lasted = time.monotonic() - began
        again = not isinstance(error, SystemExit) or error.code != UNUSABLE_CONFIG
        if again and lasted < SOON and started_by_systemd(os.environ):
            time.sleep(FAILED_START)
        raise


@_patient()
def run_to_the_end(
    main: Callable[[asyncio.Event], Coroutine[Any, Any, None]],
    loop_factory: LoopFactory | None = None,
    on_hang_up: Callable[[], HangUp] | None = None,
) -> bool:
    """Run until the event that `main` is given has been set by a signal, and `main` has returned.

    What slackd itself raises is reported in a line, and the exit status is 1; anything else is a mistake of
    ours and keeps its traceback.

    Args:
        main: What to run.
        loop_factory: Makes the event loop; None for asyncio's own.
        on_hang_up: Says what each SIGHUP means; without it, the end.

    Returns:
        Whether the process is to begin anew.
    """
    try:
        return run_until_stopped(main, loop_factory, on_hang_up)
    except SlackdError as error:
        _report([error])
    except BaseExceptionGroup as group:
        ours, others = group.split(SlackdError)
        if others is not None or ours is None:
            raise
        _report(_leaves(ours))


def _report(errors: list[BaseException]) -> NoReturn:
    for error in errors:
        log.critical("%s", error, extra={"event": "service-failed"})
    # Another start would find the same file: systemd shows a failed unit, and no loop of restarts.
    stays = any(isinstance(error, (JournalDamaged, JournalNewer)) for error in errors)
    sys.exit(UNUSABLE_CONFIG if stays else 1)


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    return list(_each_leaf(group))


def _each_leaf(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _each_leaf(inner)
    else:
        yield error


async def report_status(notifier: Notifier, status: Callable[[], str]) -> None:
    """Keep the line in `systemctl status` true, until cancelled."""
    said = ""
    while True:
        if (now := status()) != said:
            notifier.status(now)
            said = now
        await asyncio.sleep(STATUS_EVERY)
