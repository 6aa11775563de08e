"""A process with tokens that somebody started by hand leaves no core behind, wherever cores are sent."""

import subprocess
import sys

CRASH = """
import ctypes, os, resource
from slackd.systemd.lifetime import forbid_core_dumps
resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
forbid_core_dumps()
print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0), flush=True)
"""


def test_neither_a_limit_nor_a_pipe_lets_a_core_out() -> None:
    done = subprocess.run([sys.executable, "-c", CRASH], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "(0, 0) 0\n"
