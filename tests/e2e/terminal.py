"""A person at a terminal: reads what a program asks, and types the answers."""

import contextlib
import os
import pty
import select
import subprocess
import time
from collections.abc import Sequence


def type_answers(
    command: Sequence[str], answers: Sequence[tuple[str, str]], seconds: float = 60.0
) -> tuple[int, str]:
    """Run a command on a terminal of its own and answer each question when it stands there.

    Args:
        answers: Words of the question, and what is typed when they and a space have appeared.

    Returns:
        The exit status, and all that could be read on the screen.

    Raises:
        TimeoutError: A question did not come, or the end did not.
    """
    ours, theirs = pty.openpty()
    try:
        # Without a controlling terminal, a program that asks for a secret finds nobody.
        process = subprocess.Popen(
            ["setsid", "--ctty", "--wait", *command], stdin=theirs, stdout=theirs, stderr=theirs
        )
    finally:
        os.close(theirs)
    with process, contextlib.closing(os.fdopen(ours, "rb+", buffering=0)) as screen:
        deadline = time.monotonic() + seconds
        read, answered, waiting = "", 0, list(answers)
        while True:
            if not select.select([screen], [], [], max(0.0, deadline - time.monotonic()))[0]:
                process.kill()
                raise TimeoutError(f"after {seconds:g} s the screen shows: {read}")
            try:
                piece = screen.read(65536)
            except OSError:  # nobody has the terminal open any more
                piece = b""
            if not piece:
                break
            read += piece.decode(errors="replace")
            # The space comes last: what is typed before it is not taken for the answer.
            if waiting and waiting[0][0] in read[answered:] and read.endswith(" "):
                answered = len(read)
                screen.write(waiting.pop(0)[1].encode() + b"\n")
        status = process.wait(max(1.0, deadline - time.monotonic()))
    if waiting:
        raise TimeoutError(f"{waiting[0][0]!r} was never asked; the screen shows: {read}")
    return status, read
