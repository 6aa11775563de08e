"""Real processes of the daemon, a stand-in for the systemd that starts them, and a Slack for them to call."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

PATIENCE = 60.0
"""Seconds for anything that takes well under one on an idle machine."""

# Becomes the daemon with descriptors 3, 4, … and LISTEN_PID as systemd would have left them.
LAUNCHER = """
import os, sys
descriptors = [int(each) for each in sys.argv[1].split(",") if each]
high = [os.dup2(each, 100 + number) for number, each in enumerate(descriptors)]
for number, each in enumerate(high):
    os.dup2(each, 3 + number)
    os.close(each)
if descriptors:
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(descriptors)))
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""


class Home:
    """A configuration with a journal and sockets of its own; its path is short enough for them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = path / "slackd.toml"
        (path / "plugins.d").mkdir()
        self.write()

    def write(self, apps: str = "", run: str = "run", state: str = "state", file: str = "slackd.toml") -> Path:
        """The daemon's file with these apps."""
        target = self.path / file
        target.write_text(
            f"""
            {apps}
            [journal]
            directory = "{state}"
            [plugins]
            socket = "{run}/plugins.sock"
            [control]
            socket = "{run}/control.sock"
            [link]
            socket = "{run}/link.sock"
            """
        )
        target.chmod(0o644)
        return target

    def socket(self, name: str) -> Path:
        return self.path / "run" / f"{name}.sock"


@contextmanager
def home() -> Iterator[Home]:
    with tempfile.TemporaryDirectory(prefix="slackd-", dir="/tmp") as path:
        yield Home(Path(path))


class Daemon:
    """One process, with what it tells systemd and what it logs."""

    def __init__(self, process: "subprocess.Popen[str]", manager: socket.socket, log: IO[str]) -> None:
        self.process = process
        self._manager = manager
        self._log = log
        self.told: list[str] = []

    def wait_told(self, what: str) -> str:
        """Wait until systemd is told this; returns the whole message."""
        while True:
            for message in self.told:
                if what in message:
                    return message
            try:
                self.told.append(self._manager.recv(4096).decode())
            except TimeoutError:
                raise AssertionError(f"never told {what!r} but {self.told}; log:\n{self.log()}") from None

    def wait_ready(self) -> str:
        return self.wait_told("READY=1")

    def log(self) -> str:
        self._log.seek(0)
        return self._log.read()

    def stop(self) -> int:
        """SIGTERM; returns the exit status."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(PATIENCE)


@contextmanager
def daemon(
    *arguments: str,
    config: Path,
    environ: Mapping[str, str] | None = None,
    sockets: Mapping[str, socket.socket] | None = None,
    program: str | None = None,
) -> Iterator[Daemon]:
    """A process of the daemon (or of a `program` around it), killed at the end if it still runs."""
    run = ["-c", program] if program is not None else ["-m", "slackd.cli.daemon"]
    sockets = sockets or {}
    passed = [each.fileno() for each in sockets.values()]
    with (
        tempfile.TemporaryDirectory(prefix="slackd-", dir="/tmp") as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager,
        open(Path(folder) / "log", "w+") as log,
    ):
        manager.bind(f"{folder}/notify")
        manager.settimeout(PATIENCE)
        process = subprocess.Popen(
            [
                sys.executable,
                "-c",
                LAUNCHER,
                ",".join(map(str, passed)),
                *run,
                *arguments,
                "--config",
                str(config),
            ],
            env=clean_environment()
            | {"NOTIFY_SOCKET": f"{folder}/notify", "LISTEN_FDNAMES": ":".join(sockets)}
            | dict(environ or {}),
            pass_fds=passed,
            stdout=log,
            stderr=log,
            text=True,
        )
        running = Daemon(process, manager, log)
        try:
            yield running
        finally:
            if process.poll() is None:
                running.kill()


def slackd(*arguments: str, environ: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "slackd.cli.daemon", *arguments],
        env=clean_environment() | dict(environ or {}),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def slackctl(*arguments: str) -> str:
    """What slackctl prints, with the lines that it wrapped for its width joined again."""
    done = subprocess.run(
        [sys.executable, "-m", "slackd.cli.control", *arguments],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    return " ".join((done.stdout + done.stderr).split())


def clean_environment() -> dict[str, str]:
    """This process's environment without what would say where things are."""
    meant_for_us = (
        "SLACKD_",
        "XDG_",
        "LISTEN_",
        "STATE_DIRECTORY",
        "RUNTIME_DIRECTORY",
        "CREDENTIALS_DIRECTORY",
    )
    unwanted = (
        *meant_for_us,
        "NOTIFY_SOCKET",
        "WATCHDOG_",
        "INVOCATION_ID",
        "JOURNAL_STREAM",
        "SYSTEMD_EXEC_PID",
    )
    kept = {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
    pure = os.environ.get("SLACKD_PURE")
    return kept if pure is None else {**kept, "SLACKD_PURE": pure}


@contextmanager
def emulated_slack() -> Iterator[tuple[str, dict[str, str]]]:
    """`[apps.main]` for a Slack that runs now, and the environment with its tokens."""
    with subprocess.Popen(
        [sys.executable, "-m", "slackd.cli.daemon", "emulate", "--json"], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            said = json.loads(process.stdout.readline())
            app = said["apps"][0]
            table = (
                f'[apps.main]\napp_token = "env:APP"\nbot_token = "env:BOT"\napi_url = "{said["api_url"]}"\n'
            )
            yield table, {"APP": app["app_token"], "BOT": app["bot_token"]}
        finally:
            process.terminate()


def listening(paths: Sequence[Path]) -> list[socket.socket]:
    """Sockets as systemd makes them."""
    made = []
    for path in paths:
        path.parent.mkdir(exist_ok=True)
        each = socket.socket(socket.AF_UNIX)
        each.bind(str(path))
        each.listen()
        made.append(each)
    return made
