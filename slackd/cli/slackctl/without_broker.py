"""What `slackctl` finds out by itself when no broker answers: the units' state, and what is wrong on disk."""

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from slackd.config import InvalidConfig, find_file
from slackd.config.paths import SYSTEM_RUNTIME, systemd_runs
from slackd.errors import ConfigError
from slackd.rolling_restart.plan import BROKER, UNITS, WHOLE
from slackd.text import printable

SYSTEMD_WITHIN: Final = 0.8
"""Seconds in which systemd must have answered."""
MANY_RESTARTS: Final = 3
"""Restarts by systemd after which a start that goes on is one of a loop."""
_PROPERTIES: Final = "Id,LoadState,ActiveState,SubState,NRestarts,Result,ExecMainCode,ExecMainStatus,StatusText"
_UNUSABLE_CONFIG: Final = "78"
_STATUS_WORDS: Final = {_UNUSABLE_CONFIG: "no configuration, or no journal, that it could start with"}

Units = Mapping[str, Mapping[str, str]]


def is_the_services(socket: Path) -> bool:
    """Whether the control socket is that of the system's services."""
    return socket.parent == SYSTEM_RUNTIME and systemd_runs()


def broker_is_absent(socket: Path) -> bool:
    """Whether waiting for an answer is of no use: the broker's unit has failed, is stopped, or is in a loop."""
    return is_the_services(socket) and _is_absent(look_at_units().get(BROKER, {}))


def _is_absent(broker: Mapping[str, str]) -> bool:
    if broker.get("ActiveState") in ("failed", "inactive", "deactivating"):
        return True
    return broker.get("ActiveState") == "activating" and int(broker.get("NRestarts") or 0) >= MANY_RESTARTS


def look_at_units() -> Units:
    """Ask systemd for the state of slackd's units.

    Returns:
        By unit, its properties; nothing where systemd can't be asked.
    """
    show = ["systemctl", "show", f"--property={_PROPERTIES}", WHOLE, *UNITS]
    try:
        said = subprocess.run(show, capture_output=True, text=True, check=False, timeout=SYSTEMD_WITHIN).stdout
    except (OSError, subprocess.TimeoutExpired):
        return {}
    return read_properties(said)


def read_properties(said: str) -> Units:
    """Read what `systemctl show` prints of several units, by their names.

    Returns:
        Each unit's properties, by its name.
    """
    blocks = [
        dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in said.split("\n\n")
    ]
    return {block["Id"]: block for block in blocks if "Id" in block}


def explain(socket: Path) -> Iterator[str]:
    """Say in lines how the units stand, whether the configuration can be used, and what to do."""
    units = look_at_units() if is_the_services(socket) else {}
    yield from in_words(units)
    try:
        file = find_file(None, os.environ)
    except ConfigError:
        return
    if not units and is_the_services(socket):
        return
    problems = _problems(file)
    yield from (f"configuration: {problem}" for problem in problems)
    if units:
        yield f"→ {what_to_do(units, broken=bool(problems))}"


def in_words(units: Units) -> Iterator[str]:
    """One line for each unit that is known to systemd."""
    for name, unit in units.items():
        if unit.get("LoadState") != "loaded":
            continue
        state, sub = unit.get("ActiveState", ""), unit.get("SubState", "")
        words = [f"{name} is {state}" + (f" ({sub})" if sub not in (state, "dead", "exited") else "")]
        if unit.get("Result", "success") not in ("success", ""):
            code = unit.get("ExecMainStatus", "0")
            why = _STATUS_WORDS.get(code, f"status {code}") if unit["Result"] == "exit-code" else unit["Result"]
            words.append(f"ended with: {why}")
        restarts = unit.get("NRestarts", "0")
        if restarts not in ("0", ""):
            words.append(f"restarted {restarts} times by systemd")
        if unit.get("StatusText"):
            words.append(f"says: {printable(unit['StatusText'])}")
        yield "; ".join(words)


def what_to_do(units: Units, *, broken: bool) -> str:
    """The next step."""
    if broken:
        return "repair the configuration (slackd check-config), then systemctl start slackd"
    if any(unit.get("ActiveState") in ("failed", "activating") for unit in units.values()):
        return f"journalctl -u {BROKER} -p err -n 20 says why; then systemctl restart slackd"
    return "systemctl start slackd"


def _problems(file: Path) -> Sequence[str]:
    from slackd.config import load

    try:
        load(file)
    except InvalidConfig as error:
        if all("permission denied" in problem.found for problem in error.problems):
            return ()
        return tuple(str(problem) for problem in error.problems)
    return ()
