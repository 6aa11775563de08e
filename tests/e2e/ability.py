"""Whether Debian can be built and booted on this machine."""

import os
import subprocess

from tests.e2e.booted_machine import CannotBoot, Machine, Network, clear_leftovers
from tests.e2e.the_world import RELEASES, CannotPrepare, root_filesystem


def why_not() -> str:
    """Why the end-to-end tests cannot run here, in one line; "" when they can. Installs the tools they need."""
    if os.environ.get("SLACKD_E2E") == "0":
        return "SLACKD_E2E=0"
    if os.geteuid() != 0:
        return "needs root"
    try:
        root = root_filesystem(RELEASES[0])
        clear_leftovers()
        with Network() as network, Machine(root, network):
            pass
    except (CannotPrepare, CannotBoot, OSError, subprocess.SubprocessError, TimeoutError) as reason:
        return " ".join(str(reason).split())[:400]
    return ""
