"""How the daemon is at this moment: asked of the broker over its control socket, and of systemd."""

import contextlib
import re
import subprocess
from collections.abc import Mapping
from typing import Any, Final

import attrs

from slackd.config import Config
from slackd.control_client import ControlClient, ControlRefused, Unreachable
from slackd.errors import SlackdError
from slackd.rolling_restart.plan import BROKER, CONNECTORS, UNITS, WHOLE, ConnectorNow, Now


class UnitFailed(SlackdError):
    """systemd could not do what was asked of it; the message is systemd's own."""


class UnitNotReady(UnitFailed):
    """A unit is still starting at the end of the time it has for that."""


_EXIT_CGROUP: Final = "219"
"""systemd.exec(5): "adjusting the control group for the service failed"."""
_NOT_SPAWNED_AT_MOST: Final = 3
_UNITS: Final = {"h": 3_600.0, "min": 60.0, "s": 1.0, "ms": 0.001, "us": 0.000_001}
_LONGEST: Final = 90.0
"""Seconds that a unit has to start if systemd says nothing else."""
_GRACE: Final = 2.0
"""Seconds beyond that in which systemd itself ends the wait."""


def look(config: Config) -> Now:
    """Ask the broker how the daemon is, and the gateway what it runs with.

    Args:
        config: Says where they answer.

    Returns:
        The daemon as they see it; what cannot be asked is empty.
    """
    now = Now()
    with contextlib.suppress(Unreachable, ControlRefused):
        now = read_status(ControlClient(config.control.socket).get("/v1/status"))
    with contextlib.suppress(Unreachable, ControlRefused):
        gateway = ControlClient(config.gateway.control_socket).get("/v1/status")
        now = attrs.evolve(now, gateway_digest=str(gateway.get("digest", "")))
    return now


def read_status(status: Mapping[str, Any]) -> Now:
    """Read what a rolling restart needs of the control API's `/v1/status`.

    Returns:
        How things stand now.
    """
    return Now(
        broker_digest=str(status["broker"]["digest"]),
        connectors={
            int(each["number"]): ConnectorNow(
                linked=bool(each["linked"]), digest=str(each["digest"]), ready=dict(each["ready"])
            )
            for each in status["connectors"]
            if each["linked"] or each["number"] in CONNECTORS  # nobody waits for a receiver that is off
        },
    )


def systemctl(*arguments: str, within: float | None = None) -> str:
    """Run systemctl.

    Args:
        arguments: Its arguments.
        within: Seconds to wait for it; None waits as long as it takes.

    Returns:
        What it prints.

    Raises:
        UnitFailed: With systemd's words.
        UnitNotReady: It had not ended in that time; what was asked of systemd goes on.
    """
    command = ["systemctl", *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=within)
    except subprocess.TimeoutExpired as error:
        raise UnitNotReady(f"systemctl {' '.join(arguments)} did not end within {within:g} s") from error
    except OSError as error:
        raise UnitFailed(f"systemctl cannot be run: {error}; is this a host with systemd?") from error
    if done.returncode:
        raise UnitFailed(done.stderr.strip() or f"systemctl {' '.join(arguments)} ended with {done.returncode}")
    return done.stdout


def changed_units() -> tuple[str, ...]:
    """Have systemd read its units anew, if files of ours have changed since it did.

    Returns:
        The units whose files had changed.

    Raises:
        UnitFailed: As `systemctl`.
    """
    said = systemctl("show", "--property=Id,NeedDaemonReload", *UNITS)
    changed = tuple(
        fields["Id"]
        for fields in (dict(line.split("=", 1) for line in block.splitlines()) for block in said.split("\n\n"))
        if fields.get("NeedDaemonReload") == "yes"
    )
    if changed:
        systemctl("daemon-reload")
    return changed


def restart(unit: str) -> None:
    """Restart a unit and wait until it is READY.

    Raises:
        UnitFailed: It did not become READY; the message leads to the reason.
    """
    verbs = ["restart", *["start"] * _NOT_SPAWNED_AT_MOST]
    # A connector extends its start for the sake of healthy apps: a reload waits no longer for that.
    limit = seconds_of(systemctl("show", "--property=TimeoutStartUSec", "--value", unit)) + _GRACE
    for position, verb in enumerate(verbs, 1):
        try:
            systemctl(verb, unit, within=limit)
        except UnitFailed as error:
            is_starting = isinstance(error, UnitNotReady)
            if position < len(verbs) and not is_starting and _was_not_spawned(unit):
                continue
            status = status_text(unit)
            said = f"; it says: {status}" if status else ""
            raise UnitFailed(f"{unit} did not become READY{said}\n{error}") from error
        return


def seconds_of(timespan: str) -> float:
    """Return the seconds of a time span as systemd prints it ("1min 30s"); `_LONGEST` for one without end."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(min|ms|us|h|s)\b", timespan)
    return sum(float(number) * _UNITS[unit] for number, unit in parts) if parts else _LONGEST


def retry(unit: str) -> None:
    """Have a connector that is not restarted make every attempt at Slack that waits: a person may have repaired
    what Slack refused, and that changes no digest."""
    with contextlib.suppress(UnitFailed):  # It isn't running: its start makes them all.
        systemctl("kill", "--kill-who=main", "--signal=USR1", unit)


def status_text(unit: str) -> str:
    """What the unit's process says of itself, as `systemctl status` shows it.

    Raises:
        UnitFailed: As `systemctl`.
    """
    return systemctl("show", "--property=StatusText", "--value", unit).strip()


def _was_not_spawned(unit: str) -> bool:
    """Whether systemd itself has failed to start the process, and not the process to become READY.

    systemd 252 now and then removes a unit's control group, still empty, between making it and the new process
    moving in. The unit starts by itself a moment later (then there is no status yet), or when it is asked to.
    """
    status = systemctl("show", "--property=ExecMainStatus", "--value", unit).strip()
    return status in (_EXIT_CGROUP, "0") and not _has_timed_out(unit)


def _has_timed_out(unit: str) -> bool:
    return systemctl("show", "--property=Result", "--value", unit).strip() in ("timeout", "watchdog")


def is_started() -> bool:
    """Whether slackd.service, the whole, is started: a reload starts nothing that was stopped.

    Raises:
        UnitFailed: As `systemctl`.
    """
    return systemctl("show", "--property=ActiveState", "--value", WHOLE).strip() in ("active", "reloading")


def runs(unit: str) -> bool:
    """Whether a unit runs that is off until somebody enables it."""
    try:
        state = systemctl("show", "--property=ActiveState", "--value", unit).strip()
    except UnitFailed:
        return False
    return state in ("active", "activating", "reloading")


def broker_unit_is_active() -> bool:
    """Whether there is a broker to be asked at all.

    Raises:
        UnitFailed: As `systemctl`.
    """
    return systemctl("show", "--property=ActiveState", "--value", BROKER).strip() == "active"
