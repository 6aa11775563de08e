"""docs/laptop.md as a thing to be run: its files, its commands, and a folder and environment for them."""

import re
import shutil
import signal
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "laptop.md").read_text(encoding="utf-8")
FILES = dict(
    re.findall(r"^`([\w./]+)`[^`]*?(?:`\w+`[^`]*?)*:?\n(?:[^\n`]+\n)*\n```\w+\n(.*?)^```", PAGE, re.M | re.S)
)
COMMANDS = [
    line for block in re.findall(r"^```sh\n(.*?)^```", PAGE, re.M | re.S) for line in block.splitlines()
]
SESSIONS = [
    (command, output)
    for block in re.findall(r"^```console\n(.*?)^```", PAGE, re.M | re.S)
    for command, output in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.M)
]
PATIENCE = 60.0
"""Seconds for anything that takes well under one on an idle machine."""


MISSING = [program for program in ("bash", "curl", "jq") if shutil.which(program) is None]


@dataclass
class Laptop:
    """A folder and an environment in which the page's commands are run."""

    folder: Path
    environment: dict[str, str]
    started: ExitStack
    processes: dict[IO[str], subprocess.Popen[str]] = field(default_factory=dict)
    port: str = "0"

    def adapted(self, text: str) -> str:
        """The page's port may be taken on this machine: the emulator finds a free one."""
        return text.replace("8765", self.port)

    def write_files(self) -> None:
        for path, text in FILES.items():
            (self.folder / path).parent.mkdir(exist_ok=True)
            (self.folder / path).write_text(self.adapted(text))

    def start(self, command: str) -> IO[str]:
        """Run one of the page's long-running commands; returns what it prints."""
        assert command in COMMANDS
        words = ["bash", "-c", f"exec {self.adapted(command)}"]
        process = subprocess.Popen(
            words,
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.started.enter_context(process)
        self.started.callback(process.terminate)
        assert process.stdout is not None
        self.processes[process.stdout] = process
        return process.stdout

    def stop(self, output: IO[str]) -> None:
        """Ctrl-C to the command that prints this, and its end."""
        process = self.processes[output]
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)

    def says(self, command: str) -> str:
        done = subprocess.run(
            ["bash", "-c", self.adapted(command)],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        return done.stdout or done.stderr


def read_until(output: IO[str], words: str) -> str:
    """What a process prints up to a line with these words."""
    read = ""
    for line in output:
        read += line
        if words in line:
            return read
    raise AssertionError(f"it ended without a word of {words!r}:\n{read}")
