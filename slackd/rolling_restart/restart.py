"""A rolling restart: broker, connectors, receiver, gateway, each up to READY, and only what would change."""

import contextlib
import fcntl
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, TextIO

from slackd.config import Config
from slackd.errors import SlackdError
from slackd.rolling_restart import systemd
from slackd.rolling_restart.plan import CONNECTORS, WHOLE, Now, last_ready, number_of, ready_nowhere, restarts
from slackd.rolling_restart.preconditions import OnDisk

OTHER_READY_WITHIN: Final = 60.0
"""Seconds in which the other connector must be READY before this one is restarted."""
LINKED_WITHIN: Final = 15.0
"""Seconds in which connectors are back at a broker that was restarted."""
_LOOK_EVERY: Final = 0.1

Say = Callable[[str], None]


class RestartStopped(SlackdError):
    """The rolling restart stopped; processes that were not restarted go on as before."""


class CannotLock(SlackdError):
    """The lock can't be had; the message says what to do."""


def _opened(lock: Path) -> TextIO:
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        return lock.open("w")
    except OSError as error:
        raise CannotLock(f"{lock} cannot be written ({error.strerror}): run this as root") from error


@contextlib.contextmanager
def one_at_a_time(lock: Path) -> Iterator[None]:
    """Hold the lock on rolling restarts; waits while another one is under way.

    Raises:
        CannotLock: This user may not restart anything.
    """
    with _opened(lock) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def restart_changed(
    on_disk: OnDisk, say: Say, *, force: bool = False, only: Sequence[str] = ()
) -> tuple[str, ...]:
    """Restart what would change, one unit after the other, each up to READY.

    Args:
        on_disk: What the check before has found.
        say: Called with the words for each step, for the journal and for people.
        force: Restart although nothing changed.
        only: Units that may be restarted; all of them if empty.

    Returns:
        What an operator should know although nothing failed.

    Raises:
        RestartStopped: A process did not become READY, or the other connector isn't; the rest was left alone.
    """
    if not systemd.is_started():
        raise RestartStopped(f"{WHOLE} is not started, and a reload starts nothing: systemctl start slackd")
    config = on_disk.config
    wanted = {unit: digest for unit, digest in on_disk.digests.items() if not only or unit in only}
    now = _settled(config)
    units = restarts(wanted, now, changed_units=systemd.changed_units(), force=force)
    for unit in CONNECTORS.values():
        if unit not in units and (not only or unit in only):
            systemd.retry(unit)
    if not units:
        say("nothing to do: every process already is what a restart would make it")
        return ()
    for position, unit in enumerate(units):
        try:
            _wait_for_the_other(config, unit, sorted(config.apps), say)
            before = time.monotonic()
            systemd.restart(unit)
        except SlackdError as error:
            left = ", ".join(units[position + 1 :])
            rest = f"; left alone, and as before: {left}" if left else ""
            raise RestartStopped(f"{error}{rest}") from error
        say(f"restarted {unit}: READY after {time.monotonic() - before:.1f} s")
    return _what_is_not_ready(_settled(config), sorted(config.apps))


def _what_is_not_ready(now: Now, apps: Sequence[str]) -> tuple[str, ...]:
    missing = ready_nowhere(now, apps)
    if not missing:
        return ()
    words = (f"{unit}: {systemd.status_text(unit)}" for unit in CONNECTORS.values())
    return (f"no connection to Slack is READY for {', '.join(missing)}", *words)


def _wait_for_the_other(config: Config, unit: str, apps: Sequence[str], say: Say) -> None:
    """Rule R9: what is READY here must be READY at the other connector first."""
    number = number_of(unit)
    if not number:
        return
    deadline = time.monotonic() + OTHER_READY_WITHIN
    said = False
    while missing := last_ready(number, _settled(config), apps):
        if time.monotonic() > deadline:
            raise RestartStopped(
                f"{unit} holds the last READY connection of {', '.join(missing)}, and the other connector has "
                f"had none for {OTHER_READY_WITHIN:.0f} s; it was not restarted"
            )
        if not said:
            say(f"{unit} waits: the other connector is not yet READY for {', '.join(missing)}")
            said = True
        time.sleep(_LOOK_EVERY)


def _settled(config: Config) -> Now:
    """How things stand once the connectors are linked: a broker doesn't know them right after its start."""
    deadline = time.monotonic() + LINKED_WITHIN
    while True:
        now = systemd.look(config)
        if now.connectors and all(each.linked for each in now.connectors.values()):
            return now
        if time.monotonic() > deadline or not systemd.broker_unit_is_active():
            return now
        time.sleep(_LOOK_EVERY)
