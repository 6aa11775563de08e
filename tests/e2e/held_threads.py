"""Stops threads of a process while its others go on, as a disk does that never answers those that wait for it.

    python -m tests.e2e.held_threads TID...

prints a line when they are stopped, and ends when they are gone. They go on when it ends before that.
"""

import contextlib
import ctypes
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

# ptrace(2), waitpid(2)
_SEIZE: Final = 0x4206
_INTERRUPT: Final = 0x4207
_EVERY_THREAD: Final = 0x40000000


def hold(threads: list[int]) -> None:
    """Stop them, and wait until they are gone."""
    ptrace = ctypes.CDLL(None, use_errno=True).ptrace
    ptrace.argtypes = [ctypes.c_long] * 4
    for thread in threads:
        for request in (_SEIZE, _INTERRUPT):
            if ptrace(request, thread, 0, 0) < 0:
                raise OSError(ctypes.get_errno(), f"ptrace of {thread}")
        os.waitpid(thread, _EVERY_THREAD)
    print("held", flush=True)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, _EVERY_THREAD)


@contextlib.contextmanager
def held(pid: int, *, first: bool) -> Iterator[None]:
    """Until the block ends, the threads of a process stand still.

    Args:
        first: Its first thread, too.
    """
    threads = sorted(int(task.name) for task in Path(f"/proc/{pid}/task").iterdir())
    if not first:
        threads.remove(pid)
    command = [sys.executable, "-m", "tests.e2e.held_threads", *map(str, threads)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == b"held\n"
            yield
        finally:
            holder.kill()


if __name__ == "__main__":
    hold([int(argument) for argument in sys.argv[1:]])
