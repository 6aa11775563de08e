"""Where things stand when the files don't say: systemd's folders, the system's, or an ordinary user's."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from slackd.errors import ConfigError
from slackd.slotted import frozen

SYSTEM_FILE: Final = Path("/etc/slackd/slackd.toml")
SYSTEM_RUNTIME: Final = Path("/run/slackd")
_SYSTEM_STATE: Final = Path("/var/lib/slackd")


@frozen
class Paths:
    """The two folders that defaults are made of.

    Attributes:
        state: What must survive a reboot: the journal.
        runtime: The sockets.
    """

    state: Path
    runtime: Path


def places(file: Path, environ: Mapping[str, str], uid: int) -> Paths:
    """Choose the folders that defaults are made of.

    The system's folders belong to root, to services of the system's systemd, and to everybody who reads
    /etc/slackd (so that an operator's slackctl finds the daemon); the XDG ones to everybody else.

    Args:
        file: `slackd.toml`.
        environ: Of the process.
        uid: Its effective user id.

    Returns:
        The folders, which may not exist yet.
    """
    system = uid == 0 or _is_system_service(environ) or SYSTEM_FILE.parent in file.parents
    state = first_folder(environ, "STATE_DIRECTORY")
    if state is None:
        state = _SYSTEM_STATE if system else _user_folder(environ, "XDG_STATE_HOME", ".local/state") / "slackd"
    runtime = first_folder(environ, "RUNTIME_DIRECTORY")
    if runtime is None:
        runtime = SYSTEM_RUNTIME if system else _user_runtime(environ, uid)
    return Paths(state, runtime)


def find_file(given: str | os.PathLike[str] | None, environ: Mapping[str, str]) -> Path:
    """Find the configuration file: the one given, $SLACKD_CONFIG, the system's, or the user's.

    Args:
        given: What the command line names.
        environ: Of the process.

    Returns:
        Its absolute path; one that was named may not exist.

    Raises:
        ConfigError: None was named and none is there; the message says where they were looked for.
    """
    named = given or environ.get("SLACKD_CONFIG")
    if named:
        return Path(named).absolute()
    candidates = (SYSTEM_FILE, _user_folder(environ, "XDG_CONFIG_HOME", ".config") / "slackd" / "slackd.toml")
    for candidate in candidates:
        # Also one that may not be read: that is an error to report, not a reason to take another.
        if os.path.lexists(candidate):
            return candidate
    looked = " nor ".join(str(candidate) for candidate in candidates)
    raise ConfigError(
        f"No configuration: neither {looked} is there. Name one with --config FILE or in $SLACKD_CONFIG."
    )


def started_by_systemd(environ: Mapping[str, str]) -> bool:
    """Whether this very process is a unit's, and not merely a descendant of one (as all of a CI job's are).

    systemd.exec(5): SYSTEMD_EXEC_PID is the pid of the process that the service manager started.
    """
    return environ.get("SYSTEMD_EXEC_PID") == str(os.getpid())


def systemd_runs() -> bool:
    """Whether this machine's services are systemd's to start (sd_booted(3) names this one sign)."""
    return os.path.isdir("/run/systemd/system")


def _is_system_service(environ: Mapping[str, str]) -> bool:
    # A user's own systemd always sets XDG_RUNTIME_DIR for its services, the system's doesn't.
    return "XDG_RUNTIME_DIR" not in environ and started_by_systemd(environ)


def first_folder(environ: Mapping[str, str], name: str) -> Path | None:
    """Read a variable with folders; systemd separates several by colons (systemd.exec(5), RuntimeDirectory=).

    Returns:
        The first of them; None where the variable is unset or holds no absolute path.
    """
    first = environ.get(name, "").split(":")[0]
    return Path(first) if first.startswith("/") else None


def _user_folder(environ: Mapping[str, str], name: str, below_home: str) -> Path:
    """The XDG Base Directory Specification: a relative path is invalid and ignored."""
    value = environ.get(name, "")
    if value.startswith("/"):
        return Path(value)
    home = environ.get("HOME", "")
    return Path(home if home.startswith("/") else "/") / below_home


def _user_runtime(environ: Mapping[str, str], uid: int) -> Path:
    value = environ.get("XDG_RUNTIME_DIR", "")
    if value.startswith("/"):
        return Path(value) / "slackd"
    # Made with mode 0700 and checked by whoever binds a socket in it.
    return Path(f"/tmp/slackd-{uid}")
