"""What every process of the daemon does first and last, broker or connector."""

import asyncio
import logging
import os
import sys
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from slackd.config import Config, find_file, load
from slackd.errors import SlackdError
from slackd.systemd.lifetime import run_until_stopped
from slackd.systemd.logs import set_up_logging
from slackd.systemd.notify import Notifier

log = logging.getLogger(__name__)

STATUS_EVERY = 2.0
"""Seconds between two looks at whether the status line has changed."""


def begin(config_file: str | None) -> Config:
    """Read the configuration, and log from now on where and what it says.

    Raises:
        ConfigError: With everything that is wrong with it.
    """
    # Whatever is made from here on is nobody else's, unless its maker says otherwise.
    os.umask(0o077)
    config = load(find_file(config_file, os.environ))
    set_up_logging(config.log.level)
    for words in config.warnings:
        log.warning("%s", words, extra={"event": "config-warning"})
    return config


def run_to_the_end(main: Callable[[asyncio.Event], Coroutine[Any, Any, None]]) -> None:
    """Run until the event that `main` is given has been set by a signal, and `main` has returned.

    What slackd itself raises is told in a line, and the exit status is 1; anything else is a mistake of ours
    and keeps its traceback.
    """
    try:
        run_until_stopped(main)
    except SlackdError as error:
        _tell([error])
    except BaseExceptionGroup as group:
        ours, others = group.split(SlackdError)
        if others is not None or ours is None:
            raise
        _tell(_leaves(ours))


def _tell(errors: list[BaseException]) -> None:
    for error in errors:
        log.critical("%s", error, extra={"event": "service-failed"})
    sys.exit(1)


def _leaves(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    return list(_each_leaf(group))


def _each_leaf(error: BaseException) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _each_leaf(inner)
    else:
        yield error


async def tell_status(notifier: Notifier, status: Callable[[], str]) -> None:
    """Keep the line in `systemctl status` true, until cancelled."""
    said = ""
    while True:
        if (now := status()) != said:
            notifier.status(now)
            said = now
        await asyncio.sleep(STATUS_EVERY)
