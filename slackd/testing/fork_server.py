"""A Python that has imported what programs import, and forks once for each program that a test runs.

    python -u -m slackd.testing.fork_server DESCRIPTOR MODULE…

The kit talks to it over a socket. Each message carries three descriptors: a file with the request (JSON:
program, folder, environment), the pipe that the program prints to, and the pipe on which `started PID` and
`ended STATUS` are reported, a line each. A status below zero is a signal's.

Nothing of an author's runs before the fork: every program has a process of its own, with `__main__`,
`sys.argv`, `sys.path`, environment and working directory as `python -u FILE` has them. The server ends when the
socket does, and ends the programs then.
"""

import contextlib
import gc
import importlib
import importlib.machinery
import json
import os
import select
import signal
import socket
import sys
import time
import traceback
import types
from types import TracebackType
from typing import Final, NamedTuple

from slackd.testing.python_app import point_slack_sdk_to

DESCRIPTORS: Final = 3
"""How many come with each message."""


class ForkRequest(NamedTuple):
    """A program to be run.

    Attributes:
        program: Its file, with its whole path.
        folder: Its working directory.
        environment: All of its environment.
        is_app: It calls Slack itself, where `SLACK_API_URL` says.
    """

    program: str
    folder: str
    environment: dict[str, str]
    is_app: bool


class ForkServer:
    """Forks for whoever has the other end of the socket."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._reports: dict[int, int] = {}
        self._wakeup, self._woken = socket.socketpair()

    def serve(self) -> ForkRequest | None:
        """Fork for each request, until the socket ends.

        Returns:
            In a forked process what it is to run; None at the end.
        """
        self._woken.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._woken.fileno(), warn_on_full_buffer=False)
        while True:
            ready, _, _ = select.select([self._control, self._wakeup], [], [])
            if self._wakeup in ready:
                self._wakeup.recv(4096)
                self._report_the_ended()
            if self._control in ready:
                message, descriptors, _, _ = socket.recv_fds(self._control, 1, DESCRIPTORS)
                if not message:
                    self._end_programs()
                    return None
                if request := self._fork(*descriptors):
                    return request

    def _fork(self, request: int, output: int, report: int) -> ForkRequest | None:
        pid = os.fork()
        if not pid:
            return self._become(request, output, report)
        os.close(request)
        os.close(output)
        self._reports[pid] = report
        return None

    def _become(self, request: int, output: int, report: int) -> ForkRequest:
        """Leave nothing of the server's in the forked process."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for each in (self._control, self._wakeup, self._woken):
            each.close()
        for descriptor in self._reports.values():
            os.close(descriptor)
        os.setsid()
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.close(output)
        _report(report, f"started {os.getpid()}")
        with os.fdopen(request, "rb") as text:
            return ForkRequest(**json.load(text))

    def _report_the_ended(self) -> None:
        while self._reports:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            _report(self._reports.pop(pid), f"ended {os.waitstatus_to_exitcode(status)}")

    def _end_programs(self) -> None:
        for pid in self._reports:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGTERM)


def become(request: ForkRequest) -> None:
    """Be what `python -u FILE` is: run the program in this process, as `__main__`."""
    os.chdir(request.folder)
    os.environ.clear()
    os.environ.update(request.environment)
    time.tzset()
    if request.is_app:
        point_slack_sdk_to(request.environment["SLACK_API_URL"])
    program = request.program
    sys.argv, sys.orig_argv = [program], [sys.executable, "-u", program]
    if not sys.flags.safe_path:
        sys.path[0] = os.path.dirname(os.path.realpath(program))
    sys.excepthook = _print_without_our_frames
    main = types.ModuleType("__main__")
    main.__file__ = program
    main.__loader__ = importlib.machinery.SourceFileLoader("__main__", program)
    main.__dict__["__builtins__"] = sys.modules["builtins"]
    sys.modules["__main__"] = main
    with open(program, "rb") as file:
        source = file.read()
    exec(compile(source, program, "exec", dont_inherit=True), main.__dict__)


def _report(descriptor: int, line: str) -> None:
    with contextlib.suppress(BrokenPipeError):
        os.write(descriptor, f"{line}\n".encode())
    os.close(descriptor)


def _print_without_our_frames(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Print what Python prints, from the program's first frame on."""
    frame, first = trace, trace
    while frame is not None:
        if frame.tb_frame.f_globals is globals():
            first = frame.tb_next
        frame = frame.tb_next
    traceback.print_exception(kind, error, first)


def main() -> None:
    """Serve the socket whose descriptor the command line names; in a forked process, be its program.

    The modules that it names, too, are imported before, as far as they are installed.
    """
    for module in sys.argv[2:]:
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
    server = ForkServer(socket.socket(fileno=int(sys.argv[1])))
    gc.freeze()
    request = server.serve()
    if request is not None:
        become(request)


if __name__ == "__main__":
    main()
