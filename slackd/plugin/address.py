"""Where slackd's plugin socket is."""

import os
from collections.abc import Callable, Mapping

SYSTEM_SOCKET = "/run/slackd/plugins.sock"


def socket_path(
    given: str | None,
    environment: Mapping[str, str],
    exists: Callable[[str], bool] = os.path.exists,
) -> str:
    """The argument, else $SLACKD_PLUGINS_SOCKET, else the system's socket, else the user's own.

    The user's own ($XDG_RUNTIME_DIR/slackd/plugins.sock) is taken only while the system's isn't there.
    """
    if given or (given := environment.get("SLACKD_PLUGINS_SOCKET")):
        return given
    runtime = environment.get("XDG_RUNTIME_DIR")
    if not runtime or exists(SYSTEM_SOCKET):
        return SYSTEM_SOCKET
    return f"{runtime}/slackd/plugins.sock"
