"""Where slackd's plugin socket is."""

import os
from collections.abc import Callable, Mapping

SYSTEM_SOCKET = "/run/slackd/plugins.sock"


def _is_own(folder: str) -> bool:
    """Nobody else made it: in /tmp anybody may make any folder that isn't there yet."""
    try:
        return os.lstat(folder).st_uid == os.geteuid()
    except OSError:
        return False


def socket_path(
    given: str | None,
    environment: Mapping[str, str],
    exists: Callable[[str], bool] = os.path.exists,
    is_own: Callable[[str], bool] = _is_own,
) -> str:
    """The argument, else $SLACKD_PLUGINS_SOCKET, else the system's socket, else the user's own.

    The user's own, where `slackd run` puts it, is taken only while the system's isn't there: it is in
    $XDG_RUNTIME_DIR/slackd, or where that isn't set (containers, `su`), in /tmp/slackd-UID. Who asks again at
    every attempt to connect finds a slackd that is started later.
    """
    if given or (given := environment.get("SLACKD_PLUGINS_SOCKET")):
        return given
    if exists(SYSTEM_SOCKET):
        return SYSTEM_SOCKET
    runtime = environment.get("XDG_RUNTIME_DIR", "")
    if runtime.startswith("/"):
        return f"{runtime}/slackd/plugins.sock"
    fallback = f"/tmp/slackd-{os.geteuid()}"
    return f"{fallback}/plugins.sock" if is_own(fallback) else SYSTEM_SOCKET
