"""docs/laptop.md, followed to the letter: its files, its long-running commands, and each of its sessions."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

import pytest

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


def test_the_page_has_what_this_test_follows() -> None:
    assert set(FILES) == {"slackd.toml", "plugins.d/hello.toml", "hello.py"}
    assert len(SESSIONS) == 6
    for command in ("slackd emulate --port 8765", "slackd run --config slackd.toml", "python hello.py"):
        assert command in COMMANDS


@dataclass
class Laptop:
    """A folder and an environment in which the page's commands are run."""

    folder: Path
    environment: dict[str, str]
    started: ExitStack
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
        return process.stdout

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


MISSING = [program for program in ("bash", "curl", "jq") if shutil.which(program) is None]


@pytest.fixture
def laptop() -> Iterator[Laptop]:
    with TemporaryDirectory(dir="/tmp") as name, ExitStack() as started:
        exported = dict(
            line.removeprefix("export ").split("=") for line in COMMANDS if line.startswith("export ")
        )
        environment = {
            **{key: value for key, value in os.environ.items() if not key.startswith("SLACKD_")},
            **exported,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "STATE_DIRECTORY": f"{name}/state",  # the places of whoever runs the tests are left alone
            "RUNTIME_DIRECTORY": f"{name}/run",
            "SLACKD_CONFIG": f"{name}/slackd.toml",
            "SLACKD_PLUGINS_SOCKET": f"{name}/run/plugins.sock",
        }
        yield Laptop(Path(name), environment, started)


def read_until(output: IO[str], words: str) -> str:
    """What a process prints up to a line with these words."""
    read = ""
    for line in output:
        read += line
        if words in line:
            return read
    raise AssertionError(f"it ended without a word of {words!r}:\n{read}")


@pytest.mark.skipif(bool(MISSING), reason=f"the page asks for {', '.join(MISSING)}")
def test_it_can_be_followed_to_the_letter(laptop: Laptop) -> None:
    announced = read_until(laptop.start("slackd emulate --port 8765"), "All that can be done")
    laptop.port = announced.partition("http://127.0.0.1:")[2].partition("/")[0]
    laptop.write_files()
    for told in (*laptop.adapted(FILES["slackd.toml"]).splitlines(), *COMMANDS):
        if told.startswith(("[", "app_token", "bot_token", "api_url", "export ")):
            assert told in announced, "the page and the emulator tell two stories"
    assert "is good" in laptop.says("slackd check-config --config slackd.toml")
    slackd = laptop.start("slackd run --config slackd.toml")
    read_until(slackd, "connector 2 is ready")
    laptop.start("python hello.py")
    read_until(slackd, "hello: a session began")
    for command, expected in SESSIONS:
        pattern = re.escape(laptop.adapted(expected)).replace("…", ".*")
        assert re.fullmatch(pattern, laptop.says(command), re.DOTALL), command
